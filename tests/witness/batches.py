"""Random batches with their witnesses, and the public output that L1 and the engine expect."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from offchain.core.binding import Core
from offchain.engine.batch import BatchCollector, SealedBatch
from offchain.settlement.chain_lists import chain_lists
from offchain.settlement.messages import Flow, channels_root, flows_root, pledges_root
from offchain.settlement.priority import PriorityKind
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.valuation import valuation_hash
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from offchain.spec import op
from offchain.spec.constants import ENVELOPE_HEADER_BYTES
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, OpKind
from offchain.spec.priority import PriorityRecord, admin_record
from offchain.spec.state import genesis
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement, Witness
from offchain.witness.native import output_bytes
from offchain.zkvm.executor import execute
from offchain.zkvm.program import Program
from tests.core.envelope_flow import FIRST_ARRIVAL_MS, random_envelopes
from tests.risk_strategies import random_risk_sequence
from tests.strategies import CONFIG_HASH, GOVERNANCE

STATEMENT = Statement(l1_chain_id=31337, chain_id=2**200 + 5, gateway=bytes(range(1, 21)))


@dataclass(frozen=True)
class Batch:
    """A sealed batch and its witness."""

    sealed: SealedBatch
    witness: Witness

    @property
    def output(self) -> bytes:
        """The 896 bytes that the engine and the settlement service would state."""
        return expected_output(self.sealed, self.witness.statement).to_bytes()


def seal(arrival_ms: int) -> bytes:
    payload = op.SealBatch().to_bytes()
    return Envelope(kind=EnvelopeKind.SYSTEM, arrival_ms=arrival_ms, payload=payload).to_bytes()


def arrival_ms(envelope: bytes) -> int:
    return Envelope.from_bytes(envelope).arrival_ms


def sealed_batches(
    envelopes: Sequence[bytes], batch_envelopes: int, config_hash: bytes = CONFIG_HASH
) -> list[SealedBatch]:
    """Apply envelopes and cut them into batches; refused ones are left out, as a sequencer does."""
    core = Core(config_hash, GOVERNANCE)
    collector = BatchCollector(core, config_hash)
    sealed: list[SealedBatch] = []
    count, last_ms = 0, FIRST_ARRIVAL_MS

    def take(envelope: bytes) -> None:
        nonlocal count, last_ms
        code, events = core.apply_envelope(envelope)
        if code != ErrorCode.OK:
            return
        count, last_ms = count + 1, arrival_ms(envelope)
        batch = collector.add(envelope, events)
        if batch is not None:
            sealed.append(batch)
            count = 0

    for envelope in envelopes:
        take(envelope)
        if count >= batch_envelopes:
            take(seal(last_ms))
    while count or not sealed:
        take(finish(last_ms))  # what is pending keeps a batch from being sealed
        take(seal(last_ms))
    return sealed


def finish(at_ms: int) -> bytes:
    """Return the envelope that runs a pending continuation and due duties, one step of either."""
    payload = op.Continue().to_bytes() + op.RunDuties().to_bytes()
    return Envelope(kind=EnvelopeKind.SYSTEM, arrival_ms=at_ms, payload=payload).to_bytes()


def with_witnesses(sealed: Sequence[SealedBatch], statement: Statement = STATEMENT) -> list[Batch]:
    builder = WitnessBuilder.at_genesis(CONFIG_HASH, GOVERNANCE)
    return [Batch(batch, builder.build(statement, batch.envelopes)) for batch in sealed]


def random_batches(seed: int, length: int, batch_envelopes: int) -> list[Batch]:
    return with_witnesses(sealed_batches(random_envelopes(seed, length), batch_envelopes))


def risk_envelopes(seed: int, length: int) -> list[bytes]:
    """Wrap a random sequence of ops in margined markets, an envelope for each op."""
    wrapped: list[bytes] = []
    owners: dict[int, bytes] = {}
    index = 0
    for data in random_risk_sequence(seed, length):
        kind, account = data[0], int.from_bytes(data[4:8], "little")
        now_ms = FIRST_ARRIVAL_MS + len(wrapped)
        common = {"arrival_ms": now_ms}
        if kind == OpKind.DEPOSIT:
            deposit = op.Deposit.from_bytes(data)
            record = PriorityRecord(
                index=index,
                kind=PriorityKind.DEPOSIT,
                sender=int.from_bytes(deposit.owner, "big"),
                account=account // 32,
                asset=deposit.asset,
                amount=deposit.amount,
            )
            payload = record.to_bytes()
        elif kind > OpKind.DEPOSIT:
            payload = admin_record(index, data).to_bytes()
        else:
            payload = data
        is_user = kind < OpKind.ADVANCE_TIME
        if is_user:
            master = account - account % 32
            signed = {"account": account, "nonce": now_ms, "signer": owners.get(master, bytes(20))}
            wrapped.append(
                Envelope(kind=EnvelopeKind.USER, payload=payload, **common, **signed).to_bytes()
            )
            continue
        is_priority = kind >= OpKind.DEPOSIT
        index += is_priority
        outer = EnvelopeKind.PRIORITY if is_priority else EnvelopeKind.SYSTEM
        wrapped.append(Envelope(kind=outer, payload=payload, **common).to_bytes())
        if kind == OpKind.DEPOSIT and account not in owners:
            owners[account] = deposit.owner
            switch_on = op.SetOwnerKey(account=account, is_on=1).to_bytes()
            on = Envelope(
                kind=EnvelopeKind.USER,
                account=account,
                nonce=now_ms,
                arrival_ms=now_ms,
                signer=deposit.owner,
                payload=switch_on,
            )
            wrapped.append(on.to_bytes())
    return wrapped


def risk_batches(seed: int, length: int, batch_envelopes: int) -> list[Batch]:
    return with_witnesses(sealed_batches(risk_envelopes(seed, length), batch_envelopes))


def expected_output(
    batch: SealedBatch, statement: Statement, config_hash: bytes = CONFIG_HASH
) -> PublicOutput:
    withdrawals = [Withdrawal(w.owner, w.asset, w.amount_units) for w in batch.withdrawals]
    tree = WithdrawalTree(statement.chain_id, batch.number, withdrawals)
    lists = chain_lists(statement.chain_id, [batch])
    return PublicOutput(
        l1_chain_id=statement.l1_chain_id,
        gateway=statement.gateway,
        chain_id=statement.chain_id,
        config_hash=config_hash,
        old_root=batch.old_root,
        new_root=batch.new_root,
        first_batch=batch.number,
        last_batch=batch.number,
        first_time_s=batch.first_time_s,
        last_time_s=batch.last_time_s,
        first_slot=batch.first_slot,
        last_slot=batch.last_slot,
        priority_first=batch.priority_first,
        priority_next=batch.priority_next,
        priority_accumulator=batch.priority_accumulator,
        oracle_first=batch.oracle_first,
        oracle_next=batch.oracle_next,
        oracle_accumulator=batch.oracle_accumulator,
        channels_root=channels_root(lists.channels),
        reservations_root=pledges_root(lists.pledges),
        valuation_hash=valuation_hash(batch.valuation_table),
        flows_root=flows_root(flows_of(batch, statement.chain_id, withdrawals)),
        withdrawals_root=tree.root,
        da_mode=statement.da_mode,
        inputs_commitment=batch.inputs_commitment,
        receipts_head=batch.receipts_head,
    )


def flows_of(batch: SealedBatch, chain_id: int, withdrawals: Sequence[Withdrawal]) -> list[Flow]:
    deposited: Counter[int] = Counter()
    for envelope in batch.envelopes:
        if envelope[2] != EnvelopeKind.PRIORITY:
            continue
        record = PriorityRecord.from_bytes(envelope[ENVELOPE_HEADER_BYTES:])
        if record.kind == PriorityKind.DEPOSIT and record.asset < 2**16 and record.amount < 2**62:
            deposited[record.asset] += record.amount
    withdrawn: Counter[int] = Counter()
    for each in withdrawals:
        withdrawn[each.asset_id] += each.amount_units
    return [
        Flow(chain_id, asset, deposited[asset], withdrawn[asset])
        for asset in sorted(deposited.keys() | withdrawn.keys())
    ]


def spec_roots(batches: Sequence[Batch]) -> list[bytes]:
    """Return the root of the specification after each batch."""
    state = genesis(CONFIG_HASH, GOVERNANCE)
    roots = []
    for batch in batches:
        for envelope in batch.sealed.envelopes:
            apply_envelope(state, envelope)
        roots.append(state.root_bytes())
    return roots


def run_guest(program: Program, tape: bytes) -> tuple[int | None, bytes]:
    """Return the exit code (None: a trap) and the output of the guest."""
    run = execute(program, np.frombuffer(tape, "<u4").astype(np.uint32))
    return run.exit_code, output_bytes(run.output)


def with_opening(witness: Witness, subtree: int, **changes: object) -> Witness:
    openings = list(witness.openings)
    openings[subtree] = replace(openings[subtree], **changes)
    return replace(witness, openings=tuple(openings))
