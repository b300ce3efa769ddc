"""The benchmark of the verifier on L1: its keys, its sums, and the limits that it checks."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from offchain.bench import verify
from offchain.bench.prove import DELEGATIONS_QUICK, prove_workload
from offchain.commands import bench as command
from offchain.prover import native_build
from offchain.security.parameters import SETTLE, SETTLE_COMPACT
from offchain.settlement.local_chain import LocalChain
from offchain.settlement.proof_parts import Call
from offchain.settlement.verifier_client import SentPart, VerifierClient
from offchain.settlement.verifier_deployment import deploy_verifier
from offchain.tools import build_native
from offchain.zkvm.program import load_program

pytestmark = pytest.mark.slow

PROOF_KEYS = {
    *("gas_total", "gas_max_transaction", "gas_total_floor64", "transactions"),
    *("calldata_max_bytes", "proof_bytes", "bits", "parts"),
}
PART_KEYS = {
    *("call", "data_bytes", "calldata_bytes", "execution_gas", "floor_gas", "gas", "gas_floor64"),
}
CONTRACTS = {
    *("CoreTables", "HashTables", "ConstraintEvaluator"),
    *("OpeningsVerifier", "FriVerifier", "StarkVerifier"),
}


@pytest.fixture(scope="module", autouse=True)
def elves():
    native_build.build_all()
    for library in ("zkvm", "trace"):
        build_native.build(library)
    return {path.stem: path for path in build_native.build_examples()}


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def result(steps):
    return verify.run_verify(quick=True, progress=lambda *step: steps.append(step))


def figures(**changes):
    part = verify.PartFigures("open", 100, 200, 5_000, 29_000, 29_200, 33_800)
    return dataclasses.replace(part, **changes)


def test_every_key_is_there(result, steps):
    fields = json.loads(json.dumps(result.to_fields()))
    top = {"quick", "guest", "cycles", "contract_bytes", "deployment_gas", "profiles"}
    assert set(fields) == PROOF_KEYS | top
    assert set(fields["profiles"]) == {SETTLE_COMPACT.name}
    for proof in (fields, fields["profiles"][SETTLE_COMPACT.name]):
        assert set(proof) >= PROOF_KEYS
        assert all(set(part) == PART_KEYS for part in proof["parts"])
        assert proof["transactions"] == len(proof["parts"])
        assert sum(part["data_bytes"] for part in proof["parts"]) == proof["proof_bytes"]
        assert proof["gas_total"] == sum(part["gas"] for part in proof["parts"])
        assert proof["gas_max_transaction"] == max(part["gas"] for part in proof["parts"])
        assert proof["gas_total_floor64"] == sum(part["gas_floor64"] for part in proof["parts"])
        assert proof["bits"] >= 128
    assert set(fields["contract_bytes"]) == set(fields["deployment_gas"]) == CONTRACTS
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_prague_charges_what_the_benchmark_says(result, elves):
    program = load_program(elves[DELEGATIONS_QUICK.guest].read_bytes())
    run = prove_workload(DELEGATIONS_QUICK, program, SETTLE_COMPACT)
    chain = LocalChain(account_count=1)
    client = VerifierClient(chain, deploy_verifier(chain).entry, chain.accounts[0])
    charged = client.verify(run.proof.data, run.key.program_id).parts
    for part, expected in zip(charged, result.profiles[SETTLE_COMPACT.name].parts, strict=True):
        # The deadline in the calldata has other bytes.
        assert part.gas_used == max(part.calldata_gas + expected.execution_gas, part.floor_gas)


@pytest.mark.parametrize(
    ("execution_gas", "gas", "gas_floor64"),
    [
        (0, 21_000 + 4_000, 21_000 + 64 * 140),  # both floors hide what is executed
        (3_000, 21_000 + 4_600, 21_000 + 64 * 140),
        (9_000, 21_000 + 10_600, 21_000 + 10_600),
    ],
)
def test_a_transaction_pays_execution_or_the_floor(execution_gas, gas, gas_floor64):
    """40 zero bytes and 90 others are 400 tokens: 1,600 gas, or 4,000 as a floor."""
    tokens = 40 + 4 * 90
    used = 21_000 + 4 * tokens + execution_gas
    part = SentPart(1, 1, Call.OPEN, 100, 140, tokens, used)
    assert verify.PartFigures.of(part) == verify.PartFigures(
        "open", 100, 140, execution_gas, 25_000, gas, gas_floor64
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gas": 2**24 + 1}, "costs 16,777,217 gas; a transaction may cost 16,777,216"),
        ({"gas_floor64": 2**24 + 1}, "costs 16,777,217 gas"),
        ({"calldata_bytes": 120_001}, "has 120,001 bytes; a transaction may have 120,000"),
    ],
)
def test_limits_are_checked(changes, message):
    verify.require_within_limits(figures(gas=2**24, gas_floor64=2**24, calldata_bytes=120_000))
    with pytest.raises(verify.TransactionTooLargeError, match=message):
        verify.require_within_limits(figures(**changes))


def test_command_prints_json_text_and_errors(monkeypatch, result):
    monkeypatch.setattr(command, "run_verify", lambda **_: result)
    done = CliRunner().invoke(command.bench, ["verify", "--quick", "--json"])
    assert json.loads(done.output)["transactions"] == len(result.profiles[SETTLE.name].parts)
    text = CliRunner().invoke(command.bench, ["verify"]).output
    assert "quick: a short run" in text
    assert f"settle: {result.profiles[SETTLE.name].gas_total:,} gas" in text
    assert "transactions pay the floor" in text

    def too_large(**_):
        raise verify.TransactionTooLargeError("`open` has 120,001 bytes")

    monkeypatch.setattr(command, "run_verify", too_large)
    done = CliRunner().invoke(command.bench, ["verify", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output) == {
        "error": "TransactionTooLargeError: `open` has 120,001 bytes"
    }
