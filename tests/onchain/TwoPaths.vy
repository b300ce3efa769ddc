# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title An account and its positions, proven in one transaction
"""

from interfaces import IStateProofs


@external
def verify(
    proofs: IStateProofs,
    state_root: bytes32,
    account_index: uint256,
    record: Bytes[256],
    path: DynArray[bytes32, 26],
    slots: uint256,
    position_records: Bytes[1024],
    position_path: DynArray[bytes32, 26],
) -> DynArray[IStateProofs.Position, 16]:
    account: IStateProofs.Account = extcall proofs.verify_account(
        state_root, account_index, record, path
    )
    return extcall proofs.verify_positions(
        state_root, account_index, slots, position_records, position_path
    )
