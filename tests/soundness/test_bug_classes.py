"""Bugs that other proof systems had in prover, verifier or transcript, tried on ours.

Each test makes a proof that the bug lets through: the verifier without the one check accepts it,
ours gives the reason named. (Bugs in encodings and trees are in `test_encoding_bug_classes.py`, in
tables in `test_machine_bug_classes.py`.) The toy statement is "the output is 11, 5, 11"; false
traces break a constraint.
"""

import copy
from dataclasses import replace
from random import Random

import pytest

from offchain.air.buses import RANGE16
from offchain.air.expression import Constant
from offchain.air.table import Table
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier import constraints, deep, fiat_shamir, field, fri
from offchain.verifier import transcript as transcript_module
from offchain.verifier import verify as verifier
from offchain.verifier.constraints import BusChallenges, TableConstraints, TableValues
from offchain.verifier.field import ONE, ZERO, Element
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import Transcript
from offchain.verifier.verify import verify_claim
from tests.soundness import cheating_prover
from tests.soundness.cheating_prover import (
    OTHER,
    PARITY,
    SINK,
    SOURCE,
    TABLES,
    Anything,
    Liar,
    Unlifted,
    is_accepted,
    proof_of,
    reason_of,
)
from tests.verifier import toy_prover
from tests.verifier.encoding import encode
from tests.verifier.toy_prover import (
    TOY,
    ToyProver,
    interpolate,
    lift,
    toy_tables,
    toy_trace,
)

WORD = 2
"""Column of SOURCE with the words of the output."""
FORBIDDEN = 14
"""A word that SINK does not allow."""


def false_trace():
    """Breaks the constraint on PARITY."""
    trace = toy_trace(Random(3))
    trace.main[SOURCE][PARITY][2] += 1
    return trace


@pytest.fixture(scope="module")
def honest():
    return proof_of(ToyProver(TABLES, toy_trace(Random(3))))


def leave_out(monkeypatch, omitted):
    """Let prover and verifier not absorb what has this label."""
    absorb = Transcript.absorb

    def forgetful(self, label, data):
        if label != omitted:
            absorb(self, label, data)

    monkeypatch.setattr(Transcript, "absorb", forgetful)


# Transcript


@pytest.mark.parametrize(
    ("label", "next_challenge", "change"),
    [
        ("protocol", "gamma", None),
        ("output", "gamma", {"output": (11, 5, 12)}),
        ("heights", "gamma", {"log_heights": (5, 3, 4, 5)}),
        ("main", "gamma", {"main_root": bytes(32)}),
        ("aux", "alpha", {"aux_root": bytes(32)}),
        ("quotient", "zeta", {"quotient_root": bytes(32)}),
        ("fri", "fold", {"fri_roots": (bytes(32), bytes(32))}),
        ("final", "queries", {"final": (ONE, ONE, ONE, ONE)}),
        ("nonce", "queries", {"nonce": 1 << 40}),
    ],
)
def test_everything_is_absorbed(honest, monkeypatch, label, next_challenge, change):
    """Frozen Heart, last challenge, phantom challenge, bad start (checklist lines 1, 2, 13, 14).

    A change of a message changes the next challenge, unless the message is left out.
    """
    proof, name, _ = honest
    made = []
    monkeypatch.setattr(
        fiat_shamir, "Transcript", lambda suite: made.append(Transcript(suite)) or made[-1]
    )
    monkeypatch.setattr(verifier, "_check_program", lambda *_: None)
    monkeypatch.setattr(Transcript, "is_ground", lambda *_: True)

    def challenge(proof, name):
        is_accepted(proof, name)
        return dict(made.pop().challenges)[next_challenge]

    forged = replace(proof, **change) if change else proof
    forged_name = name if change else bytes(32)
    assert challenge(proof, name) != challenge(forged, forged_name)
    leave_out(monkeypatch, label)
    assert challenge(proof, name) == challenge(forged, forged_name)


