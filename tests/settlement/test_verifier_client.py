"""Proofs through the client: accepted, refused, interrupted and taken up again."""

import functools

import pytest

from offchain.security.parameters import FAST, PROFILES, SETTLE, SETTLE_COMPACT
from offchain.settlement import verifier_client
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.proof_parts import MAX_PART_BYTES, RUN_BYTES, split
from offchain.settlement.verifier_client import (
    LEAST_TIME_LEFT_S,
    RefusedOnChainError,
    RunNotFoundError,
    VerifierClient,
    claim,
    estimate,
)
from offchain.settlement.verifier_deployment import ENTRY, deploy_verifier
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.verify import verify
from tests.prover.proofs import openings, proof, run
from tests.settlement.revm_chain import RevmChain

GUEST = "fibonacci"
RUN_LIFETIME_S = 24 * 60 * 60
SMALL_PARTS = functools.partial(split, max_part_bytes=60_000)
SMALL_PART_COUNT = 6


class Interrupted(Exception):  # noqa: N818  # an outcome that tests ask for
    """The process ends here."""


class DyingChain(RevmChain):
    """Ends the process that sends to it at a transaction: before or after it is mined."""

    def __init__(self):
        super().__init__()
        self.die_at, self.is_mined = None, False
        self.sent = []

    def transact(self, name, address, function, *args, sender):
        is_last = len(self.sent) == self.die_at
        if not is_last or self.is_mined:
            super().transact(name, address, function, *args, sender=sender)
            self.sent.append(function)
        if is_last:
            self.die_at = None
            raise Interrupted


@pytest.fixture(autouse=True)
def _verify_once(monkeypatch):
    """Equal proofs are verified in Python once."""
    monkeypatch.setattr(verifier_client, "verify", cached_verify)


cached_verify = functools.cache(verify)


@pytest.fixture
def chain():
    return DyingChain()


@pytest.fixture
def address(chain):
    return deploy_verifier(chain).entry


@pytest.fixture
def client(chain, address):
    return VerifierClient(chain, address, chain.accounts[0])


@pytest.fixture
def data():
    return proof(GUEST, SETTLE_COMPACT.name).data


def interrupt(chain, client, data, die_at, *, is_mined=False):
    chain.die_at, chain.is_mined = die_at, is_mined
    with pytest.raises(Interrupted):
        client.verify(data)


@pytest.mark.slow
@pytest.mark.parametrize("profile", [SETTLE, SETTLE_COMPACT])
def test_accepted_proof_is_a_fact(profile, chain, address, client):
    data = proof(GUEST, profile.name).data
    shown = []
    verification = client.verify(data, run(GUEST, profile).key.program_id, shown.append)
    claimed, parts = verification.claim, verification.parts
    assert verification.bits >= 128
    assert client.is_fact(claimed.fact)
    assert [*parts] == shown
    assert [(part.number, part.count) for part in parts] == [
        (number, len(parts)) for number in range(1, len(parts) + 1)
    ]
    assert [part.call.value for part in parts] == chain.sent
    assert sum(part.data_bytes for part in parts) == len(data)
    (event,) = chain.events(ENTRY, address, "ProofVerified")
    assert event["args"] == {
        "fact": claimed.fact,
        "program_id": claimed.program_id,
        "proof_id": claimed.proof_id,
        "parameters_id": profile.parameters_id,
        "output_hash": claimed.output_hash,
    }
    named = (claimed.program_id, profile.parameters_id, claimed.output_hash)
    assert chain.call(ENTRY, address, "fact", *named) == claimed.fact


def test_a_fact_that_is_there_is_not_proven_again(chain, address, client, data):
    client.verify(data)
    chain.sent.clear()
    stranger = VerifierClient(chain, address, chain.accounts[1])
    assert stranger.verify(data).parts == ()
    assert chain.sent == []


def test_the_estimate_bounds_what_is_sent(client, data):
    parts = client.verify(data).parts
    for expected, part in zip(estimate(data), parts, strict=True):
        assert expected.call is part.call
        assert expected.end - expected.start == part.data_bytes
        assert part.calldata_bytes <= expected.calldata_bytes <= part.calldata_bytes + RUN_BYTES
        assert part.calldata_bytes <= MAX_PART_BYTES
        assert expected.modelled_gas >= part.floor_gas > part.calldata_gas


@pytest.mark.parametrize("is_mined", [False, True])
@pytest.mark.parametrize("die_at", range(SMALL_PART_COUNT))
def test_interrupted_anywhere_nothing_is_sent_twice(
    die_at, is_mined, chain, address, client, data, monkeypatch
):
    monkeypatch.setattr(verifier_client, "split", SMALL_PARTS)
    expected = [part.call.value for part in SMALL_PARTS(data, claim(data).program_id)]
    assert len(expected) == SMALL_PART_COUNT
    interrupt(chain, client, data, die_at, is_mined=is_mined)
    again = VerifierClient(chain, address, chain.accounts[0])
    verification = again.verify(data)
    assert again.is_fact(verification.claim.fact)
    assert chain.sent == expected


