"""Messages of peers in the specification and the core, each rule by hand."""

import ctypes
from dataclasses import replace

import pytest

from offchain.core.binding import MAX_EVENTS_PER_OP
from offchain.spec import fund_op, link_op, op
from offchain.spec.constants import FUND_MIN_LOCKUP_S, FUND_MIN_SEED, VALUE_LIMIT
from offchain.spec.encoding import address_words
from offchain.spec.errors import ErrorCode as E
from offchain.spec.event import Event
from offchain.spec.funds import bucket_account
from offchain.spec.kinds import EventKind, MessageFlag
from offchain.spec.message import NO_VALUES
from offchain.spec.tree import Hasher
from tests.core.crowded_links import message_envelope
from tests.core.pair import Pair, as_events, native_hasher
from tests.core.peer import (
    EXPIRY_S,
    HELD,
    KEPT,
    LINKED,
    OWN_ID,
    PEER_ID,
    A,
    B,
    event,
    next_message,
    offer,
    tell,
)
from tests.strategies import START_S, UNITS, owner_of, scene

OTHER = 2
CAP = 1_000
GIVEN = 70
MORE_ASSETS = range(10, 15)  # with the scene's three: all balance slots of B
SEIZE_FLAGS = MessageFlag.ATOMIC | MessageFlag.SEIZURE


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.fixture
def pair(hasher: Hasher) -> Pair:
    """A chain on which A has pledged GIVEN of KEPT, and holds HELD of the peer's."""
    pair = Pair(hasher)
    ops: list[op.Op] = [
        link_op.AdminChannel(channel=0, peer_chain_id=PEER_ID, own_chain_id=OWN_ID),
        op.AdminAsset(asset=LINKED, withdraw_step_units=1, deposit_cap_units=CAP),
        link_op.AdminLink(asset=LINKED, channel=0, peer_asset=KEPT),
        link_op.Pledge(
            account=A,
            asset=KEPT,
            channel=0,
            peer_account=A,
            amount=GIVEN,
            expires_at_s=EXPIRY_S,
        ),
    ]
    for data in (*scene(), *(each.to_bytes() for each in ops)):
        assert pair.op(data).code is E.OK
    (taken,) = tell(pair, offer())
    assert taken.kind is EventKind.PLEDGE_TAKEN
    return pair


REFUSED = {
    E.UNKNOWN_ASSET: [offer(asset=OTHER), offer(asset=0), offer(asset=63)],
    E.UNKNOWN_ACCOUNT: [offer(32 * 99), offer(2**22), offer(2**32 - 1)],
    E.NOT_SAME_OWNER: [offer(B), offer(owner=bytes(20))],
    E.FUND_ACCOUNT: [offer(bucket_account(0, 0), owner=bytes(20))],
    E.INVALID_EXPIRY: [offer(expires_at_s=START_S), offer(expires_at_s=0)],
    E.PLEDGES_FULL: [offer(source=B), offer(source=2**32 - 1)],
    E.DEPOSIT_CAP: [offer(units=CAP - HELD + 1), offer(units=VALUE_LIMIT - 1)],
    E.BALANCES_FULL: [offer(B, owner=owner_of(B))],
}


@pytest.mark.parametrize(
    ("code", "told"),
    [(code, told) for code, offers in REFUSED.items() for told in offers],
    ids=[code.name for code, offers in REFUSED.items() for _ in offers],
)
def test_a_pledge_that_cannot_be_held_is_given_back(code: E, told: Event, pair: Pair) -> None:
    fund = fund_op.CreateFund(
        account=A, fee_ppm=0, lockup_s=FUND_MIN_LOCKUP_S, amount=FUND_MIN_SEED
    )
    fills = [
        (
            replace(op.AdminAsset.from_bytes(scene()[0]), asset=asset),
            op.Deposit(account=B, owner=owner_of(B), asset=asset, amount=1),
        )
        for asset in MORE_ASSETS
    ]
    for each in (fund, *(one for both in fills for one in both)):
        assert pair.op(each.to_bytes()).code is E.OK
    supply = pair.state.assets.read(LINKED).supply_units
    released, sent = tell(pair, told)
    account = told.values[2] & 2**32 - 1
    account = account if account < 2**22 else 0
    assert (released.kind, released.account) == (EventKind.RELEASED, account)
    asset, units = told.values[:2]
    assert released.values == (asset, units, told.account, account, code, 0)
    assert sent.kind is EventKind.MESSAGE_SENT
    assert pair.state.assets.read(LINKED).supply_units == supply


