"""Attacks on what one part of a verification leaves to the next one."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from eth_utils import keccak

from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.proof_parts import Call
from offchain.settlement.verifier_client import Run
from offchain.settlement.verifier_deployment import ENTRY
from tests.onchain.deployed import Example, Verifier, run_after
from tests.onchain.evm import Reverted
from tests.prover.proofs import openings

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20
NOW_S, RUN_LIFETIME_S = 1_800_000_000, 24 * 60 * 60
SMALL_PART_BYTES = 45_000  # so that there are several parts of each kind
NO_RUN = bytes(32)


@pytest.fixture(scope="module")
def deployed():
    return Verifier()


@pytest.fixture
def verifier(deployed):
    with deployed.evm.rolled_back():
        deployed.evm.set_time(NOW_S)
        yield deployed


@pytest.fixture(scope="module")
def example():
    return Example("fibonacci", "settle-compact", SMALL_PART_BYTES)


@pytest.fixture(scope="module")
def other():
    return Example("fibonacci", "settle")


class Stage:
    """Alice's run before one of the parts of an example."""

    def __init__(self, verifier, example, number):
        self.verifier, self.example, self.part = verifier, example, example.parts[number]
        self.run = verifier.run_before(example, number, ALICE)
        self.data = example.bytes_of(self.part)

    def send(self, sender=ALICE, **other):
        """Send the next part, or something else instead."""
        sent = {"call": self.part.call, "run": self.run, "data": self.data, **other}
        return self.verifier.send(self.example, sender=sender, **sent)

    def reason(self, **other):
        """With which reason a call is refused; it changes nothing."""
        before = self.verifier.run_hash(self.example.claim.proof_id, ALICE)
        with pytest.raises(Reverted) as caught:
            self.send(**other)
        assert self.verifier.run_hash(self.example.claim.proof_id, ALICE) == before
        assert not self.verifier.is_fact(self.example.claim.fact)
        return caught.value.reason

    def discard(self, sender, run=None):
        """Discard Alice's run."""
        arguments = (ALICE, self.example.claim.proof_id, tuple(run or self.run))
        return self.verifier.entry.call("discard", *arguments, sender=sender)


def number_of(example, call):
    return [part.call for part in example.parts].index(call)


@pytest.fixture
def opening(verifier, example):
    """Before the second part that opens, with digests of an unfinished tree."""
    stage = Stage(verifier, example, number_of(example, Call.OPEN) + 1)
    assert stage.part.call is Call.OPEN
    assert stage.run.digests
    return stage


@pytest.fixture
def folding(verifier, example):
    """Before the second part that folds, which is the last."""
    stage = Stage(verifier, example, number_of(example, Call.FOLD) + 1)
    assert stage.part is example.parts[-1]
    return stage


@pytest.fixture(params=["opening", "folding"])
def stage(request):
    return request.getfixturevalue(request.param)


def test_a_fact_needs_every_part_and_is_exactly_the_claim(verifier, example, other):
    entry, claim = verifier.entry, example.claim
    last = Stage(verifier, example, len(example.parts) - 1)
    assert not verifier.is_fact(claim.fact)
    last.send()
    assert verifier.run_hash(claim.proof_id, ALICE) == NO_RUN
    names = {}
    for profile in (1, 2, 3):
        parameters_id = entry.call("parameters_id", profile).values[0]
        for program_id in (claim.program_id, other.claim.program_id):
            for output_hash in (claim.output_hash, keccak(b"")):
                named = entry.call("fact", program_id, parameters_id, output_hash).values[0]
                names[named] = (profile, program_id, output_hash)
    assert len(names) == 12
    facts = {names[name] for name in names if verifier.is_fact(name)}
    assert facts == {(3, claim.program_id, claim.output_hash)}
    assert not verifier.is_fact(other.claim.fact)


def test_the_event_tells_the_fact(folding):
    claim = folding.example.claim
    ((name, event),) = folding.send().events
    assert name == "ProofVerified"
    assert event["fact"] == claim.fact
    assert (event["program_id"], event["proof_id"]) == (claim.program_id, claim.proof_id)
    assert event["output_hash"] == claim.output_hash
    (parameters_id,) = folding.verifier.entry.call("parameters_id", folding.run.profile).values
    assert event["parameters_id"] == parameters_id


def test_the_same_claim_may_be_proven_twice(verifier, other):
    for sender in (ALICE, ALICE, BOB):
        assert [*verifier.runs(other, sender)][-1] is None
    assert verifier.is_fact(other.claim.fact)


def test_parts_have_their_order(opening, verifier, example):
    assert opening.reason(call=Call.FOLD) == "WRONG_STAGE"
    first_fold = number_of(example, Call.FOLD)
    stage = Stage(verifier, example, first_fold)
    assert stage.reason(call=Call.OPEN) == "WRONG_STAGE"
    # The next part but one: its bytes are no openings that are due.
    skipped = example.bytes_of(example.parts[first_fold + 1])
    assert stage.reason(data=skipped) in {"MERKLE_FRI_LAYER", "NON_CANONICAL_ELEMENT"}


@pytest.mark.parametrize("seed", range(4))
def test_rows_may_be_divided_anywhere(verifier, example, seed):
    *trees, _, _, _ = openings(example.data, example.claim.program_id)
    tree_ends = {tree.place.stop for tree in trees}
    row_ends = [row.stop for tree in trees for row in tree.rows.values()]
    ends = [example.head_bytes, *sorted({*Random(seed).sample(row_ends, 12), *tree_ends})]
    run = run_after(verifier.send(example, Call.BEGIN, None, example.data[: ends[0]], BOB))
    for start, end in pairwise(ends):
        run = run_after(verifier.send(example, Call.OPEN, run, example.data[start:end], BOB))
    assert run == verifier.run_before(example, number_of(example, Call.FOLD), ALICE)


