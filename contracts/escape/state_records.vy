# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Records of the state tree
@notice Digests of records, and what their bytes say. Layouts:
        docs/spec/transition.md, section 1.
@dev A record is read as rows of four 8-byte words. It has one reading: every
     word is below the modulus, and what a layout does not use is zero. A
     record of zeros alone was never written.
"""

from contracts.escape import poseidon2
from interfaces import IStateProofs

# "HR" above sixteen zero bits.
LEAF_DOMAIN: constant(uint256) = 18514 * 2**16
HEADER: constant(uint256) = 0
ASSETS: constant(uint256) = 2
MARKETS: constant(uint256) = 3
ACCOUNTS: constant(uint256) = 5
POSITIONS: constant(uint256) = 6

HEADER_ROWS: constant(uint256) = 16
ASSET_ROWS: constant(uint256) = 4
MARKET_ROWS: constant(uint256) = 4
ACCOUNT_ROWS: constant(uint256) = 8
POSITION_ROWS: constant(uint256) = 2

BALANCES: constant(uint256) = 8
# A signed value v is stored as v + 2^62.
SIGNED_BIAS: constant(int256) = 2**62
BIASED_LIMIT: constant(uint256) = 2**63
ADDRESS_CHUNK_BITS: constant(uint256) = 56
LAST_CHUNK_BITS: constant(uint256) = 48
U8: constant(uint256) = 2**8 - 1
U16: constant(uint256) = 2**16 - 1
U32: constant(uint256) = 2**32 - 1


@internal
@pure
def _shape(subtree: uint256) -> (uint256, uint256):
    """
    @notice Shape of a subtree with one record per leaf.
    @param subtree Position under the root.
    @return Its depth, and the rows of a record.
    """
    if subtree == ACCOUNTS:
        return 22, ACCOUNT_ROWS
    if subtree == MARKETS:
        return 10, MARKET_ROWS
    if subtree == ASSETS:
        return 8, ASSET_ROWS
    assert subtree == HEADER, "R06: records of this subtree are not read"
    return 0, HEADER_ROWS


@internal
@pure
def _rows(
    data: Bytes[1024], first: uint256, count: uint256
) -> uint256[poseidon2.MAX_ROWS]:
    """
    @notice Reads rows of four words.
    @param data Records.
    @param first Number of the first row.
    @param count How many rows to read.
    @return Limbs; zero beyond `count`.
    """
    rows: uint256[poseidon2.MAX_ROWS] = empty(uint256[poseidon2.MAX_ROWS])
    for i: uint256 in range(count, bound=poseidon2.MAX_ROWS):
        rows[i] = poseidon2._limbs(extract32(data, (first + i) * poseidon2.ROW_BYTES))
    return rows


@internal
@pure
def _record(record: Bytes[512], count: uint256) -> uint256[poseidon2.MAX_ROWS]:
    """
    @notice Reads a record.
    @param record Its bytes.
    @param count Rows that it must have.
    @return Limbs; zero beyond `count`.
    """
    self._require_length(len(record), count)
    return self._rows(record, 0, count)


@internal
@pure
def _require_length(length: uint256, rows: uint256):
    """
    @notice Refuses bytes of another length.
    @param length What was given.
    @param rows What it must be, in rows.
    """
    assert length == rows * poseidon2.ROW_BYTES, "R07: record has the wrong length"


@internal
@pure
def _require_zero(unused: uint256):
    """
    @notice Refuses what the layout does not know.
    @param unused Part of a record that no field covers.
    """
    assert unused == 0, "R08: unused part of the record is not zero"


@internal
@pure
def _word(rows: uint256[poseidon2.MAX_ROWS], i: uint256) -> uint256:
    """
    @notice Takes a word of a record.
    @param rows Limbs.
    @param i Number of the word.
    @return Below 2^64.
    """
    return (rows[i // 4] >> (192 - 64 * (i % 4))) & poseidon2.LIMB


@internal
@pure
def _signed(word: uint256) -> int256:
    """
    @notice Removes the bias of a signed value.
    @param word As it is stored.
    @return Value in [-2^62, 2^62).
    """
    assert word < BIASED_LIMIT, "R09: signed value is out of range"
    return convert(word, int256) - SIGNED_BIAS


@internal
@pure
def _digest(
    subtree: uint256, rows: uint256[poseidon2.MAX_ROWS], count: uint256
) -> uint256:
    """
    @notice Digest of a leaf.
    @param subtree Where it stands.
    @param rows Limbs.
    @param count How many rows it has.
    @return Limbs; zero if all its bytes are.
    """
    content: uint256 = 0
    for i: uint256 in range(count, bound=poseidon2.MAX_ROWS):
        content |= rows[i]
    if content == 0:
        return 0
    return poseidon2._hash_words(LEAF_DOMAIN + subtree, rows, count)


@internal
@pure
def _account(rows: uint256[poseidon2.MAX_ROWS]) -> IStateProofs.Account:
    """
    @notice Reads an account.
    @param rows Limbs.
    @return What the record says.
    """
    balances: DynArray[IStateProofs.Balance, BALANCES] = []
    for k: uint256 in range(BALANCES):
        # Four 16-bit fields a word: asset id + 1, zero for a free slot.
        asset: uint256 = (self._word(rows, 3 + k // 4) >> (16 * (k % 4))) & U16
        free: uint256 = self._word(rows, 6 + 2 * k)
        locked: uint256 = self._word(rows, 7 + 2 * k)
        if asset == 0:
            self._require_zero(free | locked)
        else:
            balances.append(
                IStateProofs.Balance(
                    asset_id=asset - 1, free_units=self._signed(free), locked_units=locked
                )
            )
    return IStateProofs.Account(
        owner=self._address(
            self._word(rows, 22), self._word(rows, 23), self._word(rows, 24)
        ),
        flags=self._word(rows, 0) & U32,
        order_count=self._word(rows, 1) >> 32,
        positions_used=self._word(rows, 29) >> 32,
        balances=balances,
    )


@internal
@pure
def _address(first: uint256, second: uint256, third: uint256) -> address:
    """
    @notice Joins the three chunks of an address.
    @param first Bytes 0 to 6, big-endian.
    @param second Bytes 7 to 13.
    @param third Bytes 14 to 19.
    @return Address.
    """
    self._require_zero(
        (first | second) >> ADDRESS_CHUNK_BITS | third >> LAST_CHUNK_BITS
    )
    return convert(
        convert(
            first << (ADDRESS_CHUNK_BITS + LAST_CHUNK_BITS) | second << LAST_CHUNK_BITS | third,
            uint160,
        ),
        address,
    )


@internal
@pure
def _positions(
    slots: uint256, records: Bytes[1024]
) -> (uint256[16], DynArray[IStateProofs.Position, 16]):
    """
    @notice Reads the positions of an account.
    @param slots Bit k: position k is given.
    @param records Their bytes, ascending.
    @return Digests of the sixteen leaves, and what the records say.
    """
    assert slots >> 16 == 0, "R10: an account has sixteen positions"
    digests: uint256[16] = empty(uint256[16])
    positions: DynArray[IStateProofs.Position, 16] = []
    read: uint256 = 0
    for slot: uint256 in range(16):
        if (slots >> slot) & 1 == 0:
            continue
        read += POSITION_ROWS
        if len(records) < read * poseidon2.ROW_BYTES:
            break
        rows: uint256[poseidon2.MAX_ROWS] = self._rows(
            records, read - POSITION_ROWS, POSITION_ROWS
        )
        digests[slot] = poseidon2._hash_words(
            LEAF_DOMAIN + POSITIONS, rows, POSITION_ROWS
        )
        positions.append(self._position(slot, rows))
    self._require_length(len(records), read)
    return digests, positions


@internal
@pure
def _position(
    slot: uint256, rows: uint256[poseidon2.MAX_ROWS]
) -> IStateProofs.Position:
    """
    @notice Reads a position.
    @param slot Its number in the account.
    @param rows Limbs.
    @return What the record says.
    """
    head: uint256 = self._word(rows, 0)
    # A record that is not in use is zero, and its digest is not that of zeros.
    assert head & U16 != 0, "R11: position is empty"
    return IStateProofs.Position(
        slot=slot,
        market_id=(head & U16) - 1,
        mode=(head >> 16) & U8,
        leverage=(head >> 24) & U8,
        size_lots=self._signed(self._word(rows, 1)),
        cost_units=self._signed(self._word(rows, 2)),
        funding_index=self._signed(self._word(rows, 3)),
        adl_index=self._signed(self._word(rows, 4)),
        adl_epoch=head >> 32,
        isolated_margin_units=self._signed(self._word(rows, 5)),
        open_bid_lots=self._word(rows, 6),
        open_ask_lots=self._word(rows, 7),
    )


@internal
@pure
def _asset(rows: uint256[poseidon2.MAX_ROWS]) -> IStateProofs.Asset:
    """
    @notice Reads an asset.
    @param rows Limbs.
    @return What the record says.
    """
    self._require_zero(rows[1] | rows[2] | rows[3])
    return IStateProofs.Asset(
        flags=self._word(rows, 0),
        withdraw_step_units=self._word(rows, 1),
        total_units=self._word(rows, 2),
        deposit_cap_units=self._word(rows, 3),
    )


@internal
@pure
def _market(rows: uint256[poseidon2.MAX_ROWS]) -> IStateProofs.Market:
    """
    @notice Reads a market.
    @param rows Limbs.
    @return What the record says.
    """
    kinds: uint256 = self._word(rows, 1)
    insurance: uint256 = self._word(rows, 3)
    self._require_zero(
        kinds >> 56 | insurance >> 32 | self._word(rows, 7) | rows[2] | rows[3]
    )
    return IStateProofs.Market(
        kind=kinds & U8,
        status=(kinds >> 8) & U8,
        sz_decimals=(kinds >> 16) & U8,
        base_asset=(kinds >> 32) & U16,
        fee_table=(kinds >> 48) & U8,
        fee_account=self._word(rows, 2) >> 32,
        insurance_account=insurance,
        min_size_lots=self._word(rows, 4),
        base_units_per_lot=self._word(rows, 5),
        open_interest_lots=self._word(rows, 6),
    )


@internal
@pure
def _header(rows: uint256[poseidon2.MAX_ROWS]) -> IStateProofs.Header:
    """
    @notice Reads the header.
    @param rows Limbs.
    @return What the record says.
    """
    # Words 30 and 31 of an account, 45 to 51 of the header: interest and the liquidation sweep.
    self._require_zero(rows[13] | rows[14] | rows[15])
    return IStateProofs.Header(
        batch_number=self._word(rows, 0),
        next_priority_index=self._word(rows, 3),
        now_s=self._word(rows, 4),
        last_arrival_ms=self._word(rows, 5),
        receipt_seq=self._word(rows, 12),
        priority_accumulator=self._hash(rows, 13),
        receipts_head=self._hash(rows, 21),
        pending_kind=self._word(rows, 29),
    )


@internal
@pure
def _hash(rows: uint256[poseidon2.MAX_ROWS], first: uint256) -> bytes32:
    """
    @notice Joins a 32-byte hash, which is stored as eight big-endian u32.
    @param rows Limbs.
    @param first Number of the first of eight words.
    @return Hash.
    """
    joined: uint256 = 0
    for i: uint256 in range(8):
        word: uint256 = self._word(rows, first + i)
        self._require_zero(word >> 32)
        joined = joined << 32 | word
    return convert(joined, bytes32)
