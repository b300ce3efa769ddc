"""Openings of trees: the contracts' walk to the root is that of the Python verifier."""

from itertools import pairwise
from random import Random
from unittest.mock import patch

import pytest

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier import merkle
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected
from tests.onchain.evm import Evm, Reverted

SALT_WORDS = 2
PADDING = bytes(2_176)
MAX_QUERIES = 52


@pytest.fixture(scope="module")
def probe():
    return Evm().deploy("tests/onchain/MerkleProbe.vy")


def python_walk(data, widths, places):
    """Root, bytes read and opened rows by class, whatever the root should be."""
    digests, reader = [], Reader(data)
    compute = merkle.message_digest

    def recorded(suite, message):
        digests.append(compute(suite, message))
        return digests[-1]

    with (
        patch.object(merkle, "message_digest", recorded),
        pytest.raises(Rejected) as caught,
    ):
        merkle.read_rows(reader, b"", widths, SALT_WORDS, places, Reason.MERKLE_MAIN)
    if caught.value.reason is not Reason.MERKLE_MAIN:
        raise caught.value
    rows = {log: sorted({place >> max(widths) - log for place in places}) for log in widths}
    return digests[-1], len(data) - reader.left, rows


def contract_walk(probe, data, widths, queries, leaf_level=0):
    log_classes = sorted(widths, reverse=True)
    row_bytes = [8 * (SALT_WORDS + widths[log]) for log in log_classes]
    outcome = probe.call("open", log_classes, row_bytes, queries, data, PADDING, leaf_level)
    root, read_bytes, rows, shared, *_ = outcome.values[0]
    return root, read_bytes, dict(zip(log_classes, rows, strict=True)), shared


def random_bytes(rng, widths, places):
    """Enough random bytes; all words are below p."""
    rows = sum(8 * (SALT_WORDS + width) * len(places) for width in widths.values())
    count = rows // 8 + 4 * len(places) * max(widths)
    return b"".join(rng.randrange(P).to_bytes(8, "big") for _ in range(count))


def check(probe, rng, widths, queries, leaf_level=0):
    places = [query >> leaf_level for query in queries]
    data = random_bytes(rng, widths, places)
    expected_root, expected_bytes, expected_rows = python_walk(data, widths, places)
    root, read_bytes, rows, shared = contract_walk(probe, data, widths, queries, leaf_level)
    assert (root, read_bytes) == (expected_root, expected_bytes)
    for log_rows, bits in zip(sorted(widths, reverse=True), shared, strict=True):
        assert rows[log_rows] == len(expected_rows[log_rows])
        above = [place >> max(widths) - log_rows for place in places]
        expected = [False, *(a == b for a, b in pairwise(above))]
        assert [bool(bits >> i & 1) for i in range(len(queries))] == expected
    return data[:expected_bytes]


@pytest.mark.parametrize("seed", range(40))
def test_the_walk_is_that_of_python(probe, seed):
    rng = Random(seed)
    log_size = rng.randint(1, 28)
    others = rng.sample(range(log_size), rng.randint(0, min(11, log_size)))
    widths = {log: rng.randint(1, 9) for log in (log_size, *others)}
    count = rng.randint(1, min(MAX_QUERIES, 1 << log_size))
    check(probe, rng, widths, sorted(rng.sample(range(1 << log_size), count)))


@pytest.mark.parametrize("leaf_level", [1, 3, 10])
def test_a_tree_may_be_lower_than_the_domain(probe, leaf_level):
    rng, widths = Random(leaf_level), {16 - leaf_level: 3, 4: 1}
    check(probe, rng, widths, sorted(rng.sample(range(1 << 16), MAX_QUERIES)), leaf_level)


@pytest.mark.parametrize(
    ("widths", "places"),
    [
        ({21: 3, 14: 4}, [1_048_577]),
        ({28: 1}, list(range(0, 1 << 28, 1 << 28 - 5))),
        ({28: 2, 27: 1, 25: 1, 10: 3}, list(range(MAX_QUERIES))),
        ({20: 2, 16: 1, 14: 1}, [5 + (i << 14) for i in range(MAX_QUERIES)]),
        ({20: 262, 14: 1}, [(1 << 20) - 1 - i for i in reversed(range(20))]),
        ({5: 2, 4: 1, 3: 1, 2: 1, 1: 1, 0: 1}, list(range(32))),
        ({1: 2}, [0, 1]),
    ],
    ids=["one query", "strided", "dense", "colliding", "widest", "all", "two leaves"],
)
def test_extreme_query_sets(probe, widths, places):
    check(probe, Random(1), widths, places)


@pytest.mark.parametrize("missing_bytes", [1, 31, 32, 33, 640])
def test_missing_siblings_are_noticed(probe, missing_bytes):
    rng = Random(2)
    widths, places = {18: 3, 15: 1}, sorted(rng.sample(range(1 << 18), 20))
    data = check(probe, rng, widths, places)[:-missing_bytes]
    with pytest.raises(Rejected) as rejected:
        python_walk(data, widths, places)
    with pytest.raises(Reverted) as reverted:
        contract_walk(probe, data, widths, places)
    assert reverted.value.reason == rejected.value.reason.name == "TRUNCATED"
