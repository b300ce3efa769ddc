"""A real proof of a batch: proven, verified, and bound to the program that the lock names."""

import numpy as np
import pytest

from offchain.prover import native_build
from offchain.prover.program_proof import prove_program
from offchain.security.parameters import FAST
from offchain.settlement.public_output import PublicOutput
from offchain.tools import build_native, program_lock
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.verify import verify
from offchain.witness.native import output_bytes
from tests.witness.batches import random_batches


@pytest.fixture(scope="module")
def proven(program):
    native_build.build_all()
    build_native.build("trace")
    batch = random_batches(seed=5, length=20, batch_envelopes=4)[-1]
    tape = np.frombuffer(batch.witness.to_bytes(), "<u4").astype(np.uint32)
    return batch, prove_program(program, tape, FAST)


def test_proof_of_a_batch_verifies(proven) -> None:
    batch, run = proven
    assert output_bytes(run.execution.output) == batch.output
    program_id = bytes.fromhex(program_lock.read_lock()["program_ids"][FAST.name])
    verified = verify(run.proof.data, program_id, run.execution.output.tolist())
    assert verified.profile == FAST.name
    words = np.array(verified.output, np.uint32)
    assert PublicOutput.from_bytes(output_bytes(words)).new_root == batch.sealed.new_root


def test_proof_says_nothing_else(proven) -> None:
    _, run = proven
    other = run.execution.output.tolist()
    other[6 * 8] ^= 1  # a word of the new root
    with pytest.raises(Rejected) as refused:
        verify(run.proof.data, run.key.program_id, other)
    assert refused.value.reason == Reason.WRONG_OUTPUT
