"""The protocol's share of what a yield-bearing asset earns (docs/spec/risk.md section 13).

When the redemption rate rises, an engine unit comes to stand for a little less of L1's unit. What
that frees is minted to the fee account, so that the chain holds what it owes as before.
"""

from offchain.spec import balances, units
from offchain.spec.constants import FEE_ACCOUNT, INDEX_ONE, PPM, UNIT_INDEX_MIN_E12
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.state import State


def share(state: State, log: EventLog, asset: int, old_rate_e12: int) -> None:
    """Share the yield since a rate, or do nothing where there is none to share.

    Parameters
    ----------
    state, log
        Changed and appended to.
    asset
        Whose rate was written.
    old_rate_e12
        The rate before; 0 if there was none.
    """
    risk = state.asset_risk(asset)
    supply = state.assets.read(asset).supply_units
    if not risk.yield_share_ppm or not 0 < old_rate_e12 < risk.rate_e12 or supply == 0:
        return
    index = units.index_e12(state, asset)
    whole = risk.rate_e12 * PPM
    kept = whole - risk.yield_share_ppm * (risk.rate_e12 - old_rate_e12)
    new_index = index * kept // whole
    if new_index < UNIT_INDEX_MIN_E12:
        return
    freed = supply * index // INDEX_ONE - ceil_div(supply * new_index, INDEX_ONE)
    minted = freed * INDEX_ONE // new_index
    if minted <= 0 or not _can_mint(state, asset, minted):
        return
    receiver = state.edit_account(FEE_ACCOUNT)
    receiver.free[balances.open_slot(receiver, asset)] += minted
    record = state.assets.edit(asset)
    record.supply_units += minted
    record.unit_index_e12 = new_index
    log.yield_shared(
        account=FEE_ACCOUNT,
        asset=asset,
        minted_units=minted,
        freed_units=freed,
        index_e12=new_index,
    )


def _can_mint(state: State, asset: int, minted: int) -> bool:
    receiver = state.account(FEE_ACCOUNT)
    return (
        balances.has_room(receiver, asset)
        and balances.can_receive(receiver, asset, minted)
        and units.can_supply(state, asset, minted)
    )
