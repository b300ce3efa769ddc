"""Messages of a peer: their turn, and every field of what they say."""

from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from offchain.spec import fund_op, link_op, op
from offchain.spec.checks import OpError
from offchain.spec.constants import (
    DUTY_CAPACITY,
    FUND_MIN_LOCKUP_S,
    RESERVATIONS_PER_MASTER,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.event import Event
from offchain.spec.funds import bucket_account
from offchain.spec.kinds import EventKind
from offchain.spec.link_records import Reservation
from offchain.spec.message import Message, accumulator_after
from offchain.spec.state import State
from tests.spec.link_support import (
    CAP,
    CHANNEL,
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
    message,
    offer,
    pledge,
    read,
    record_of,
    sent,
    tell,
    told,
    values_of,
)
from tests.spec.support import BASE, TAKER, kinds, run, snapshot


@pytest.fixture
def state() -> State:
    return holder()


def refusal_of(state: State, each: Message) -> E:
    """Return the code that refuses an envelope; nothing may change."""
    before = snapshot(state)
    with pytest.raises(OpError) as caught:
        read(state, each)
    assert snapshot(state) == before
    return caught.value.code


# --- the turn of a message -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": 1},
        {"from_chain": KEEPER_ID + 1},
        {"to_chain": KEEPER_ID},
    ],
)
def test_a_message_of_nobody_is_refused(state: State, changes: dict[str, int]) -> None:
    each = replace(message(state, offer(state)), **changes)
    assert refusal_of(state, each) is E.UNKNOWN_PEER


def test_a_channel_that_does_not_exist_has_no_ids(state: State) -> None:
    each = replace(message(state, offer(state)), channel=1, from_chain=0, to_chain=0)
    assert refusal_of(state, each) is E.UNKNOWN_PEER


@pytest.mark.parametrize("index", [0, 2, 2**62])
def test_messages_are_read_in_their_order(state: State, index: int) -> None:
    each = message(state, offer(state), index=index)
    assert refusal_of(state, each) is E.MESSAGE_OUT_OF_ORDER


def test_a_message_waits_for_its_time(state: State) -> None:
    first_ahead = (state.header.now_s + 1) * 1_000
    each = message(state, offer(state), slot=first_ahead)
    assert refusal_of(state, each) is E.MESSAGE_AHEAD
    read(state, replace(each, slot=first_ahead - 1))
    assert state.header.last_slot == first_ahead - 1


def test_a_message_waits_for_continuations_and_duties(state: State) -> None:
    each = message(state, offer(state))
    state.header.pending.kind = 2
    assert refusal_of(state, each) is E.CONTINUATION_PENDING
    state.header.pending.kind = 0
    run(state, op.AdvanceTime(now_s=state.header.now_s + 60))
    assert refusal_of(state, each) is E.DUTY_PENDING


def test_a_message_is_counted_whatever_it_says(state: State) -> None:
    each = message(state, told(300, 0, 7), flags=3, slot=5)
    taken, rejected = read(state, each)
    assert (taken.kind, taken.market, taken.account) == (EventKind.MESSAGE_TAKEN, CHANNEL, 0)
    assert taken.values == (1, 5, 3, 300, 0, 0)
    assert rejected.values == (0, 300 % 256, E.MESSAGE_MALFORMED, 0, 0, 0)
    record = state.channels.read(CHANNEL)
    assert record.received_accumulator == accumulator_after(bytes(32), each.envelope())
    assert (record.received_count, state.header.last_slot) == (1, 5)


def test_what_is_sent_because_of_a_message_has_a_higher_slot(state: State) -> None:
    slot = state.header.now_s * 1_000 + 999
    events = tell(state, offer(state, asset=2), slot=slot)
    assert sent(state, events)[0].slot == slot + 1 == state.header.last_slot


# --- messages without body -----------------------------------------------------------------------


def void(state: State, **changes: object) -> Message:
    """Return the next message of the peer, without its body."""
    return message(state, offer(state), **changes).without_body()


