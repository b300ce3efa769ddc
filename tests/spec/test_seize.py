"""A liquidation takes a pledge, SEIZE asks for it, and the keeper gives it up."""

from dataclasses import replace

import pytest

from offchain.spec import exchange, link_op, op
from offchain.spec.constants import INSURANCE_ACCOUNT, RESERVATIONS_PER_MASTER
from offchain.spec.errors import ErrorCode as E
from offchain.spec.events import EventLog
from offchain.spec.kinds import EventKind, MessageFlag
from offchain.spec.link_records import Reservation
from offchain.spec.state import State
from tests.spec.link_support import (
    CHANNEL,
    LINKED,
    OWNER,
    SUB,
    UNITS,
    carry,
    free_of,
    holder,
    keeper,
    offer,
    pledge,
    record_of,
    sent,
    tell,
    told,
    values_of,
)
from tests.spec.risk_support import fund_insurance
from tests.spec.support import BASE, TAKER, kinds, refused, run

SEIZE = link_op.Seize(account=SUB, number=0)
CLAIM = UNITS // 2
OWED = 95 * 10**8  # CLAIM is worth 100 quote tokens, less the discount of 5 %


def owe(state: State) -> State:
    """Let the engine sell CLAIM of a pledge that SUB holds, to the insurance account."""
    fund_insurance(state, 10**12)
    for asset in (0, BASE):
        amount = free_of(state, SUB, asset)
        run(state, op.Transfer(account=SUB, to_account=OWNER, asset=asset, amount=amount))
    state.edit_account(SUB).free[0] -= OWED
    log = EventLog(state.header)
    assert exchange.exchange(state, log, SUB)
    assert values_of(log.events, EventKind.EXCHANGED)[:2] == (LINKED, CLAIM)
    return state


@pytest.fixture
def state() -> State:
    state = holder()
    tell(state, offer(state, account=SUB))
    return owe(state)


def seized(units: int, *, asked: int = CLAIM, account: int = SUB, asset: int = BASE) -> bytes:
    """Return the keeper's answer."""
    return told(EventKind.SEIZED, OWNER, asset, units, account, asked)


def end(state: State, body: bytes, value: tuple[int, int] = (BASE, CLAIM)) -> list:
    """Let the holder read an answer."""
    return tell(state, body, values=(value, (0, 0), (0, 0), (0, 0)), flags=3)


def test_a_liquidation_turns_units_into_a_claim(state: State) -> None:
    record = record_of(state)
    assert (record.units, record.claimed_units, record.asked_units) == (UNITS - CLAIM, CLAIM, 0)
    assert free_of(state, INSURANCE_ACCOUNT, LINKED) == CLAIM
    assert state.assets.read(LINKED).supply_units == UNITS


def test_a_seizure_asks_the_keeper(state: State) -> None:
    events = run(state, SEIZE)
    assert kinds(events) == [EventKind.SEIZE_REQUESTED, EventKind.MESSAGE_SENT]
    assert (events[0].account, events[0].market) == (SUB, CHANNEL)
    assert events[0].values == (BASE, CLAIM, OWNER, SUB, 0, 0)
    assert sent(state, events)[0].flags == MessageFlag.ATOMIC
    record = record_of(state)
    assert (record.claimed_units, record.asked_units) == (0, CLAIM)
    assert refused(state, SEIZE) is E.NOTHING_TO_SEIZE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account": 32 * 50}, E.UNKNOWN_ACCOUNT),
        ({"number": RESERVATIONS_PER_MASTER}, E.NOTHING_TO_SEIZE),
        ({"number": 1}, E.NOTHING_TO_SEIZE),
        ({"account": OWNER}, E.NOTHING_TO_SEIZE),
        ({"account": TAKER}, E.NOTHING_TO_SEIZE),
    ],
)
def test_where_nothing_was_taken_there_is_nothing_to_seize(
    state: State, changes: dict[str, int], code: E
) -> None:
    assert refused(state, replace(SEIZE, **changes)) is code


def test_a_pledge_given_is_not_seized() -> None:
    state = keeper()
    run(state, pledge(state))
    state.reservations.edit((OWNER >> 5) * 8).claimed_units = 1
    assert refused(state, replace(SEIZE, account=OWNER)) is E.NOTHING_TO_SEIZE


def test_a_seizure_passes_while_the_sweep_is_late(state: State) -> None:
    state.header.sweep_head, state.header.swept_s = SUB, 0
    assert refused(state, pledge(state)) is E.SWEEP_LATE
    run(state, SEIZE)


