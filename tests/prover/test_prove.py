"""Proofs of the example guests: accepted by the verifier, and refused where there is none."""

from dataclasses import replace

import pytest

from offchain.prover import commitment, prove
from offchain.prover.prove import STAGES
from offchain.prover.quotient import TraceError
from offchain.security.calculator import InsecureParametersError
from offchain.security.parameters import FAST, PROFILES, SETTLE
from offchain.verifier import proof_format
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.verify import verify
from offchain.zkvm.trace import NotProvableError, fill_tables, minimum_heights
from tests.prover.proofs import TAPES, load, proof, record, run


@pytest.fixture(params=PROFILES)
def profile(request):
    return request.param


@pytest.mark.slow
@pytest.mark.parametrize("guest", TAPES)
def test_every_example_is_proven_and_verified(guest, profile):
    proven, ran = proof(guest, profile), run(guest, PROFILES[profile])
    verified = verify(proven.data, ran.key.program_id, ran.output, [profile])
    assert verified.challenges == tuple(proven.challenges)
    assert verified.output == tuple(record(guest, *TAPES[guest]).output)
    assert verified.entry_pc == load(guest).entry
    assert verified.heights == {name: columns.shape[1] for name, columns in ran.main.items()}
    assert verified.bits >= PROFILES[profile].min_bits


def test_challenges_are_drawn_in_the_order_of_the_protocol():
    labels = [label for label, _ in proof("fibonacci", "fast").challenges]
    assert labels[:5] == ["gamma", "beta", "alpha", "zeta", "lambda"]
    assert labels[5:] == ["fold"] * (len(labels) - 6) + ["queries"]


def test_the_delegations_use_their_tables():
    rows = record("delegations", *TAPES["delegations"]).row_counts
    assert rows["poseidon2"] > 0
    assert rows["keccak_f"] > 0


def test_a_program_id_names_program_and_parameters_but_not_the_input():
    ids = [
        run(guest, parameters).key.program_id for guest in TAPES for parameters in (FAST, SETTLE)
    ]
    assert len({*ids}) == len(ids)
    assert run("fibonacci", FAST, 90).key.program_id == run("fibonacci", FAST).key.program_id


def test_stages_are_reported_in_order():
    stages = []
    run("fibonacci", FAST).prove(progress=stages.append)
    assert tuple(stages) == STAGES


def test_a_key_determines_the_bytes_whatever_the_threads():
    ran = run("fibonacci", FAST)
    assert {ran.prove(seed=0, threads=threads).data for threads in (1, 2)} == {
        proof("fibonacci", "fast").data
    }
    assert ran.prove(seed=1).data != ran.prove(seed=0).data


def test_without_a_key_no_two_proofs_are_equal():
    ran = run("fibonacci", FAST)
    first, second = (ran.prove(seed=None).data for _ in range(2))
    assert first != second
    for data in (first, second):
        verify(data, ran.key.program_id, ran.output)


@pytest.mark.parametrize(
    ("guest", "tape", "message"),
    [("factors", (1, 35), "exited with code 1"), ("fibonacci", (), "trap")],
)
def test_a_failed_run_has_no_proof(guest, tape, message):
    execution = record(guest, *tape)
    heights = minimum_heights(load(guest), execution.row_counts, FAST.blinding_rows)
    with pytest.raises(NotProvableError, match=message):
        fill_tables(load(guest), execution, heights, FAST.blinding_rows)


@pytest.mark.parametrize("output", [[10], [10, 56], [55, 10], [10, 55, 0], []])
def test_another_output_has_no_proof(output):
    ran = run("fibonacci", FAST)
    assert ran.output == [10, 55]
    with pytest.raises(TraceError, match="do not balance"):
        replace(ran, output=output).prove()


def test_a_changed_cell_has_no_proof():
    ran = run("fibonacci", FAST)
    changed = {name: columns.copy() for name, columns in ran.main.items()}
    changed["cpu"][0, 3] += 1
    with pytest.raises(TraceError):
        replace(ran, main=changed).prove()


def test_weak_parameters_are_refused_by_both_sides(monkeypatch):
    weak = replace(FAST, queries=FAST.queries - 1)
    ran = run("fibonacci", weak)
    with pytest.raises(InsecureParametersError, match="minimum of 100"):
        ran.prove()
    # A proof under weak parameters, by a prover that promises less than the verifier asks for.
    careless = replace(ran, key=replace(ran.key, parameters=replace(weak, min_bits=0)))
    data = careless.prove().data
    assert ran.key.parameters.parameters_id == careless.key.parameters.parameters_id
    monkeypatch.setitem(proof_format.PROFILE_BY_NUMBER, weak.number, weak)
    with pytest.raises(Rejected) as caught:
        verify(data, ran.key.program_id)
    assert caught.value.reason is Reason.INSECURE_PARAMETERS
    monkeypatch.setitem(proof_format.PROFILE_BY_NUMBER, weak.number, replace(weak, min_bits=0))
    assert verify(data, ran.key.program_id).bits < FAST.min_bits


def test_only_accepted_profiles_pass(profile):
    others = [name for name in PROFILES if name != profile]
    with pytest.raises(Rejected) as caught:
        verify(proof("fibonacci", profile).data, bytes(32), accepted=others)
    assert caught.value.reason is Reason.PROFILE_NOT_ACCEPTED


@pytest.mark.slow
def test_settle_proofs_do_not_depend_on_free_memory(monkeypatch):
    whole = run("factors", PROFILES["settle"]).prove()
    monkeypatch.setattr(prove, "free_memory_bytes", lambda: 0)
    assert run("factors", PROFILES["settle"]).prove().data == whole.data


@pytest.mark.parametrize("free_bytes", [0, 2**40])
@pytest.mark.parametrize("rows_per_extension", [1, 1_000])
def test_proofs_do_not_depend_on_free_memory(monkeypatch, free_bytes, rows_per_extension):
    expected = proof("factors", "fast")
    monkeypatch.setattr(prove, "free_memory_bytes", lambda: free_bytes)
    monkeypatch.setattr(commitment, "ROWS_PER_EXTENSION", rows_per_extension)
    assert run("factors", FAST).prove().data == expected.data
