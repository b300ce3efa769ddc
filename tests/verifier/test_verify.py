"""Whole proofs of a toy statement, made by a slow prover that follows the protocol document."""

from dataclasses import replace
from random import Random

import pytest

from offchain.air.buses import FIRST_PC_TIMESTAMP, MEMORY, PC_ADDRESS
from offchain.security.parameters import POSEIDON2
from offchain.verifier.constraints import BusChallenges, public_fractions
from offchain.verifier.field import ONE, ZERO, Element
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import Transcript
from offchain.verifier.verify import verify_claim
from tests.verifier.encoding import encode
from tests.verifier.toy_prover import ENTRY_PC, TOY, ToyProver, toy_tables, toy_trace

TABLES = toy_tables()
SOURCE, LOWEST, SINK, OTHER = range(4)


@pytest.fixture(scope="module")
def proven():
    proof, name, _ = ToyProver(TABLES, toy_trace(Random(3))).prove()
    return proof, name


def reason_of(proof, name):
    with pytest.raises(Rejected) as caught:
        verify_claim(proof, name, TABLES)
    return caught.value.reason


def bumped(element):
    return element + ONE


@pytest.mark.parametrize("suite", [TOY.hash_suite, POSEIDON2])
def test_an_honest_proof_is_accepted_with_the_prover_s_challenges(suite):
    parameters = replace(TOY, hash_suite=suite)
    prover = ToyProver(TABLES, toy_trace(Random(3)), parameters=parameters)
    proof, name, challenges = prover.prove()
    decoded = decode(encode(proof), TABLES, {TOY.number: parameters})
    assert decoded == proof
    assert verify_claim(decoded, name, TABLES) == challenges
    labels = [label for label, _ in challenges]
    assert labels == ["gamma", "beta", "alpha", "zeta", "lambda", "fold", "fold", "queries"]


def test_two_proofs_of_one_witness_share_no_opened_value():
    proofs = [ToyProver(TABLES, toy_trace(Random(s)), seed=s).prove()[0] for s in (1, 2)]
    values = [set(proof.out_of_domain) for proof in proofs]
    # Preprocessed values differ because the point does.
    assert not values[0] & values[1]


@pytest.mark.parametrize(
    ("table", "column", "row", "value"),
    [
        (SOURCE, 0, 5, 1),  # sends a word that nobody receives
        (SOURCE, 2, 1, 6),  # another output than the claimed one
        (SOURCE, 3, 2, 2),  # not the periodic value
        (SOURCE, 1, 0, 1),  # a wrong first row
        (SOURCE, 0, 28, 1),  # a wrong terminal row
        (SINK, 0, 3, 1),  # receives what nobody sent
        (LOWEST, 1, 2, 3),  # no bit
        (OTHER, 1, 12, 5),  # no bit on the terminal row, which row 11 reads
        (SINK, 1, 0, 1),  # a wrong number of weighted bits
    ],
)
def test_a_wrong_trace_is_refused(table, column, row, value):
    trace = toy_trace(Random(3))
    assert trace.main[table][column][row] != value
    trace.main[table][column][row] = value
    proof, name, _ = ToyProver(TABLES, trace, is_cheating=True).prove()
    assert reason_of(proof, name) is Reason.QUOTIENT_MISMATCH


def test_every_out_of_domain_value_counts(proven):
    proof, name = proven
    for position, value in enumerate(proof.out_of_domain):
        values = list(proof.out_of_domain)
        values[position] = bumped(value)
        changed = replace(proof, out_of_domain=tuple(values))
        assert reason_of(changed, name) is Reason.QUOTIENT_MISMATCH


@pytest.mark.parametrize("root", ["main_root", "aux_root", "quotient_root"])
def test_roots_are_bound_before_the_challenges(proven, root):
    proof, name = proven
    assert reason_of(replace(proof, **{root: bytes(32)}), name) is Reason.QUOTIENT_MISMATCH


