"""Layouts of records and events: sizes, positions of fields, round trips, canonical words."""

from dataclasses import fields
from struct import unpack

import pytest

from offchain.spec.book_records import Duty, Level, Order, pack_attributes
from offchain.spec.checks import OpError
from offchain.spec.constants import GOLDILOCKS_P, SIGNED_BIAS
from offchain.spec.events import Event
from offchain.spec.fund_records import Fund
from offchain.spec.header import Header, PendingWork
from offchain.spec.kinds import EventKind
from offchain.spec.records import (
    Account,
    Asset,
    Builder,
    FeeTier,
    Market,
    NonceSet,
    Position,
    Signer,
)
from offchain.spec.risk_records import AssetRisk, MarketRisk, SideState
from offchain.spec.state import genesis
from offchain.spec.transition import apply
from tests.strategies import CONFIG_HASH, GOVERNANCE, random_sequence

SIZES = {
    Header: 512,
    Asset: 128,
    Market: 128,
    FeeTier: 32,
    Account: 256,
    Position: 64,
    Signer: 64,
    NonceSet: 64,
    Order: 64,
    Level: 32,
    Builder: 16,
    MarketRisk: 512,
    AssetRisk: 512,
    Fund: 128,
}
ADDRESS = bytes(range(1, 21))
FILLED_ACCOUNT = Account(
    flags=1,
    tier=2,
    order_head=3,
    order_count=4,
    quota_minute=5,
    quota_used=6,
    asset_ids=[1, 8, 0, 0, 0, 0, 0, 300],
    deadman_s=7,
    tier_changed_s=8,
    free=[-5, 6, 0, 0, 0, 0, 0, 9],
    locked=[1, 2, 0, 0, 0, 0, 0, 3],
    owner=ADDRESS,
    approvals=[1 | 7 << 16, 0, 0, 0, 0, 0, 0, 2 | 9 << 16],
    builder=9,
    positions_used=10,
    quote_index=11,
    sweep_next=12,
    sweep_prev=13,
)
FILLED_MARKET_RISK = MarketRisk(
    *range(1, 27),
    basis_ema=-27,
    premium_sum_ppm=-28,
    funding_hour=29,
    opens_s=30,
    longs=SideState(31, -32, -33, 34, 35, 36, 37),
    shorts=SideState(38, 39, 40, 41, 42, 43, 44),
    pool=-45,
    cost=46,
)
SAMPLES = [
    Asset(1, 2, 3, 4),
    Market(1, 2, 1, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14),
    FeeTier(1, 2, 3, 4),
    FILLED_ACCOUNT,
    Position(4, 0, 9, 2, -3, -400, 5, -6, 7, 8, 9),
    Signer(ADDRESS, 5, 1),
    NonceSet([9, 3, 0, 4, 0, 0, 0, 2**48]),
    Order(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    Level(1, 2, 3, 4, 5, 6, 1_023, True, 8),
    Builder(5),
    Duty(1, 2, 3),
    FILLED_MARKET_RISK,
    AssetRisk(*range(1, 18)),
    Fund(*range(1, 9)),
    Header(
        *range(1, 14),
        bytes(range(32)),
        bytes(range(32, 64)),
        PendingWork(*range(1, 17)),
        *range(17, 24),
    ),
]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_record_survives_the_round_trip(sample):
    assert type(sample).from_bytes(sample.to_bytes()) == sample


@pytest.mark.parametrize(("record", "size"), SIZES.items(), ids=str)
def test_a_new_record_is_zero_and_has_its_size(record, size):
    assert record().to_bytes() == bytes(size)
    assert record.from_bytes(bytes(size)) == record()


def test_account_fields_lie_where_the_page_puts_them():
    data = FILLED_ACCOUNT.to_bytes()
    assert unpack("<6I", data[:24]) == (1, 2, 3, 4, 5, 6)
    assert unpack("<8H", data[24:40]) == (1, 8, 0, 0, 0, 0, 0, 300)
    assert unpack("<2I", data[40:48]) == (7, 8)
    assert unpack("<4Q", data[48:80]) == (SIGNED_BIAS - 5, 1, SIGNED_BIAS + 6, 2)
    assert unpack("<2Q", data[80:96]) == (0, 0)
    assert unpack("<3Q", data[176:200]) == (
        int.from_bytes(ADDRESS[:7], "big"),
        int.from_bytes(ADDRESS[7:14], "big"),
        int.from_bytes(ADDRESS[14:], "big"),
    )
    assert unpack("<I", data[200:204]) == (1 | 7 << 16,)
    assert unpack("<2I", data[232:240]) == (9, 10)
    assert unpack("<Q2I", data[240:256]) == (11, 12, 13)


def test_market_fields_lie_where_the_page_puts_them():
    data = Market(1, 2, 1, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14).to_bytes()
    assert data[8:12] == bytes([1, 1, 5, 6])
    assert unpack("<HBBII", data[12:24]) == (7, 8, 0, 9, 10)
    assert unpack("<II3Q", data[24:56]) == (11, 0, 12, 13, 14)


def test_header_words_lie_where_the_page_puts_them():
    words = unpack("<64Q", SAMPLES[-1].to_bytes())
    assert words[:13] == tuple(range(1, 14))
    assert words[13] == 0x00010203
    assert words[20] == 0x1C1D1E1F
    assert words[21] == 0x20212223
    assert words[29:45] == tuple(range(1, 17))
    assert words[45:52] == tuple(range(17, 24))
    assert not any(words[52:])


def test_market_risk_words_lie_where_the_page_puts_them():
    data = FILLED_MARKET_RISK.to_bytes()
    words = unpack("<64Q", data)
    pairs = unpack("<128I", data)
    assert words[0] == 1
    assert pairs[2:6] == (2, 3, 4, 5)
    assert words[3:8] == (6, 7, 8, 9, 10)
    assert pairs[16:32] == tuple(range(11, 27))
    assert words[16:18] == (SIGNED_BIAS - 27, SIGNED_BIAS - 28)
    assert pairs[36:38] == (29, 30)
    assert words[19:22] == (31, SIGNED_BIAS - 32, SIGNED_BIAS - 33)
    assert (*pairs[44:46], *words[23:25]) == (34, 35, 36, 37)
    assert words[25:28] == (38, SIGNED_BIAS + 39, SIGNED_BIAS + 40)
    assert (*pairs[56:58], *words[29:31]) == (41, 42, 43, 44)
    assert words[31] == SIGNED_BIAS - 45
    assert not any(words[32:40])
    assert words[40] == SIGNED_BIAS + 46
    assert not any(words[41:])


def test_asset_risk_words_lie_where_the_page_puts_them():
    data = AssetRisk(*range(1, 18)).to_bytes()
    words = unpack("<64Q", data)
    pairs = unpack("<128I", data)
    assert words[0] == 1
    assert pairs[2:6] == (2, 3, 4, 5)
    assert words[3:5] == (6, 7)
    assert pairs[10:12] == (8, 9)
    assert words[6:9] == (10, 11, 12)
    assert pairs[18:20] == (13, 14)
    assert words[10:13] == (15, 16, 17)
    assert not any(words[13:])


def test_fund_words_lie_where_the_page_puts_them():
    data = Fund(*range(1, 9)).to_bytes()
    words = unpack("<16Q", data)
    assert words[0] == 1
    assert unpack("<4I", data[8:24]) == (2, 3, 4, 5)
    assert words[3:6] == (6, 7, 8)
    assert not any(words[6:])


def test_the_backstop_lies_behind_the_trigger_lists():
    data = MarketRisk(flags=1, backstop_account=7).to_bytes()
    assert unpack("<2I", data[33 * 8 : 34 * 8]) == (7, 0)


def test_a_market_risk_that_does_not_exist_has_no_bias():
    assert MarketRisk(pool=5).to_bytes() == bytes(512)


def test_level_tag_joins_count_market_and_side():
    (tag,) = unpack("<I", Level(count=6, market=3, is_ask=True).to_bytes()[20:24])
    assert tag == 6 | 3 << 20 | 1 << 30


def test_attributes_join_flags_builder_and_fee():
    assert pack_attributes(5, 0xABC, 0x123) == 0x123ABC05


def test_an_absent_position_and_an_unused_balance_have_no_bias():
    assert Position().to_bytes() == bytes(64)
    assert unpack("<Q", Position(market_plus_1=1).to_bytes()[8:16]) == (SIGNED_BIAS,)


def test_an_event_survives_the_round_trip_and_keeps_negative_values():
    event = Event(9, EventKind.POSITION, 3, 64, (-1, -(2**63), 2**63 - 1, 0, 5, 6))
    data = event.to_bytes()
    assert len(data) == 64
    assert Event.from_bytes(data) == event
    assert unpack("<QHHI", data[:16]) == (9, EventKind.POSITION, 3, 64)


def test_all_words_of_a_busy_state_are_canonical_and_parse_back():
    state = genesis(CONFIG_HASH, GOVERNANCE)
    for data in random_sequence(3, 400):
        try:
            apply(state, data)
        except OpError:
            continue
    for _, _, data in state.leaves():
        assert max(unpack(f"<{len(data) // 8}Q", data)) < GOLDILOCKS_P
    tables = (state.accounts, state.positions, state.orders, state.levels, state.signers)
    for table in tables:
        for record in table.values():
            assert type(record).from_bytes(record.to_bytes()) == record
    assert Header.from_bytes(state.header.to_bytes()) == state.header


def test_every_header_field_is_in_the_record():
    assert len(fields(Header)) == 27
    assert len(fields(PendingWork)) == 16
