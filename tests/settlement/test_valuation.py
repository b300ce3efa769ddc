"""The valuation table: one encoding for each table, and no other bytes are one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.settlement.abi import keccak256
from offchain.settlement.valuation import (
    ENTRIES_MAX,
    AssetValue,
    MarketValue,
    Side,
    ValuationTable,
    valuation_hash,
)

u64 = st.integers(0, 2**64 - 1)
signed = st.integers(-(2**62), 2**62 - 1)
sides = st.builds(Side, u64, u64, signed, signed)
market_lists = st.lists(
    st.builds(MarketValue, u64, u64, sides, sides), max_size=4, unique_by=lambda m: m.market_id
)
asset_lists = st.lists(
    st.builds(AssetValue, st.integers(0, 255), u64, u64, u64),
    max_size=4,
    unique_by=lambda a: a.asset_id,
)


@given(market_lists, asset_lists, u64, u64)
def test_a_table_survives_its_encoding(markets, assets, earned, owed):
    markets.sort(key=lambda market: market.market_id)
    assets.sort(key=lambda asset: asset.asset_id)
    table = ValuationTable(tuple(markets), tuple(assets), earned, owed)
    data = table.to_bytes()
    assert ValuationTable.from_bytes(data) == table
    assert len(data) == 32 * (1 + 3 * len(markets) + len(assets))
    assert table.digest() == keccak256(b"HRvalu01" + data)


def sample() -> bytes:
    markets = (MarketValue(1, 5, Side(1, 2, -3, 4)), MarketValue(2, 6))
    return ValuationTable(markets, (AssetValue(0), AssetValue(7, 9, 9, 9))).to_bytes()


@settings(max_examples=300)
@given(st.data())
def test_changed_bytes_are_refused_or_encode_themselves(data):
    changed = bytearray(sample())
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    for candidate in (bytes(changed), cut):
        try:
            table = ValuationTable.from_bytes(candidate)
        except ValueError:
            continue
        assert table.to_bytes() == candidate


@pytest.mark.parametrize(
    "fields",
    [
        {"markets": tuple(MarketValue(m, 1) for m in range(ENTRIES_MAX + 1))},
        {"assets": (AssetValue(3), AssetValue(3))},
        {"markets": (MarketValue(4, 1), MarketValue(3, 1))},
        {"assets": (AssetValue(256),)},
    ],
)
def test_bad_tables_are_not_made(fields):
    with pytest.raises(ValueError, match=r"more than|ascend|256"):
        ValuationTable(**fields)


def test_fields_have_64_bits():
    with pytest.raises(ValueError, match="64 bits"):
        ValuationTable((), (AssetValue(0, 2**64),)).to_bytes()


def test_no_table_hashes_to_zero():
    assert valuation_hash(b"") == bytes(32)
