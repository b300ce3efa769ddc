"""Tiers, builders, agents, the owner key, time, batches and administration."""

import pytest

from offchain.spec import op
from offchain.spec.constants import MAX_BUILDERS, TIER_COOLDOWN_S, VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AccountFlag, AssetFlag, EventKind, MarketKind, SignerFlag, TierFlag
from offchain.spec.records import Signer
from offchain.spec.state import signer_index
from tests.spec.support import (
    ABSENT,
    BASE,
    FINE,
    MAKER,
    MAKER_SUB,
    NOW_S,
    PERP,
    SPOT,
    TAKER,
    refused,
    rest,
    run,
)
from tests.strategies import market_op

KEY = bytes([7]) * 20
ASSET = {"asset": 3, "withdraw_step_units": 1, "deposit_cap_units": 1}
TIER = {"table": 1, "tier": 2, "maker_ppm": 1, "taker_ppm": 2}
PERP_8 = {"market": 8, "kind": MarketKind.PERP, "sz_decimals": 3}
SPOT_8 = {"market": 8, "kind": MarketKind.SPOT, "sz_decimals": 3, "base_asset": BASE}
INVALID_MARKET = ErrorCode.INVALID_MARKET_PARAMETER
REFUSALS = [
    (op.SetTier(account=ABSENT, tier=1), ErrorCode.UNKNOWN_ACCOUNT),
    (op.SetTier(account=MAKER_SUB, tier=1), ErrorCode.WRONG_ACCOUNT),
    (op.SetTier(account=MAKER, tier=8), ErrorCode.UNKNOWN_TIER),
    (op.SetTier(account=MAKER, tier=5), ErrorCode.UNKNOWN_TIER),
    (op.RegisterBuilder(account=ABSENT), ErrorCode.UNKNOWN_ACCOUNT),
    (op.RegisterBuilder(account=MAKER_SUB), ErrorCode.WRONG_ACCOUNT),
    (op.ApproveBuilder(account=ABSENT, builder=1, max_fee=1), ErrorCode.UNKNOWN_ACCOUNT),
    (op.ApproveBuilder(account=MAKER_SUB, builder=1, max_fee=1), ErrorCode.WRONG_ACCOUNT),
    (op.ApproveBuilder(account=MAKER, builder=0, max_fee=1), ErrorCode.UNKNOWN_BUILDER),
    (op.ApproveBuilder(account=MAKER, builder=1, max_fee=1), ErrorCode.UNKNOWN_BUILDER),
    (op.SetAgent(account=ABSENT, slot=1), ErrorCode.UNKNOWN_ACCOUNT),
    (op.SetAgent(account=MAKER_SUB, slot=1), ErrorCode.WRONG_ACCOUNT),
    (op.SetAgent(account=MAKER, slot=0), ErrorCode.INVALID_AGENT_SLOT),
    (op.SetAgent(account=MAKER, slot=4), ErrorCode.INVALID_AGENT_SLOT),
    (op.SetAgent(account=MAKER, slot=1, expiry_s=NOW_S + 1), ErrorCode.INVALID_AGENT),
    (op.SetAgent(account=MAKER, slot=1, address=KEY), ErrorCode.INVALID_AGENT),
    (op.SetAgent(account=MAKER, slot=1, address=KEY, expiry_s=NOW_S), ErrorCode.INVALID_AGENT),
    (op.SetOwnerKey(account=ABSENT, is_on=1), ErrorCode.UNKNOWN_ACCOUNT),
    (op.SetOwnerKey(account=MAKER_SUB, is_on=1), ErrorCode.WRONG_ACCOUNT),
    (op.AdvanceTime(now_s=NOW_S - 1), ErrorCode.TIME_BACKWARDS),
    (op.AdminAsset(**{**ASSET, "asset": 256}), ErrorCode.INVALID_ASSET_PARAMETER),
    (op.AdminAsset(**ASSET, flags=AssetFlag.EXISTS), ErrorCode.INVALID_ASSET_PARAMETER),
    (op.AdminAsset(**{**ASSET, "withdraw_step_units": 0}), ErrorCode.INVALID_ASSET_PARAMETER),
    (
        op.AdminAsset(**{**ASSET, "withdraw_step_units": VALUE_LIMIT}),
        ErrorCode.INVALID_ASSET_PARAMETER,
    ),
    (
        op.AdminAsset(**{**ASSET, "deposit_cap_units": VALUE_LIMIT}),
        ErrorCode.INVALID_ASSET_PARAMETER,
    ),
    (op.AdminFeeTier(**{**TIER, "table": 16}), ErrorCode.INVALID_FEE_PARAMETER),
    (op.AdminFeeTier(**{**TIER, "tier": 8}), ErrorCode.INVALID_FEE_PARAMETER),
    (op.AdminFeeTier(**TIER, flags=TierFlag.EXISTS), ErrorCode.INVALID_FEE_PARAMETER),
    (op.AdminFeeTier(**{**TIER, "maker_ppm": 1_001}), ErrorCode.INVALID_FEE_PARAMETER),
    (op.AdminFeeTier(**{**TIER, "taker_ppm": 1_001}), ErrorCode.INVALID_FEE_PARAMETER),
    (op.AdminFeeTier(**TIER, quota_per_minute=2**31 + 1), ErrorCode.INVALID_FEE_PARAMETER),
    (market_op(**{**PERP_8, "market": 1_024}), ErrorCode.UNKNOWN_MARKET),
    (market_op(**{**PERP_8, "kind": 0}), INVALID_MARKET),
    (market_op(**{**PERP_8, "kind": 3}), INVALID_MARKET),
    (market_op(**PERP_8, status=2), INVALID_MARKET),
    (market_op(**{**PERP_8, "sz_decimals": 7}), INVALID_MARKET),
    (market_op(**{**SPOT_8, "sz_decimals": 9}), INVALID_MARKET),
    (market_op(**PERP_8, max_significant_figures=10), INVALID_MARKET),
    (market_op(**PERP_8, fee_table=16), INVALID_MARKET),
    (market_op(**PERP_8, tick=2**32 - 1), INVALID_MARKET),
    (market_op(**PERP_8, min_size_lots=2**40), INVALID_MARKET),
    (market_op(**PERP_8, base_asset=256), INVALID_MARKET),
    (market_op(**{**SPOT_8, "base_asset": 0}), INVALID_MARKET),
    (market_op(**{**SPOT_8, "base_asset": 9}), INVALID_MARKET),
    (market_op(SPOT, MarketKind.PERP, sz_decimals=2, base_asset=1), ErrorCode.MARKET_IMMUTABLE),
    (market_op(SPOT, MarketKind.SPOT, sz_decimals=3, base_asset=1), ErrorCode.MARKET_IMMUTABLE),
    (market_op(PERP, MarketKind.PERP, sz_decimals=3, base_asset=1), ErrorCode.MARKET_IMMUTABLE),
]


