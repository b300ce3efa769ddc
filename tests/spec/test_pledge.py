"""PLEDGE, and what the holder makes of it and gives back."""

import pytest

from offchain.spec import fund_op, link_op, op
from offchain.spec.constants import (
    FUND_MIN_LOCKUP_S,
    INDEX_ONE,
    MESSAGE_TTL_S,
    PLEDGE_MAX_S,
    PLEDGE_MIN_S,
    RESERVATIONS_PER_MASTER,
    VALUE_LIMIT,
)
from offchain.spec.encoding import address_words
from offchain.spec.errors import ErrorCode as E
from offchain.spec.funds import bucket_account
from offchain.spec.kinds import EventKind, PlaceFlag, ReservationRole
from offchain.spec.link_records import Reservation
from offchain.spec.message import accumulator_after
from offchain.spec.state import ACCOUNT_LIMIT, State
from tests.spec.link_support import (
    CHANNEL,
    HOUR_S,
    LINKED,
    OWNER,
    SUB,
    UNITS,
    carry,
    free_of,
    holder,
    keeper,
    link,
    linked_asset,
    pledge,
    record_of,
    sent,
    values_of,
)
from tests.spec.risk_support import asset_risk, asset_snapshot
from tests.spec.support import BASE, PERP, POOR, TAKER, order, refused, run
from tests.strategies import owner_of


@pytest.fixture
def state() -> State:
    return keeper()


def test_a_pledge_locks_collateral_and_tells_the_holder(state: State) -> None:
    before, total = free_of(state, OWNER, BASE), state.assets.read(BASE).total_units
    op_ = pledge(state)
    events = run(state, op_)
    pledged, message = events
    words = address_words(owner_of(OWNER))
    to = OWNER | op_.expires_at_s << 32
    assert (pledged.kind, pledged.market, pledged.account) == (EventKind.PLEDGED, CHANNEL, OWNER)
    assert pledged.values == (BASE, UNITS, to, *words)
    slot = state.header.now_s * 1_000
    assert (message.kind, message.market, message.account) == (EventKind.MESSAGE_SENT, CHANNEL, 0)
    assert message.values == (1, slot, state.header.now_s + MESSAGE_TTL_S, 0, 0, 0)
    assert free_of(state, OWNER, BASE) == before - UNITS
    asset = state.assets.read(BASE)
    assert (asset.total_units, asset.supply_units) == (total - UNITS, total - UNITS)
    role = ReservationRole.GIVEN
    given = Reservation(OWNER, role, CHANNEL + 1, BASE, OWNER, op_.expires_at_s, UNITS)
    assert record_of(state) == given == Reservation.from_bytes(given.to_bytes())
    assert state.header.last_slot == slot
    record = state.channels.read(CHANNEL)
    (each,) = sent(state, events)
    assert (record.sent_count, record.received_count) == (1, 0)
    assert record.sent_accumulator == accumulator_after(bytes(32), each.envelope())


def test_messages_of_one_second_have_slots_of_their_own(state: State) -> None:
    events = run(state, pledge(state), pledge(state))
    first, second = sent(state, events)
    assert (second.index, second.slot) == (2, first.slot + 1)
    accumulator = accumulator_after(bytes(32), first.envelope())
    accumulator = accumulator_after(accumulator, second.envelope())
    assert state.channels.read(CHANNEL).sent_accumulator == accumulator


def test_more_goes_to_the_same_record_which_expires_at_the_later_time(state: State) -> None:
    later = pledge(state, expires_at_s=state.header.now_s + 3 * HOUR_S)
    events = run(state, later, pledge(state))
    record = record_of(state)
    assert (record.units, record.expires_at_s) == (2 * UNITS, later.expires_at_s)
    assert events[2].values[2] >> 32 == later.expires_at_s - HOUR_S
    assert record_of(state, number=1) == Reservation()


def test_another_account_of_the_peer_is_another_record(state: State) -> None:
    run(state, pledge(state), pledge(state, peer_account=SUB))
    assert record_of(state, number=1).peer_account == SUB


def test_an_engine_unit_that_shares_its_yield_costs_more(state: State) -> None:
    state.assets.edit(BASE).unit_index_e12 = INDEX_ONE // 2
    before = free_of(state, OWNER, BASE)
    run(state, pledge(state, amount=7))
    assert before - free_of(state, OWNER, BASE) == 14


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account": 32 * 50}, E.UNKNOWN_ACCOUNT),
        ({"asset": 9}, E.UNKNOWN_ASSET),
        ({"asset": 0}, E.NOT_PLEDGEABLE),
        ({"asset": LINKED}, E.NOT_PLEDGEABLE),
        ({"asset": LINKED + 1}, E.NOT_PLEDGEABLE),
        ({"channel": 1}, E.UNKNOWN_PEER),
        ({"channel": 64}, E.UNKNOWN_PEER),
        ({"amount": 0}, E.INVALID_AMOUNT),
        ({"amount": VALUE_LIMIT}, E.INVALID_AMOUNT),
        ({"peer_account": ACCOUNT_LIMIT}, E.UNKNOWN_ACCOUNT),
        ({"expires_at_s": 2**32 - 1}, E.INVALID_EXPIRY),
        ({"amount": 10**12}, E.INSUFFICIENT_BALANCE),
        ({"account": POOR}, E.INSUFFICIENT_BALANCE),
    ],
)
def test_what_cannot_be_pledged_is_refused(state: State, changes: dict[str, int], code: E) -> None:
    run(state, linked_asset(), link(peer_asset=5), linked_asset(LINKED + 1))
    assert refused(state, pledge(state, **changes)) is code


