"""The hash is a parameter: a proof whose trees and transcript use Poseidon2."""

from dataclasses import replace

import pytest

from offchain.air.machine import TABLES
from offchain.security.parameters import FAST, POSEIDON2
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.verify import verify, verify_claim
from tests.prover.proofs import run

FOR_GUESTS = replace(FAST, number=100, name="for-guests", hash_suite=POSEIDON2)


@pytest.mark.slow
def test_a_proof_with_poseidon2():
    made = run("factors", FOR_GUESTS)
    proof = made.prove()
    claim = decode(proof.data, TABLES, {FOR_GUESTS.number: FOR_GUESTS})
    challenges = verify_claim(claim, made.key.program_id, TABLES)
    assert list(challenges) == proof.challenges
    with pytest.raises(Rejected) as rejected:
        verify(proof.data, made.key.program_id)
    assert rejected.value.reason is Reason.UNKNOWN_PROFILE
