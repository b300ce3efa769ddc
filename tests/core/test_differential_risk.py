"""Specification = native core in margined markets, op by op."""

import ctypes

import pytest

from offchain.spec.tree import Hasher
from tests.core.huge_risk_flow import HugeRiskFlow
from tests.core.pair import Pair, native_hasher
from tests.fund_strategies import FundFlow
from tests.risk_strategies import random_risk_sequence

SEQUENCES = 500
SEQUENCES_PER_TEST = 50
LENGTHS = (40, 80, 120, 160)
HUGE_SEQUENCES = 30
HUGE_LENGTH = 150


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.mark.parametrize("first_seed", range(0, SEQUENCES, SEQUENCES_PER_TEST))
def test_random_sequences_in_margined_markets(first_seed: int, hasher: Hasher) -> None:
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        pair = Pair(hasher)
        for data in random_risk_sequence(seed, LENGTHS[seed % len(LENGTHS)]):
            pair.op(data)


def test_random_sequences_in_margined_markets_near_the_bounds_of_numbers(hasher: Hasher) -> None:
    for seed in range(HUGE_SEQUENCES):
        pair = Pair(hasher)
        for data in random_risk_sequence(seed, HUGE_LENGTH, HugeRiskFlow):
            pair.op(data)


@pytest.mark.parametrize("first_seed", range(0, SEQUENCES, SEQUENCES_PER_TEST))
def test_random_sequences_with_funds(first_seed: int, hasher: Hasher) -> None:
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        pair = Pair(hasher)
        for data in random_risk_sequence(seed, LENGTHS[seed % len(LENGTHS)], FundFlow):
            pair.op(data)
