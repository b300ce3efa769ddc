"""The minute of a margined market: residue, premium sample and funding.

docs/spec/risk.md section 5. Premiums and rates are ppm, a rate per FUNDING_PERIODS hours.
"""

from offchain.spec import duties, positions, prices, settling
from offchain.spec.book_records import Duty
from offchain.spec.bounds import clamp
from offchain.spec.constants import (
    FRACTION_ONE,
    FUNDING_CLAMP_PPM,
    FUNDING_PERIODS,
    HOUR_S,
    IMPACT_LEVELS,
    MINUTE_S,
    PAID_INDEX_LIMIT,
    PERP_QUOTE_MULTIPLIER,
    POSITIONS_PER_ACCOUNT,
    PPM,
    SAMPLES_PER_HOUR,
)
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import DutyKind
from offchain.spec.op import TIME_LIMIT
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import State


def schedule_minute(state: State, market_id: int) -> None:
    """Push the market's next minute; the duty heap has room for it."""
    next_s = (state.header.now_s // MINUTE_S + 1) * MINUTE_S
    # The largest u32 never falls due: no time reaches it.
    due_s = min(next_s, TIME_LIMIT)
    duties.push(state, Duty(due_s, DutyKind.MARKET_MINUTE, market_id))


def run_minute(state: State, log: EventLog, market_id: int) -> None:
    """Do what a margined market has to do every minute.

    Parameters
    ----------
    state, log
        Changed and appended to; the market's duty has just left the heap.
    market_id
        A margined market.
    """
    for is_long in (True, False):
        _assign_residue(state, log, market_id, is_long=is_long)
    if prices.is_mark_fresh(state, market_id):
        _sample_premium(state, market_id)
    hour = state.header.now_s // HOUR_S
    if hour != state.market_risk(market_id).funding_hour:
        risk = state.edit_market_risk(market_id)
        if risk.index_price and risk.funding_hour:
            _fund(risk, log, market_id)
        risk.premium_sum_ppm = 0
        risk.funding_hour = hour
    schedule_minute(state, market_id)


def _assign_residue(state: State, log: EventLog, market_id: int, *, is_long: bool) -> None:
    """Give lots that belong to no position to the market's insurance account, at no price."""
    if _residue_lots(state, market_id, is_long=is_long) == 0:
        return
    account_id = state.markets.read(market_id).insurance_account
    has_record = positions.find(state, account_id, market_id) != positions.NO_POSITION
    if not has_record and state.account(account_id).positions_used == POSITIONS_PER_ACCOUNT:
        return
    positions.open_record(state, account_id, market_id)
    settling.write(state, log, account_id, market_id)
    # Settling may have completed one more lot.
    lots = _residue_lots(state, market_id, is_long=is_long)
    position = positions.edit(state, account_id, market_id)
    quantity = lots if is_long else -lots
    size, cost, pnl = positions.after_fill(position.size_lots, position.cost, quantity, 0)
    risk = state.edit_market_risk(market_id)
    if is_long:
        risk.longs.residue_lots = 0
        state.markets.edit(market_id).open_interest_lots -= lots
    else:
        risk.shorts.residue_lots = 0
    positions.store(state, account_id, market_id, size, cost)
    state.edit_account(account_id).free[0] += pnl
    log.residue(market=market_id, account=account_id, lots=quantity, size=size, cost=cost, pnl=pnl)
    positions.release_if_empty(state, account_id, market_id)


def _residue_lots(state: State, market_id: int, *, is_long: bool) -> int:
    risk = state.market_risk(market_id)
    return (risk.longs if is_long else risk.shorts).residue_lots


def _sample_premium(state: State, market_id: int) -> None:
    risk = state.edit_market_risk(market_id)
    index, notional = risk.index_price, risk.impact_notional_micro
    bid = impact_price(state, market_id, notional, is_ask=False)
    ask = impact_price(state, market_id, notional, is_ask=True)
    above = 0 if bid is None else max(0, bid - index)
    below = 0 if ask is None else max(0, index - ask)
    premium_ppm = (above - below) * PPM // index
    risk.premium_sum_ppm += clamp(premium_ppm, -PPM, PPM)


def impact_price(state: State, market_id: int, notional_micro: int, *, is_ask: bool) -> int | None:
    """Return the average price at which one side of the book takes a notional.

    Parameters
    ----------
    state
        Only read.
    market_id
        A perpetual.
    notional_micro
        In 10^-6 quote tokens; 0 has no price.
    is_ask
        The side that is looked at.

    Returns
    -------
    int or None
        Price units, rounded away from the mark's favour: bids down, asks up. None when the first
        IMPACT_LEVELS levels hold less than the notional.
    """
    level_slot = state.markets.read(market_id).best(is_ask=is_ask)
    lots = micro = 0
    for _ in range(IMPACT_LEVELS):
        if level_slot == 0:
            return None
        level = state.levels.read(level_slot)
        missing = notional_micro - micro
        if level.price * level.total_lots >= missing:
            last_lots = ceil_div(missing, level.price)
            lots += last_lots
            micro += last_lots * level.price
            if lots == 0:
                return None
            return ceil_div(micro, lots) if is_ask else micro // lots
        lots += level.total_lots
        micro += level.price * level.total_lots
        level_slot = level.next
    return None


def _fund(risk: MarketRisk, log: EventLog, market_id: int) -> None:
    """Move the paid indices of both sides by an hour's funding."""
    premium_ppm = risk.premium_sum_ppm // SAMPLES_PER_HOUR
    interest_ppm = clamp(
        risk.funding_interest_ppm - premium_ppm, -FUNDING_CLAMP_PPM, FUNDING_CLAMP_PPM
    )
    rate_ppm = clamp(premium_ppm + interest_ppm, -risk.funding_cap_ppm, risk.funding_cap_ppm)
    per_lot = risk.index_price * PERP_QUOTE_MULTIPLIER * rate_ppm // FUNDING_PERIODS
    # Per lot as it was opened: of a side that was taken from, only the rest pays.
    longs_paid = risk.longs.paid + ceil_div(
        per_lot * (FRACTION_ONE - risk.longs.taken), FRACTION_ONE
    )
    shorts_paid = risk.shorts.paid + per_lot * (FRACTION_ONE - risk.shorts.taken) // FRACTION_ONE
    if max(abs(longs_paid), abs(shorts_paid)) < PAID_INDEX_LIMIT:
        risk.longs.paid = longs_paid
        risk.shorts.paid = shorts_paid
    log.funding(
        market=market_id,
        per_lot=per_lot,
        index_price=risk.index_price,
        premium_ppm=premium_ppm,
        rate_ppm=rate_ppm,
        longs_paid=risk.longs.paid,
        shorts_paid=risk.shorts.paid,
    )
