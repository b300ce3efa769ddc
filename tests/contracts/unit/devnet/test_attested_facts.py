"""AttestedFacts: the operator's signature in the place of a proof, on local networks only."""

import pytest

from offchain.settlement.attestation import attest, recover_attester
from offchain.settlement.messages import fact_of
from tests.contracts.support import (
    ERRORS,
    PARAMETERS_ID,
    PROGRAM_ID,
    address_bytes,
    reverts,
)
from tests.onchain.evm import DEPLOYER, Evm, Reverted

CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


@pytest.fixture(scope="module")
def facts(project, owner, operator):
    return project.AttestedFacts.deploy(operator, sender=owner)


@pytest.fixture
def output(system):
    return system.next_output()


def key_of(account):
    return bytes.fromhex(account.private_key.removeprefix("0x"))


def submit(facts, output, signature, sender):
    ids = (PROGRAM_ID, PARAMETERS_ID)
    return facts.attest(*ids, output.digest(), signature, sender=sender)


def test_anyone_submits_what_the_operator_signed(facts, output, operator, stranger):
    fact = fact_of(PROGRAM_ID, PARAMETERS_ID, output)
    assert not facts.is_fact(fact)
    receipt = submit(facts, output, attest(output, key_of(operator)), stranger)
    assert facts.is_fact(fact)
    assert receipt.events == [facts.Attested(fact=fact, public_output_hash=output.digest())]
    assert facts.OPERATOR() == operator


def test_signature_of_another_one(facts, output, stranger):
    with reverts("A06"):
        submit(facts, output, attest(output, key_of(stranger)), stranger)


def test_malformed_signatures(facts, output, operator, stranger):
    good = attest(output, key_of(operator))
    for signature in (b"", good[:-1]):
        with reverts("A03"):
            submit(facts, output, signature, stranger)
    for v in (0, 1, 26, 29):
        with reverts("A04"):
            submit(facts, output, good[:-1] + bytes([v]), stranger)
    with reverts("A06"):
        submit(facts, output, bytes(64) + b"\x1b", stranger)


def test_second_form_of_a_signature(facts, output, operator, stranger):
    good = attest(output, key_of(operator))
    s = CURVE_ORDER - int.from_bytes(good[32:64])
    mirrored = good[:32] + s.to_bytes(32) + bytes([55 - good[64]])
    assert recover_attester(output, mirrored) == address_bytes(operator)
    with reverts("A05"):
        submit(facts, output, mirrored, stranger)


def test_constructor(project, owner):
    with reverts("A02"):
        project.AttestedFacts.deploy("0x" + "00" * 20, sender=owner)


def test_not_on_a_live_network():
    """The EVM of this test has the chain id of the main network."""
    with pytest.raises(Reverted) as caught:
        Evm().deploy("AttestedFacts", DEPLOYER)
    assert caught.value.reason == ERRORS["A01"]
