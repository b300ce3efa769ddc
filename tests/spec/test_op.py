"""Encoding of ops: field offsets, reserved bytes, enumerations."""

import pytest

from offchain.spec import condition_op, fund_op, l1_op, link_op, op, op_codec, risk_op
from offchain.spec.checks import OpError
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import OpKind, PlaceFlag, TimeInForce
from tests.spec.support import refused

A20 = bytes(range(1, 21))
MARKET, ACCOUNT = (2, 2, 0x0102), (4, 4, 0x01020304)
# Offsets and widths of docs/spec/transition.md section 2: name -> (offset, bytes, value).
LAYOUTS = {
    op.Place: {
        "flags": (1, 1, 25),
        "market": MARKET,
        "account": ACCOUNT,
        "time_in_force": (8, 1, 1),
        "self_trade": (9, 1, 2),
        "builder": (10, 2, 0x0203),
        "price": (12, 4, 0x0A0B0C0D),
        "size_lots": (16, 8, 0x0102030405060708),
        "client_id_low": (24, 8, 0x1112131415161718),
        "client_id_high": (32, 8, 0x2122232425262728),
        "expiry_s": (40, 4, 0x31323334),
        "builder_fee": (44, 2, 0x4142),
        "take_profit": (48, 4, 0x51525354),
        "take_profit_limit": (52, 4, 0x61626364),
        "stop": (56, 4, 0x71727374),
        "stop_limit": (60, 4, 0x01020304),
    },
    condition_op.PlaceTrigger: {
        "flags": (1, 1, 43),
        "market": MARKET,
        "account": ACCOUNT,
        "self_trade": (9, 1, 2),
        "builder": (10, 2, 0x0203),
        "trigger_price": (12, 4, 0x0A0B0C0D),
        "size_lots": (16, 8, 0x0102030405060708),
        "client_id_low": (24, 8, 0x1112131415161718),
        "client_id_high": (32, 8, 0x2122232425262728),
        "expiry_s": (40, 4, 0x31323334),
        "builder_fee": (44, 2, 0x4142),
        "limit_price": (48, 4, 0x51525354),
        "trail": (52, 4, 0),
        "other_trigger": (56, 4, 0x71727374),
        "other_limit": (60, 4, 0x01020304),
    },
    condition_op.PlaceTwap: {
        "flags": (1, 1, 11),
        "market": MARKET,
        "account": ACCOUNT,
        "self_trade": (9, 1, 2),
        "builder": (10, 2, 0x0203),
        "interval_s": (12, 4, 0x0A0B0C0D),
        "size_lots": (16, 8, 0x0102030405060708),
        "client_id_low": (24, 8, 0x1112131415161718),
        "client_id_high": (32, 8, 0x2122232425262728),
        "slices": (40, 4, 0x31323334),
        "builder_fee": (44, 2, 0x4142),
        "slippage_ppm": (48, 4, 0x51525354),
    },
    op.Modify: {
        "flags": (1, 1, 8),
        "market": MARKET,
        "account": ACCOUNT,
        "order_id": (8, 8, 0x0102030405060708),
        "size_lots": (16, 8, 0x1112131415161718),
        "price": (24, 4, 0x21222324),
        "slot": (28, 4, 0x31323334),
        "self_trade": (32, 1, 3),
        "time_in_force": (33, 1, 3),
    },
    op.Cancel: {
        "market": MARKET,
        "account": ACCOUNT,
        "order_id": (8, 8, 0x0102030405060708),
        "slot": (16, 4, 0x11121314),
    },
    op.CancelByClientId: {
        "account": ACCOUNT,
        "client_id_low": (8, 8, 0x0102030405060708),
        "client_id_high": (16, 8, 0x1112131415161718),
    },
    op.CancelAll: {"market": MARKET, "account": ACCOUNT},
    op.ScheduleCancel: {"account": ACCOUNT, "at_s": (8, 4, 0x11121314)},
    op.Transfer: {
        "account": ACCOUNT,
        "to_account": (8, 4, 0x11121314),
        "asset": (12, 2, 0x2122),
        "amount": (16, 8, 0x3132333435363738),
    },
    op.Withdraw: {
        "account": ACCOUNT,
        "asset": (8, 2, 0x2122),
        "amount": (16, 8, 0x3132333435363738),
    },
    op.SetTier: {"account": ACCOUNT, "tier": (8, 1, 5)},
    op.ApproveBuilder: {
        "account": ACCOUNT,
        "builder": (8, 2, 0x2122),
        "max_fee": (10, 2, 0x3132),
    },
    op.RegisterBuilder: {"account": ACCOUNT},
    op.SetAgent: {
        "account": ACCOUNT,
        "address": (8, 20, A20),
        "expiry_s": (28, 4, 0x11121314),
        "slot": (32, 1, 2),
    },
    op.SetOwnerKey: {"account": ACCOUNT, "is_on": (8, 1, 1)},
    op.AdvanceTime: {"now_s": (8, 4, 0x11121314)},
    op.Continue: {},
    op.RunDuties: {},
    op.SealBatch: {},
    op.Deposit: {
        "account": (4, 4, 64),
        "owner": (8, 20, A20),
        "asset": (28, 2, 0x2122),
        "amount": (32, 8, 0x3132333435363738),
    },
    op.AdminAsset: {
        "asset": (8, 2, 0x2122),
        "flags": (10, 2, 0x0203),
        "withdraw_step_units": (16, 8, 0x3132333435363738),
        "deposit_cap_units": (24, 8, 0x4142434445464748),
    },
    op.AdminMarket: {
        "market": MARKET,
        "market_kind": (8, 1, 1),
        "status": (9, 1, 2),
        "sz_decimals": (10, 1, 3),
        "max_significant_figures": (11, 1, 4),
        "base_asset": (12, 2, 0x2122),
        "fee_table": (14, 1, 5),
        "tick": (16, 4, 0x31323334),
        "fee_account": (20, 4, 0x41424344),
        "insurance_account": (24, 4, 0x51525354),
        "min_size_lots": (32, 8, 0x6162636465666768),
    },
    op.AdminFeeTier: {
        "table": (8, 1, 1),
        "tier": (9, 1, 2),
        "flags": (10, 1, 3),
        "maker_ppm": (12, 4, 0x31323334),
        "taker_ppm": (16, 4, 0x41424344),
        "quota_per_minute": (20, 4, 0x51525354),
    },
    risk_op.SetLeverage: {
        "market": MARKET,
        "account": ACCOUNT,
        "leverage": (8, 1, 0x11),
        "mode": (9, 1, 1),
    },
    risk_op.MoveMargin: {
        "market": MARKET,
        "account": ACCOUNT,
        "amount": (8, 8, 0x0102030405060708),
        "out": (16, 1, 1),
    },
    risk_op.Snapshot: {
        "market": (2, 2, 0),
        "asset": (8, 2, 0x2122),
        "target": (10, 1, 0),
        "time_s": (12, 4, 0x31323334),
        "price_e8": (16, 8, 0x4142434445464748),
        "rate_e12": (24, 8, 0x5152535455565758),
    },
    risk_op.PriceReport: {
        "market": MARKET,
        "index_price": (8, 4, 0x11121314),
        "external_mark": (12, 4, 0x21222324),
        "time_s": (16, 4, 0x31323334),
        "sources": (20, 1, 5),
    },
    risk_op.Liquidate: {"account": ACCOUNT},
    risk_op.Sweep: {},
    risk_op.AdminMarketPrices: {
        "market": MARKET,
        "basis_cap_ppm": (8, 4, 0x11121314),
        "mark_band_ppm": (12, 4, 0x21222324),
        "jump_ppm": (16, 4, 0x31323334),
        "snapshot_band_ppm": (20, 4, 0x41424344),
        "funding_interest_ppm": (24, 4, 0x51525354),
        "funding_cap_ppm": (28, 4, 0x61626364),
        "min_sources": (32, 4, 0x71727374),
        "max_report_age_s": (36, 4, 0x01020304),
        "impact_notional_micro": (40, 8, 0x1112131415161718),
    },
    risk_op.AdminMarketRisk: {
        "market": MARKET,
        "initial_ppm": (8, 4, 0x11121314),
        "maintenance_ppm": (12, 4, 0x21222324),
        "closeout_ppm": (16, 4, 0x31323334),
        "liquidation_fee_ppm": (20, 4, 0x41424344),
        "tier1_micro": (24, 8, 0x0102030405060708),
        "tier2_micro": (32, 8, 0x1112131415161718),
        "open_interest_cap_lots": (40, 8, 0x2122232425262728),
        "concentration_free_lots": (48, 8, 0x3132333435363738),
        "concentration_ppm": (56, 4, 0x51525354),
        "price_band_ppm": (60, 4, 0x61626364),
    },
    risk_op.AdminAssetRisk: {
        "asset": (8, 2, 0x2122),
        "flags": (10, 2, 0x0203),
        "margin_weight_ppm": (12, 4, 0x11121314),
        "liquidation_weight_ppm": (16, 4, 0x21222324),
        "exchange_discount_ppm": (20, 4, 0x31323334),
        "growth_cap_ppm": (24, 4, 0x41424344),
        "heartbeat_s": (28, 4, 0x51525354),
        "tier_units": (32, 8, 0x0102030405060708),
        "user_cap_units": (40, 8, 0x1112131415161718),
        "yield_share_ppm": (48, 4, 0x61626364),
        "hedge_market_plus_1": (52, 4, 0x71727374),
    },
    risk_op.AdminCredit: {
        "base_rate_ppm": (8, 4, 0x11121314),
        "slope_ppm": (12, 4, 0x21222324),
        "negative_cap": (16, 8, 0x0102030405060708),
        "spread_ppm": (24, 4, 0x21222324),
    },
    fund_op.Invest: {
        "account": ACCOUNT,
        "fund": (8, 2, 0x2122),
        "amount": (16, 8, 0x3132333435363738),
    },
    fund_op.Redeem: {
        "account": ACCOUNT,
        "fund": (8, 2, 0x2122),
        "shares": (16, 8, 0x3132333435363738),
    },
    fund_op.CreateFund: {
        "account": ACCOUNT,
        "fee_ppm": (8, 4, 0x11121314),
        "lockup_s": (12, 4, 0x21222324),
        "amount": (16, 8, 0x3132333435363738),
    },
    fund_op.AdminMarketWaterfall: {"market": MARKET, "account": ACCOUNT, "flags": (8, 1, 1)},
    fund_op.AdminFund: {
        "account": ACCOUNT,
        "fee_ppm": (8, 4, 0x11121314),
        "lockup_s": (12, 4, 0x21222324),
    },
    risk_op.AdminMarketCalendar: {
        "market": MARKET,
        "thursday": (8, 4, 0x11121314),
        "friday": (12, 4, 0x21222324),
        "saturday": (16, 4, 0x31323334),
        "sunday": (20, 4, 0x41424344),
        "monday": (24, 4, 0x51525354),
        "tuesday": (28, 4, 0x61626364),
        "wednesday": (32, 4, 0x71727374),
        "weekend_band_ppm": (36, 4, 0x01020304),
        "off_hours_initial_ppm": (40, 4, 0x05060708),
    },
    l1_op.AdminFeed: {
        "market": MARKET,
        "entry": (8, 1, 0x21),
        "target": (9, 1, 1),
        "asset": (10, 2, 0x0203),
        "price_feed": (12, 1, 0x31),
        "rate_feed_plus_1": (13, 1, 0x41),
        "on": (14, 1, 0x51),
    },
    l1_op.ForcedWithdraw: {
        "account": ACCOUNT,
        "asset": (8, 2, 0x0203),
        "amount": (16, 8, 0x0102030405060708),
        "sender": (32, 20, A20),
    },
    l1_op.ForcedClose: {"market": MARKET, "account": ACCOUNT, "sender": (32, 20, A20)},
    l1_op.ForcedCancel: {"account": ACCOUNT, "sender": (32, 20, A20)},
    l1_op.ForcedUnlink: {
        "account": ACCOUNT,
        "peer_chain_id": (8, 4, 0x11121314),
        "sender": (32, 20, A20),
    },
    l1_op.ForcedSweep: {"account": ACCOUNT},
    l1_op.Notice: {"kind": (8, 1, 8)},
    l1_op.PledgesMoved: {
        "asset": (8, 2, 0x0203),
        "is_holder": (10, 1, 1),
        "peer_chain_id": (12, 4, 0x11121314),
        "units": (16, 8, 0x0102030405060708),
    },
    link_op.Pledge: {
        "account": ACCOUNT,
        "asset": (8, 2, 0x2122),
        "channel": (10, 1, 7),
        "peer_account": (12, 4, 0x11121314),
        "amount": (16, 8, 0x0102030405060708),
        "expires_at_s": (24, 4, 0x31323334),
    },
    link_op.Release: {
        "account": ACCOUNT,
        "asset": (8, 2, 0x2122),
        "amount": (16, 8, 0x3132333435363738),
    },
    link_op.Seize: {"account": ACCOUNT, "number": (8, 1, 5)},
    link_op.AdminChannel: {
        "channel": (8, 1, 7),
        "peer_chain_id": (12, 4, 0x11121314),
        "own_chain_id": (16, 4, 0x21222324),
    },
    link_op.AdminLink: {
        "asset": (8, 2, 0x2122),
        "channel": (10, 1, 7),
        "peer_asset": (12, 2, 0x3132),
    },
    link_op.AdminVoid: {"channel": (8, 1, 7), "index": (16, 8, 0x0102030405060708)},
}