def test_a_run_of_other_parts_is_taken_up(chain, client, data, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(verifier_client, "split", SMALL_PARTS)
        interrupt(chain, client, data, 2)
    parts = client.verify(data).parts
    sent = sum(part.end - part.start for part in SMALL_PARTS(data, claim(data).program_id)[:2])
    assert sum(part.data_bytes for part in parts) == len(data) - sent
    assert client.is_fact(claim(data).fact)


@pytest.mark.parametrize("left_s", [-1, 0, LEAST_TIME_LEFT_S - 1])
def test_a_run_that_expires_is_begun_anew(left_s, chain, client, data):
    interrupt(chain, client, data, 1)
    chain.advance_time(RUN_LIFETIME_S - left_s)
    assert client.interrupted_run(claim(data).proof_id) is None
    client.verify(data)
    assert chain.sent.count("begin") == 2
    assert client.is_fact(claim(data).fact)


def test_a_run_with_time_left_goes_on(chain, client, data):
    interrupt(chain, client, data, 1)
    chain.advance_time(RUN_LIFETIME_S - LEAST_TIME_LEFT_S)
    client.verify(data)
    assert chain.sent.count("begin") == 1


def test_runs_of_other_senders_and_proofs_do_not_matter(chain, address, client, data):
    stranger = VerifierClient(chain, address, chain.accounts[1])
    interrupt(chain, stranger, data, 2)
    interrupt(chain, client, proof(GUEST, SETTLE_COMPACT.name, seed=1).data, 3)
    assert client.interrupted_run(claim(data).proof_id) is None
    assert sum(part.data_bytes for part in client.verify(data).parts) == len(data)
    assert stranger.interrupted_run(claim(data).proof_id) is not None
    assert stranger.verify(data).parts == ()


def test_a_wrong_proof_costs_nothing(chain, client, data):
    opening = openings(data, claim(data).program_id)[1]
    wrong = bytearray(data)
    wrong[opening.siblings[0].start] ^= 1
    with pytest.raises(Rejected) as rejected:
        client.verify(bytes(wrong))
    assert rejected.value.reason is Reason.MERKLE_MAIN
    with pytest.raises(Rejected) as rejected:
        client.verify(data, bytes(32))
    assert rejected.value.reason is Reason.WRONG_PROGRAM
    with pytest.raises(Rejected) as rejected:
        client.verify(proof(GUEST, FAST.name).data)
    assert rejected.value.reason is Reason.PROFILE_NOT_ACCEPTED
    assert chain.sent == []


def test_a_refusal_says_what_to_do(chain, client, data, monkeypatch):
    verified = verify(data, claim(data).program_id)
    monkeypatch.setattr(verifier_client, "verify", lambda *_, **__: verified)
    wrong = bytearray(data)
    wrong[openings(data, claim(data).program_id)[1].siblings[0].start] ^= 1
    with pytest.raises(RefusedOnChainError) as refused:
        client.verify(bytes(wrong))
    assert refused.value.reason == "MERKLE_MAIN"
    assert str(refused.value) == f"MERKLE_MAIN: {Reason.MERKLE_MAIN.value}"
    assert isinstance(refused.value, ContractRevertedError)


def test_a_node_with_old_events_is_named_as_the_cause(chain, client, data, monkeypatch):
    interrupt(chain, client, data, 2)
    events = chain.events
    monkeypatch.setattr(chain, "events", lambda *a, **k: events(*a, **k)[:1])
    with pytest.raises(RefusedOnChainError, match=r"^RUN_STATE_MISMATCH: The node's events"):
        client.verify(data)


def test_a_node_without_events_is_named_as_the_cause(chain, address, client, data, monkeypatch):
    interrupt(chain, client, data, 2)
    monkeypatch.setattr(chain, "events", lambda *_, **__: [])
    with pytest.raises(RunNotFoundError, match="from block 7 on"):
        VerifierClient(chain, address, chain.accounts[0], from_block=7).verify(data)
    assert len(chain.sent) == 2


def test_another_refusal_asks_for_address_and_node():
    assert "address and node" in str(RefusedOnChainError("no reason"))


def test_parameter_sets_of_l1_are_those_of_the_contract(chain, address):
    accepted = {SETTLE, SETTLE_COMPACT}
    for parameters in PROFILES.values():
        expected = parameters.parameters_id if parameters in accepted else bytes(32)
        assert chain.call(ENTRY, address, "parameters_id", parameters.number) == expected
