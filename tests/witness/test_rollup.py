"""In mode rollup the output commits to the state diff, from which the state is rebuilt."""

from dataclasses import replace

import pytest

from offchain.core.binding import Core
from offchain.settlement.abi import ZERO_WORD, keccak256
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.state_diff import RebuiltState, StateDiff
from offchain.spec import op
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import AssetFlag, EnvelopeKind, PriorityKind, Subtree
from offchain.spec.priority import PriorityRecord, admin_record
from offchain.spec.state import genesis
from offchain.witness.builder import WitnessBuilder
from offchain.witness.diff import state_diff
from offchain.witness.format import DaMode, Statement, Witness
from tests.core.envelope_flow import random_envelopes
from tests.strategies import CONFIG_HASH, GOVERNANCE
from tests.witness.batches import expected_output, risk_envelopes, run_guest, sealed_batches

ROLLUP = Statement(l1_chain_id=5, chain_id=6, gateway=bytes(20), da_mode=DaMode.ROLLUP)
MASTERS_OF_A_LONG_BATCH = 700


def published(diff: StateDiff) -> tuple[bytes, dict[bytes, tuple[bytes, bytes]]]:
    """Publish the chunks as DataAvailability does."""
    commitment, chunks = ZERO_WORD, {}
    for chunk in diff.chunks():
        previous = commitment
        commitment = keccak256(b"HRdata01" + previous + keccak256(chunk))
        chunks[commitment] = (previous, chunk)
    return commitment, chunks


def assert_rebuilds(envelopes, batch_envelopes, program) -> list[tuple[Witness, StateDiff]]:
    sealed = sealed_batches(envelopes, batch_envelopes)
    builder = WitnessBuilder.at_genesis(CONFIG_HASH, GOVERNANCE)
    core = Core(CONFIG_HASH, GOVERNANCE)
    rebuilt = RebuiltState.from_genesis(genesis(CONFIG_HASH, GOVERNANCE).leaves())
    made = []
    for batch in sealed:
        witness = builder.build(ROLLUP, batch.envelopes)
        for envelope in batch.envelopes:
            core.apply_envelope(envelope)
        diff = state_diff(witness, core)
        commitment, chunks = published(diff)
        code, data = run_guest(program, witness.to_bytes())
        assert code == 0
        output = PublicOutput.from_bytes(data)
        assert output == replace(expected_output(batch, ROLLUP), da_commitment=commitment)
        rebuilt.settle(output.da_commitment, output.new_root, chunks)
        made.append((witness, diff))
    return made


@pytest.mark.parametrize("seed", range(2))
def test_random_batches_are_rebuilt(seed: int, program) -> None:
    made = assert_rebuilds(random_envelopes(seed, 60), 25, program)
    assert len(made) > 2
    # a leaf that was only read, or written back as it was, is not published
    assert any(
        len(diff.leaves) < sum(len(opening.leaves) for opening in witness.openings)
        for witness, diff in made
    )


def test_batches_in_margined_markets_are_rebuilt(program) -> None:
    made = assert_rebuilds(risk_envelopes(1, 60), 60, program)
    assert any(subtree == Subtree.RISK for _, diff in made for subtree, _ in diff.leaves)


def test_diff_of_several_chunks(program) -> None:
    opening = op.AdminAsset(
        asset=0, flags=AssetFlag.DEPOSITS_OPEN, withdraw_step_units=1, deposit_cap_units=10**6
    )
    deposits = [
        PriorityRecord(index=n, kind=PriorityKind.DEPOSIT, sender=n, account=n, asset=0, amount=5)
        for n in range(1, MASTERS_OF_A_LONG_BATCH)
    ]
    envelopes = [
        Envelope(kind=EnvelopeKind.PRIORITY, arrival_ms=1, payload=record.to_bytes()).to_bytes()
        for record in (admin_record(0, opening.to_bytes()), *deposits)
    ]
    ((_, diff),) = assert_rebuilds(envelopes, 1_000, program)
    assert len(diff.chunks()) > 1