def test_a_voided_message_is_taken_without_body_and_does_nothing(state: State) -> None:
    each = void(state, slot=7, flags=1, expires_at_s=state.header.now_s)
    run(state, link_op.AdminVoid(channel=CHANNEL, index=1))
    taken, rejected = read(state, each)
    assert taken.values == (1, 7, 1, 0, 0, 0)
    assert (rejected.kind, rejected.account) == (EventKind.REJECTED, 0)
    assert rejected.values == (0, 0, E.MESSAGE_MALFORMED, 0, 0, 0)
    record = state.channels.read(CHANNEL)
    told_by_peer = replace(each, body=offer(state), withheld_hash=None)
    assert record.received_accumulator == accumulator_after(bytes(32), told_by_peer.envelope())
    assert (record.received_count, record.void_until, state.header.last_slot) == (1, 1, 7)
    assert (free_of(state, OWNER, LINKED), record_of(state)) == (0, Reservation())


def test_nobody_but_governance_voids_a_message(state: State) -> None:
    assert refusal_of(state, void(state)) is E.MESSAGE_NEEDS_BODY
    run(state, link_op.AdminVoid(channel=CHANNEL, index=1))
    read(state, void(state))
    assert refusal_of(state, void(state)) is E.MESSAGE_NEEDS_BODY  # the next one


def test_a_message_is_void_when_it_has_expired_and_not_before(state: State) -> None:
    run(state, link_op.AdminVoid(channel=CHANNEL, index=9))
    early = void(state, expires_at_s=state.header.now_s + 1)
    assert refusal_of(state, early) is E.MESSAGE_NEEDS_BODY
    read(state, replace(early, expires_at_s=state.header.now_s))


def test_a_message_whose_body_is_there_is_taken_with_it_though_voided(state: State) -> None:
    run(state, link_op.AdminVoid(channel=CHANNEL, index=1))
    (taken,) = tell(state, offer(state))
    assert (taken.kind, free_of(state, OWNER, LINKED)) == (EventKind.PLEDGE_TAKEN, UNITS)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"from_chain": KEEPER_ID + 1}, E.UNKNOWN_PEER),
        ({"index": 2}, E.MESSAGE_OUT_OF_ORDER),
        ({"slot": 2**62}, E.MESSAGE_AHEAD),
    ],
)
def test_a_message_without_body_waits_for_its_turn_first(
    state: State, changes: dict[str, int], code: E
) -> None:
    assert refusal_of(state, void(state, **changes)) is code


def test_any_hash_may_stand_in_a_message_without_body(state: State) -> None:
    run(state, link_op.AdminVoid(channel=CHANNEL, index=9))
    for word in (bytes(32), b"\xff" * 32, keccak(bytes(64))):
        each = replace(void(state), withheld_hash=word)
        payload = each.to_payload()
        assert payload[4:8] == b"\1\0\0\0"
        assert payload[8 + 6 * 32 :][:32] == word
        assert Message.from_payload(payload) == each
        read(state, each)


@pytest.mark.parametrize(("at", "value"), [(4, 2), (4, 3), (5, 1), (7, 128), (488, 1), (551, 1)])
def test_void_is_a_bit_and_has_no_body(state: State, at: int, value: int) -> None:
    payload = bytearray(void(state).to_payload())
    payload[at] = value
    assert Message.from_payload(bytes(payload)) is None


# --- PLEDGED -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"asset": -1},
        {"asset": 64},
        {"units": 0},
        {"units": -1},
        {"units": VALUE_LIMIT},
        {"expires_at_s": -1},
    ],
)
def test_an_offer_that_cannot_be_is_void(state: State, changes: dict[str, int]) -> None:
    (event,) = tell(state, offer(state, **changes))
    assert (event.kind, event.account, event.market) == (EventKind.REJECTED, 0, 0)
    assert event.values == (0, EventKind.PLEDGED, E.MESSAGE_MALFORMED, 0, 0, 0)


