# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Records by say-so, for tests
@notice Stands where StateProofs stands: returns what it was told of a leaf,
        and calls back into the escape hatch if it was told to.
"""

from interfaces import IEscapeHatch
from interfaces import IStateProofs

_accounts: HashMap[bytes32, HashMap[uint256, IStateProofs.Account]]
_positions: HashMap[bytes32, HashMap[uint256, DynArray[IStateProofs.Position, 16]]]
is_calling_back: public(bool)


@external
def set_leaf(
    state_root: bytes32,
    account_index: uint256,
    account: IStateProofs.Account,
    positions: DynArray[IStateProofs.Position, 16],
):
    """
    @notice Tell what stands in a leaf.
    @param state_root Root of the state.
    @param account_index Number of the leaf.
    @param account The account.
    @param positions Its positions.
    """
    self._accounts[state_root][account_index] = account
    self._positions[state_root][account_index] = positions


@external
def call_back(is_calling_back: bool):
    """
    @notice Call `claim_remainder` of the caller while a leaf is proven.
    @param is_calling_back Whether to.
    """
    self.is_calling_back = is_calling_back


@external
def verify_account(
    state_root: bytes32,
    account_index: uint256,
    record: Bytes[256],
    path: DynArray[bytes32, 26],
) -> IStateProofs.Account:
    """
    @notice Return what was told.
    @param state_root Root of the state.
    @param account_index Number of the leaf.
    @param record Not read.
    @param path Not read.
    @return The account.
    """
    if self.is_calling_back:
        extcall IEscapeHatch(msg.sender).claim_remainder(1, account_index)
    return self._accounts[state_root][account_index]


@external
def verify_positions(
    state_root: bytes32,
    account_index: uint256,
    slots: uint256,
    records: Bytes[1024],
    path: DynArray[bytes32, 26],
) -> DynArray[IStateProofs.Position, 16]:
    """
    @notice Return what was told.
    @param state_root Root of the state.
    @param account_index Number of the account's leaf.
    @param slots Not read.
    @param records Not read.
    @param path Not read.
    @return The positions.
    """
    return self._positions[state_root][account_index]
