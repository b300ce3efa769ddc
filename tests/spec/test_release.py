"""RELEASE, FORCED_UNLINK and the duty that ends pledges: what the holder lets go."""

from dataclasses import replace

import pytest

from offchain.spec import l1_op, link_op, op
from offchain.spec.constants import PLEDGE_RETRY_S, VALUE_LIMIT
from offchain.spec.errors import ErrorCode as E
from offchain.spec.event import Event
from offchain.spec.kinds import DutyKind, EventKind, PlaceFlag
from offchain.spec.link_records import Reservation
from offchain.spec.state import State
from tests.spec.link_support import (
    CHANNEL,
    HOUR_S,
    KEEPER_ID,
    LINKED,
    OWNER,
    SUB,
    UNITS,
    free_of,
    holder,
    offer,
    record_of,
    sent,
    tell,
    values_of,
)
from tests.spec.risk_support import advance, asset_snapshot, market_snapshot, price_report
from tests.spec.support import BASE, PERP, TAKER, kinds, only, order, refused, run
from tests.strategies import GOVERNANCE, owner_of

RELEASE = link_op.Release(account=OWNER, asset=LINKED, amount=UNITS)
UNLINK = l1_op.ForcedUnlink(account=OWNER, peer_chain_id=KEEPER_ID, sender=owner_of(OWNER))
MANY_UNITS = 10**11


@pytest.fixture
def state() -> State:
    """OWNER holds UNITS of the keeper's BASE."""
    state = holder()
    tell(state, offer(state))
    return state


def need_all(state: State) -> None:
    """Let SUB hold MANY_UNITS, nothing else, and a position that needs nearly all of them."""
    tell(state, offer(state, account=SUB, units=MANY_UNITS))
    for asset in (0, BASE):
        amount = free_of(state, SUB, asset)
        run(state, op.Transfer(account=SUB, to_account=OWNER, asset=asset, amount=amount))
    lots = 5 * 10**7
    run(state, order(TAKER, 1_000, lots, market=PERP, flags=PlaceFlag.IS_ASK))
    run(state, order(SUB, 1_000, lots, market=PERP))


def reach(state: State, time_s: int) -> list[Event]:
    """Let it become that time with a fresh mark; return the events of the duties that are due."""
    advance(state, time_s - 1 - state.header.now_s)
    run(state, market_snapshot(state), price_report(state), asset_snapshot(state, LINKED))
    return advance(state, 1)


def test_a_release_goes_back_to_its_owner(state: State) -> None:
    events = run(state, replace(RELEASE, amount=UNITS - 1))
    assert kinds(events) == [EventKind.RELEASED, EventKind.MESSAGE_SENT]
    assert (events[0].account, events[0].market) == (OWNER, CHANNEL)
    assert events[0].values == (BASE, UNITS - 1, OWNER, OWNER, E.OK, 0)
    (message,) = sent(state, events)
    assert (message.flags, message.values[0]) == (0, (0, 0))
    assert free_of(state, OWNER, LINKED) == state.assets.read(LINKED).supply_units == 1
    assert record_of(state).units == 1


def test_nothing_is_left_of_a_pledge_that_is_released_whole(state: State) -> None:
    run(state, RELEASE)
    assert LINKED + 1 not in state.account(OWNER).asset_ids
    assert record_of(state) == Reservation()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account": 32 * 50}, E.UNKNOWN_ACCOUNT),
        ({"asset": 65}, E.UNKNOWN_ASSET),
        ({"asset": BASE}, E.NOT_PLEDGEABLE),
        ({"amount": 0}, E.INVALID_AMOUNT),
        ({"amount": VALUE_LIMIT}, E.INVALID_AMOUNT),
        ({"amount": UNITS + 1}, E.INSUFFICIENT_BALANCE),
        ({"account": TAKER}, E.INSUFFICIENT_BALANCE),
    ],
)
def test_what_cannot_go_is_refused(state: State, changes: dict[str, int], code: E) -> None:
    assert refused(state, replace(RELEASE, **changes)) is code


