"""PLEDGES_MOVED, and what becomes of pledges when one of the two chains is frozen."""

from dataclasses import replace

import pytest

from offchain.spec import l1_op, link_op
from offchain.spec.constants import INSURANCE_ACCOUNT, MAX_CHANNELS, VALUE_LIMIT
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import ChannelFlag, EventKind
from offchain.spec.link_records import Reservation
from offchain.spec.state import State
from tests.spec.link_support import (
    CHANNEL,
    HOLDER_ID,
    KEEPER_ID,
    LINKED,
    OWNER,
    SUB,
    UNITS,
    free_of,
    holder,
    keeper,
    link,
    linked_asset,
    offer,
    pledge,
    record_of,
    tell,
    values_of,
)
from tests.spec.risk_support import advance
from tests.spec.support import BASE, kinds, only, refused, run
from tests.spec.test_seize import CLAIM, owe
from tests.strategies import owner_of

MOVED = l1_op.PledgesMoved(asset=BASE, is_holder=1, peer_chain_id=KEEPER_ID, units=UNITS)
RELEASE = link_op.Release(account=OWNER, asset=LINKED, amount=UNITS)
SEIZE = link_op.Seize(account=SUB, number=0)
UNLINK = l1_op.ForcedUnlink(account=OWNER, peer_chain_id=KEEPER_ID, sender=owner_of(OWNER))


@pytest.fixture
def state() -> State:
    """OWNER holds UNITS, and the keeper is frozen."""
    state = holder()
    tell(state, offer(state))
    run(state, MOVED)
    return state


def fill_slots(state: State, account_id: int) -> None:
    """Take the account's slot of BASE and all that are free for other assets."""
    account = state.edit_account(account_id)
    for slot in range(1, 8):
        if account.asset_ids[slot] in (0, BASE + 1):
            account.asset_ids[slot] = 100 + slot


def test_the_channel_is_severed_and_its_units_are_noted() -> None:
    state = holder()
    (event,) = run(state, MOVED)
    assert (event.kind, event.market, event.account) == (EventKind.PLEDGES_MOVED, CHANNEL, 0)
    assert event.values == (BASE, UNITS, 1, KEEPER_ID, 0, 0)
    assert state.channels.read(CHANNEL).flags == ChannelFlag.SEVERED
    assert state.assets.read(LINKED).moved_units == UNITS
    run(state, replace(MOVED, units=VALUE_LIMIT - 1))
    assert state.assets.read(LINKED).moved_units == VALUE_LIMIT - 1


def test_another_asset_and_another_role_have_nothing_moved() -> None:
    state = holder()
    run(state, replace(MOVED, asset=2), replace(MOVED, is_holder=0))
    assert state.assets.read(LINKED).moved_units == 0
    assert state.channels.read(CHANNEL).is_severed


def test_an_unknown_peer_is_noted_alone() -> None:
    state = holder()
    (event,) = run(state, replace(MOVED, peer_chain_id=KEEPER_ID + 1))
    assert event.market == MAX_CHANNELS
    assert not state.channels.read(CHANNEL).is_severed


@pytest.mark.parametrize(
    "changes", [{"is_holder": 2}, {"units": VALUE_LIMIT}, {"peer_chain_id": 2**32 - 1}]
)
def test_what_l1_cannot_send_is_malformed(changes: dict[str, int]) -> None:
    assert refused(holder(), replace(MOVED, **changes)) is E.MALFORMED_OP


def test_nothing_is_pledged_to_a_frozen_holder() -> None:
    state = keeper()
    run(state, pledge(state), replace(MOVED, is_holder=0, peer_chain_id=HOLDER_ID))
    assert refused(state, pledge(state)) is E.UNKNOWN_PEER
    assert record_of(state).units == UNITS


def test_what_was_on_its_way_is_taken(state: State) -> None:
    assert kinds(tell(state, offer(state))) == [EventKind.PLEDGE_TAKEN]