@pytest.mark.parametrize(("bad", "code"), REFUSALS, ids=str)
def test_a_bad_setting_is_refused_with_its_code(spot_and_perp, bad, code):
    assert refused(spot_and_perp, bad) == code


@pytest.mark.parametrize("name", ["fee_account", "insurance_account"])
@pytest.mark.parametrize("account", [ABSENT, 2**22])
def test_a_market_needs_its_accounts(spot_and_perp, name, account):
    fields = {"fee_account": 1, "insurance_account": 2, name: account}
    bad = op.AdminMarket(market=8, market_kind=1, status=1, sz_decimals=3, **fields)
    assert refused(spot_and_perp, bad) == INVALID_MARKET


def test_a_tier_changes_once_a_day_and_only_among_self_service_ones(spot_and_perp):
    state = spot_and_perp
    run(state, op.AdminFeeTier(table=0, tier=3, maker_ppm=0, taker_ppm=0))
    assert refused(state, op.SetTier(account=MAKER, tier=3)) == ErrorCode.TIER_NOT_SELF_SERVICE
    (event,) = run(state, op.SetTier(account=MAKER, tier=1))
    assert (event.kind, event.account, event.values[0]) == (EventKind.TIER_SET, MAKER, 1)
    back = op.SetTier(account=MAKER, tier=0)
    run(state, op.AdvanceTime(now_s=NOW_S + TIER_COOLDOWN_S - 1))
    assert refused(state, back) == ErrorCode.TIER_COOLDOWN
    run(state, op.AdvanceTime(now_s=NOW_S + TIER_COOLDOWN_S), back)
    assert state.account(MAKER).tier == 0


def test_builder_codes_count_up_and_are_unique_per_master(spot_and_perp):
    state = spot_and_perp
    first, second = run(state, op.RegisterBuilder(account=TAKER), op.RegisterBuilder(account=MAKER))
    assert (first.values[0], second.values[0]) == (1, 2)
    assert state.builders.read(2).account == MAKER
    again = op.RegisterBuilder(account=MAKER)
    assert refused(state, again) == ErrorCode.BUILDER_ALREADY_REGISTERED
    state.header.builder_count = MAX_BUILDERS - 1
    assert refused(state, op.RegisterBuilder(account=96)) == ErrorCode.BUILDERS_FULL


