# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title ReturnBombMock: answers every call with 128,000 bytes
@license Apache-2.0
@notice Whoever copies what a call returns pays for them; for tests only.
"""

WORDS: constant(uint256) = 4_000
BYTES: constant(uint256) = 32 * WORDS

_is_reverting: bool


@external
def set_reverting(is_reverting: bool):
    """
    @notice Revert with the bytes, or return them.
    @param is_reverting Whether calls revert.
    """
    self._is_reverting = is_reverting


@external
@payable
@raw_return
def __default__() -> Bytes[BYTES]:
    """
    @notice Take ether, or revert, with many bytes.
    @return Zero bytes.
    """
    bomb: Bytes[BYTES] = abi_encode(empty(uint256[WORDS]))
    if self._is_reverting:
        raw_revert(bomb)
    return bomb