def test_a_release_redeems(state: State) -> None:
    before, asset = free_of(state, OWNER, BASE), state.assets.read(BASE)
    total, sent_count = asset.total_units, state.channels.read(CHANNEL).sent_count
    (event,) = run(state, replace(RELEASE, amount=UNITS - 1))
    assert (event.kind, event.market, event.account) == (EventKind.REDEEMED, CHANNEL, OWNER)
    assert event.values == (LINKED, BASE, UNITS - 1, 0, 0, 0)
    assert free_of(state, OWNER, BASE) == before + UNITS - 1
    assert state.assets.read(BASE).total_units == total + UNITS - 1
    linked = state.assets.read(LINKED)
    assert (linked.supply_units, linked.moved_units, record_of(state).units) == (1, 1, 1)
    assert state.channels.read(CHANNEL).sent_count == sent_count


def test_no_more_is_redeemed_than_was_moved(state: State) -> None:
    state.assets.edit(LINKED).moved_units = UNITS - 1
    assert refused(state, RELEASE) is E.INSUFFICIENT_CHAIN_LIQUIDITY


def test_an_asset_that_is_not_here_is_not_redeemed() -> None:
    state = holder()
    run(state, linked_asset(65), link(65, peer_asset=5))
    tell(state, offer(state, asset=5))
    run(state, replace(MOVED, asset=5))
    assert refused(state, replace(RELEASE, asset=65)) is E.UNKNOWN_ASSET


def test_the_slot_of_the_pledge_is_no_room(state: State) -> None:
    fill_slots(state, OWNER)
    assert refused(state, RELEASE) is E.BALANCES_FULL


def test_a_balance_stays_below_its_bound(state: State) -> None:
    account = state.edit_account(OWNER)
    account.free[account.asset_ids.index(BASE + 1)] = VALUE_LIMIT - UNITS
    assert refused(state, RELEASE) is E.BALANCE_TOO_LARGE


def test_the_supply_stays_below_its_bound(state: State) -> None:
    state.assets.edit(BASE).supply_units = VALUE_LIMIT - UNITS
    assert refused(state, RELEASE) is E.BALANCE_TOO_LARGE


def test_an_expired_pledge_redeems(state: State) -> None:
    events = advance(state, record_of(state).expires_at_s - state.header.now_s)
    assert [event.values[:3] for event in only(events, EventKind.REDEEMED)] == [
        (LINKED, BASE, UNITS)
    ]
    assert record_of(state) == Reservation()


def test_a_duty_leaves_what_cannot_be_redeemed(state: State) -> None:
    state.assets.edit(LINKED).moved_units = UNITS - 1
    events = advance(state, record_of(state).expires_at_s - state.header.now_s)
    assert not only(events, EventKind.REDEEMED)
    assert record_of(state).units == UNITS


def test_an_unlinking_redeems_or_is_refused(state: State) -> None:
    state.assets.edit(LINKED).moved_units = UNITS - 1
    assert refused(state, UNLINK) is E.UNKNOWN_PLEDGE
    state.assets.edit(LINKED).moved_units = UNITS
    assert values_of(run(state, UNLINK), EventKind.REDEEMED)[2] == UNITS


def test_a_seizure_redeems_for_the_insurance_account() -> None:
    state = holder()
    tell(state, offer(state, account=SUB))
    owe(state)
    run(state, MOVED)
    state.assets.edit(LINKED).moved_units = CLAIM - 1
    assert refused(state, SEIZE) is E.INSUFFICIENT_CHAIN_LIQUIDITY
    state.assets.edit(LINKED).moved_units = CLAIM
    (event,) = run(state, SEIZE)
    assert (event.kind, event.account) == (EventKind.REDEEMED, INSURANCE_ACCOUNT)
    assert event.values[:3] == (LINKED, BASE, CLAIM)
    assert free_of(state, INSURANCE_ACCOUNT, BASE) == CLAIM
    assert free_of(state, INSURANCE_ACCOUNT, LINKED) == 0
    record = record_of(state)
    assert (record.units, record.claimed_units, record.asked_units) == (UNITS - CLAIM, 0, 0)
