"""What random pledging between two chains never breaks, and that it reaches the rules of links."""

from collections import Counter

from offchain.spec.checks import OpError
from offchain.spec.envelope import apply_envelope, decode
from offchain.spec.errors import ErrorCode
from offchain.spec.event import Event
from offchain.spec.kinds import EventKind, OpKind, PriorityKind
from offchain.spec.state import State, genesis
from offchain.spec.transition import apply
from tests.l1_strategies import is_envelope
from tests.link_strategies import random_link_sequences
from tests.spec.invariants import check_all
from tests.spec.link_invariants import L1Ledger, check_pledges
from tests.strategies import CONFIG_HASH, GOVERNANCE

SEEDS = range(24)
LENGTH = 160
LEAST = {
    "PLEDGED": 100,
    "PLEDGE_TAKEN": 60,
    "UNLOCKED": 30,
    "EXCHANGED": 5,
    "SEIZED": 20,
    "SEIZE_REQUESTED": 3,
    "LIQUIDATION_DONE": 6,
    "REDEEMED": 1,
    "RELEASED OK": 20,
    "RELEASED UNKNOWN_ASSET": 1,
    "RELEASED DEPOSIT_CAP": 1,
    "RELEASED NOT_SAME_OWNER": 3,
    "RELEASED UNKNOWN_ACCOUNT": 3,
    "PLEDGES_MOVED": 3,
    "MESSAGES_VOIDED": 10,
    "taken without body": 8,
    "REJECTED MESSAGE_MALFORMED": 20,
    "REJECTED UNKNOWN_PLEDGE": 40,
    "MESSAGE_AHEAD": 5,
    "MESSAGE_OUT_OF_ORDER": 2,
    "MESSAGE_NEEDS_BODY": 10,
    "ADMIN_VOID INVALID_LINK": 3,
    "ADMIN_VOID UNKNOWN_PEER": 1,
    "PLEDGE INSUFFICIENT_BALANCE": 5,
    "RELEASE INSUFFICIENT_BALANCE": 5,
    "TRANSFER PLEDGED_ASSET": 3,
}


def name_of(event: Event) -> str:
    """Return the kind of an event, and with which code."""
    if event.kind == EventKind.REJECTED:
        return f"REJECTED {ErrorCode(event.values[2]).name}"
    if event.kind == EventKind.RELEASED:
        return f"RELEASED {ErrorCode(event.values[4]).name}"
    return event.kind.name


def is_deposit(data: bytes) -> bool:
    """Return whether an entry can only be a deposit."""
    if not is_envelope(data):
        return data[0] == OpKind.DEPOSIT
    record = decode(data).record
    return record is not None and record.kind == PriorityKind.DEPOSIT


def is_void(data: bytes) -> bool:
    """Return whether an entry that was accepted is a message without its body."""
    message = decode(data).message if is_envelope(data) else None
    return message is not None and message.is_void


def run(data: bytes, state: State) -> list[Event]:
    """Apply an op or a whole envelope."""
    return apply_envelope(state, data) if is_envelope(data) else apply(state, data)


def test_nothing_breaks_an_invariant_and_all_rules_are_met() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        for sequence in random_link_sequences(seed, LENGTH):
            state, ledger = genesis(CONFIG_HASH, GOVERNANCE), L1Ledger()
            for data in sequence:
                try:
                    events = run(data, state)
                except OpError as refusal:
                    is_op = not is_envelope(data) and data[0] in set(OpKind)
                    name = f"{OpKind(data[0]).name} " if is_op else ""
                    seen[f"{name}{refusal.code.name}"] += 1
                    continue
                ledger.follow(events, is_deposit=is_deposit(data))
                ledger.check(state)
                check_pledges(state)
                check_all(state)
                seen.update(name_of(event) for event in events)
                seen["taken without body"] += is_void(data)
    assert {name for name, least in LEAST.items() if seen[name] < least} == set()
