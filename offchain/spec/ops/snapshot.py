"""SNAPSHOT: a price that a contract on L1 has recorded (docs/spec/risk.md section 4)."""

from offchain.spec import yield_share
from offchain.spec.checks import require
from offchain.spec.constants import (
    MAX_ASSETS,
    PPM,
    PRICE_MAX,
    PRICE_UNIT_LIMIT,
    RATE_LIMIT_E12,
    YEAR_S,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AssetRiskFlag, SnapshotTarget
from offchain.spec.order_checks import require_priced_market
from offchain.spec.risk_op import Snapshot
from offchain.spec.risk_records import AssetRisk
from offchain.spec.state import State

_E8_DECIMALS_BELOW_PRICE = 2  # a price unit of a perpetual with lots of 1 is 1e-6


def snapshot(state: State, op: Snapshot, log: EventLog) -> None:
    """Apply a SNAPSHOT of the operator, on whose word a chain without feeds goes.

    Raises
    ------
    OpError
        SNAPSHOT_NOT_FROM_L1, and what :func:`store` refuses.
    """
    require(not state.oracle().has_feeds, ErrorCode.SNAPSHOT_NOT_FROM_L1)
    store(state, op, log)


def store(state: State, op: Snapshot, log: EventLog) -> None:
    """Store a price of L1.

    Raises
    ------
    OpError
        UNKNOWN_MARKET or UNKNOWN_ASSET, STALE_PRICE, INVALID_PRICE.
    """
    if op.target == SnapshotTarget.MARKET:
        _of_market(state, op, log)
    else:
        _of_asset(state, op, log)


def _of_market(state: State, op: Snapshot, log: EventLog) -> None:
    require_priced_market(state, op.market)
    _check_time(state, op, state.market_risk(op.market).snapshot_time_s)
    decimals = _E8_DECIMALS_BELOW_PRICE + state.markets.read(op.market).sz_decimals
    price = op.price_e8 // 10**decimals
    require(0 < price <= PRICE_MAX, ErrorCode.INVALID_PRICE)
    risk = state.edit_market_risk(op.market)
    risk.snapshot_price = price
    risk.snapshot_time_s = op.time_s
    log.snapshot_taken(
        target=SnapshotTarget.MARKET,
        market=op.market,
        asset=0,
        price_e8=op.price_e8,
        rate_e12=0,
        time_s=op.time_s,
        snapshot_price=price,
    )


def _of_asset(state: State, op: Snapshot, log: EventLog) -> None:
    exists = op.asset < MAX_ASSETS and state.asset_risk(op.asset).flags & AssetRiskFlag.EXISTS
    require(bool(exists), ErrorCode.UNKNOWN_ASSET)
    _check_time(state, op, state.asset_risk(op.asset).time_s)
    is_in_range = 0 < op.price_e8 < PRICE_UNIT_LIMIT and 0 < op.rate_e12 <= RATE_LIMIT_E12
    require(is_in_range, ErrorCode.INVALID_PRICE)
    risk = state.edit_asset_risk(op.asset)
    old_rate_e12 = risk.rate_e12
    risk.rate_e12 = _grown_rate(risk, op)
    risk.price_e8 = op.price_e8
    risk.time_s = op.time_s
    log.snapshot_taken(
        target=SnapshotTarget.ASSET,
        market=0,
        asset=op.asset,
        price_e8=op.price_e8,
        rate_e12=risk.rate_e12,
        time_s=op.time_s,
        snapshot_price=0,
    )
    yield_share.share(state, log, op.asset, old_rate_e12)


def _check_time(state: State, op: Snapshot, last_s: int) -> None:
    require(last_s < op.time_s <= state.header.now_s, ErrorCode.STALE_PRICE)


def _grown_rate(risk: AssetRisk, op: Snapshot) -> int:
    """Return the redemption rate, which grows at most by the asset's yearly cap."""
    if risk.rate_e12 == 0:
        return op.rate_e12
    elapsed_s = op.time_s - risk.time_s
    growth = risk.rate_e12 * risk.growth_cap_ppm * elapsed_s // (PPM * YEAR_S)
    return min(op.rate_e12, risk.rate_e12 + growth)
