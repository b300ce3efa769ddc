# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Valuation tables of opened chains
@notice Prices and indices by which accounts are valued. Layout and meaning:
        docs/spec/escape.md, section 2.
@dev A word of the table is stored as it is, but that its first field, the
     id by which it is found, becomes LISTED.
"""

TABLE_TAG: constant(Bytes[8]) = b"HRvalu01"
TABLE_BYTES: constant(uint256) = 8_224  # 1 + 64 * 3 + 64 words
ENTRIES_MAX: constant(uint256) = 64
WORD_BYTES: constant(uint256) = 32
MARKET_WORDS: constant(uint256) = 3
FIELD_BITS: constant(uint256) = 64
FIELD: constant(uint256) = 2**64 - 1
LISTED: constant(uint256) = 1 << 192
BELOW_ID: constant(uint256) = 2**192 - 1
# One bit of a word tells whether an asset is listed.
ASSET_IDS: constant(uint256) = 256
VALUE_DIVISOR: constant(uint256) = 10**20
PRICES: constant(uint256) = 0
LONGS: constant(uint256) = 1
SHORTS: constant(uint256) = 2

# chain id -> earned index, owed index, number of markets, of assets.
_head: HashMap[uint256, uint256]
# chain id -> market id -> prices, longs, shorts.
_market: HashMap[uint256, HashMap[uint256, uint256[MARKET_WORDS]]]
# chain id -> asset id -> LISTED, price_e8, rate_e12, supply units.
_asset: HashMap[uint256, HashMap[uint256, uint256]]
# chain id -> bit of each listed asset.
_listed_assets: HashMap[uint256, uint256]


@internal
@pure
def _hash(table: Bytes[TABLE_BYTES]) -> bytes32:
    """
    @dev Zero for no table, as in a public output.
    """
    if len(table) == 0:
        return empty(bytes32)
    return keccak256(concat(TABLE_TAG, table))


@internal
@pure
def _field(word: uint256, number: uint256) -> uint256:
    """
    @dev Field 0 is the highest.
    """
    return (word >> FIELD_BITS * (3 - number)) & FIELD


@internal
def _store(chain_id: uint256, table: Bytes[TABLE_BYTES]):
    """
    @dev For a table whose hash is the settled one. Its form is checked
         nevertheless: the program that proved it may be wrong.
    """
    assert len(table) >= WORD_BYTES, "X06: table has another length"
    head: uint256 = extract32(table, 0, output_type=uint256)
    markets: uint256 = self._field(head, 2)
    assets: uint256 = self._field(head, 3)
    assert (
        markets <= ENTRIES_MAX
        and assets <= ENTRIES_MAX
        and len(table) == WORD_BYTES * (1 + MARKET_WORDS * markets + assets)
    ), "X20: counts do not fit the table"
    self._head[chain_id] = head
    start: uint256 = WORD_BYTES
    least: uint256 = 0
    for _: uint256 in range(markets, bound=ENTRIES_MAX):
        words: uint256[MARKET_WORDS] = empty(uint256[MARKET_WORDS])
        for number: uint256 in range(MARKET_WORDS):
            words[number] = extract32(table, start, output_type=uint256)
            start += WORD_BYTES
        market_id: uint256 = self._field(words[PRICES], 0)
        assert market_id >= least, "X07: markets do not ascend"
        least = market_id + 1
        words[PRICES] = LISTED | words[PRICES] & BELOW_ID
        self._market[chain_id][market_id] = words
    least = 0
    listed: uint256 = 0
    for _: uint256 in range(assets, bound=ENTRIES_MAX):
        word: uint256 = extract32(table, start, output_type=uint256)
        start += WORD_BYTES
        asset_id: uint256 = self._field(word, 0)
        assert asset_id >= least, "X08: assets do not ascend"
        assert asset_id < ASSET_IDS, "X09: asset id is over 255"
        least = asset_id + 1
        listed |= 1 << asset_id
        self._asset[chain_id][asset_id] = LISTED | word & BELOW_ID
    self._listed_assets[chain_id] = listed


@internal
@view
def _market_words(chain_id: uint256, market_id: uint256) -> uint256[MARKET_WORDS]:
    words: uint256[MARKET_WORDS] = self._market[chain_id][market_id]
    assert words[PRICES] & LISTED != 0, "X14: market is not in the table"
    return words


@internal
@view
def _asset_word(chain_id: uint256, asset_id: uint256) -> uint256:
    word: uint256 = self._asset[chain_id][asset_id]
    assert word & LISTED != 0, "X16: asset is not in the table"
    return word


@internal
@pure
def _supply(asset: uint256) -> uint256:
    return asset & FIELD


@internal
@pure
def _value_floor(asset: uint256, units: uint256) -> uint256:
    """
    @dev Quote units. No overflow: the factors are below 2^64, and units below
         2^128.
    """
    return units * self._field(asset, 1) * self._field(asset, 2) // VALUE_DIVISOR


@internal
@pure
def _value_ceil(asset: uint256, units: uint256) -> uint256:
    """
    @dev Bounds as of `_value_floor`.
    """
    product: uint256 = units * self._field(asset, 1) * self._field(asset, 2)
    return (product + VALUE_DIVISOR - 1) // VALUE_DIVISOR