def check_goes_back(state: State, events: list[Event], code: E, account: int = OWNER) -> None:
    """An offer that is not taken is told to the peer, and changes nothing else."""
    assert kinds(events) == [EventKind.RELEASED, EventKind.MESSAGE_SENT]
    assert (events[0].account, events[0].market) == (account, CHANNEL)
    assert events[0].values[2:] == (OWNER, account, code, 0)
    assert sent(state, events)[0].body == events[0].to_bytes()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"asset": 2}, E.UNKNOWN_ASSET),
        ({"asset": 0}, E.UNKNOWN_ASSET),
        ({"account": 32 * 50}, E.UNKNOWN_ACCOUNT),
        ({"owner": TAKER}, E.NOT_SAME_OWNER),
        ({"expires_at_s": 1_001}, E.INVALID_EXPIRY),
        ({"units": CAP + 1}, E.DEPOSIT_CAP),
    ],
)
def test_an_offer_that_is_not_taken_goes_back(
    state: State, changes: dict[str, int], code: E
) -> None:
    assert state.header.now_s == 1_001
    events = tell(state, offer(state, **changes))
    check_goes_back(state, events, code, changes.get("account", OWNER))
    assert events[0].values[:2] == (changes.get("asset", BASE), changes.get("units", UNITS))
    assert state.assets.read(LINKED).supply_units == 0


@pytest.mark.parametrize("account", [2**22, 2**32 - 1])
def test_an_account_that_cannot_be_is_not_named(state: State, account: int) -> None:
    events = tell(state, offer(state, account=account))
    check_goes_back(state, events, E.UNKNOWN_ACCOUNT, 0)


def test_a_fund_holds_no_pledge(state: State) -> None:
    run(state, fund_op.AdminFund(account=OWNER, fee_ppm=0, lockup_s=FUND_MIN_LOCKUP_S))
    account = bucket_account(0, 0)
    # A bucket has no owner; no PLEDGE can say so.
    events = tell(state, offer(state, account=account, owner=0))
    check_goes_back(state, events, E.FUND_ACCOUNT, account)


def test_an_account_holds_an_asset_of_one_account_alone(state: State) -> None:
    tell(state, offer(state, source=SUB))
    check_goes_back(state, tell(state, offer(state)), E.PLEDGES_FULL)


def test_a_master_whose_records_are_taken_holds_no_more(state: State) -> None:
    for number in range(RESERVATIONS_PER_MASTER):
        run(state, pledge(state, peer_account=number))
    check_goes_back(state, tell(state, offer(state)), E.PLEDGES_FULL)


def test_an_offer_needs_a_balance_slot(state: State) -> None:
    account = state.edit_account(OWNER)
    account.asset_ids[:] = [asset_id or 200 for asset_id in account.asset_ids]
    check_goes_back(state, tell(state, offer(state)), E.BALANCES_FULL)


def test_balances_and_records_stay_below_their_bound(state: State) -> None:
    tell(state, offer(state))
    run(state, linked_asset(deposit_cap_units=VALUE_LIMIT - 1))
    record = state.reservations.edit((OWNER >> 5) * 8)
    record.units = VALUE_LIMIT - UNITS
    check_goes_back(state, tell(state, offer(state)), E.BALANCE_TOO_LARGE)
    record.units = UNITS
    account = state.edit_account(OWNER)
    account.free[account.asset_ids.index(LINKED + 1)] = VALUE_LIMIT - UNITS
    check_goes_back(state, tell(state, offer(state)), E.BALANCE_TOO_LARGE)


def test_a_new_pledge_needs_a_duty(state: State) -> None:
    tell(state, offer(state, account=SUB))
    state.header.duty_count = DUTY_CAPACITY
    check_goes_back(state, tell(state, offer(state)), E.DUTY_QUEUE_FULL)
    more = tell(state, offer(state, account=SUB))
    assert kinds(more) == [EventKind.PLEDGE_TAKEN]


def test_more_of_the_same_pledge_keeps_the_later_expiry(state: State) -> None:
    tell(state, offer(state))
    later_s = record_of(state).expires_at_s
    values = values_of(tell(state, offer(state, expires_at_s=1_002)), EventKind.PLEDGE_TAKEN)
    assert values == (BASE, UNITS, later_s, OWNER, LINKED, 0)
    assert (record_of(state).units, record_of(state).expires_at_s) == (2 * UNITS, later_s)


def test_the_value_of_an_offer_says_nothing(state: State) -> None:
    values = ((2**256 - 1, 2**255), (0, 0), (0, 0), (0, 0))
    assert kinds(tell(state, offer(state), values=values)) == [EventKind.PLEDGE_TAKEN]


# --- RELEASED and SEIZE_REQUESTED ----------------------------------------------------------------


