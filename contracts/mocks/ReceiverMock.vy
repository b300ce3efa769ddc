# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title ReceiverMock: an owner that misbehaves when it is paid ether
@license Apache-2.0
@notice Refuses the payment, or calls back into any contract; for tests only.
"""

CALL_BYTES_MAX: constant(uint256) = 2_048

is_refusing: public(bool)
target: public(address)
call_data: Bytes[CALL_BYTES_MAX]
# What became of the call made while being paid.
is_callback_done: public(bool)


@external
def set_refusing(is_refusing: bool):
    """
    @notice Refuse payments, or take them again.
    @param is_refusing Whether payments are refused.
    """
    self.is_refusing = is_refusing


@external
def set_callback(target: address, call_data: Bytes[CALL_BYTES_MAX]):
    """
    @notice Call back whenever ether arrives.
    @param target Contract to call.
    @param call_data What to call it with.
    """
    self.target = target
    self.call_data = call_data


@external
@payable
def __default__():
    """
    @notice Take ether, and misbehave as set.
    """
    assert not self.is_refusing, "receiver: no ether taken"
    if self.target != empty(address):
        self.is_callback_done = raw_call(
            self.target, self.call_data, revert_on_failure=False
        )
