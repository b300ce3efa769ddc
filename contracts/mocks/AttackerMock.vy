# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title AttackerMock: calls a target whenever it is called itself
@license Apache-2.0
@notice Receiver of ether, and hook of tokens and gateway stub; for tests
        only. It can also be told to call directly, so that it may hold roles.
"""

BYTES_MAX: constant(uint256) = 2_048

# @notice Whether calls and ether are refused.
is_refusing: public(bool)
# @notice Number of calls made back.
callback_count: public(uint256)
# @notice Whether the last one succeeded.
is_callback_done: public(bool)
# @notice What the last one returned, or the reason of its revert.
callback_output: public(Bytes[BYTES_MAX])
_target: address
_call_data: Bytes[BYTES_MAX]


@external
def set_refusing(is_refusing: bool):
    """
    @notice Refuse calls and ether, or take them again.
    @param is_refusing Whether they are refused.
    """
    self.is_refusing = is_refusing


@external
def set_callback(target: address, call_data: Bytes[BYTES_MAX]):
    """
    @notice Choose the call back.
    @param target Contract to call; zero: none.
    @param call_data What to call it with.
    """
    self._target = target
    self._call_data = call_data
    self.callback_count = 0
    self.is_callback_done = False
    self.callback_output = b""


@external
@payable
def act(target: address, call_data: Bytes[BYTES_MAX]) -> Bytes[BYTES_MAX]:
    """
    @notice Make a call with the ether that is sent along.
    @param target Contract to call.
    @param call_data What to call it with.
    @return What it returned.
    """
    return raw_call(target, call_data, max_outsize=BYTES_MAX, value=msg.value)


@external
@payable
def __default__():
    """
    @notice Take a call with or without ether, and call back.
    """
    assert not self.is_refusing, "attacker: refused"
    if self._target != empty(address):
        self.callback_count += 1
        self.is_callback_done, self.callback_output = raw_call(
            self._target, self._call_data, max_outsize=BYTES_MAX, revert_on_failure=False
        )