def sample(kind):
    return kind(**{name: value for name, (_, _, value) in LAYOUTS[kind].items()})


def expected_bytes(kind):
    data = bytearray(64)
    data[0] = kind.KIND
    for offset, width, value in LAYOUTS[kind].values():
        field = value if isinstance(value, bytes) else value.to_bytes(width, "little")
        data[offset : offset + width] = field
    return bytes(data)


def test_every_kind_of_op_has_a_dataclass_and_a_layout():
    assert set(op_codec.OP_TYPES) == set(OpKind)
    assert set(op_codec.OP_TYPES.values()) == set(LAYOUTS)


@pytest.mark.parametrize("kind", LAYOUTS, ids=lambda kind: kind.__name__)
def test_fields_lie_where_the_page_puts_them(kind):
    assert sample(kind).to_bytes() == expected_bytes(kind)
    assert op_codec.decode(expected_bytes(kind)) == sample(kind)


@pytest.mark.parametrize("kind", LAYOUTS, ids=lambda kind: kind.__name__)
def test_every_reserved_byte_is_refused_when_set(kind):
    data = expected_bytes(kind)
    named = {0} | {
        byte
        for offset, width, _ in LAYOUTS[kind].values()
        for byte in range(offset, offset + width)
    }
    for position in set(range(64)) - named:
        changed = data[:position] + b"\x01" + data[position + 1 :]
        with pytest.raises(OpError) as refusal:
            op_codec.decode(changed)
        assert refusal.value.code == ErrorCode.MALFORMED_OP


