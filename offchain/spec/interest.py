"""Interest on negative quote, charged by the sweep (docs/spec/risk.md section 9)."""

from offchain.spec.constants import (
    INSURANCE_ACCOUNT,
    PPM,
    QUOTE_ASSET,
    VALUE_LIMIT,
    YEAR_S,
)
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.state import State

_INDEX_LIMIT = 2**60  # at which the index stands still


def charge(state: State, log: EventLog, account_id: int) -> None:
    """Charge what negative quote has cost since the last visit, and count it for this lap."""
    account = state.account(account_id)
    quote = account.free[0] + account.locked[0]
    if quote >= 0:
        if account.quote_index:
            state.edit_account(account_id).quote_index = 0
        return
    index = state.asset_risk(QUOTE_ASSET).owed_index_e12
    due = _due(state, account_id, -quote, index)
    account = state.edit_account(account_id)
    account.quote_index = index
    account.free[0] -= due
    state.edit_account(INSURANCE_ACCOUNT).free[0] += due
    if due:
        log.interest(account=account_id, units=due, index_e12=index)
    state.header.lap_negative -= quote


def _due(state: State, account_id: int, owed: int, index: int) -> int:
    """Return the interest in quote units; 0 if a balance could not hold it."""
    account = state.account(account_id)
    if account.quote_index == 0:
        return 0
    due = ceil_div(owed * (index - account.quote_index), account.quote_index)
    insurance = state.account(INSURANCE_ACCOUNT)
    is_receivable = insurance.free[0] + insurance.locked[0] + due < VALUE_LIMIT
    is_payable = account.free[0] - due > -VALUE_LIMIT
    return due if is_receivable and is_payable else 0


def end_lap(state: State, log: EventLog) -> None:
    """End a lap of the sweep: what it counted sets the rate, the rate moves the index."""
    header = state.header
    header.swept_s = header.lap_started_s
    header.sweep_laps += 1
    header.negative_quote = header.lap_negative
    if state.asset_risk(QUOTE_ASSET).owed_index_e12:
        _accrue(state)
    log.lap_ended(
        laps=header.sweep_laps,
        negative_quote=header.negative_quote,
        owed_index_e12=state.asset_risk(QUOTE_ASSET).owed_index_e12,
    )


def _accrue(state: State) -> None:
    credit = state.edit_asset_risk(QUOTE_ASSET)
    negative = state.header.negative_quote
    lent_of = negative + state.assets.read(QUOTE_ASSET).total_units
    utilisation_ppm = negative * PPM // lent_of if lent_of else 0
    rate_ppm = credit.base_rate_ppm + credit.slope_ppm * utilisation_ppm // PPM
    elapsed_s = state.header.now_s - credit.interest_time_s
    growth = ceil_div(credit.owed_index_e12 * rate_ppm * elapsed_s, PPM * YEAR_S)
    credit.owed_index_e12 = min(credit.owed_index_e12 + growth, _INDEX_LIMIT)
    credit.interest_time_s = state.header.now_s
