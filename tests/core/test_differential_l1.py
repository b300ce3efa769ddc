"""Specification = native core for what L1 tells a chain: forced operations, feeds, the listing."""

import ctypes
from collections import Counter

import pytest

from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.spec.tree import Hasher
from offchain.spec.valuation import valuation_table
from tests.core.pair import Pair, as_events, native_hasher, seed_groups
from tests.l1_strategies import L1Flow, is_envelope
from tests.risk_strategies import random_risk_sequence

SEQUENCES = 120
FAST_SEQUENCES = 60
SEQUENCES_PER_TEST = 30
LENGTHS = (60, 120, 200)


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.mark.parametrize("first_seed", seed_groups(SEQUENCES, SEQUENCES_PER_TEST, FAST_SEQUENCES))
def test_random_sequences_with_inputs_of_l1(first_seed: int, hasher: Hasher) -> None:
    seen: Counter[EventKind] = Counter()
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        pair = Pair(hasher)
        for data in random_risk_sequence(seed, LENGTHS[seed % len(LENGTHS)], L1Flow):
            outcome = pair.envelope(data) if is_envelope(data) else pair.op(data)
            seen.update(event.kind for event in as_events(outcome.events))
        assert pair.core.valuation_table() == valuation_table(pair.state) != b""
        assert pair.codes.count(ErrorCode.OK) > len(pair.codes) // 2
    wanted = {EventKind.ORACLE_READ, EventKind.FEED_SET, EventKind.PRIORITY_NOTED}
    assert wanted <= seen.keys()
