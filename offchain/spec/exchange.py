"""Collateral for quote: negative quote is paid with it, or becomes bad debt of the insurance.

docs/spec/risk.md section 8, step 4.
"""

from offchain.spec import balances, pledges, settling
from offchain.spec.collateral import counts, unit_price_e8
from offchain.spec.constants import (
    BALANCES_PER_ACCOUNT,
    INSURANCE_ACCOUNT,
    POSITIONS_PER_ACCOUNT,
    PPM,
    QUOTE_ASSET,
)
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.records import Account
from offchain.spec.state import State, position_index

_UNIT = 10**8  # engine units in a whole unit


def exchange(state: State, log: EventLog, account_id: int) -> bool:
    """Exchange collateral for an account's negative quote, if it is time, or write it off.

    Returns
    -------
    bool
        Whether anything was exchanged or written off.
    """
    if account_id == INSURANCE_ACCOUNT:
        return False
    has_position = _has_position(state, account_id)
    negative_cap = state.asset_risk(QUOTE_ASSET).negative_cap
    quote = _quote(state.account(account_id))
    if quote >= 0 or (has_position and quote >= -negative_cap):
        return False
    has_exchanged = False
    for slot in range(1, BALANCES_PER_ACCOUNT):
        if _quote(state.account(account_id)) < 0:
            has_exchanged |= _exchange_slot(state, log, account_id, slot)
    account = state.account(account_id)
    quote = _quote(account)
    if quote >= 0 or has_position or any(account.free[1:]) or any(account.locked[1:]):
        return has_exchanged
    state.edit_account(INSURANCE_ACCOUNT).free[0] += quote
    state.edit_account(account_id).free[0] -= quote
    log.bad_debt(account=account_id, units=-quote)
    return True


def _quote(account: Account) -> int:
    return account.free[0] + account.locked[0]


def _has_position(state: State, account_id: int) -> bool:
    for k in range(POSITIONS_PER_ACCOUNT):
        position = state.positions.read(position_index(account_id, k))
        market_id = position.market_plus_1 - 1
        if position.size_lots and settling.size_of(state, account_id, market_id):
            return True
    return False


def _exchange_slot(state: State, log: EventLog, account_id: int, slot: int) -> bool:
    """Sell what is free in a balance slot to the insurance account, as much as is owed."""
    account = state.account(account_id)
    asset = account.asset_ids[slot] - 1
    if asset < 0 or account.free[slot] <= 0:
        return False
    risk = state.asset_risk(asset)
    if not counts(risk):
        return False
    price_e8 = unit_price_e8(state, asset) * (PPM - risk.exchange_discount_ppm) // PPM
    if price_e8 == 0:
        return False
    units = min(account.free[slot], ceil_div(-_quote(account) * _UNIT, price_e8))
    proceeds = units * price_e8 // _UNIT
    buyer = state.account(INSURANCE_ACCOUNT)
    has_room = balances.has_room(buyer, asset) and balances.can_receive(buyer, asset, units)
    if buyer.free[0] < proceeds or not has_room:
        return False
    buyer = state.edit_account(INSURANCE_ACCOUNT)
    buyer.free[0] -= proceeds
    buyer.free[balances.open_slot(buyer, asset)] += units
    account = state.edit_account(account_id)
    account.free[0] += proceeds
    account.free[slot] -= units
    balances.release_slot(account, slot)
    if state.assets.read(asset).is_linked:
        pledges.claim(state, account_id, asset, units)
    log.exchanged(account=account_id, asset=asset, units=units, proceeds=proceeds)
    return True
