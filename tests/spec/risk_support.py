"""A margined market for the tests of the specification, its prices and its clock."""

from offchain.spec import duties, op, risk_op
from offchain.spec.constants import INSURANCE_ACCOUNT
from offchain.spec.events import Event
from offchain.spec.kinds import SnapshotTarget
from offchain.spec.state import State
from tests.spec.support import PERP, exchange, run
from tests.strategies import GOVERNANCE

PRICE = 1_000  # price units of the perpetual: lots of 10^-3, so 10^-3 quote tokens
SOURCES = 3
GOVERNANCE_MASTER = 32 * 9
# A price unit of PERP is this much of L1's 10^-8: 10^(2 + sz_decimals).
E8_PER_PRICE = 10**5


def market_prices(market: int = PERP, **changes: int) -> risk_op.AdminMarketPrices:
    """Return parameters of pricing; every one can be told from the others in an event."""
    fields = {
        "basis_cap_ppm": 10_000,
        "mark_band_ppm": 50_000,
        "jump_ppm": 100_000,
        "snapshot_band_ppm": 500_000,
        "funding_interest_ppm": 100,
        "funding_cap_ppm": 40_000,
        "min_sources": SOURCES,
        "max_report_age_s": 30,
        "impact_notional_micro": 10_000,
    }
    return risk_op.AdminMarketPrices(market=market, **{**fields, **changes})


def market_risk(market: int = PERP, **changes: int) -> risk_op.AdminMarketRisk:
    """Return margins of 10 %, 5 % and 2.5 % and wide caps."""
    fields = {
        "initial_ppm": 100_000,
        "maintenance_ppm": 50_000,
        "closeout_ppm": 25_000,
        "liquidation_fee_ppm": 10_000,
        "open_interest_cap_lots": 10**9,
        "concentration_free_lots": 10**9,
        "concentration_ppm": 300_000,
        "price_band_ppm": 100_000,
    }
    return risk_op.AdminMarketRisk(market=market, **{**fields, **changes})


def asset_risk(asset: int = 1, **changes: int) -> risk_op.AdminAssetRisk:
    """Return a collateral of weights 80 % and 90 % that is exchanged at a discount of 5 %."""
    fields = {
        "margin_weight_ppm": 800_000,
        "liquidation_weight_ppm": 900_000,
        "exchange_discount_ppm": 50_000,
        "growth_cap_ppm": 100_000,
        "heartbeat_s": 3_600,
        "user_cap_units": 10**15,
    }
    return risk_op.AdminAssetRisk(asset=asset, **{**fields, **changes})


def asset_snapshot(state: State, asset: int = 1, **changes: int) -> risk_op.Snapshot:
    """Return a snapshot of 20 quote tokens and a redemption rate of 1."""
    fields = {"price_e8": 20 * 10**8, "rate_e12": 10**12, "time_s": state.header.now_s}
    return risk_op.Snapshot(target=SnapshotTarget.ASSET, asset=asset, **{**fields, **changes})


def market_snapshot(
    state: State, price: int = PRICE, *, market: int = PERP, **changes: int
) -> risk_op.Snapshot:
    """Return a snapshot of a price in price units of PERP."""
    fields = {"price_e8": price * E8_PER_PRICE, "time_s": state.header.now_s}
    return risk_op.Snapshot(target=SnapshotTarget.MARKET, market=market, **{**fields, **changes})


def price_report(
    state: State, price: int = PRICE, *, market: int = PERP, **changes: int
) -> risk_op.PriceReport:
    """Return a report of the present time."""
    fields = {"time_s": state.header.now_s, "sources": SOURCES}
    return risk_op.PriceReport(market=market, index_price=price, **{**fields, **changes})


def advance(state: State, seconds: int) -> list[Event]:
    """Let time pass and run all duties that fall due; return their events."""
    run(state, op.AdvanceTime(now_s=state.header.now_s + seconds))
    events: list[Event] = []
    while duties.must_run(state):
        events += run(state, op.RunDuties())
    return events


def reprice(state: State, price: int = PRICE, *, market: int = PERP) -> list[Event]:
    """Let a second pass, take a snapshot and report a price; return the report's events."""
    advance(state, 1)
    run(state, market_snapshot(state, price, market=market))
    return run(state, price_report(state, price, market=market))


def margined_exchange() -> State:
    """Return the exchange with margin in PERP and a fresh mark of PRICE, at 1,001 s."""
    state = exchange()
    run(state, market_prices(), market_risk())
    reprice(state)
    return state


def fund_insurance(state: State, units: int) -> None:
    """Give quote units to the insurance account: governance owns a master that can deposit."""
    run(
        state,
        op.Deposit(account=GOVERNANCE_MASTER, owner=GOVERNANCE, asset=0, amount=units),
        op.Transfer(account=GOVERNANCE_MASTER, to_account=INSURANCE_ACCOUNT, asset=0, amount=units),
    )