@pytest.fixture
def chain() -> State:
    """OWNER has pledged UNITS."""
    state = keeper()
    run(state, pledge(state))
    return state


def about(kind: EventKind, **changes: int) -> bytes:
    """Return what the holder says of OWNER's pledge."""
    fields = {"asset": BASE, "units": UNITS, "account": OWNER, "peer_account": OWNER}
    return told(kind, OWNER, *{**fields, **changes}.values())


def test_what_the_holder_lets_go_is_free_again(chain: State) -> None:
    before = free_of(chain, OWNER, BASE)
    (event,) = tell(chain, about(EventKind.RELEASED, units=UNITS - 1))
    assert (event.kind, event.account, event.market) == (EventKind.UNLOCKED, OWNER, CHANNEL)
    assert event.values == (BASE, UNITS - 1, UNITS - 1, 0, 0, 0)
    assert free_of(chain, OWNER, BASE) == before + UNITS - 1
    assert record_of(chain).units == 1
    (event,) = tell(chain, about(EventKind.RELEASED))
    assert event.values[:3] == (BASE, 1, UNITS)
    assert chain.assets.read(BASE).total_units == chain.assets.read(BASE).supply_units


def test_what_its_account_cannot_have_is_paid_on_l1(chain: State) -> None:
    account = chain.edit_account(OWNER)
    account.free[account.asset_ids.index(BASE + 1)] = VALUE_LIMIT - UNITS
    total = chain.assets.read(BASE).total_units
    paid, unlocked = tell(chain, about(EventKind.RELEASED))
    assert (paid.kind, paid.account) == (EventKind.WITHDRAWAL, OWNER)
    assert (*paid.values[:2], paid.values[5]) == (BASE, UNITS, E.BALANCE_TOO_LARGE)
    assert unlocked.kind == EventKind.UNLOCKED
    assert chain.assets.read(BASE).total_units == total


@pytest.mark.parametrize("kind", [EventKind.RELEASED, EventKind.SEIZE_REQUESTED])
@pytest.mark.parametrize(
    "changes",
    [
        {"asset": -1},
        {"asset": 64},
        {"units": 0},
        {"units": -1},
        {"units": VALUE_LIMIT},
        {"account": -1},
        {"account": 2**22},
        {"peer_account": -1},
        {"peer_account": 2**22},
    ],
)
def test_what_cannot_be_is_void(chain: State, kind: EventKind, changes: dict[str, int]) -> None:
    (event,) = tell(chain, about(kind, **changes))
    assert (event.kind, event.values[:3]) == (EventKind.REJECTED, (0, kind, E.MESSAGE_MALFORMED))
    assert record_of(chain).units == UNITS


@pytest.mark.parametrize("changes", [{"asset": 2}, {"account": SUB}, {"peer_account": SUB}])
def test_a_release_of_no_pledge_is_void(chain: State, changes: dict[str, int]) -> None:
    (event,) = tell(chain, about(EventKind.RELEASED, **changes))
    assert event.values[:3] == (0, EventKind.RELEASED, E.UNKNOWN_PLEDGE)


@pytest.mark.parametrize("changes", [{"asset": 2}, {"account": SUB}, {"peer_account": SUB}])
def test_a_seizure_of_no_pledge_gets_nothing(chain: State, changes: dict[str, int]) -> None:
    events = tell(chain, about(EventKind.SEIZE_REQUESTED, **changes))
    assert kinds(events) == [EventKind.SEIZED, EventKind.MESSAGE_SENT]
    assert events[0].values[1] == 0


def test_a_pledge_that_is_held_is_not_given(state: State) -> None:
    tell(state, offer(state))
    (event,) = tell(state, about(EventKind.RELEASED))
    assert event.values[2] == E.UNKNOWN_PLEDGE
    events = tell(state, about(EventKind.SEIZE_REQUESTED))
    assert events[0].values[1] == 0
    assert record_of(state).units == UNITS


def test_each_asset_of_the_peer_has_its_own_link(state: State) -> None:
    run(state, linked_asset(65), link(65, peer_asset=2))
    taken = tell(state, offer(state, asset=2))
    assert values_of(taken, EventKind.PLEDGE_TAKEN)[4] == 65
    assert (free_of(state, OWNER, LINKED), free_of(state, OWNER, 65)) == (0, UNITS)