MALFORMED = [
    *(offer(asset=asset) for asset in (-1, 64, 2**32 + KEPT)),
    *(offer(units=units) for units in (0, -1, VALUE_LIMIT, 2**63 - 1)),
    *(offer(expires_at_s=time_s) for time_s in (2**31, 2**32 - 1)),
    *(
        event(kind, A, *values)
        for kind in (EventKind.RELEASED, EventKind.SEIZE_REQUESTED)
        for values in (
            *((asset, 1, A, A) for asset in (-1, 64)),
            *((KEPT, units, A, A) for units in (0, -1, VALUE_LIMIT)),
            *((KEPT, 1, account, A) for account in (-1, 2**22, 2**32 | A)),
            *((KEPT, 1, A, account) for account in (-1, 2**22, 2**32 | A)),
        )
    ),
    *(
        event(EventKind.SEIZED, A, *values)
        for values in (
            *((asset, 0, A, 1) for asset in (-1, 64)),
            *((KEPT, units, A, 1) for units in (-1, 1, VALUE_LIMIT)),  # 1: without its value
            *((KEPT, 0, account, 1) for account in (-1, 2**22, 2**32 | A)),
            *((KEPT, 0, A, units) for units in (0, -1, VALUE_LIMIT)),
        )
    ),
    *(event(kind, A, KEPT, 1, A, A) for kind in (0, 1, 60, 64, 256 + 57, 2**16 - 1)),
]


@pytest.mark.parametrize("told", MALFORMED, ids=lambda each: f"{each.kind}:{each.values}")
def test_what_cannot_be_is_void(told: Event, pair: Pair) -> None:
    assets = [pair.state.assets.read(asset) for asset in (KEPT, LINKED)]
    (rejected,) = tell(pair, told)
    assert (rejected.kind, rejected.account) == (EventKind.REJECTED, 0)
    assert rejected.values == (0, told.kind % 256, E.MESSAGE_MALFORMED, 0, 0, 0)
    assert [pair.state.assets.read(asset) for asset in (KEPT, LINKED)] == assets


def test_a_value_that_is_not_told_makes_a_seizure_void(pair: Pair) -> None:
    done = event(EventKind.SEIZED, A, KEPT, 5, A, 5)
    others = [
        ((KEPT, 4), (0, 0), (0, 0), (0, 0)),
        ((OTHER, 5), (0, 0), (0, 0), (0, 0)),
        ((KEPT, 5), (OTHER, 1), (0, 0), (0, 0)),
        ((KEPT, 5), (0, 0), (0, 0), (0, 2**255)),
        ((2**64 + KEPT, 5), (0, 0), (0, 0), (0, 0)),
        NO_VALUES,
    ]
    for values in others:
        (rejected,) = tell(pair, done, values=values)
        assert rejected.values[2] == E.MESSAGE_MALFORMED
    *_, finished = tell(pair, done, values=((KEPT, 5), *NO_VALUES[1:]))
    assert finished.kind is EventKind.LIQUIDATION_DONE
    assert finished.values == (KEPT, 5, 0, 0, 0, 0)  # nothing had been asked for


@pytest.mark.parametrize(
    "told",
    [
        *(
            event(EventKind.RELEASED, A, *values)
            for values in ((OTHER, 1, A, A), (KEPT, 1, B, A), (KEPT, 1, A, A + 1))
        ),
        *(event(EventKind.SEIZED, A, *values) for values in ((OTHER, 0, A, 1), (KEPT, 0, B, 1))),
    ],
    ids=str,
)
def test_of_a_pledge_that_is_not_there_nothing_comes(told: Event, pair: Pair) -> None:
    (rejected,) = tell(pair, told)
    assert rejected.values == (0, told.kind, E.UNKNOWN_PLEDGE, 0, 0, 0)


def test_a_void_message_does_nothing_but_count(pair: Pair) -> None:
    void = replace(next_message(pair, offer(units=1)), expires_at_s=START_S).without_body()
    early = replace(void, expires_at_s=START_S + 1)
    assert pair.envelope(message_envelope(void)).code is E.MESSAGE_NEEDS_BODY
    assert pair.op(link_op.AdminVoid(channel=0, index=2).to_bytes()).code is E.OK
    assert pair.envelope(message_envelope(early)).code is E.MESSAGE_NEEDS_BODY
    outcome = pair.envelope(message_envelope(void))
    taken, rejected = as_events(outcome.events)
    assert (taken.kind, taken.values[3]) == (EventKind.MESSAGE_TAKEN, 0)
    assert rejected.values == (0, 0, E.MESSAGE_MALFORMED, 0, 0, 0)
    assert pair.state.assets.read(LINKED).supply_units == HELD
    (taken,) = tell(pair, offer(units=1))
    assert taken.kind is EventKind.PLEDGE_TAKEN