def test_a_seizure_ends_with_the_asset_itself() -> None:
    chain, peer = keeper(), holder()
    total = chain.assets.read(BASE).total_units
    carry(chain, peer, run(chain, pledge(chain, peer_account=SUB)))
    owe(peer)
    answer = carry(peer, chain, run(peer, SEIZE))
    assert kinds(answer) == [EventKind.MESSAGE_TAKEN, EventKind.SEIZED, EventKind.MESSAGE_SENT]
    assert (answer[1].account, answer[1].market) == (OWNER, CHANNEL)
    assert answer[1].values == (BASE, CLAIM, SUB, CLAIM, 0, 0)
    (message,) = sent(chain, answer)
    assert message.flags == MessageFlag.ATOMIC | MessageFlag.SEIZURE
    assert message.values[0] == (BASE, CLAIM)
    assert record_of(chain).units == UNITS - CLAIM
    assert chain.assets.read(BASE).total_units == total - UNITS
    before = peer.assets.read(BASE).total_units
    done = carry(chain, peer, answer)
    assert kinds(done) == [EventKind.MESSAGE_TAKEN, EventKind.LIQUIDATION_DONE]
    assert (done[1].account, done[1].market) == (SUB, CHANNEL)
    assert done[1].values == (BASE, CLAIM, CLAIM, 0, 0, 0)
    assert free_of(peer, INSURANCE_ACCOUNT, BASE) == CLAIM
    assert LINKED + 1 not in peer.account(INSURANCE_ACCOUNT).asset_ids
    assert peer.assets.read(BASE).total_units == before + CLAIM
    assert peer.assets.read(LINKED).supply_units == UNITS - CLAIM
    assert record_of(peer).asked_units == 0


def test_a_keeper_gives_what_there_is() -> None:
    chain = keeper()
    run(chain, pledge(chain))
    asks = told(EventKind.SEIZE_REQUESTED, OWNER, BASE, UNITS + 1, OWNER, OWNER)
    assert values_of(tell(chain, asks), EventKind.SEIZED)[:2] == (BASE, UNITS)
    assert record_of(chain) == Reservation()
    nothing = tell(chain, asks)
    assert values_of(nothing, EventKind.SEIZED) == (BASE, 0, OWNER, UNITS + 1, 0, 0)
    assert sent(chain, nothing)[0].values[0] == (0, 0)


def test_an_answer_of_less_ends_the_whole_claim(state: State) -> None:
    run(state, SEIZE)
    done = end(state, seized(1), value=(BASE, 1))
    assert values_of(done, EventKind.LIQUIDATION_DONE) == (BASE, 1, CLAIM, 0, 0, 0)
    assert free_of(state, INSURANCE_ACCOUNT, BASE) == 1
    assert free_of(state, INSURANCE_ACCOUNT, LINKED) == 0


def test_an_answer_of_nothing_ends_it_too(state: State) -> None:
    run(state, SEIZE)
    done = end(state, seized(0), value=(0, 0))
    assert values_of(done, EventKind.LIQUIDATION_DONE) == (BASE, 0, CLAIM, 0, 0, 0)
    assert BASE + 1 not in state.account(INSURANCE_ACCOUNT).asset_ids


def test_an_answer_to_more_than_was_asked_burns_what_was_asked(state: State) -> None:
    run(state, SEIZE)
    done = end(state, seized(CLAIM, asked=UNITS))
    assert values_of(done, EventKind.LIQUIDATION_DONE)[2] == CLAIM
    assert end(state, seized(CLAIM))[0].values[2] == 0


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (seized(CLAIM), (BASE, CLAIM - 1)),
        (seized(CLAIM), (2, CLAIM)),
        (seized(CLAIM), (0, 0)),
        (seized(0), (BASE, CLAIM)),
        (seized(-1), (0, 0)),
        (seized(2**62), (BASE, 2**62)),
        (seized(CLAIM, asked=0), (BASE, CLAIM)),
        (seized(CLAIM, asked=2**62), (BASE, CLAIM)),
        (seized(CLAIM, account=-1), (BASE, CLAIM)),
        (seized(CLAIM, account=2**22), (BASE, CLAIM)),
        (seized(CLAIM, asset=64), (64, CLAIM)),
        (seized(CLAIM, asset=-1), (0, 0)),
    ],
)
def test_an_answer_that_cannot_be_is_void(
    state: State, body: bytes, value: tuple[int, int]
) -> None:
    (event,) = end(state, body, value=value)
    assert (event.kind, event.account) == (EventKind.REJECTED, 0)
    assert event.values[:3] == (0, EventKind.SEIZED, E.MESSAGE_MALFORMED)


def test_an_answer_has_no_second_value(state: State) -> None:
    values = ((BASE, CLAIM), (2, 1), (0, 0), (0, 0))
    (event,) = tell(state, seized(CLAIM), values=values)
    assert event.values[2] == E.MESSAGE_MALFORMED


@pytest.mark.parametrize("changes", [{"account": OWNER}, {"asset": 2}])
def test_an_answer_to_no_pledge_is_void(state: State, changes: dict[str, int]) -> None:
    asset = changes.get("asset", BASE)
    (event,) = end(state, seized(CLAIM, **changes), value=(asset, CLAIM))
    assert event.values[:3] == (0, EventKind.SEIZED, E.UNKNOWN_PLEDGE)


def test_what_the_insurance_account_cannot_have_is_paid_on_l1(state: State) -> None:
    run(state, SEIZE)
    account = state.edit_account(INSURANCE_ACCOUNT)
    for slot in range(1, 8):
        if account.asset_ids[slot] == 0:
            account.asset_ids[slot] = 100 + slot
    # Its slot of the linked asset keeps one unit, so that none becomes free.
    account.free[account.asset_ids.index(LINKED + 1)] += 1
    paid, _ = end(state, seized(CLAIM))
    assert (paid.kind, paid.account) == (EventKind.WITHDRAWAL, INSURANCE_ACCOUNT)
    assert (*paid.values[:2], paid.values[5]) == (BASE, CLAIM, E.BALANCES_FULL)
