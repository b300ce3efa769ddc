"""Bugs of other proof systems in encodings, shapes and Merkle trees, tried on ours.

As in `test_bug_classes.py`: the verifier without the check accepts, ours gives the reason named.
"""

import struct
from dataclasses import replace
from random import Random

import pytest

from offchain.security.parameters import FAST
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier import proof_format
from offchain.verifier import verify as verifier
from offchain.verifier.merkle import read_rows
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import message_digest
from offchain.verifier.verify import verify
from tests.soundness.cheating_prover import TABLES, is_accepted, proof_of, reason_of
from tests.verifier import toy_prover
from tests.verifier.toy_prover import TOY, ToyProver, build_tree, toy_trace


@pytest.fixture(scope="module")
def honest():
    return proof_of(ToyProver(TABLES, toy_trace(Random(3))))


# Bytes


def test_a_second_form_of_an_element(monkeypatch):
    """x + p for x (Semaphore, zk-bug-tracker 4 and 5; checklist line 9)."""

    class Small(Random):
        def randrange(self, bound):
            return super().randrange(min(bound, 1 << 31))

    prover = ToyProver(TABLES, toy_trace(Random(3)))
    prover.rng = Small(1)
    proof, name, _ = proof_of(prover)
    words = list(struct.unpack(f">{len(proof.openings) // 8}Q", proof.openings))
    salt = next(i for i, word in enumerate(words) if word < 1 << 31)
    words[salt] += P
    proof = replace(proof, openings=struct.pack(f">{len(words)}Q", *words))
    assert reason_of(proof, name) is Reason.NON_CANONICAL_ELEMENT
    monkeypatch.setattr(
        proof_format.Reader,
        "words",
        lambda self, n: tuple(w % P for w in struct.unpack(f">{n}Q", self.take(8 * n))),
    )
    assert is_accepted(proof, name)


def test_trailing_bytes(honest, monkeypatch):
    """Bytes behind the end (checklist line 15)."""
    proof, name, _ = honest
    longer = replace(proof, openings=proof.openings + bytes(8))
    assert reason_of(longer, name) is Reason.TRAILING_BYTES
    end = len(proof.openings)
    monkeypatch.setattr(verifier, "Reader", lambda data, suite: Reader(data[:end], suite))
    assert is_accepted(longer, name)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.TRUNCATED),
        (b"HRproof1", Reason.TRUNCATED),
        (b"HRproof2" + bytes(1000), Reason.BAD_MAGIC),
        (b"HRproof1" + bytes(1000), Reason.UNKNOWN_PROFILE),
        (b"HRproof1" + bytes([TOY.number]) + bytes(1000), Reason.UNKNOWN_PROFILE),
        (b"HRproof1" + bytes([FAST.number]) + bytes(1000), Reason.WRONG_TABLE_COUNT),
        (b"\1" * 500_000, Reason.BAD_MAGIC),
    ],
)
def test_bytes_that_are_no_proof(data, reason):
    """Empty and mock proofs, wrong type bytes (checklist line 15)."""
    with pytest.raises(Rejected) as caught:
        verify(data, bytes(32))
    assert caught.value.reason is reason


def test_heights_that_the_prover_chooses(honest):
    """Table heights not bound (plonky2 1700, SP1 CVE-2026-40323; checklist line 7)."""
    proof, name, _ = honest
    for table in range(len(TABLES)):
        for change in (-1, 1):
            heights = list(proof.log_heights)
            heights[table] += change
            assert not is_accepted(replace(proof, log_heights=tuple(heights)), name)
    reason = reason_of(replace(proof, preprocessed_log_heights=(5,)), name)
    assert reason is Reason.WRONG_PREPROCESSED_HEIGHT


# Merkle trees


def test_an_index_opened_twice():
    """A duplicate index (plonky2, Polygon Plasma; checklist line 8) reads nothing twice."""
    leaves = {4: [[i] for i in range(4)]}
    tree = build_tree(leaves)
    opening = toy_prover.open_tree(leaves, tree, [1, 3])
    for places in ([1, 3], [3, 1, 1, 3]):
        reader = Reader(opening)
        rows = read_rows(reader, tree[-1][0], {2: 1}, 0, places, Reason.MERKLE_MAIN)
        assert rows == {2: {1: (2,), 3: (3,)}}
        assert reader.left == 0


def test_a_node_given_for_a_leaf(monkeypatch):
    """Children of the root as a row of a tree of one leaf (checklist line 8)."""

    def forge():
        leaves = {2: [[1], [2]]}
        left, right = build_tree(leaves)[0]
        root = build_tree(leaves)[-1][0]
        return Reader(bytes(24) + left + right), root, {0: 11}, 0, [0], Reason.MERKLE_MAIN

    with pytest.raises(Rejected):
        read_rows(*forge())

    def untagged(suite, message):
        return message_digest(suite, bytes(8) + message[8:])

    monkeypatch.setattr(toy_prover, "message_digest", untagged)
    monkeypatch.setattr("offchain.verifier.merkle.message_digest", untagged)
    assert len(read_rows(*forge())[0][0]) == 11
