"""Reasons that only L1 has: long outputs, weak parameters, helpers with other code."""

from dataclasses import replace

import pytest
from eth_utils import keccak

from offchain.settlement.proof_parts import Call
from offchain.settlement.verifier_client import output_bytes
from offchain.verifier.proof_format import decode
from tests.onchain.deployed import Example, Verifier
from tests.onchain.evm import Reverted
from tests.verifier.encoding import encode

ALICE = "0x" + "aa" * 20
MAX_OUTPUT_WORDS = 2_048
EVALUATOR, OPENINGS, FRI = range(3)
CODES = {
    "nothing": b"",
    "a stop": bytes.fromhex("00"),
    "a revert": bytes.fromhex("5f5ffd"),
    "an invalid opcode": bytes.fromhex("fe"),
    "a zero": bytes.fromhex("60205ff3"),
}
"""Code that could stand at a helper's address."""


@pytest.fixture(scope="module")
def deployed():
    return Verifier()


@pytest.fixture
def verifier(deployed):
    with deployed.evm.rolled_back():
        yield deployed


@pytest.fixture(scope="module")
def example():
    return Example("fibonacci", "settle-compact", 45_000)


@pytest.mark.parametrize(
    ("words", "reason"),
    [(MAX_OUTPUT_WORDS, "QUOTIENT_MISMATCH"), (MAX_OUTPUT_WORDS + 1, "OUTPUT_TOO_LONG")],
)
def test_an_output_has_at_most_8192_bytes(verifier, example, words, reason):
    output = tuple(range(words))
    data = encode(replace(decode(example.data), output=output))[:60_000]
    with pytest.raises(Reverted) as caught:
        verifier.entry.call("begin", example.claim.program_id, keccak(output_bytes(output)), data)
    assert caught.value.reason == reason


def test_a_proof_of_the_fast_profile_is_not_accepted(verifier):
    fast = Example("fibonacci", "fast")
    part = fast.parts[0]
    with pytest.raises(Reverted, match="PROFILE_NOT_ACCEPTED"):
        verifier.send(fast, part.call, None, fast.bytes_of(part))
    assert verifier.entry.call("parameters_id", 1).values == (bytes(32),)


@pytest.mark.parametrize("helper", [EVALUATOR, OPENINGS, FRI])
def test_a_helper_with_other_code_is_not_deployed_with(verifier, helper):
    hashes = [keccak(helper.code) for helper in verifier.helpers]
    verifier.deploy_entry(hashes)
    hashes[helper] = keccak(b"")
    with pytest.raises(Reverted, match="HELPER_CODE_MISMATCH"):
        verifier.deploy_entry(hashes)


def test_a_helper_without_code_is_not_deployed_with(verifier):
    hashes = [keccak(helper.code) for helper in verifier.helpers]
    nobody = "0x" + "77" * 20
    addresses = [nobody, *(helper.address for helper in verifier.helpers[1:])]
    with pytest.raises(Reverted, match="HELPER_CODE_MISMATCH"):
        verifier.evm.deploy("StarkVerifier", *addresses, [bytes(32), *hashes[1:]])


CALLED_BY = {EVALUATOR: [Call.BEGIN], OPENINGS: [Call.BEGIN, Call.OPEN], FRI: [Call.FOLD]}
HELPER_CALLS = [(helper, call) for helper, calls in CALLED_BY.items() for call in calls]


@pytest.mark.parametrize(("helper", "call"), HELPER_CALLS)
def test_a_helper_whose_code_has_changed_is_not_called(example, helper, call):
    verifier = Verifier()
    number = [part.call for part in example.parts].index(call)
    run, data = verifier.run_before(example, number, ALICE), example.bytes_of(example.parts[number])
    stored = verifier.run_hash(example.claim.proof_id, ALICE)
    address, honest_code = verifier.helpers[helper].address, verifier.helpers[helper].code
    for code in CODES.values():
        verifier.evm.plant_code(address, code)
        with pytest.raises(Reverted, match="HELPER_CODE_MISMATCH"):
            verifier.send(example, call, run, data, ALICE)
        assert verifier.run_hash(example.claim.proof_id, ALICE) == stored
    verifier.evm.plant_code(address, honest_code)
    verifier.send(example, call, run, data, ALICE)


@pytest.mark.parametrize("helper", CALLED_BY)
def test_a_helper_that_fails_lets_nothing_pass(example, helper):
    """Such code is pinned here, as by a deployer who errs."""
    verifier = Verifier()
    number = [part.call for part in example.parts].index(CALLED_BY[helper][0])
    hashes = [keccak(item.code) for item in verifier.helpers]
    for code in filter(None, CODES.values()):
        verifier.evm.plant_code(verifier.helpers[helper].address, code)
        hashes[helper] = keccak(code)
        verifier.entry = verifier.deploy_entry(hashes)
        run = verifier.run_before(example, number, ALICE)
        stored = verifier.run_hash(example.claim.proof_id, ALICE)
        part = example.parts[number]
        with pytest.raises(Reverted):
            verifier.send(example, part.call, run, example.bytes_of(part), ALICE)
        assert verifier.run_hash(example.claim.proof_id, ALICE) == stored
        assert not verifier.is_fact(example.claim.fact)
