"""Functions that read a proof's head, on inputs that no proof has."""

from random import Random

import pytest

from offchain.air.machine import TABLES
from offchain.security.parameters import SETTLE
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


def log_n(probe, log_heights):
    return probe.call("checked_log_n", bytes(log_heights).ljust(32, bytes(1))).values[0]


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_every_table_has_its_bounds(probe, number):
    """The cpu table's rows are the clock; it is at most half as high as others may be."""
    least, most = SETTLE.min_log_height, 21 if TABLES[number].name == "cpu" else 22
    heights = [12] * len(TABLES)
    for log_height in range(least, most + 1):
        heights[number] = log_height
        assert log_n(probe, heights) == max(12, log_height)
    for log_height in (0, least - 1, most + 1, 255):
        heights[number] = log_height
        with pytest.raises(Reverted) as caught:
            log_n(probe, heights)
        assert caught.value.reason == "HEIGHT_OUT_OF_RANGE"
