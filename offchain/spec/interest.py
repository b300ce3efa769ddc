"""Interest on quote: those who owe pay it, those who hold earn it (docs/spec/risk.md 9 and 12).

The insurance account stands between them. What is set aside for lenders is the pot: interest that
came in, less the spread. Nobody earns what nobody has paid.
"""

from offchain.spec.constants import (
    FEE_ACCOUNT,
    INSURANCE_ACCOUNT,
    PPM,
    QUOTE_ASSET,
    VALUE_LIMIT,
    YEAR_S,
)
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import AccountFlag
from offchain.spec.state import State

_INDEX_LIMIT = 2**60  # at which an index stands still


def visit(state: State, log: EventLog, account_id: int) -> None:
    """Charge or credit an account at its visit by the sweep; count what it owes for this lap."""
    account = state.account(account_id)
    quote = account.free[0] + account.locked[0]
    if quote >= 0:
        earn(state, log, account_id)
        return
    index = state.asset_risk(QUOTE_ASSET).owed_index_e12
    due = _due(state, account_id, -quote, index)
    account = state.edit_account(account_id)
    account.free[0] -= due
    state.edit_account(INSURANCE_ACCOUNT).free[0] += due
    if due:
        _set_aside(state, due)
        log.interest(account=account_id, units=due, index_e12=index)
    _stamp(state, account_id, index, owes=index != 0)
    state.header.lap_negative -= quote


def _due(state: State, account_id: int, owed: int, index: int) -> int:
    """Return the interest in quote units; 0 if a balance could not hold it."""
    account = state.account(account_id)
    if account.quote_index == 0 or not account.flags & AccountFlag.OWES:
        return 0
    due = ceil_div(owed * (index - account.quote_index), account.quote_index)
    insurance = state.account(INSURANCE_ACCOUNT)
    is_receivable = insurance.free[0] + insurance.locked[0] + due < VALUE_LIMIT
    is_payable = account.free[0] - due > -VALUE_LIMIT
    return due if is_receivable and is_payable else 0


def _set_aside(state: State, due: int) -> None:
    """Put the lenders' part of interest that came in into the pot."""
    credit = state.edit_asset_risk(QUOTE_ASSET)
    part = due - ceil_div(due * credit.spread_ppm, PPM)
    if max(credit.lender_pot, state.header.lap_lent) + part < VALUE_LIMIT:
        credit.lender_pot += part
        state.header.lap_lent += part


def earn(state: State, log: EventLog, account_id: int, incoming: int = 0) -> None:
    """Credit what positive quote has earned since the last visit; negative quote is left alone.

    Parameters
    ----------
    state, log
        Changed and appended to.
    account_id
        Exists.
    incoming
        Quote units that the op is about to add to the account.
    """
    account = state.account(account_id)
    quote = account.free[0] + account.locked[0]
    if quote < 0:
        return
    if account_id in (FEE_ACCOUNT, INSURANCE_ACCOUNT):
        _stamp(state, account_id, 0, owes=False)
        return
    index = state.asset_risk(QUOTE_ASSET).earned_index_e12
    gain = _gain(state, account_id, quote, index, incoming)
    if gain:
        state.edit_account(account_id).free[0] += gain
        state.edit_account(INSURANCE_ACCOUNT).free[0] -= gain
        state.edit_asset_risk(QUOTE_ASSET).lender_pot -= gain
        log.earned(account=account_id, units=gain, index_e12=index)
    _stamp(state, account_id, index, owes=False)


def _gain(state: State, account_id: int, quote: int, index: int, incoming: int) -> int:
    """Return the interest earned in quote units, out of the pot; 0 if no balance could hold it."""
    account = state.account(account_id)
    if account.quote_index == 0 or account.flags & AccountFlag.OWES:
        return 0
    gain = quote * (index - account.quote_index) // account.quote_index
    gain = min(gain, state.asset_risk(QUOTE_ASSET).lender_pot)
    is_receivable = quote + gain + incoming < VALUE_LIMIT
    is_payable = state.account(INSURANCE_ACCOUNT).free[0] - gain > -VALUE_LIMIT
    return gain if is_receivable and is_payable else 0


def _stamp(state: State, account_id: int, index: int, *, owes: bool) -> None:
    """Note up to which index, of what is owed or earned, an account is settled."""
    account = state.edit_account(account_id)
    account.quote_index = index
    account.flags = account.flags & ~AccountFlag.OWES | (AccountFlag.OWES if owes else 0)


def end_lap(state: State, log: EventLog) -> None:
    """End a lap of the sweep: what it counted sets the rate, the rate moves the indices."""
    header = state.header
    header.swept_s = header.lap_started_s
    header.sweep_laps += 1
    header.negative_quote = header.lap_negative
    if state.asset_risk(QUOTE_ASSET).owed_index_e12:
        _accrue(state)
    header.lap_lent = 0
    credit = state.asset_risk(QUOTE_ASSET)
    log.lap_ended(
        laps=header.sweep_laps,
        negative_quote=header.negative_quote,
        owed_index_e12=credit.owed_index_e12,
        earned_index_e12=credit.earned_index_e12,
    )


def _accrue(state: State) -> None:
    credit = state.edit_asset_risk(QUOTE_ASSET)
    negative = state.header.negative_quote
    supply = negative + state.assets.read(QUOTE_ASSET).total_units
    utilisation_ppm = negative * PPM // supply if supply else 0
    rate_ppm = credit.base_rate_ppm + credit.slope_ppm * utilisation_ppm // PPM
    elapsed_s = state.header.now_s - credit.interest_time_s
    growth = ceil_div(credit.owed_index_e12 * rate_ppm * elapsed_s, PPM * YEAR_S)
    credit.owed_index_e12 = min(credit.owed_index_e12 + growth, _INDEX_LIMIT)
    credit.interest_time_s = state.header.now_s
    if supply:
        growth = credit.earned_index_e12 * state.header.lap_lent // supply
        credit.earned_index_e12 = min(credit.earned_index_e12 + growth, _INDEX_LIMIT)
