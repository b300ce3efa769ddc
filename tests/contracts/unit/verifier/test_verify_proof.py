"""Real proofs on py-evm, by the client and by the script; a sample of wrong ones.

Thousands of wrong proofs are verified on a faster EVM; these show that py-evm agrees.
"""

import importlib
import json
from functools import partial
from random import Random

import ape
import pytest
from click.testing import CliRunner
from eth_utils import keccak

from offchain.security.parameters import L1_PROFILES, SETTLE_COMPACT
from offchain.settlement.l1 import MAX_TRANSACTION_GAS, ContractRevertedError
from offchain.settlement.proof_parts import MAX_DATA_BYTES, MAX_PART_BYTES, Call, Part
from offchain.settlement.verifier_client import Run, VerifierClient, claim, output_bytes
from offchain.settlement.verifier_deployment import (
    CONSTRAINT_EVALUATOR,
    ENTRY,
    EVALUATOR_PARTS,
    HELPERS,
    deploy_verifier,
)
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason
from scripts._lib import signers
from scripts._lib.ape_l1 import ApeL1
from tests.onchain.deployed import Example, stated_output_hash
from tests.prover.proofs import openings, proof, run
from tests.verifier.test_mutants import EXPECTED, GUEST, PROFILE, mutants, verdicts

verify_proof = importlib.import_module("scripts.verify-proof")

SCRIPT_CASE = ("fibonacci", SETTLE_COMPACT.name)
CASES = [
    pytest.param(guest, profile, id=f"{guest}-{profile.name}")
    for guest in ("fibonacci", "sort", "factors")
    for profile in L1_PROFILES
    if (guest, profile.name) != SCRIPT_CASE
]
MAX_CODE_BYTES = 24_576
SAMPLES_PER_KIND = 1
TREES = 4
SEED = 20_261_122
NETWORK = ("--network", "ethereum:local:test")


@pytest.fixture(scope="module")
def chain(project, owner):
    return ApeL1.with_test_accounts(2)


@pytest.fixture(scope="module")
def deployment(chain):
    return deploy_verifier(chain)


@pytest.fixture(scope="module")
def address(deployment):
    return deployment.entry


@pytest.fixture(scope="module")
def proof_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("proof") / "proof.bin"
    path.write_bytes(proof(*SCRIPT_CASE).data)
    return path


def test_contracts_fit_and_their_code_is_pinned(chain, deployment):
    assert all(size <= MAX_CODE_BYTES for size in deployment.code_bytes.values())
    pinned = [(ENTRY, name) for name in HELPERS]
    pinned += [(CONSTRAINT_EVALUATOR, name) for name in EVALUATOR_PARTS]
    for by, name in pinned:
        constant = "".join("_" * (i and c.isupper()) + c for i, c in enumerate(name)).upper()
        assert chain.call(by, deployment.addresses[by], constant) == deployment.addresses[name]
        code_hash = chain.call(by, deployment.addresses[by], f"{constant}_CODE_HASH")
        assert code_hash.hex() == deployment.code_hashes[name]
        assert code_hash == keccak(chain.code(deployment.addresses[name]))


def require_fact(guest, profile, chain, address):
    """The fact is there, under the name that it should have, and was told."""
    ran = run(guest, profile)
    output_hash = keccak(output_bytes(ran.output))
    name = keccak(b"HRfact01" + ran.key.program_id + profile.parameters_id + output_hash)
    assert chain.call(ENTRY, address, "is_fact", name)
    proof_id = claim(proof(guest, profile.name).data).proof_id
    *_, event = chain.events(ENTRY, address, "ProofVerified")
    assert event["args"] == {
        "fact": name,
        "program_id": ran.key.program_id,
        "proof_id": proof_id,
        "parameters_id": profile.parameters_id,
        "output_hash": output_hash,
    }
    for account in chain.accounts:
        assert not any(chain.call(ENTRY, address, "run_hash", account, proof_id))