def test_openings_not_absorbed(monkeypatch):
    """Openings not observed (Plonky3 627, GHSA-vrmm-4mm5-38vm): any trace has a proof.

    Who knows lambda misstates q_0 and q_1 so that the identity holds and their errors cancel in G.
    """
    with monkeypatch.context() as weak:
        leave_out(weak, "openings")
        proof, name, challenges = proof_of(ToyProver(TABLES, false_trace(), is_cheating=True))
        zeta, batch = Element(*challenges["zeta"]), Element(*challenges["lambda"])
        buses = BusChallenges(Element(*challenges["gamma"]), Element(*challenges["beta"]))
        values, (q_0, q_1, q_2) = constraints.split_values(TABLES, proof.out_of_domain)
        claimed = constraints.quotient_at(
            TABLES, proof.log_heights, TOY.blinding_rows, values, buses,
            constraints.public_fractions(buses, proof.entry_pc, proof.output),
            Element(*challenges["alpha"]), zeta,
        )  # fmt: skip
        step = zeta ** ((1 << proof.log_n) - TOY.queries - 2)
        missing = claimed - q_0 - step * (q_1 + step * q_2)
        error = missing / (step - batch)
        forged = list(proof.out_of_domain)
        first = forged.index(q_0)
        forged[first] -= batch * error
        forged[first + 1] += error
        proof = replace(proof, out_of_domain=tuple(forged))
        assert is_accepted(proof, name)
    assert not is_accepted(proof, name)


def test_challenges_from_another_proof(monkeypatch):
    """Bus challenges that do not depend on the trace (Airbender PR 258, continuity).

    Who knows gamma and beta chooses three counts so that a forbidden word balances.
    """
    monkeypatch.setattr(toy_prover, "OUTPUT", (11, 5, FORBIDDEN))
    trace = toy_trace(Random(3))
    trace.main[SINK][0][FORBIDDEN % 12] = 0
    trace.main[SINK][0][5] = trace.main[SINK][0][11] = 1
    assert trace.main[SOURCE][WORD][2] == FORBIDDEN
    with monkeypatch.context() as weak:
        leave_out(weak, "main")
        _, _, challenges = proof_of(ToyProver(TABLES, trace, is_cheating=True))
        gamma, beta = (Element(*challenges[label]) for label in ("gamma", "beta"))
        lookups = [gamma + Element(RANGE16.identifier) + beta * word for word in range(3)]
        wanted = ONE / (gamma + Element(RANGE16.identifier) + beta * FORBIDDEN)
        for row, count in enumerate(solve([ONE / lookup for lookup in lookups], wanted)):
            trace.main[SINK][0][row] = count
        proof, name, _ = proof_of(ToyProver(TABLES, trace))
        assert is_accepted(proof, name)
    cheating = ToyProver(TABLES, trace, is_cheating=True)
    assert reason_of(*proof_of(cheating)[:2]) is Reason.QUOTIENT_MISMATCH


def solve(columns, wanted):
    """Three elements of F_p that combine three elements of F to a wanted one, by Cramer's rule."""

    def determinant(a, b, c):
        return (
            a[0] * (b[1] * c[2] - b[2] * c[1])
            - b[0] * (a[1] * c[2] - a[2] * c[1])
            + c[0] * (a[1] * b[2] - a[2] * b[1])
        )

    scale = pow(determinant(*columns), -1, P)
    replaced = ([*columns[:i], wanted, *columns[i + 1 :]] for i in range(3))
    return [determinant(*matrix) * scale % P for matrix in replaced]


def test_grinding_before_the_final_polynomial(monkeypatch):
    """Grinding that is not after the last message (whir 190, Plonky3 1723, 2048, 2120)."""
    absorb, is_ground = Transcript.absorb, Transcript.is_ground

    def remember(self, label, data):
        if label == "final":
            self.before_final = copy.copy(self)
        absorb(self, label, data)

    with monkeypatch.context() as weak:
        weak.setattr(Transcript, "absorb", remember)
        weak.setattr(
            Transcript, "is_ground", lambda self, *pow_: is_ground(self.before_final, *pow_)
        )
        proof, name, _ = proof_of(ToyProver(TABLES, toy_trace(Random(4))))
        assert is_accepted(proof, name)
    assert reason_of(proof, name) is Reason.GRINDING


