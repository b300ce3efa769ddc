"""Specification = native core in margined markets, op by op."""

import ctypes

import pytest

from offchain.spec.tree import Hasher
from tests.carry_strategies import CarryFlow
from tests.condition_strategies import ConditionFlow
from tests.core.huge_risk_flow import HugeRiskFlow
from tests.core.mixed_flows import (
    EveryFlow,
    HugeCarryFlow,
    HugeConditionFlow,
    HugeEveryFlow,
    HugeFundFlow,
)
from tests.core.pair import Pair, native_hasher, seed_groups
from tests.fund_strategies import FundFlow
from tests.risk_strategies import RiskFlow, random_risk_sequence

SEQUENCES = 500
FAST_SEQUENCES = 150
SEQUENCES_PER_TEST = 50
LENGTHS = (40, 80, 120, 160)
HUGE_SEQUENCES = 30
HUGE_LENGTH = 150


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.mark.parametrize("flow_type", [RiskFlow, FundFlow, ConditionFlow, CarryFlow])
@pytest.mark.parametrize("first_seed", seed_groups(SEQUENCES, SEQUENCES_PER_TEST, FAST_SEQUENCES))
def test_random_sequences_in_margined_markets(
    flow_type: type[RiskFlow], first_seed: int, hasher: Hasher
) -> None:
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        pair = Pair(hasher)
        for data in random_risk_sequence(seed, LENGTHS[seed % len(LENGTHS)], flow_type):
            pair.op(data)


@pytest.mark.parametrize(
    "flow_type",
    [HugeRiskFlow, HugeConditionFlow, HugeCarryFlow, HugeFundFlow, EveryFlow, HugeEveryFlow],
)
def test_random_sequences_near_the_bounds_of_numbers_and_of_mixed_rules(
    flow_type: type[RiskFlow], hasher: Hasher
) -> None:
    for seed in range(HUGE_SEQUENCES):
        pair = Pair(hasher)
        for data in random_risk_sequence(seed, HUGE_LENGTH, flow_type):
            pair.op(data)
