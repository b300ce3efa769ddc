"""Openings of small mixed trees."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.security.parameters import POSEIDON2
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import reversed_bits
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


def read(data, places, root=ROOT):
    reader = Reader(data)
    rows = read_rows(reader, root, WIDTHS, 2, places, Reason.MERKLE_MAIN)
    return rows, reader.left


@given(st.sets(st.integers(0, 31), min_size=1))
@settings(max_examples=50)
def test_rows_of_all_classes_are_authenticated(places):
    rows, left = read(open_tree(CLASSES, LAYERS, places), places)
    assert left == 0
    for log_rows in WIDTHS:
        by_index = CLASSES[1 << log_rows]
        opened = {place >> 5 - log_rows for place in places}
        assert rows[log_rows] == {
            place: tuple(by_index[reversed_bits(place, log_rows)][2:]) for place in opened
        }


def test_siblings_come_after_those_below_and_on_the_left():
    rows = sum(8 * (2 + width) for width in WIDTHS.values()) * 2
    siblings = open_tree(CLASSES, LAYERS, {0b00110, 0b11010})[rows:]
    paths = [(1, 0b00111), (2, 0b0010), (3, 0b000), (4, 0b01)]
    paths += [(1, 0b11011), (2, 0b1100), (3, 0b111), (4, 0b10)]
    expected = [LAYERS[level - 1][reversed_bits(place, 6 - level)] for level, place in paths]
    assert siblings == b"".join(expected)


@pytest.mark.parametrize("places", [{3}, {0, 16, 31}])
def test_every_changed_word_is_noticed(places):
    data = open_tree(CLASSES, LAYERS, places)
    for position in range(7, len(data), 8):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(Rejected) as caught:
            read(bytes(changed), places)
        assert caught.value.reason in {Reason.MERKLE_MAIN, Reason.NON_CANONICAL_ELEMENT}


def test_rows_at_other_places_are_refused():
    with pytest.raises(Rejected) as caught:
        read(open_tree(CLASSES, LAYERS, {3, 9}), {3, 8})
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