@pytest.mark.parametrize("bits", [1, 7, 8, 20, 22, 63, 64, 65, 255, 256])
def test_edges_of_the_proof_of_work(monkeypatch, bits):
    """A shift by too much or too little (Airbender PR 322)."""
    transcript = Transcript(0)
    least_bad = 1 << 256 - bits
    for digest, is_enough in ((least_bad - 1, True), (least_bad, False)):
        found = digest.to_bytes(32, "big")
        monkeypatch.setattr(transcript_module, "message_digest", lambda *_, found=found: found)
        assert transcript.is_ground(0, bits) is is_enough


# Identity at zeta


def test_bus_sums_not_checked(monkeypatch):
    """Sums of the tables that nobody adds up (SP1 ghsa-8m24-3cfx-9fjw, Plonky3-recursion 324)."""
    trace = toy_trace(Random(3))
    trace.main[SOURCE][WORD][1] = 6  # the output says 5
    real = constraints.quotient_at

    def without_sums(tables, heights, rows, values, buses, public_sum, alpha, zeta):
        public_sum = ZERO - sum((opened.aux[-1] for opened in values), ZERO)
        return real(tables, heights, rows, values, buses, public_sum, alpha, zeta)

    proof, name, _ = proof_of(ToyProver(TABLES, trace, is_cheating=True))
    assert reason_of(proof, name) is Reason.QUOTIENT_MISMATCH
    monkeypatch.setattr(toy_prover, "quotient_at", without_sums)
    monkeypatch.setattr(verifier, "quotient_at", without_sums)
    assert is_accepted(*proof_of(ToyProver(TABLES, trace))[:2])


def test_a_pole_with_a_numerator():
    """A fraction 1/0 has no sum, 0/0 any (Airbender PR 365: numerator 0, denominator not 0).

    So it matters that gamma comes after the trace: it decides which denominators are 0.
    """
    beta = Element(3, 1, 4)
    gamma = ZERO - Element(RANGE16.identifier) - beta * 9
    for times, has_sum in ((1, False), (0, True)):
        table = Table("pole", "One fraction.")
        table.send("value", RANGE16, [9], Constant(times))
        for u in (ZERO, ONE, Element(7, 8, 9)):
            values = TableValues((), (), (u,), {}, ZERO)
            buses = BusChallenges(gamma, beta)
            zeta = Element(2, 1)
            first, *_ = TableConstraints(table, 4, values, buses, zeta, 4).terms(4)
            assert (first == ZERO) is has_sum


def test_a_table_that_the_prover_makes_up(monkeypatch):
    """Data that the verifier could know, taken from the prover (Airbender PR 282, SP1 vk_root)."""
    monkeypatch.setattr(toy_prover, "OUTPUT", (11, 5, FORBIDDEN))
    _, honest_name, _ = proof_of(ToyProver(TABLES, toy_trace(Random(3)), is_cheating=True))
    trace = toy_trace(Random(3))
    trace.preprocessed[SINK][0][0] = FORBIDDEN
    trace.main[SINK][0][:12] = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    monkeypatch.setattr(toy_prover, "program_id", lambda *_: honest_name)
    proof, name, _ = proof_of(ToyProver(TABLES, trace))
    assert reason_of(proof, name) is Reason.WRONG_PROGRAM
    monkeypatch.setattr(verifier, "_check_program", lambda *_: None)
    assert is_accepted(proof, name)


# Low degree


def test_a_lie_with_the_honest_first_layer(monkeypatch):
    """A first layer that has nothing to do with the openings (Airbender: value not bound)."""
    proof, name, _ = proof_of(Liar(TABLES, false_trace(), 0))
    assert reason_of(proof, name) is Reason.DEEP_MISMATCH
    real = deep.DeepCombination.at
    monkeypatch.setattr(deep.DeepCombination, "at", lambda *a: dict.fromkeys(real(*a), Anything()))
    assert is_accepted(proof, name)


