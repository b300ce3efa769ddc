"""Openings of small mixed trees."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.security.parameters import POSEIDON2
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.merkle import read_rows
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected
from tests.verifier.toy_prover import build_tree, open_tree

WIDTHS = {5: 3, 4: 1, 2: 2}  # log2 of rows: words per row
RNG = Random(7)
CLASSES = {
    1 << log_rows: [[RNG.randrange(P) for _ in range(2 + width)] for _ in range(1 << log_rows)]
    for log_rows, width in WIDTHS.items()
}
LAYERS = build_tree(CLASSES)
ROOT = LAYERS[-1][0]


def read(data, indices, root=ROOT):
    reader = Reader(data)
    rows = read_rows(reader, root, WIDTHS, 2, indices, Reason.MERKLE_MAIN)
    return rows, reader.left


@given(st.sets(st.integers(0, 31), min_size=1))
@settings(max_examples=50)
def test_rows_of_all_classes_are_authenticated(indices):
    rows, left = read(open_tree(CLASSES, LAYERS, indices), indices)
    assert left == 0
    for log_rows in WIDTHS:
        size = 1 << log_rows
        assert rows[log_rows] == {i % size: tuple(CLASSES[size][i % size][2:]) for i in indices}


@pytest.mark.parametrize("indices", [{3}, {0, 16, 31}])
def test_every_changed_word_is_noticed(indices):
    data = open_tree(CLASSES, LAYERS, indices)
    for position in range(7, len(data), 8):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(Rejected) as caught:
            read(bytes(changed), indices)
        assert caught.value.reason in {Reason.MERKLE_MAIN, Reason.NON_CANONICAL_ELEMENT}


def test_rows_of_other_indices_are_refused():
    with pytest.raises(Rejected) as caught:
        read(open_tree(CLASSES, LAYERS, {3, 9}), {3, 25})
    assert caught.value.reason is Reason.MERKLE_MAIN


def test_a_short_opening_is_truncated():
    with pytest.raises(Rejected) as caught:
        read(open_tree(CLASSES, LAYERS, {3})[:-1], {3})
    assert caught.value.reason is Reason.TRUNCATED


def test_a_row_that_is_not_canonical_is_refused():
    data = P.to_bytes(8, "big") + open_tree(CLASSES, LAYERS, {3})[8:]
    with pytest.raises(Rejected) as caught:
        read(data, {3})
    assert caught.value.reason is Reason.NON_CANONICAL_ELEMENT


def test_poseidon2_digests_must_be_canonical():
    assert Reader(b"\xff" * 32).digest() == b"\xff" * 32
    with pytest.raises(Rejected) as caught:
        Reader(b"\xff" * 32, POSEIDON2).digest()
    assert caught.value.reason is Reason.NON_CANONICAL_ELEMENT
