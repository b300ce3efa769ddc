"""Specification = native core for pledges, messages and what a peer makes up."""

import ctypes
from collections import Counter
from collections.abc import Iterable

import pytest

from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.spec.tree import Hasher
from tests.core.mixed_flows import EveryLinkFlow, HugeLinkFlow
from tests.core.pair import Outcome, Pair, as_events, native_hasher, seed_groups
from tests.link_strategies import LinkFlow, random_link_sequences
from tests.risk_strategies import random_risk_sequence

SEQUENCES = 60
FAST_SEQUENCES = 24
SEQUENCES_PER_TEST = 12
LENGTHS = (60, 120, 200, 300)
MIXED_SEQUENCES = 30
MIXED_LENGTH = 150
WANTED = {
    *(EventKind.PLEDGED, EventKind.RELEASED, EventKind.UNLOCKED, EventKind.PLEDGE_TAKEN),
    *(EventKind.SEIZE_REQUESTED, EventKind.SEIZED, EventKind.LIQUIDATION_DONE),
    *(EventKind.MESSAGE_SENT, EventKind.MESSAGE_TAKEN, EventKind.PLEDGES_MOVED),
    EventKind.MESSAGES_VOIDED,
}


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


def follow(entries: Iterable[bytes], hasher: Hasher) -> list[Outcome]:
    """Apply ops and envelopes to both implementations."""
    pair = Pair(hasher)
    return [pair.take(data) for data in entries]


def event_kinds(outcomes: Iterable[Outcome]) -> Counter[int]:
    return Counter(event.kind for each in outcomes for event in as_events(each.events))


@pytest.mark.parametrize("first_seed", seed_groups(SEQUENCES, SEQUENCES_PER_TEST, FAST_SEQUENCES))
def test_random_sequences_of_two_chains(first_seed: int, hasher: Hasher) -> None:
    seen: Counter[int] = Counter()
    codes: set[ErrorCode] = set()
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        for entries in random_link_sequences(seed, LENGTHS[seed % len(LENGTHS)]):
            outcomes = follow(entries, hasher)
            seen += event_kinds(outcomes)
            codes |= {each.code for each in outcomes}
    assert set(seen) >= WANTED
    wanted = {ErrorCode.MESSAGE_OUT_OF_ORDER, ErrorCode.UNKNOWN_PEER, ErrorCode.MESSAGE_NEEDS_BODY}
    assert wanted <= codes


@pytest.mark.parametrize("first_seed", seed_groups(SEQUENCES, SEQUENCES_PER_TEST, FAST_SEQUENCES))
def test_random_sequences_with_peers_that_say_anything(first_seed: int, hasher: Hasher) -> None:
    seen: Counter[int] = Counter()
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        entries = random_risk_sequence(seed, LENGTHS[seed % len(LENGTHS)], LinkFlow)
        seen += event_kinds(follow(entries, hasher))
    assert seen[EventKind.MESSAGE_TAKEN] > SEQUENCES_PER_TEST
    assert seen[EventKind.REJECTED] > SEQUENCES_PER_TEST


@pytest.mark.parametrize("flow_type", [HugeLinkFlow, EveryLinkFlow])
def test_links_near_the_bounds_of_numbers_and_among_all_other_rules(
    flow_type: type[LinkFlow], hasher: Hasher
) -> None:
    for seed in range(MIXED_SEQUENCES):
        follow(random_risk_sequence(seed, MIXED_LENGTH, flow_type), hasher)
