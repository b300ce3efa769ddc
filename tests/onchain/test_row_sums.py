"""Weighted sums of rows: any length, and the edges of words, weights and their limbs."""

from random import Random

import pytest

from offchain.spec.constants import GOLDILOCKS_P as P
from tests.onchain.evm import Evm

MAX_QUERIES = 52
SPAN_WORDS, MAX_ROW_WORDS = 36, 264
LANE_BITS = 85
PADDING = b"\xff" * 288  # what follows the rows has no weight and is not checked
LENGTHS = [*range(1, SPAN_WORDS + 5), 67, 71, 72, 73, 119, MAX_ROW_WORDS]
WORD_EDGES = [0, 1, 2**32 - 1, 2**32, 2**63, P - 1]
COEFFICIENT_EDGES = [0, 1, 2**47, 2**56 - 1, 2**56, 2**57 - 1, P - 2**56 - 1, P - 2**56, P - 1]


@pytest.fixture(scope="module")
def probe():
    return Evm().deploy("tests/onchain/RowSumsProbe.vy")


def packed(element):
    return sum(coefficient << (LANE_BITS * i) for i, coefficient in enumerate(element))


def coefficients(word):
    """Of a sum, whose lanes may be above p."""
    return tuple((word >> (LANE_BITS * i)) % (1 << LANE_BITS) % P for i in range(3))


def contract_sums(probe, weights, rows, first=0, skipped=0):
    data = b"".join(word.to_bytes(8, "big") for row in rows for word in row) + PADDING
    arguments = [packed(weight) for weight in weights], skipped, first, len(rows), data
    sums, is_refused = probe.call("sums", *arguments).values
    assert not any(sums[:first])
    assert not any(sums[first + len(rows) :])
    return [coefficients(word) for word in sums[first : first + len(rows)]], is_refused


def python_sums(weights, rows):
    return [
        tuple(sum(word * w[i] for word, w in zip(row, weights, strict=True)) % P for i in range(3))
        for row in rows
    ]


def check(probe, weights, rows, first=0):
    expected = python_sums(weights, rows)
    assert contract_sums(probe, weights, rows, first) == (expected, False)


@pytest.mark.parametrize("length", LENGTHS)
def test_rows_of_any_length(probe, length):
    rng = Random(length)
    weights = [tuple(rng.randrange(P) for _ in range(3)) for _ in range(length)]
    rows = [[rng.randrange(P) for _ in range(length)] for _ in range(3)]
    check(probe, weights, rows, first=rng.randrange(MAX_QUERIES - 2))


@pytest.mark.parametrize("skipped", [1, 5, SPAN_WORDS, SPAN_WORDS + 2])
def test_the_end_of_rows(probe, skipped):
    rng = Random(skipped)
    length = skipped + SPAN_WORDS + 3
    weights = [tuple(rng.randrange(P) for _ in range(3)) for _ in range(length)]
    rows = [[rng.randrange(P) for _ in range(length)] for _ in range(3)]
    for row in rows:
        row[skipped - 1] = P  # what is left out is not checked
    expected = python_sums(weights[skipped:], [row[skipped:] for row in rows])
    assert contract_sums(probe, weights, rows, skipped=skipped) == (expected, False)


def test_the_largest_weights_and_words(probe):
    for coefficient in COEFFICIENT_EDGES:
        weights = [(coefficient,) * 3] * MAX_ROW_WORDS
        check(probe, weights, [[P - 1] * MAX_ROW_WORDS])


def test_edges_of_weights_and_words_in_every_place(probe):
    rng = Random(1)
    for _ in range(20):
        weights = [tuple(rng.choices(COEFFICIENT_EDGES, k=3)) for _ in range(2 * SPAN_WORDS)]
        check(probe, weights, [rng.choices(WORD_EDGES, k=2 * SPAN_WORDS) for _ in range(4)])


@pytest.mark.parametrize("length", [1, 5, SPAN_WORDS, SPAN_WORDS + 2])
def test_a_word_not_below_p_is_seen_in_every_place(probe, length):
    weights = [(1, 2, 3)] * length
    for place in range(length):
        for word in (P, 2**64 - 1):
            row = [P - 1] * length
            row[place] = word
            assert contract_sums(probe, weights, [[0] * length, row])[1]


def test_a_full_class(probe):
    rng = Random(2)
    weights = [tuple(rng.randrange(P) for _ in range(3)) for _ in range(17)]
    check(probe, weights, [[rng.randrange(P) for _ in range(17)] for _ in range(MAX_QUERIES)])