@pytest.mark.parametrize(("guest", "profile"), CASES)
def test_a_proof_becomes_a_fact(guest, profile, chain, address):
    data, ran = proof(guest, profile.name).data, run(guest, profile)
    client = VerifierClient(chain, address, chain.accounts[1])
    result = client.verify(data, ran.key.program_id)
    require_fact(guest, profile, chain, address)
    assert sum(part.data_bytes for part in result.parts) == len(data)
    for part in result.parts:
        assert part.floor_gas <= part.gas_used <= MAX_TRANSACTION_GAS
        assert part.calldata_bytes <= MAX_PART_BYTES


def test_views_name_parameters_facts_and_challenges(chain, address):
    guest, profile = SCRIPT_CASE
    data, ran = proof(guest, profile).data, run(guest, SETTLE_COMPACT)
    claimed = claim(data)
    view = partial(chain.call, ENTRY, address)
    assert view("parameters_id", SETTLE_COMPACT.number) == SETTLE_COMPACT.parameters_id
    assert not any(view("parameters_id", 1))
    program_id, output_hash = ran.key.program_id, claimed.output_hash
    assert view("fact", program_id, SETTLE_COMPACT.parameters_id, output_hash) == claimed.fact
    head = data[: len(data) - len(decode(data).openings)]
    drawn = view("draw_challenges", program_id, head)
    *_, (label, queries) = proof(guest, profile).challenges
    assert (label, tuple(drawn[-1])) == ("queries", tuple(queries))


def test_a_run_is_discarded_by_its_owner(chain, address):
    honest = Example("fibonacci", SETTLE_COMPACT.name)
    owner, other = chain.accounts
    part = honest.parts[0]
    arguments = honest.arguments(part.call, None, honest.bytes_of(part))
    chain.transact(ENTRY, address, part.call.value, *arguments, sender=owner)
    *_, event = chain.events(ENTRY, address, "RunAdvanced", 0, {"owner": owner})
    found = tuple(Run(**event["args"]["run"]))
    discard = (ENTRY, address, "discard", owner, honest.claim.proof_id, found)
    with pytest.raises(ContractRevertedError, match="RUN_NOT_EXPIRED"):
        chain.transact(*discard, sender=other)
    chain.transact(*discard, sender=owner)
    assert not any(chain.call(ENTRY, address, "run_hash", owner, honest.claim.proof_id))


def sample(head_bytes):
    """Mutants of every kind, with the reason that Python gives."""
    random = Random(SEED)
    numbers = []
    for kind in EXPECTED:
        # A proof that ends after a row lacks the next part, as far as L1 knows.
        of_kind = [
            number
            for number, mutant in enumerate(mutants())
            if mutant.kind == kind and (kind != "truncated" or first_change(mutant) < head_bytes)
        ]
        numbers += random.sample(of_kind, min(SAMPLES_PER_KIND, len(of_kind)))
    reasons = [reason for reason, _ in verdicts(numbers)]
    return list(zip((mutants()[number] for number in numbers), reasons, strict=True))


def whole_trees(honest):
    """One part for the head, and one for each tree and layer."""
    parts = [Part(Call.BEGIN, 0, honest.head_bytes, 0)]
    for number, opening in enumerate(openings(honest.data, honest.claim.program_id)):
        call = Call.OPEN if number < TREES else Call.FOLD
        parts.append(Part(call, opening.place.start, opening.place.stop, 0))
    return parts