@pytest.mark.parametrize("output", [(11, 5), (11, 5, 11, 0), (11, 11, 5), ()])
def test_another_output_is_refused(proven, output):
    proof, name = proven
    assert reason_of(replace(proof, output=output), name) is Reason.QUOTIENT_MISMATCH


def test_another_program_is_refused(proven):
    proof, name = proven
    assert reason_of(replace(proof, entry_pc=ENTRY_PC + 4), name) is Reason.WRONG_PROGRAM
    assert reason_of(replace(proof, preprocessed_root=bytes(32)), name) is Reason.WRONG_PROGRAM
    assert reason_of(proof, bytes(32)) is Reason.WRONG_PROGRAM
    other = replace(proof, preprocessed_log_heights=(5,))
    assert reason_of(other, name) is Reason.WRONG_PREPROCESSED_HEIGHT


def test_the_nonce_must_be_ground(proven):
    proof, name = proven
    reasons = [reason_of(replace(proof, nonce=proof.nonce + i), name) for i in range(1, 20)]
    # One in sixteen is a proof-of-work, too, but then other positions are queried.
    assert reasons.count(Reason.GRINDING) > 10
    assert set(reasons) <= {Reason.GRINDING, Reason.MERKLE_PREPROCESSED, Reason.TRUNCATED}


def test_the_final_polynomial_is_bound_before_the_queries(proven):
    proof, name = proven
    seen = set()
    for position in range(len(proof.final)):
        final = list(proof.final)
        final[position] = bumped(final[position])
        seen.add(reason_of(replace(proof, final=tuple(final)), name))
    assert seen <= {Reason.GRINDING, Reason.MERKLE_PREPROCESSED, Reason.TRUNCATED}


def test_openings_are_neither_shorter_nor_longer(proven):
    proof, name = proven
    shorter = replace(proof, openings=proof.openings[:-1])
    assert reason_of(shorter, name) is Reason.TRUNCATED
    longer = replace(proof, openings=proof.openings + b"\0")
    assert reason_of(longer, name) is Reason.TRAILING_BYTES


def test_every_opened_word_counts(proven):
    proof, name = proven
    seen = set()
    for position in range(7, len(proof.openings), 8):
        changed = bytearray(proof.openings)
        changed[position] ^= 1
        seen.add(reason_of(replace(proof, openings=bytes(changed)), name))
    merkle = {reason for reason in Reason if reason.name.startswith("MERKLE_")}
    assert merkle <= seen <= merkle | {Reason.NON_CANONICAL_ELEMENT}


def test_the_first_layer_is_the_deep_combination():
    class Careless(ToyProver):
        """Commits to another codeword of low degree than the combination."""

        def deep_codeword(self, *arguments):
            return [bumped(value) for value in super().deep_codeword(*arguments)]

    proof, name, _ = Careless(TABLES, toy_trace(Random(3))).prove()
    assert reason_of(proof, name) is Reason.DEEP_MISMATCH


def test_a_point_in_the_base_field_is_refused(proven, monkeypatch):
    proof, name = proven
    draw = Transcript.draw_element

    def base_point(self, label):
        drawn = draw(self, label)
        return Element(drawn.c0) if label == "zeta" else drawn

    monkeypatch.setattr(Transcript, "draw_element", base_point)
    assert reason_of(proof, name) is Reason.OUT_OF_DOMAIN_POINT


def test_a_public_fraction_without_denominator_is_refused():
    beta = Element(3, 1, 4)
    first_pc = [Element(v) for v in (PC_ADDRESS, FIRST_PC_TIMESTAMP, ENTRY_PC)]
    gamma = ZERO - BusChallenges(ZERO, beta).denominator(MEMORY, first_pc)
    with pytest.raises(Rejected) as caught:
        public_fractions(BusChallenges(gamma, beta), ENTRY_PC, ())
    assert caught.value.reason is Reason.ZERO_DENOMINATOR
