# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Reader of a chain's state on L1
@notice Proves records of a chain's state against its root: accounts, their
        positions, assets, markets, the header. No one is asked and no prover
        is needed; whoever has the records has all it takes.
@dev Holds no money, has no owner, knows no chain: which root counts is the
     caller's business. What was proven once is remembered under its root.
     Every record has one reading; whatever deviates is refused.
"""

from contracts.escape import poseidon2
from contracts.escape import state_records as records
from contracts.escape import state_tree
from interfaces import IStateProofs

initializes: state_tree
implements: IStateProofs

exports: state_tree.verified_digest


@external
def verify_account(
    state_root: bytes32,
    account_index: uint256,
    record: Bytes[256],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> IStateProofs.Account:
    rows: uint256[poseidon2.MAX_ROWS] = self._verified(
        state_root, records.ACCOUNTS, account_index, record, path
    )
    return records._account(rows)


@external
def verify_positions(
    state_root: bytes32,
    account_index: uint256,
    slots: uint256,
    position_records: Bytes[1024],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> DynArray[IStateProofs.Position, 16]:
    digests: uint256[16] = empty(uint256[16])
    positions: DynArray[IStateProofs.Position, 16] = []
    digests, positions = records._positions(slots, position_records)
    state_tree._verify(
        state_root,
        state_tree._number(records.POSITIONS, 22, account_index),
        state_tree._block(digests, slots),
        path,
    )
    return positions


@external
def verify_asset(
    state_root: bytes32,
    asset_id: uint256,
    record: Bytes[128],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> IStateProofs.Asset:
    return records._asset(
        self._verified(state_root, records.ASSETS, asset_id, record, path)
    )


@external
def verify_market(
    state_root: bytes32,
    market_id: uint256,
    record: Bytes[128],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> IStateProofs.Market:
    return records._market(
        self._verified(state_root, records.MARKETS, market_id, record, path)
    )


@external
def verify_header(
    state_root: bytes32,
    record: Bytes[512],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> IStateProofs.Header:
    return records._header(self._verified(state_root, records.HEADER, 0, record, path))


@external
@view
def is_record(
    state_root: bytes32,
    subtree: uint256,
    index: uint256,
    record: Bytes[512],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> bool:
    number: uint256 = 0
    digest: uint256 = 0
    rows: uint256[poseidon2.MAX_ROWS] = empty(uint256[poseidon2.MAX_ROWS])
    number, digest, rows = self._leaf(subtree, index, record)
    return state_tree._is_below(state_root, number, digest, path)


@external
@view
def has_positions(
    state_root: bytes32,
    account_index: uint256,
    slots: uint256,
    position_records: Bytes[1024],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> bool:
    digests: uint256[16] = empty(uint256[16])
    positions: DynArray[IStateProofs.Position, 16] = []
    digests, positions = records._positions(slots, position_records)
    return state_tree._is_below(
        state_root,
        state_tree._number(records.POSITIONS, 22, account_index),
        state_tree._block(digests, slots),
        path,
    )


@internal
def _verified(
    state_root: bytes32,
    subtree: uint256,
    index: uint256,
    record: Bytes[512],
    path: DynArray[bytes32, state_tree.MAX_PATH],
) -> uint256[poseidon2.MAX_ROWS]:
    """
    @notice Proves a record.
    @param state_root Root of the state.
    @param subtree Where the record stands.
    @param index Position of its leaf.
    @param record Its bytes.
    @param path Siblings.
    @return The record's rows.
    """
    number: uint256 = 0
    digest: uint256 = 0
    rows: uint256[poseidon2.MAX_ROWS] = empty(uint256[poseidon2.MAX_ROWS])
    number, digest, rows = self._leaf(subtree, index, record)
    state_tree._verify(state_root, number, digest, path)
    return rows


@internal
@pure
def _leaf(
    subtree: uint256, index: uint256, record: Bytes[512]
) -> (uint256, uint256, uint256[poseidon2.MAX_ROWS]):
    """
    @notice Reads and hashes a record.
    @param subtree Where the record stands.
    @param index Position of its leaf.
    @param record Its bytes.
    @return Number of the leaf, its digest as limbs, its rows.
    """
    depth: uint256 = 0
    count: uint256 = 0
    depth, count = records._shape(subtree)
    number: uint256 = state_tree._number(subtree, depth, index)
    rows: uint256[poseidon2.MAX_ROWS] = records._record(record, count)
    return number, records._digest(subtree, rows, count), rows