def test_no_part_is_taken_twice(stage):
    following = run_after(stage.send())
    if following is None:
        with pytest.raises(Reverted, match="RUN_UNKNOWN"):
            stage.send()
        return
    assert stage.reason() == "RUN_STATE_MISMATCH"
    assert stage.reason(run=following) not in {"", "RUN_STATE_MISMATCH"}


@pytest.mark.parametrize("field", Run._fields)
def test_every_field_of_a_run_is_bound(stage, field):
    for value in tampered(getattr(stage.run, field)):
        run = stage.run._replace(**{field: value})
        assert stage.reason(run=run) == "RUN_STATE_MISMATCH"
        with pytest.raises(Reverted, match="RUN_STATE_MISMATCH"):
            stage.discard(ALICE, run)
    stage.send()


def tampered(value):
    """Other values that a run could have in a field."""
    if isinstance(value, int):
        return [value ^ 1, value ^ 1 << 255]
    if isinstance(value, bytes):
        return [bytes([value[0] ^ 1]) + value[1:], value[:-1] + bytes([value[-1] ^ 1])]
    if not value:
        return [[b"\1" * 32]]  # only digests are ever missing
    changed = [[*value[:i], *tampered(value[i])[:1], *value[i + 1 :]] for i in (0, len(value) - 1)]
    fixed_length = 4  # of the roots, as a tuple
    return changed if len(value) == fixed_length else [*changed, value[:-1], [*value[1:], value[0]]]


def test_a_run_of_another_proof_is_refused(stage, verifier, other):
    stranger = Stage(verifier, other, 1)
    assert stage.reason(run=stranger.run) == "RUN_STATE_MISMATCH"
    assert stage.reason(run=verifier.run_before(stage.example, 1, BOB)) == "RUN_STATE_MISMATCH"


def test_a_run_is_its_sender_s_alone(stage, verifier):
    assert stage.reason(sender=BOB) == "RUN_UNKNOWN"
    with pytest.raises(Reverted, match="RUN_UNKNOWN"):
        verifier.entry.call("discard", BOB, stage.example.claim.proof_id, tuple(stage.run))


def test_two_senders_verify_one_proof_side_by_side(verifier, example):
    pairs = zip(verifier.runs(example, ALICE), verifier.runs(example, BOB), strict=True)
    assert all(one == two for one, two in pairs)
    assert verifier.is_fact(example.claim.fact)


def test_a_run_may_be_begun_anew(stage, verifier):
    verifier.evm.set_time(NOW_S + 1)
    anew = verifier.run_before(stage.example, 1, ALICE)
    assert anew.deadline_s == stage.run.deadline_s + 1
    assert stage.reason() == "RUN_STATE_MISMATCH"
    part = stage.example.parts[1]
    stage.send(call=part.call, run=anew, data=stage.example.bytes_of(part))


def test_a_run_ends_with_its_deadline(stage, verifier):
    assert stage.run.deadline_s == NOW_S + RUN_LIFETIME_S
    verifier.evm.set_time(stage.run.deadline_s + 1)
    assert stage.reason() == "RUN_EXPIRED"
    verifier.evm.set_time(stage.run.deadline_s)
    stage.send()


def test_a_stranger_discards_only_after_the_deadline(stage, verifier):
    verifier.evm.set_time(stage.run.deadline_s)
    with pytest.raises(Reverted, match="RUN_NOT_EXPIRED"):
        stage.discard(BOB)
    verifier.evm.set_time(stage.run.deadline_s + 1)
    proof_id = stage.example.claim.proof_id
    discarded = ("RunDiscarded", {"owner": ALICE, "proof_id": proof_id})
    assert stage.discard(BOB).events == [discarded]
    assert stage.reason() == "RUN_UNKNOWN"


def test_the_owner_discards_at_any_time(stage):
    stage.discard(ALICE)
    assert stage.reason() == "RUN_UNKNOWN"
    with pytest.raises(Reverted, match="RUN_UNKNOWN"):
        stage.discard(ALICE)


def test_the_final_polynomial_is_that_of_the_head(folding):
    honest = folding.example.claim
    for final in (honest.final[:-1] + b"\1", honest.final[:-24], b""):
        folding.example.claim = replace(honest, final=final)
        try:
            assert folding.reason() == "WRONG_FINAL_POLYNOMIAL"
        finally:
            folding.example.claim = honest


def test_a_part_is_not_empty(stage):
    assert stage.reason(data=b"") == "TRUNCATED"
    assert stage.reason(call=Call.BEGIN, data=b"") == "TRUNCATED"


def test_nothing_follows_the_openings_of_the_trees(verifier, example):
    last_open = number_of(example, Call.FOLD) - 1
    stage = Stage(verifier, example, last_open)
    fold = example.bytes_of(example.parts[last_open + 1])
    for tail in (b"\0", fold[:32], fold):
        assert stage.reason(data=stage.data + tail) == "TRAILING_BYTES"


@pytest.mark.parametrize("missing_bytes", [1, 8, 32])
def test_a_part_ends_with_a_row_a_tree_or_a_layer(stage, missing_bytes):
    assert stage.reason(data=stage.data[:-missing_bytes]) == "TRUNCATED"


def test_no_other_function_writes():
    functions = [item for item in compiled_by_name(ENTRY).abi if item["type"] == "function"]
    writing = {item["name"] for item in functions if item["stateMutability"] != "view"}
    assert writing == {"begin", "open", "fold", "discard"}
