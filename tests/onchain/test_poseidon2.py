"""The state tree's hash in Vyper against the executable specification."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2 import (
    compress,
    digest_from_bytes,
    digest_to_bytes,
    hash_words,
    permute,
)
from offchain.tools import gen_poseidon2
from tests.onchain.evm import Evm, Reverted

VECTORS_PATH = Path(__file__).parents[1] / "vectors" / "poseidon2_goldilocks_w8.json"
VECTORS = json.loads(VECTORS_PATH.read_text(encoding="utf-8"))["permutations"]
EDGES = (0, 1, 2**32 - 2, 2**32 - 1, 2**32, 2**63, GOLDILOCKS_P - 2**32, GOLDILOCKS_P - 1)
NOT_CANONICAL = (GOLDILOCKS_P, GOLDILOCKS_P + 1, 2**64 - 2, 2**64 - 1)
LANE = 2**128 - 1
LANE_BOUND = 2**71
GAS_PER_PERMUTATION = 20_650
CASES = 40

elements = st.one_of(st.sampled_from(EDGES), st.integers(0, GOLDILOCKS_P - 1))
digests = st.tuples(elements, elements, elements, elements)
rows_of_words = st.lists(digests, min_size=1, max_size=16)

PROBE = Evm().deploy("tests/onchain/Poseidon2Probe.vy")


def word(limbs):
    return sum(limb << (192 - 64 * i) for i, limb in enumerate(limbs))


def permuted(state):
    (lanes,) = PROBE.call("permute", word(state[:4]), word(state[4:])).values
    both = [lane & LANE for lane in lanes] + [lane >> 128 for lane in lanes]
    assert max(both) < LANE_BOUND
    return [element % GOLDILOCKS_P for element in both]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_vectors(vector):
    assert permuted(vector["input"]) == vector["output"]


def test_permutation_of_edges():
    rng = Random(1)
    for _ in range(CASES):
        state = [rng.choice(EDGES) for _ in range(8)]
        assert permuted(state) == permute(state)


@settings(max_examples=CASES, deadline=None)
@given(st.lists(elements, min_size=8, max_size=8))
def test_permutation(state):
    assert permuted(state) == permute(state)


@settings(max_examples=CASES, deadline=None)
@given(digests, digests)
def test_compress(left, right):
    found = PROBE.call("compress", digest_to_bytes(left), digest_to_bytes(right)).values[0]
    assert digest_from_bytes(found) == compress(left, right)


@settings(max_examples=CASES, deadline=None)
@given(elements, rows_of_words)
def test_hash_words(domain, rows):
    found = PROBE.call("hash_words", domain, [digest_to_bytes(row) for row in rows]).values[0]
    assert digest_from_bytes(found) == hash_words(domain, [w for row in rows for w in row])


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("element", NOT_CANONICAL)
def test_an_element_that_is_not_canonical_is_refused(element, position):
    limbs = [GOLDILOCKS_P - 1] * 4
    limbs[position] = element
    data = b"".join(limb.to_bytes(8, "little") for limb in limbs)
    for arguments in ((data, bytes(32)), (bytes(32), data)):
        with pytest.raises(Reverted, match="R01"):
            PROBE.call("compress", *arguments)


def test_digests_of_zero_subtrees():
    zeros = [(0, 0, 0, 0)]
    for _ in range(4):
        zeros.append(compress(zeros[-1], zeros[-1]))
    assert list(PROBE.call("zeros").values[0]) == [word(zero) for zero in zeros]


def test_gas_of_a_permutation():
    assert PROBE.call("permutation_gas").values[0] < GAS_PER_PERMUTATION


def test_generated_files_are_current(tmp_path, monkeypatch, capsys):
    assert gen_poseidon2.main(["--check"]) == 0
    monkeypatch.setattr(gen_poseidon2, "ROOT", tmp_path)
    monkeypatch.setattr(gen_poseidon2, "MODULE_PATH", tmp_path / "module.vy")
    assert gen_poseidon2.main(["--check"]) == 1
    assert "module.vy is out of date" in capsys.readouterr().err
