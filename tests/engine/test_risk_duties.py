"""What the sequencer does by itself in margined markets: liquidations and the sweep."""

import pytest

from offchain.engine.sequencer import Sequencer
from offchain.spec import constants as k
from offchain.spec import op, risk_op
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarketKind, MarketStatus, PlaceFlag, SnapshotTarget
from offchain.spec.priority import admin_record
from tests.engine.scene import ACCOUNTS, DOMAIN, FUNDS, GENESIS, START_MS, funded_scene

PERP = 2
PRICE = 10_000
START_S = START_MS // 1_000
LOTS = FUNDS // (PRICE * k.PERP_QUOTE_MULTIPLIER) * 5  # five times what an account has
PARAMETERS = (
    op.AdminMarket(
        market=PERP,
        market_kind=MarketKind.PERP,
        status=MarketStatus.OPEN,
        sz_decimals=2,
        fee_account=k.FEE_ACCOUNT,
        insurance_account=k.INSURANCE_ACCOUNT,
    ),
    risk_op.AdminMarketPrices(
        market=PERP,
        basis_cap_ppm=0,
        mark_band_ppm=50_000,
        jump_ppm=k.PPM,
        snapshot_band_ppm=k.PPM,
        funding_interest_ppm=0,
        funding_cap_ppm=0,
        min_sources=1,
        max_report_age_s=30,
        impact_notional_micro=0,
    ),
    risk_op.AdminMarketRisk(
        market=PERP,
        initial_ppm=100_000,
        maintenance_ppm=50_000,
        closeout_ppm=25_000,
        liquidation_fee_ppm=10_000,
        open_interest_cap_lots=10**12 - 1,
        concentration_free_lots=10**12 - 1,
        concentration_ppm=k.PPM,
        price_band_ppm=100_000,
    ),
)


@pytest.fixture
def scene():
    """Two accounts, of which the first is long five times its money against the second."""
    scene = funded_scene()
    first = scene.sequencer.state.header().next_priority_index
    for index, each in enumerate(PARAMETERS, start=first):
        scene.sequencer.submit_priority(admin_record(index, each.to_bytes()).to_bytes())
    scene.sequencer.take_snapshot(
        risk_op.Snapshot(
            target=SnapshotTarget.MARKET, market=PERP, time_s=START_S, price_e8=PRICE * 10**4
        )
    )
    report(scene, PRICE)
    scene.send(1, [order(1, LOTS, is_ask=True)])
    scene.send(0, [order(0, LOTS)])
    return scene


def order(who, size_lots, *, is_ask=False, price=PRICE):
    return op.Place(
        flags=PlaceFlag.IS_ASK if is_ask else 0,
        market=PERP,
        account=ACCOUNTS[who],
        price=price,
        size_lots=size_lots,
    )


def report(scene, price):
    scene.clock.ms += 1_000
    return scene.sequencer.report_price(
        risk_op.PriceReport(
            market=PERP, index_price=price, time_s=scene.clock.ms // 1_000, sources=1
        )
    )


def test_falling_price_liquidates_at_once(scene):
    kinds = report(scene, PRICE * 815 // 1_000).events["kind"].tolist()
    assert EventKind.PRICE_REPORTED in kinds
    assert EventKind.DELEVERAGED in kinds
    assert scene.sequencer._core.unhealthy().size == 0


def test_order_without_counterparty_ends_the_round(scene):
    """Between maintenance and close-out only an order is sent; nobody takes it here."""
    receipt = report(scene, PRICE * 835 // 1_000)
    assert receipt.events["kind"].tolist().count(EventKind.LIQUIDATED) == 1
    assert scene.sequencer._core.unhealthy().tolist() == [ACCOUNTS[0]]


def test_refused_price_liquidates_nobody(scene):
    receipt = scene.sequencer.report_price(
        risk_op.PriceReport(market=PERP, index_price=0, time_s=START_S, sources=1)
    )
    assert receipt.events["kind"].tolist() == [EventKind.REJECTED]
    assert receipt.events["v"][0][2] == ErrorCode.INVALID_PRICE


def test_time_sweeps_everyone_in_time(scene):
    for _ in range(20):
        scene.clock.ms += 100_000
        scene.sequencer.tick()
        age_s = scene.sequencer.state.sweep_age_s()
        assert age_s is not None
        assert age_s <= k.SWEEP_PERIOD_S
    assert scene.sequencer.state.header().sweep_laps >= 2_000 // k.SWEEP_PERIOD_S


def test_sweep_catches_up_after_a_pause(scene):
    scene.clock.ms += 10 * k.SWEEP_PERIOD_S * 1_000
    scene.sequencer.tick()
    assert scene.sequencer.state.sweep_age_s() == 0


def test_nobody_with_risk_needs_no_sweep():
    sequencer = funded_scene().sequencer
    assert sequencer.state.sweep_age_s() is None


def test_replay_rebuilds_what_was_liquidated(scene):
    report(scene, PRICE * 815 // 1_000)
    batch = scene.sequencer.seal()
    replayed = Sequencer(GENESIS.new_core(), DOMAIN, GENESIS.config_hash())
    for envelope in [e for sealed in scene.sequencer.sealed for e in sealed.envelopes]:
        replayed._take(envelope)
    assert replayed.sealed[-1] == batch
