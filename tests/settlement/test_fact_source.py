"""Proven facts: one batch, its own proof, and nothing sent otherwise."""

from dataclasses import dataclass, field

import pytest

from offchain.settlement.fact_source import FactSourceError, ProvenFacts
from offchain.settlement.verifier_client import claim
from tests.prover.proofs import proof

GUEST, PROFILE = "fibonacci", "settle"
PROGRAM_ID = bytes(range(32))


@dataclass
class RecordingClient:
    sent: list = field(default_factory=list)

    def verify(self, data, program_id):
        self.sent.append((data, program_id))
        return len(self.sent)


@dataclass(frozen=True)
class Numbered:
    number: int


@dataclass(frozen=True)
class Output:
    hash: bytes

    def digest(self):
        return self.hash


@pytest.fixture(scope="module")
def data():
    return proof(GUEST, PROFILE).data


@pytest.fixture
def facts(data):
    return ProvenFacts(RecordingClient(), PROGRAM_ID, lambda _: data)


def test_proof_of_the_output_is_verified_once_per_batch(facts, data):
    facts.establish([Numbered(7)], Output(claim(data).output_hash))
    assert facts.client.sent == [(data, PROGRAM_ID)]
    assert facts.verifications == {7: 1}


def test_proof_of_another_output_is_not_sent(facts):
    with pytest.raises(FactSourceError, match="the proof of batch 7 states"):
        facts.establish([Numbered(7)], Output(bytes(32)))
    assert facts.client.sent == []


@pytest.mark.parametrize("count", [0, 2])
def test_a_proof_is_of_one_batch(facts, count):
    with pytest.raises(FactSourceError, match=f"not of {count}"):
        facts.establish([Numbered(1)] * count, Output(bytes(32)))
    assert facts.client.sent == []
