"""What a liquidation takes of a pledge, in the specification and the core: claimed, asked, got."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from offchain.core.binding import TrapError
from offchain.spec import l1_op, link_op, op
from offchain.spec.book_records import Duty
from offchain.spec.constants import INSURANCE_ACCOUNT
from offchain.spec.errors import ErrorCode as E
from offchain.spec.event import Event
from offchain.spec.kinds import DutyKind, EventKind, MarketKind, MessageFlag, PlaceFlag
from offchain.spec.link_records import Reservation
from offchain.spec.message import NO_VALUES
from offchain.spec.risk_op import Liquidate, SetLeverage
from offchain.spec.tree import Hasher
from tests.core import bad_risk_ops
from tests.core.crowded_links import asset, message_envelope
from tests.core.crowded_risk import ASSET_RISK, CREDIT, RISKY, asset_snapshot
from tests.core.pair import Pair, as_events, native_hasher
from tests.core.peer import (
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
from tests.spec.link_support import free_of
from tests.strategies import GOVERNANCE, PERP, START_S, market_op, scene

GOVERNOR = 32 * 20
LOTS, HIGH, LOW = 5, 2_000, 1_000
OWED = LOTS * (HIGH - LOW) * 100
TAKEN = -(-OWED * 10 // 9)  # units of a price of 1 less a tenth
PLEDGED = 2 * OWED
SEIZE = link_op.Seize(account=A, number=0)
MOVED = l1_op.PledgesMoved(asset=KEPT, is_holder=1, peer_chain_id=PEER_ID, units=TAKEN - 1)


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.fixture
def pair(hasher: Hasher) -> Pair:
    """A chain on which insurance has bought of A what A held of the peer's."""
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    quote = pair.state.account(A).free[0]
    events_of(
        pair,
        op.Deposit(account=GOVERNOR, owner=GOVERNANCE, asset=0, amount=OWED),
        op.Transfer(account=GOVERNOR, to_account=INSURANCE_ACCOUNT, asset=0, amount=OWED),
        link_op.AdminChannel(channel=0, peer_chain_id=PEER_ID, own_chain_id=OWN_ID),
        replace(asset(LINKED), deposit_cap_units=PLEDGED),
        link_op.AdminLink(asset=LINKED, channel=0, peer_asset=KEPT),
        replace(ASSET_RISK, asset=LINKED),
        replace(asset_snapshot(START_S), asset=LINKED),
        replace(CREDIT, negative_cap=0),
        market_op(RISKY, MarketKind.PERP, sz_decimals=0),
        bad_risk_ops.PRICES,
        bad_risk_ops.RISK,
        op.Withdraw(account=A, asset=0, amount=quote),
        *trade(HIGH, buyer=A, seller=B),
        *trade(LOW, buyer=B, seller=A),
        SetLeverage(market=RISKY, account=A, leverage=2),
    )
    assert tell(pair, offer(units=PLEDGED))[0].kind is EventKind.PLEDGE_TAKEN
    exchanged = events_of(pair, Liquidate(account=A))[-1]
    assert exchanged.values[:3] == (LINKED, TAKEN, OWED)
    assert record(pair).claimed_units == TAKEN
    return pair


def trade(price: int, *, buyer: int, seller: int) -> list[op.Op]:
    order = op.Place(market=PERP, account=buyer, price=price, size_lots=LOTS)
    return [order, replace(order, account=seller, flags=PlaceFlag.IS_ASK)]


def events_of(pair: Pair, *ops: op.Op) -> list[Event]:
    """Apply ops, all of which are accepted; return the events of the last."""
    outcomes = [pair.op(each.to_bytes()) for each in ops]
    assert {each.code for each in outcomes} == {E.OK}
    return as_events(outcomes[-1].events)