def test_a_lie_with_an_honest_second_layer(monkeypatch):
    """A FRI layer that is not the fold of the one before."""
    proof, name, _ = proof_of(Liar(TABLES, false_trace(), 1))
    assert reason_of(proof, name) is Reason.FRI_MISMATCH
    real = fri.fold
    first = 1 << TOY.fold_log
    monkeypatch.setattr(
        fri, "fold", lambda entries, *a: Anything() if len(entries) == first else real(entries, *a)
    )
    assert is_accepted(proof, name)


def test_a_lie_with_an_honest_final_polynomial(monkeypatch):
    """A final polynomial that is not the fold of the last layer."""
    proof, name, _ = proof_of(Liar(TABLES, false_trace(), 2))
    assert reason_of(proof, name) is Reason.FINAL_POLYNOMIAL_MISMATCH
    monkeypatch.setattr(fri, "horner", lambda *_: Anything())
    assert is_accepted(proof, name)


def test_a_final_polynomial_of_high_degree(monkeypatch):
    """No check of the final degree (OpenVM GHSA-4w7p-8f9q-f4g2, Plonky3 GHSA-f69f-5fx9-w9r9).

    With four times the coefficients every word is a codeword. The number of coefficients is no
    field of the proof's bytes either.
    """
    proof, name, _ = proof_of(Liar(TABLES, false_trace(), 2, has_long_final=True))
    assert len(proof.final) == 4 << TOY.final_log
    assert reason_of(proof, name) is Reason.FINAL_POLYNOMIAL_MISMATCH
    monkeypatch.setattr(verifier, "_check_final_degree", lambda _: None)
    assert is_accepted(proof, name)
    profiles = {TOY.number: TOY}
    with pytest.raises(Rejected):
        verify_claim(decode(encode(proof), TABLES, profiles), name, TABLES)


def test_a_column_of_high_degree(monkeypatch):
    """A column with right values on the trace domain, extended by a polynomial of degree 2n."""
    prover = Liar(TABLES, toy_trace(Random(3)), 0)
    column = prover.main[SOURCE][PARITY]
    multiple = [Element(7 + i) for i in range(len(column))]  # of X^n - 1
    lower = [old - new for old, new in zip(column, multiple, strict=True)]
    prover.main[SOURCE][PARITY] = lower + multiple
    proof, name, _ = proof_of(prover)
    assert prover.error == ZERO
    assert reason_of(proof, name) is Reason.FINAL_POLYNOMIAL_MISMATCH
    monkeypatch.setattr(fri, "horner", lambda *_: Anything())
    assert is_accepted(proof, name)


def test_a_column_that_is_not_lifted(monkeypatch):
    """A short table with the rows of a high one (soundness.md, step 2), beyond unique decoding."""
    rng = Random(5)
    tables = toy_tables()
    tables[OTHER].add_flag("mark", "A bit.")
    trace = toy_trace(Random(3))
    trace.main[OTHER].append([0] * 16)
    f = interpolate(lift([rng.randrange(2) for _ in range(32)]))
    assert any(map(any, f[1::2]))  # no polynomial in X^2
    is_ground = Transcript.is_ground

    def until_lucky(self, nonce, bits):
        later = copy.deepcopy(self)
        later.absorb("nonce", nonce.to_bytes(8, "big"))
        places = later.draw_indices("queries", TOY.queries, 128)
        # The points below the 64th stand at even places.
        return is_ground(self, nonce, bits) and not any(place % 2 for place in places)

    def prove():
        with monkeypatch.context() as lucky:
            lucky.setattr(Transcript, "is_ground", until_lucky)
            return proof_of(Unlifted(tables, trace, f))[:2]

    assert reason_of(*prove(), tables) is Reason.DEEP_MISMATCH
    real = field.root_of_unity
    for module in (deep, field, cheating_prover):  # both poles at zeta
        monkeypatch.setattr(module, "root_of_unity", lambda k: 1 if k in (1, 2) else real(k))
    assert is_accepted(*prove(), tables)