def test_wrong_proofs_have_the_reasons_of_the_python_verifier(chain, address):
    """Each is refused by the part that holds its first changed byte, after the honest ones."""
    honest = Example(GUEST, PROFILE)
    left, run_state = sample(honest.head_bytes), None
    for part in (parts := whole_trees(honest)):
        is_last = part is parts[-1]
        here = [item for item in left if is_last or first_change(item[0]) < part.end]
        left = [item for item in left if item not in here]
        for mutant, reason in here:
            data = mutant.data()
            end = len(data) if is_last else part.end + max(0, len(data) - len(honest.data))
            piece = data[part.start : min(end, part.start + MAX_DATA_BYTES)]
            arguments = honest.arguments(part.call, run_state, piece)
            if part.call is Call.BEGIN:
                arguments = (mutant.program_id, expected_output_hash(mutant), arguments[-1])
            with pytest.raises(ContractRevertedError) as refused:
                chain.call(ENTRY, address, part.call.value, *arguments)
            assert str(refused.value) == reason.name, mutant.kind
        arguments = honest.arguments(part.call, run_state, honest.bytes_of(part))
        chain.transact(ENTRY, address, part.call.value, *arguments)
        *_, event = chain.events(ENTRY, address, "RunAdvanced")
        run_state = Run(**event["args"]["run"])
    assert left == []
    assert chain.call(ENTRY, address, "is_fact", honest.claim.fact)


def first_change(mutant):
    return mutant.edits[0][0] if mutant.edits else 0


def expected_output_hash(mutant):
    if mutant.output is None:
        return stated_output_hash(mutant.data())
    return keccak(output_bytes(mutant.output))


def invoke(*arguments):
    return CliRunner().invoke(verify_proof.cli, [str(argument) for argument in arguments])


def test_the_script_verifies(proof_file, chain, address):
    program_id = claim(proof_file.read_bytes()).program_id.hex()
    options = ("--verifier", address, "--program-id", program_id, *NETWORK)
    result = invoke(proof_file, *options)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0].startswith("1/3 begin")
    require_fact(SCRIPT_CASE[0], SETTLE_COMPACT, chain, address)
    assert claim(proof_file.read_bytes()).fact.hex() in result.output
    again = json.loads(invoke(proof_file, "--json", *options).output)
    assert again["accepted"]
    assert again["parts"] == []


def test_the_script_estimates_and_sends_nothing(proof_file):
    height = ape.chain.blocks.height
    text = invoke(proof_file, "--estimate", *NETWORK).output
    fields = json.loads(invoke(proof_file, "--estimate", "--json", *NETWORK).output)
    assert [part["call"] for part in fields["parts"]] == ["begin", "open", "fold"]
    assert f"about {fields['gas_total']:,} gas" in text
    assert ape.chain.blocks.height == height


def test_the_script_refuses_test_accounts_on_a_live_network(monkeypatch, proof_file):
    monkeypatch.setattr(signers, "connected_network", lambda: ("mainnet", 1))
    monkeypatch.setattr(ape.accounts, "load", lambda alias: ape.accounts.test_accounts[0])
    height = ape.chain.blocks.height
    for options in ((), ("--account", "seeded")):
        result = invoke(proof_file, *options, *NETWORK)
        assert result.exit_code == 1
        assert "refusing to pay with a test account on network 'mainnet'" in result.output
    assert ape.chain.blocks.height == height


def test_the_script_deploys_on_local_networks_only(monkeypatch, proof_file):
    monkeypatch.setattr(verify_proof, "connected_network", lambda: ("mainnet", 1))
    payer = ape.accounts.test_accounts[0]
    monkeypatch.setattr(verify_proof, "signer", lambda alias: payer)
    height = ape.chain.blocks.height
    result = invoke(proof_file, "--account", "payer", *NETWORK)
    assert "give --verifier" in result.output
    assert ape.chain.blocks.height == height


def test_the_script_names_what_is_wrong(proof_file, tmp_path, address):
    wrong = tmp_path / "wrong.bin"
    wrong.write_bytes(proof_file.read_bytes()[:-1])
    result = invoke(wrong, "--verifier", address, *NETWORK)
    assert f"TRUNCATED: {Reason.TRUNCATED.value}" in result.output
    result = invoke(proof_file, "--verifier", "0x" + "11" * 20, *NETWORK)
    assert "no contract at" in result.output
    result = invoke(proof_file, "--account", "nobody", *NETWORK)
    assert "ape accounts list" in result.output
    result = invoke(proof_file, "--program-id", "12", *NETWORK)
    assert "give 64 hexadecimal digits" in result.output
