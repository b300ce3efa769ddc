"""The batch prover: order, resumption, damaged files, lag and back-pressure."""

from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pytest

from offchain.engine.sequencer import CongestedError
from offchain.prover import native_build
from offchain.proving import service
from offchain.proving.program import BatchProof, program_id, prove_witness
from offchain.proving.service import BackPressure, BatchProver, Lag
from offchain.proving.store import ProofStore
from offchain.security.parameters import FAST, SETTLE
from offchain.spec import op
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import EnvelopeKind
from offchain.tools import build_native
from offchain.verifier.verify import verify
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import WitnessError
from offchain.witness.native import run_witness
from offchain.zkvm.trace import NotProvableError
from tests.core.envelope_flow import random_envelopes
from tests.strategies import CONFIG_HASH, GOVERNANCE
from tests.witness.batches import STATEMENT, sealed_batches

PROFILES = (FAST.name, SETTLE.name)


class ManualExecutor(Executor):
    """Keeps what is submitted until it is told to finish it."""

    def __init__(self):
        self.jobs = []

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self.jobs.append((future, args))
        return future

    def finish(self, data=b"proof"):
        future, _ = self.jobs.pop(0)
        future.set_result(BatchProof(data, 7, {"cpu": 7}, 0.5))

    def fail(self, error):
        future, _ = self.jobs.pop(0)
        future.set_exception(error)


class Now(Executor):
    """Does at once what is submitted."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


@pytest.fixture(scope="module", autouse=True)
def natives():
    native_build.build_all()
    for name in ("native", "witness", "zkvm", "trace", "batch"):
        build_native.build(name)


@pytest.fixture(scope="module")
def batches(natives):
    return sealed_batches(random_envelopes(2, 40), 12)


@pytest.fixture
def store(tmp_path):
    return ProofStore(tmp_path / "proofs")


def new_prover(store, executor, profiles=PROFILES):
    builder = WitnessBuilder.at_genesis(CONFIG_HASH, GOVERNANCE)
    return BatchProver(builder, STATEMENT, store, executor, profiles)


def test_batches_are_proven_in_order_fast_first(batches, store):
    executor = ManualExecutor()
    prover = new_prover(store, executor)
    for batch in batches[:2]:
        prover.take(batch)
    assert prover.taken == 2
    assert [args[1] for _, args in executor.jobs] == [*PROFILES, *PROFILES]
    for number, (_, (witness, _)) in zip((1, 1, 2, 2), executor.jobs, strict=True):
        assert store.witness_path(number).read_bytes() == witness


def test_a_batch_out_of_order_is_refused(batches, store):
    with pytest.raises(WitnessError):
        new_prover(store, ManualExecutor()).take(batches[1])


def test_lag_is_what_l1_waits_for(batches, store):
    executor = ManualExecutor()
    prover = new_prover(store, executor)
    assert prover.lag() == Lag(0, 0.0)
    for batch in batches[:2]:
        prover.take(batch)
    executor.finish()  # the fast proof of the first
    assert prover.lag().batches == 2
    executor.finish()
    assert prover.lag().batches == 1
    assert prover.lag().oldest_s > 0


def test_a_failed_proof_is_told_and_not_kept(batches, store):
    executor = ManualExecutor()
    prover = new_prover(store, executor, (SETTLE.name,))
    prover.take(batches[0])
    executor.fail(NotProvableError("exit code 3"))
    with pytest.raises(NotProvableError, match="exit code 3"):
        prover.proof(1, SETTLE.name)
    assert not store.proof_path(1, SETTLE.name).exists()


def test_only_cancels_pass_while_proofs_lag(batches, store):
    executor = ManualExecutor()
    prover = new_prover(store, executor)
    admit = BackPressure(prover, batches_max=1)
    place = user_envelope(op.Place(market=1, account=32, price=10, size_lots=1))
    cancel = user_envelope(op.CancelAll(account=32))
    prover.take(batches[0])
    admit(place)
    prover.take(batches[1])
    with pytest.raises(CongestedError, match=r"2 batches behind .* only cancels"):
        admit(place)
    with pytest.raises(CongestedError):
        admit(replace(cancel, payload=cancel.payload + place.payload))
    admit(cancel)
    executor.finish()
    executor.finish()
    admit(place)


def user_envelope(each):
    return Envelope(
        kind=EnvelopeKind.USER, account=32, nonce=1, arrival_ms=0, payload=each.to_bytes()
    )


@pytest.fixture(scope="module")
def proven(batches):
    """The first batch with a real proof."""
    witness = WitnessBuilder.at_genesis(CONFIG_HASH, GOVERNANCE).build(
        STATEMENT, batches[0].envelopes
    )
    return prove_witness(witness.to_bytes(), FAST.name)


def test_proof_is_of_the_batch(batches, store, proven, monkeypatch):
    monkeypatch.setattr(service, "prove_witness", lambda *_: proven)
    prover = new_prover(store, Now(), (FAST.name,))
    prover.take(batches[0])
    assert prover.proof(1, FAST.name) == proven
    output = run_witness(store.witness_path(1).read_bytes()).output
    words = np.frombuffer(output, ">u4").tolist()
    verify(store.proof_path(1, FAST.name).read_bytes(), program_id(FAST.name), words)
    assert proven.cycles == proven.rows["cpu"]


def test_what_is_proven_is_not_proven_again(batches, store, proven):
    store.write_proof(1, FAST.name, proven)
    executor = ManualExecutor()
    prover = new_prover(store, executor, (FAST.name,))
    prover.take(batches[0])
    assert executor.jobs == []
    assert prover.proof(1, FAST.name) == proven
    assert prover.lag() == Lag(0, 0.0)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "of another batch", "figures"])
def test_a_damaged_proof_is_made_again(batches, store, proven, damage):
    number = 2 if damage == "of another batch" else 1
    store.write_proof(number, FAST.name, proven)
    path = store.proof_path(number, FAST.name)
    if damage == "flipped":
        path.write_bytes(proven.data[:-1] + bytes([proven.data[-1] ^ 1]))
    elif damage == "cut":
        path.write_bytes(proven.data[:-1])
    elif damage == "gone":
        path.unlink()
    elif damage == "figures":
        path.with_suffix(".json").write_bytes(b"{")
    executor = ManualExecutor()
    prover = new_prover(store, executor, (FAST.name,))
    for batch in batches[:number]:
        prover.take(batch)
    assert len(executor.jobs) == number
