"""What collateral counts for: tiers, caps, missed prices, impairment."""

import pytest

from offchain.spec import collateral
from offchain.spec.constants import MICRO_LIMIT
from offchain.spec.kinds import AssetRiskFlag
from tests.spec.risk_support import advance, asset_risk, asset_snapshot
from tests.spec.support import BASE, run

UNIT = 10**8  # engine units of a whole unit
MICRO = 10**6  # 10^-6 quote tokens in a quote token


def terms(state, held):
    return tuple(
        collateral.term_micro(state, BASE, held, is_margin=is_margin) for is_margin in (True, False)
    )


def test_value_times_weight_counts(spot_and_perp):
    state = spot_and_perp
    run(state, asset_risk())
    assert terms(state, UNIT) == (0, 0)
    run(state, asset_snapshot(state))
    # 20 quote tokens x 80 % and 90 %.
    assert terms(state, UNIT) == (16 * MICRO, 18 * MICRO)
    assert terms(state, 0) == (0, 0)


def test_every_step_is_rounded_down(spot_and_perp):
    state = spot_and_perp
    # ⌊333 x 1.5⌋ = 499 quote units per unit; ⌊(10^8 + 1) x 499 ÷ 10^8⌋ = 499 quote units.
    run(state, asset_risk(), asset_snapshot(state, price_e8=333, rate_e12=1_500_000_000_000))
    assert collateral.unit_price_e8(state, BASE) == 499
    # 499 quote units = 4.99 micro: x 0.8 = 3.992, x 0.9 = 4.491.
    assert terms(state, UNIT + 1) == (3, 4)


def test_beyond_the_tier_a_half_counts_and_beyond_the_cap_nothing(spot_and_perp):
    state = spot_and_perp
    run(state, asset_risk(tier_units=UNIT, user_cap_units=3 * UNIT), asset_snapshot(state))
    assert terms(state, UNIT) == (16 * MICRO, 18 * MICRO)
    # One whole and half of the second; one whole and half of two.
    assert terms(state, 2 * UNIT) == (24 * MICRO, 27 * MICRO)
    assert terms(state, 3 * UNIT) == terms(state, 9 * UNIT) == (32 * MICRO, 36 * MICRO)
    run(state, asset_risk(tier_units=1, user_cap_units=2), asset_snapshot_later(state))
    # One unit and ⌊1 ÷ 2⌋ = 0 more: 20 x 10^8 ÷ 10^8 quote units = 0.2 micro.
    assert terms(state, 2) == (0, 0)
    run(state, asset_risk(user_cap_units=0))
    assert terms(state, UNIT) == (0, 0)


def asset_snapshot_later(state):
    advance(state, 1)
    return asset_snapshot(state)


def test_a_term_is_bounded(spot_and_perp):
    state = spot_and_perp
    run(state, asset_risk(user_cap_units=2**62 - 1), asset_snapshot(state, price_e8=2**53 - 1))
    assert terms(state, 2**62 - 1) == (MICRO_LIMIT, MICRO_LIMIT)


def test_every_missed_heartbeat_takes_a_hundredth_off(spot_and_perp):
    state = spot_and_perp
    run(state, asset_risk(), asset_snapshot(state))
    advance(state, 3_599)
    assert terms(state, UNIT) == (16 * MICRO, 18 * MICRO)
    advance(state, 1)
    assert terms(state, UNIT) == (15_800_000, 17_800_000)
    advance(state, 80 * 3_600)
    # 81 missed: 80 - 81 and 90 - 81 hundredths.
    assert terms(state, UNIT) == (0, 1_800_000)
    run(state, asset_snapshot(state))
    assert terms(state, UNIT) == (16 * MICRO, 18 * MICRO)


def test_impaired_collateral_counts_for_liquidation_only_and_less_every_hour(spot_and_perp):
    state = spot_and_perp
    impaired = asset_risk(flags=AssetRiskFlag.IMPAIRED)
    run(state, impaired, asset_snapshot(state))
    assert terms(state, UNIT) == (0, 18 * MICRO)
    advance(state, 3_600)
    run(state, asset_snapshot(state))
    assert terms(state, UNIT) == (0, 17 * MICRO)
    # Five hours impaired and four heartbeats missed: 90 - 25 - 4 hundredths of 20.
    advance(state, 4 * 3_600)
    assert terms(state, UNIT) == (0, 12_200_000)
    advance(state, 40 * 3_600)
    assert terms(state, UNIT) == (0, 0)


@pytest.mark.parametrize("asset", [0, 2, 255])
def test_an_asset_without_risk_record_counts_nothing(spot_and_perp, asset):
    state = spot_and_perp
    assert collateral.term_micro(state, asset, UNIT, is_margin=True) == 0