def test_what_a_liquidation_took_is_not_released(state: State) -> None:
    state.reservations.edit((OWNER >> 5) * 8).units -= 1
    assert refused(state, RELEASE) is E.UNKNOWN_PLEDGE


def test_what_a_position_needs_is_not_released(state: State) -> None:
    need_all(state)
    everything = replace(RELEASE, account=SUB, amount=MANY_UNITS)
    assert refused(state, everything) is E.INSUFFICIENT_MARGIN
    run(state, replace(everything, amount=MANY_UNITS // 16))


# --- expiry --------------------------------------------------------------------------------------


def test_a_pledge_that_expires_goes_back(state: State) -> None:
    (duty,) = (each for each in state.duties.entries if each.kind == DutyKind.PLEDGE)
    assert (duty.due_s, duty.ref) == (record_of(state).expires_at_s, (OWNER >> 5) * 8)
    events = advance(state, duty.due_s - state.header.now_s)
    (released,) = only(events, EventKind.RELEASED)
    assert released.values == (BASE, UNITS, OWNER, OWNER, E.OK, 0)
    assert EventKind.MESSAGE_SENT in kinds(events)
    assert DutyKind.PLEDGE not in [each.kind for each in state.duties.entries]


def test_a_pledge_that_was_extended_is_looked_at_again(state: State) -> None:
    first_s = record_of(state).expires_at_s
    tell(state, offer(state, expires_at_s=first_s + HOUR_S))
    assert not only(advance(state, first_s - state.header.now_s), EventKind.RELEASED)
    assert len(only(advance(state, HOUR_S), EventKind.RELEASED)) == 1


def test_what_a_position_needs_stays_pledged_for_a_while(state: State) -> None:
    need_all(state)
    events = only(reach(state, record_of(state).expires_at_s), EventKind.RELEASED)
    (part,) = (event.values[1] for event in events if event.account == SUB)
    assert part in [MANY_UNITS >> shift for shift in range(1, 16)]
    assert (record := record_of(state, number=1)).units == MANY_UNITS - part
    retry_s = state.header.now_s + PLEDGE_RETRY_S
    duties = [duty.due_s for duty in state.duties.entries if duty.kind == DutyKind.PLEDGE]
    assert duties == [retry_s]
    assert record.expires_at_s < retry_s


def test_a_claim_alone_keeps_its_duty(state: State) -> None:
    record = state.reservations.edit((OWNER >> 5) * 8)
    record.units, record.claimed_units = 0, UNITS
    assert not only(advance(state, 2 * HOUR_S), EventKind.RELEASED)
    assert DutyKind.PLEDGE in [duty.kind for duty in state.duties.entries]


def test_a_record_that_is_no_longer_held_has_no_duty(state: State) -> None:
    run(state, RELEASE)
    assert not only(advance(state, 2 * HOUR_S), EventKind.RELEASED)
    assert DutyKind.PLEDGE not in [duty.kind for duty in state.duties.entries]


# --- forced by its owner -------------------------------------------------------------------------


def test_an_owner_unlinks_through_l1(state: State) -> None:
    events = run(state, UNLINK)
    assert kinds(events) == [EventKind.RELEASED, EventKind.MESSAGE_SENT]
    assert values_of(events, EventKind.RELEASED)[1] == UNITS


def test_an_owner_unlinks_what_positions_do_not_need(state: State) -> None:
    need_all(state)
    events = run(state, replace(UNLINK, account=SUB))
    part = values_of(events, EventKind.RELEASED)[1]
    assert part in [MANY_UNITS >> shift for shift in range(1, 16)]
    rest = replace(RELEASE, account=SUB, amount=part)
    assert refused(state, rest) is E.INSUFFICIENT_MARGIN


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account": 32 * 50}, E.UNKNOWN_ACCOUNT),
        ({"sender": GOVERNANCE}, E.NOT_SAME_OWNER),
        ({"peer_chain_id": KEEPER_ID + 1}, E.UNKNOWN_PLEDGE),
        ({"account": SUB}, E.UNKNOWN_PLEDGE),
    ],
)
def test_an_unlinking_of_nothing_is_refused(state: State, changes: dict, code: E) -> None:
    assert refused(state, replace(UNLINK, **changes)) is code