def test_channels_lead_to_peers_in_any_order(pair: Pair) -> None:
    for channel, peer in enumerate((PEER_ID + 9, 1, PEER_ID - 1), start=1):
        new = link_op.AdminChannel(channel=channel, peer_chain_id=peer, own_chain_id=OWN_ID)
        assert pair.op(new.to_bytes()).code is E.OK
    for peer in (PEER_ID, PEER_ID + 9, 1, PEER_ID - 1, OWN_ID):
        again = link_op.AdminChannel(channel=4, peer_chain_id=peer, own_chain_id=OWN_ID)
        assert pair.op(again.to_bytes()).code is E.INVALID_LINK


def test_what_is_released_is_free_again_and_never_more(pair: Pair) -> None:
    free = pair.state.account(A).free[1]
    for told, got in ((GIVEN - 30, GIVEN - 30), (VALUE_LIMIT - 1, 30)):
        (unlocked,) = tell(pair, event(EventKind.RELEASED, A, KEPT, told, A, A))
        assert unlocked.values == (KEPT, got, told, 0, 0, 0)
    assert pair.state.account(A).free[1] == free + GIVEN
    (rejected,) = tell(pair, event(EventKind.RELEASED, A, KEPT, 1, A, A))
    assert rejected.values[2] == E.UNKNOWN_PLEDGE


def test_a_seizure_takes_what_is_left_and_says_so(pair: Pair) -> None:
    for told, got in ((GIVEN - 30, GIVEN - 30), (VALUE_LIMIT - 1, 30), (1, 0)):
        seized, sent = tell(pair, event(EventKind.SEIZE_REQUESTED, A, KEPT, told, A, A))
        assert seized.values == (KEPT, got, A, told, 0, 0)
        assert sent.values[3:] == (SEIZE_FLAGS, KEPT if got else 0, got)


def test_what_has_no_room_goes_to_l1(pair: Pair) -> None:
    """All slots are taken by the time the pledge comes back."""
    everything = pair.state.account(A).free[1]
    ops = [
        op.Withdraw(account=A, asset=KEPT, amount=everything - everything % 10),
        op.Transfer(account=A, to_account=A + 1, asset=KEPT, amount=everything % 10),
    ]
    for asset in MORE_ASSETS:
        new = replace(op.AdminAsset.from_bytes(scene()[0]), asset=asset)
        ops += [new, op.Deposit(account=A, owner=owner_of(A), asset=asset, amount=1)]
    codes = [pair.op(each.to_bytes()).code for each in ops if getattr(each, "amount", 1)]
    assert set(codes) == {E.OK}
    paid, unlocked = tell(pair, event(EventKind.RELEASED, A, KEPT, GIVEN, A, A))
    assert (paid.kind, unlocked.kind) == (EventKind.WITHDRAWAL, EventKind.UNLOCKED)
    assert paid.values == (KEPT, GIVEN, *address_words(owner_of(A)), E.BALANCES_FULL)


def test_the_slot_of_a_message_follows_time_and_messages(pair: Pair) -> None:
    """Also what is sent because of a message has a later slot than it."""
    late = (START_S + 1) * 1_000 - 1
    *_, sent = tell(pair, event(EventKind.SEIZE_REQUESTED, A, KEPT, 1, A, A), slot=late)
    assert sent.values[1] == pair.state.header.last_slot == late + 1
    release = link_op.Release(account=A, asset=LINKED, amount=1).to_bytes()
    *_, sent = as_events(pair.op(release).events)
    assert sent.values[1] == late + 2
    pair.op(op.AdvanceTime(now_s=START_S + 9).to_bytes())
    *_, sent = as_events(pair.op(release).events)
    assert sent.values[1] == (START_S + 9) * 1_000


def test_an_op_of_duties_ends_the_pledges_that_have_expired(pair: Pair) -> None:
    pair.op(op.AdvanceTime(now_s=EXPIRY_S).to_bytes())
    outcome = pair.op(op.RunDuties().to_bytes())
    released, sent = as_events(outcome.events)
    assert (released.kind, sent.kind) == (EventKind.RELEASED, EventKind.MESSAGE_SENT)
    assert released.values[:2] == (KEPT, HELD)
    assert pair.state.assets.read(LINKED).supply_units == 0
    assert len(outcome.events) < MAX_EVENTS_PER_OP
    assert pair.state.account(A).free[1] < UNITS
