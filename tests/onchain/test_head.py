"""Functions that read a proof's head, on inputs that no proof has."""

from random import Random

import pytest

from offchain.spec.constants import GOLDILOCKS_P as P
from tests.onchain.evm import Evm, Reverted

LOG_SIZE, QUERIES, VALUES = 21, 52, 364


@pytest.fixture(scope="module")
def probe():
    return Evm().deploy("tests/onchain/HeadProbe.vy")


def indices(seed):
    """Queries of some shape: spread, in one list of the contract, few different ones, in order."""
    random = Random(seed)
    low = random.randrange(1 << LOG_SIZE - 6)
    yield [random.randrange(1 << LOG_SIZE) for _ in range(QUERIES)]
    yield [low ^ random.randrange(64) for _ in range(QUERIES)]
    yield random.choices([0, low, (1 << LOG_SIZE) - 1], k=QUERIES)
    yield list(range(low, low + QUERIES))
    yield list(range(low + QUERIES, low, -1))
    yield [low]
    yield []


@pytest.mark.parametrize("seed", range(4))
def test_queries_are_sorted_and_distinct(probe, seed):
    for queries in indices(seed):
        (found,) = probe.call("sorted_distinct", queries, LOG_SIZE).values
        assert list(found) == sorted(set(queries))


@pytest.mark.parametrize("count", [4, 5, 6, 7, 64, VALUES])
def test_elements_are_read(probe, count):
    random = Random(count)
    numbers = [random.choice([0, P - 1, random.randrange(P)]) for _ in range(3 * count)]
    data = b"".join(number.to_bytes(8, "big") for number in numbers)
    (found,) = probe.call("elements", data).values
    lanes = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    expected = [c0 | c1 << 85 | c2 << 170 for c0, c1, c2 in lanes]
    assert list(found) == expected + [0] * (VALUES - count)


@pytest.mark.parametrize("number", [P, P + 1, (1 << 64) - 1])
def test_no_number_above_p_is_read(probe, number):
    for place in range(3 * 7):
        data = bytearray(Random(place).randbytes(8 * 3 * 7))
        for i in range(3 * 7):
            data[8 * i] &= 0x7F
        data[8 * place : 8 * place + 8] = number.to_bytes(8, "big")
        with pytest.raises(Reverted) as caught:
            probe.call("elements", bytes(data))
        assert caught.value.reason == "NON_CANONICAL_ELEMENT"
