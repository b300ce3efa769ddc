"""The calculator against published figures: the tables of queries and rounds for this field."""

import math
from dataclasses import replace

import pytest

from offchain.air.machine import TABLES
from offchain.security.calculator import (
    LOG_FIELD,
    AirCounts,
    assess,
    check_security,
    count_air,
    johnson_bound,
    unique_decoding,
)
from offchain.security.parameters import POSEIDON2, SETTLE, Parameters

# 200 columns, 400 constraints, 48 lookups a row of tuples of 16; one height.
AIR = AirCounts(
    columns=199,
    next_values=1,
    constraints=400,
    fractions=48,
    tuple_degree=16,
    weight_degree=0,
    tables=1,
)


def parameters(log_blowup, queries, grinding_bits):
    return Parameters(0, "test", log_blowup, queries, grinding_bits, 4, 5, 512, 0, 0)


def bits(log_blowup, queries, grinding_bits, regime):
    assessment = assess(parameters(log_blowup, queries, grinding_bits), 18, regime, AIR)
    return min(value for name, value in assessment.rounds.items() if name != "hash")


def queries_needed(log_blowup, target, grinding_bits, regimes):
    return next(
        queries
        for queries in range(10, 400)
        if max(bits(log_blowup, queries, grinding_bits, regime) for regime in regimes) >= target
    )


@pytest.mark.parametrize(
    ("target", "grinding", "expected"),
    [
        (100, 0, [241, 148, 121, 110, 105, 103]),
        (100, 20, [193, 118, 97, 88, 84, 82]),
        (128, 0, [309, 189, 155, 141, 134, 131]),
        (128, 20, [261, 160, 131, 119, 114, 111]),
    ],
)
def test_queries_for_unique_decoding(target, grinding, expected):
    found = [
        queries_needed(log_blowup, target, grinding, [unique_decoding(log_blowup, 18)])
        for log_blowup in range(1, 7)
    ]
    assert found == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("target", "grinding", "expected"),
    [
        (100, 0, [201, 101, 67, 51, 41, 34]),
        (100, 20, [161, 81, 54, 41, 33, 27]),
        (128, 0, [259, 130, 87, 65, 52, 44]),
        (128, 20, [219, 109, 73, 55, 44, 37]),
    ],
)
def test_queries_for_the_johnson_bound(target, grinding, expected):
    multiplicities = [3, 5, 7, 10, 14, 20, 30, 50, 79, 120, 200, 400, 800]
    found = [
        queries_needed(
            log_blowup, target, grinding, [johnson_bound(log_blowup, 18, m) for m in multiplicities]
        )
        for log_blowup in range(1, 7)
    ]
    assert found == pytest.approx(expected, abs=2)


@pytest.mark.parametrize(
    ("log_n", "logup", "unique", "johnson"),
    [(16, 165, 168, 142), (18, 163, 166, 140), (20, 161, 164, 138), (22, 159, 162, 136)],
)
def test_bits_of_the_other_rounds(log_n, logup, unique, johnson):
    of_unique = assess(parameters(2, 100, 0), log_n, unique_decoding(2, log_n), AIR).rounds
    of_johnson = assess(parameters(4, 100, 0), log_n, johnson_bound(4, log_n, 10), AIR).rounds
    # Ours counts vanishing denominators, too, and so up to a bit less.
    assert of_unique["logup"] == pytest.approx(logup, abs=1.5)
    # Lifted columns take part twice, so that our exponents run to twice the columns: one bit.
    assert of_unique["batching"] == pytest.approx(unique - 1, abs=1.5)
    assert of_johnson["batching"] == pytest.approx(johnson - 1, abs=1)


def test_unique_decoding_formula():
    regime = unique_decoding(2, 18)
    assert regime.radius == pytest.approx(3 / 8, abs=1e-5)
    expected = math.log2(regime.radius * 2**20 + 1) - LOG_FIELD
    assert regime.log_gap_error(2, 18) == pytest.approx(expected)


def test_list_size_grows_because_opened_columns_have_one_degree_more():
    small, large = johnson_bound(4, 10, 200), johnson_bound(4, 21, 200)
    assert small.radius == large.radius
    assert small.log_list > large.log_list >= math.log2(200.5 * 4)
    assert johnson_bound(4, 10, 2_000).log_list == math.inf  # beyond the larger code's bound
    assert assess(SETTLE, 10, johnson_bound(4, 10, 2_000), AIR).total == 0


def test_grinding_adds_to_the_queries_only():
    regime = johnson_bound(4, 18, 20)
    base, ground = (assess(parameters(4, 40, g), 18, regime, AIR).rounds for g in (0, 20))
    assert ground["queries"] == pytest.approx(base["queries"] + 20)
    assert {k: v for k, v in ground.items() if k != "queries"} == {
        k: v for k, v in base.items() if k != "queries"
    }


def test_counts_come_from_the_tables():
    counts = count_air()
    expected = sum(len(t.preprocessed) + len(t.main) + len(t.fraction_groups()) for t in TABLES)
    assert counts.columns == expected + 3
    assert counts.fractions == sum(len(table.interactions) for table in TABLES)
    more = replace(counts, columns=2 * counts.columns)
    regime = johnson_bound(4, 18, 20)
    assert (
        assess(SETTLE, 18, regime, more).rounds["batching"]
        < (assess(SETTLE, 18, regime, counts).rounds["batching"])
    )


def test_poseidon2_digests_have_a_little_less_than_128_bits():
    suite = replace(SETTLE, hash_suite=POSEIDON2)
    assert assess(suite, 18, johnson_bound(4, 18, 17)).rounds["hash"] == 127.99
    assert check_security(replace(suite, min_bits=127), 18) == 127.99