def test_approvals_are_overwritten_revoked_and_bounded(spot_and_perp):
    state = spot_and_perp
    run(state, op.RegisterBuilder(account=MAKER))
    state.header.builder_count = 9

    def approve(builder, max_fee):
        return op.ApproveBuilder(account=TAKER, builder=builder, max_fee=max_fee)

    assert refused(state, approve(1, 2_001)) == ErrorCode.BUILDER_FEE_TOO_HIGH
    assert refused(state, approve(10, 1)) == ErrorCode.UNKNOWN_BUILDER
    run(state, *(approve(builder, 100 + builder) for builder in range(1, 9)))
    assert refused(state, approve(9, 1)) == ErrorCode.APPROVALS_FULL
    run(state, approve(9, 0), approve(3, 2_000))
    assert state.account(TAKER).approvals[2] == 3 | 2_000 << 16
    run(state, approve(3, 0))
    assert state.account(TAKER).approvals[2] == 0
    (event,) = run(state, approve(9, 5))
    assert (event.kind, event.values[:2]) == (EventKind.BUILDER_APPROVED, (9, 5))
    assert state.account(TAKER).approvals[2] == 9 | 5 << 16


def test_an_agent_is_registered_replaced_and_revoked(spot_and_perp):
    state = spot_and_perp
    index = signer_index(MAKER, 2)
    agent = op.SetAgent(account=MAKER, slot=2, address=KEY, expiry_s=NOW_S + 1)
    (event,) = run(state, agent)
    words = (int.from_bytes(KEY[:7]), int.from_bytes(KEY[:7]), int.from_bytes(KEY[:6]))
    assert event.values == (2, NOW_S + 1, *words, 0)
    run(state, agent)
    assert state.signers.read(index) == Signer(KEY, NOW_S + 1, SignerFlag.EXISTS)
    run(state, op.SetAgent(account=MAKER, slot=2))
    assert state.signers.leaf_bytes(index) == bytes(64)


def test_the_owner_key_is_switched_on_and_off(spot_and_perp):
    state = spot_and_perp
    for is_on in (1, 1, 0):
        (event,) = run(state, op.SetOwnerKey(account=MAKER, is_on=is_on))
        assert (event.kind, event.values[0]) == (EventKind.OWNER_KEY_SET, is_on)
        has_flag = bool(state.account(MAKER).flags & AccountFlag.OWNER_KEY_TRADES)
        assert has_flag == bool(is_on)


def test_time_may_stand_still_and_batches_count(spot_and_perp):
    state = spot_and_perp
    run(state, op.AdvanceTime(now_s=NOW_S))
    numbers = [run(state, op.SealBatch())[0].values[0] for _ in range(2)]
    assert numbers == [0, 1]
    assert state.header.batch_number == 2


def test_an_asset_keeps_its_total_and_a_market_its_book(spot_and_perp):
    state = spot_and_perp
    total = state.assets.read(0).total_units
    (event,) = run(state, op.AdminAsset(asset=0, withdraw_step_units=3, deposit_cap_units=4))
    assert event.values == (0, AssetFlag.EXISTS, 3, 4, 0, 0)
    assert state.assets.read(0).total_units == total
    rest(state, MAKER, 100, 1)
    change = market_op(SPOT, MarketKind.SPOT, sz_decimals=2, base_asset=1, status=0, tick=7)
    (event,) = run(state, change)
    assert (event.market, event.values[:2]) == (SPOT, (MarketKind.SPOT, 0))
    market = state.markets.read(SPOT)
    assert (market.best_bid, market.tick, market.base_units_per_lot) == (1, 7, 10**6)
    assert state.markets.read(FINE).base_units_per_lot == 10**5


def test_a_fee_tier_event_tells_all_it_set(spot_and_perp):
    (event,) = run(
        spot_and_perp,
        op.AdminFeeTier(**TIER, flags=TierFlag.SELF_SERVICE, quota_per_minute=2**31),
    )
    flags = TierFlag.SELF_SERVICE | TierFlag.EXISTS
    assert event.values == (1, 2, 1, 2, 2**31, flags)
    assert spot_and_perp.fee_tiers.read(10).quota_per_minute == 2**31