def record(pair: Pair) -> Reservation:
    return pair.state.reservations.read(A // 32 * 8)


def duties_of(pair: Pair) -> list[Duty]:
    return [duty for duty in pair.state.duties.entries if duty.kind == DutyKind.PLEDGE]


def insured(pair: Pair, asset_id: int) -> int:
    return free_of(pair.state, INSURANCE_ACCOUNT, asset_id)


def test_the_peer_is_asked_once_for_what_was_claimed(pair: Pair) -> None:
    asked, sent = events_of(pair, SEIZE)
    assert asked.values == (KEPT, TAKEN, A, A, 0, 0)
    assert sent.values[3:] == (MessageFlag.ATOMIC, 0, 0)
    assert pair.op(SEIZE.to_bytes()).code is E.NOTHING_TO_SEIZE
    assert (record(pair).claimed_units, record(pair).asked_units) == (0, TAKEN)


def test_insurance_cannot_release_what_it_has_no_pledge_of(pair: Pair) -> None:
    release = link_op.Release(account=INSURANCE_ACCOUNT, asset=LINKED, amount=TAKEN)
    assert pair.op(release.to_bytes()).code is E.UNKNOWN_PLEDGE
    too_much = replace(release, account=A, amount=PLEDGED - TAKEN + 1)
    assert pair.op(too_much.to_bytes()).code is E.INSUFFICIENT_BALANCE


@pytest.mark.parametrize("got", [TAKEN, TAKEN - 7, 0])
def test_the_claim_becomes_what_the_peer_sends(got: int, pair: Pair) -> None:
    events_of(pair, SEIZE)
    supply = pair.state.assets.read(LINKED).supply_units
    done = event(EventKind.SEIZED, A, KEPT, got, A, TAKEN)
    value = (KEPT, got) if got else (0, 0)
    (finished,) = tell(pair, done, values=(value, *NO_VALUES[1:]))
    assert finished.values == (KEPT, got, TAKEN, 0, 0, 0)
    assert (insured(pair, LINKED), insured(pair, KEPT)) == (0, got)
    assert pair.state.assets.read(LINKED).supply_units == supply - TAKEN
    assert record(pair).asked_units == 0


def test_a_record_that_is_emptied_takes_its_duty_with_it(pair: Pair) -> None:
    events_of(pair, SEIZE, link_op.Release(account=A, asset=LINKED, amount=PLEDGED - TAKEN))
    assert [duty.ref for duty in duties_of(pair)] == [A // 32 * 8]
    assert pair.envelope(answer(pair)).code is E.OK
    assert duties_of(pair) == []
    tell(pair, offer(units=PLEDGED))
    events_of(pair, link_op.Release(account=A, asset=LINKED, amount=PLEDGED))
    assert duties_of(pair) == []


def answer(pair: Pair) -> bytes:
    """Return the peer's answer to the seizure, with all that was asked for."""
    told = next_message(pair, event(EventKind.SEIZED, A, KEPT, TAKEN, A, TAKEN))
    return message_envelope(replace(told, values=((KEPT, TAKEN), *NO_VALUES[1:])))


@pytest.mark.parametrize("hints", [[], [0], [2**32 - 1]])
def test_the_place_of_a_duty_is_verified(hints: list[int], pair: Pair) -> None:
    """None is left, that of a market, one beyond the heap."""
    events_of(pair, SEIZE, link_op.Release(account=A, asset=LINKED, amount=PLEDGED - TAKEN))
    last = answer(pair)
    pair.core.take_hints_from(np.array(hints, np.uint32))
    with pytest.raises(TrapError):
        pair.core.apply_envelope(last)


def test_a_claim_on_a_frozen_peer_is_paid_of_what_l1_has_moved(pair: Pair) -> None:
    events_of(pair, MOVED)
    assert pair.op(SEIZE.to_bytes()).code is E.INSUFFICIENT_CHAIN_LIQUIDITY
    events_of(pair, replace(MOVED, units=1))
    total = pair.state.assets.read(KEPT).total_units
    (redeemed,) = events_of(pair, SEIZE)
    assert (redeemed.kind, redeemed.account) == (EventKind.REDEEMED, INSURANCE_ACCOUNT)
    assert redeemed.values == (LINKED, KEPT, TAKEN, 0, 0, 0)
    assert (insured(pair, LINKED), insured(pair, KEPT)) == (0, TAKEN)
    assert pair.state.assets.read(KEPT).total_units == total + TAKEN
    assert pair.state.assets.read(LINKED).moved_units == 0


def test_what_an_account_still_holds_of_a_frozen_peer_is_its_own(pair: Pair) -> None:
    rest = PLEDGED - TAKEN
    events_of(pair, MOVED)
    release = link_op.Release(account=A, asset=LINKED, amount=rest)
    (redeemed,) = events_of(pair, release)
    assert (redeemed.kind, redeemed.account) == (EventKind.REDEEMED, A)
    assert (record(pair).units, record(pair).claimed_units) == (0, TAKEN)
    assert pair.op(release.to_bytes()).code is E.INSUFFICIENT_BALANCE


def test_units_that_l1_has_moved_stop_at_their_bound(pair: Pair) -> None:
    most = replace(MOVED, units=2**62 - 1)
    for _ in range(2):
        (moved,) = events_of(pair, most)
        assert moved.values == (KEPT, most.units, 1, PEER_ID, 0, 0)
        assert pair.state.assets.read(LINKED).moved_units == most.units