@pytest.mark.parametrize("seconds", [PLEDGE_MIN_S - 1, PLEDGE_MAX_S + 1])
def test_a_pledge_ends_between_an_hour_and_a_year_ahead(state: State, seconds: int) -> None:
    now_s = state.header.now_s
    assert refused(state, pledge(state, expires_at_s=now_s + seconds)) is E.INVALID_EXPIRY
    for fits in (PLEDGE_MIN_S, PLEDGE_MAX_S):
        run(state, pledge(state, expires_at_s=now_s + fits))


def test_a_pledge_ends_before_its_word_would_be_negative(state: State) -> None:
    run(state, op.AdvanceTime(now_s=2**31 - 2 * HOUR_S))
    run(state, op.RunDuties(), pledge(state, expires_at_s=2**31 - 1))
    assert refused(state, pledge(state, expires_at_s=2**31)) is E.INVALID_EXPIRY


def test_a_fund_pledges_nothing(state: State) -> None:
    run(state, fund_op.AdminFund(account=OWNER, fee_ppm=0, lockup_s=FUND_MIN_LOCKUP_S))
    assert refused(state, pledge(state, account=bucket_account(0, 0))) is E.FUND_ACCOUNT


def test_a_master_gives_and_holds_eight_pledges(state: State) -> None:
    for number in range(RESERVATIONS_PER_MASTER):
        run(state, pledge(state, peer_account=64 + number))
    assert refused(state, pledge(state, peer_account=72)) is E.PLEDGES_FULL
    run(state, pledge(state, peer_account=64))


def test_a_record_stays_below_its_bound(state: State) -> None:
    run(state, pledge(state))
    state.reservations.edit((OWNER >> 5) * 8).units = VALUE_LIMIT - UNITS
    assert refused(state, pledge(state)) is E.BALANCE_TOO_LARGE


def test_what_positions_need_is_not_pledged(state: State) -> None:
    run(state, asset_risk(BASE), asset_snapshot(state, BASE))
    run(state, op.Transfer(account=OWNER, to_account=SUB, asset=0, amount=free_of(state, OWNER, 0)))
    run(state, order(TAKER, 1_000, 10**6, market=PERP, flags=PlaceFlag.IS_ASK))
    run(state, order(OWNER, 1_000, 10**6, market=PERP))
    everything = pledge(state, amount=free_of(state, OWNER, BASE))
    assert refused(state, everything) is E.INSUFFICIENT_MARGIN
    run(state, pledge(state))


def test_the_chain_cannot_pledge_more_than_l1_has(state: State) -> None:
    state.assets.edit(BASE).total_units = UNITS - 1
    assert refused(state, pledge(state)) is E.INSUFFICIENT_CHAIN_LIQUIDITY


def test_nothing_is_pledged_while_the_sweep_is_late(state: State) -> None:
    run(state, order(TAKER, 1_000, 10, market=PERP))
    run(state, op.AdvanceTime(now_s=state.header.now_s + 700))
    while state.duties.entries[0].due_s <= state.header.now_s:
        run(state, op.RunDuties())
    assert refused(state, pledge(state)) is E.SWEEP_LATE


def test_a_pledge_becomes_units_of_the_linked_asset(state: State) -> None:
    peer = holder()
    events = carry(state, peer, run(state, pledge(state)))
    taken, accepted = events
    assert taken.kind == EventKind.MESSAGE_TAKEN
    assert taken.values == (1, state.header.last_slot, 0, EventKind.PLEDGED, 0, 0)
    expires_at_s = record_of(state).expires_at_s
    values = values_of([accepted], EventKind.PLEDGE_TAKEN)
    assert values == (BASE, UNITS, expires_at_s, OWNER, LINKED, 0)
    assert free_of(peer, OWNER, LINKED) == UNITS == peer.assets.read(LINKED).supply_units
    role = ReservationRole.HELD
    held = Reservation(OWNER, role, CHANNEL + 1, BASE, OWNER, expires_at_s, UNITS)
    assert record_of(peer) == held
    received, given = peer.channels.read(CHANNEL), state.channels.read(CHANNEL)
    assert (received.received_count, received.received_accumulator) == (1, given.sent_accumulator)


def test_a_round_trip_gives_everything_back(state: State) -> None:
    peer, before = holder(), free_of(state, OWNER, BASE)
    root = state.reservations.leaves()
    carry(state, peer, run(state, pledge(state)))
    back = carry(peer, state, run(peer, link_op.Release(account=OWNER, asset=LINKED, amount=UNITS)))
    assert values_of(back, EventKind.UNLOCKED) == (BASE, UNITS, UNITS, 0, 0, 0)
    assert free_of(state, OWNER, BASE) == before
    assert state.assets.read(BASE).total_units == state.assets.read(BASE).supply_units
    assert state.reservations.leaves() == root == peer.reservations.leaves()
    assert LINKED + 1 not in peer.account(OWNER).asset_ids