PLACE = {"market": 1, "account": 32, "price": 5, "size_lots": 1}
MODIFY = {"market": 1, "account": 32, "price": 5, "size_lots": 1, "order_id": 1, "slot": 1}
BRACKET = {**PLACE, "flags": PlaceFlag.BRACKET}
TRIGGER = {"market": 1, "account": 32, "trigger_price": 5, "size_lots": 1}
TWAP = {
    "market": 1,
    "account": 32,
    "size_lots": 9,
    "slices": 3,
    "interval_s": 10,
    "slippage_ppm": 1,
}
MALFORMED = [
    op.Place(**PLACE, flags=32),
    op.Place(**PLACE, take_profit=1),
    op.Place(**PLACE, take_profit_limit=1),
    op.Place(**PLACE, stop=1),
    op.Place(**PLACE, stop_limit=1),
    op.Place(**BRACKET, stop=1, take_profit_limit=1),
    op.Place(**BRACKET, take_profit=1, stop_limit=1),
    condition_op.PlaceTrigger(**TRIGGER, flags=PlaceFlag.IS_MARKET),
    condition_op.PlaceTrigger(**TRIGGER, self_trade=4),
    condition_op.PlaceTrigger(**TRIGGER, builder=4_096),
    condition_op.PlaceTrigger(**TRIGGER, builder_fee=1),
    condition_op.PlaceTrigger(**TRIGGER, other_limit=1),
    condition_op.PlaceTrigger(**TRIGGER, trail=1, other_trigger=1),
    condition_op.PlaceTwap(**TWAP, flags=PlaceFlag.FIRES_ABOVE),
    condition_op.PlaceTwap(**TWAP, self_trade=4),
    condition_op.PlaceTwap(**TWAP, builder=4_096),
    condition_op.PlaceTwap(**TWAP, builder_fee=1),
    op.Place(**PLACE, time_in_force=4),
    op.Place(**PLACE, self_trade=4),
    op.Place(**PLACE, flags=PlaceFlag.IS_MARKET),
    op.Place(**PLACE, flags=PlaceFlag.IS_MARKET, time_in_force=TimeInForce.POST_ONLY),
    op.Place(**PLACE, builder=4_096),
    op.Place(**PLACE, builder_fee=1),
    op.Modify(**MODIFY, flags=PlaceFlag.IS_ASK),
    op.Modify(**MODIFY, time_in_force=TimeInForce.IOC),
    op.Modify(**MODIFY, time_in_force=TimeInForce.FOK),
    op.Modify(**MODIFY, self_trade=4),
    op.SetOwnerKey(account=32, is_on=2),
    op.AdvanceTime(now_s=2**32 - 1),
    op.Deposit(account=33, owner=A20, asset=0, amount=1),
    op.Deposit(account=2**22, owner=A20, asset=0, amount=1),
    op.Deposit(account=32, owner=A20, asset=0, amount=0),
    op.Deposit(account=32, owner=A20, asset=0, amount=2**62),
    risk_op.SetLeverage(market=1, account=32, mode=2),
    risk_op.MoveMargin(market=1, account=32, amount=1, out=2),
    risk_op.Snapshot(target=2, time_s=1, price_e8=1),
    risk_op.Snapshot(target=0, market=1, time_s=1, price_e8=1, rate_e12=1),
    risk_op.Snapshot(target=1, asset=1, time_s=1, price_e8=1),
    risk_op.Snapshot(target=1, market=1, time_s=1, price_e8=1, rate_e12=1),
    risk_op.Snapshot(target=0, time_s=2**32 - 1, price_e8=1, rate_e12=1),
    risk_op.PriceReport(market=1, index_price=1, time_s=2**32 - 1, sources=1),
]


@pytest.mark.parametrize("malformed", MALFORMED, ids=str)
def test_values_without_a_meaning_are_malformed(spot_and_perp, malformed):
    assert refused(spot_and_perp, malformed) == ErrorCode.MALFORMED_OP


@pytest.mark.parametrize("kind", [0, 31, 41, 63, 79, 87, 95, 255])
def test_unknown_kinds_are_refused(spot_and_perp, kind):
    assert refused(spot_and_perp, bytes([kind]) + b"\xff" * 63) == ErrorCode.UNKNOWN_OP


def test_an_op_of_another_length_is_a_callers_error(spot_and_perp):
    with pytest.raises(ValueError, match="64 bytes"):
        refused(spot_and_perp, bytes(63))
