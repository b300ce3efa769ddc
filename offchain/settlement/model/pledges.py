"""Pledges: what a chain has locked for a peer (specification, sections 1, 4 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from offchain.settlement.abi import uint_word
from offchain.settlement.messages import Pledge
from offchain.settlement.model.refusals import Code, require
from offchain.settlement.model.state import State
from offchain.settlement.priority import PriorityKind

WAS_OWNER: Final = 0
IS_HOLDER: Final = 1


def apply_pledges(state: State, pledges: Sequence[Pledge]) -> None:
    """Apply what the chains of a settlement pledge, then what they release."""
    for pledge in pledges:
        if pledge.pledged_units:
            require(pledge.peer in state.registry, Code.PEER)
            state.ledger.pledge(pledge.chain_id, pledge.peer, pledge.asset_id, pledge.pledged_units)
    for pledge in pledges:
        state.ledger.unpledge(pledge.peer, pledge.chain_id, pledge.asset_id, pledge.released_units)
    for pledge in pledges:
        state.ledger.check_backing(pledge.chain_id, pledge.asset_id)


def move_pledges(state: State, owner: int, holder: int, asset_id: int) -> None:
    """Make a pledge the holder's balance, because one of the two is frozen.

    Raises
    ------
    Refused
        If neither is frozen or nothing is pledged.
    """
    is_frozen = {chain_id: state.registry.is_frozen(chain_id) for chain_id in (owner, holder)}
    require(any(is_frozen.values()), Code.NEITHER_FROZEN)
    units = state.ledger.pledged[owner, holder, asset_id]
    require(units > 0, Code.NO_PLEDGE)
    state.ledger.unpledge(owner, holder, asset_id, units)
    state.ledger.debit(owner, asset_id, units)
    state.ledger.balance[holder, asset_id] += units
    for chain_id, other, side in ((owner, holder, WAS_OWNER), (holder, owner, IS_HOLDER)):
        if not is_frozen[chain_id]:
            state.queue.append(
                chain_id,
                state.now_s,
                PriorityKind.PLEDGES_MOVED,
                state.deployment.gateway,
                asset_id=asset_id,
                amount_units=units,
                data0=uint_word(other),
                data1=uint_word(side),
            )
