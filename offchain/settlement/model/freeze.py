"""Freezing a chain, and what leaves a frozen one (specification, section 6)."""

from __future__ import annotations

from dataclasses import replace

from offchain.settlement.messages import Envelope
from offchain.settlement.model.channels import DELIVERY_S
from offchain.settlement.model.public_output_checks import is_of, is_proven
from offchain.settlement.model.refusals import Code, require
from offchain.settlement.model.state import State
from offchain.settlement.priority import PriorityKind, PriorityRecord
from offchain.settlement.public_output import PublicOutput


def freeze_overdue(state: State, chain_id: int) -> None:
    """Freeze a chain that left a priority record unconsumed for too long."""
    chain = state.registry.live(chain_id)
    consumed = chain.position.priority_consumed
    require(state.queue.is_overdue(chain_id, consumed, state.now_s), Code.RECORD_NOT_OVERDUE)
    state.registry.freeze(chain_id)


def freeze_undelivered(state: State, envelope: Envelope) -> None:
    """Freeze a chain that left an envelope alone for too long after its expiry."""
    state.registry.live(envelope.to_chain)
    state.channels.check_oldest(envelope)
    is_overdue = state.now_s >= envelope.expires_at_s + DELIVERY_S
    require(is_overdue, Code.ENVELOPE_NOT_OVERDUE)
    state.registry.freeze(envelope.to_chain)


def raise_alarm(state: State, first: PublicOutput, second: PublicOutput) -> None:
    """Freeze a chain of which two proven outputs contradict each other."""
    chain = state.registry.live(first.chain_id)
    keys = [(o.chain_id, o.old_root, o.inputs_commitment) for o in (first, second)]
    require(keys[0] == keys[1], Code.ALARM_INPUTS)
    # The inputs cover all that may influence an output, so one other word is enough; but how a
    # state diff is cut into chunks may be the prover's choice.
    same_data = replace(second, da_commitment=first.da_commitment)
    require(first != same_data, Code.ALARM_SAME)
    is_here = all(is_of(state, chain, output) for output in (first, second))
    require(is_here, Code.ALARM_FOREIGN)
    require(is_proven(state, chain, first), Code.ALARM_FIRST)
    require(is_proven(state, chain, second), Code.ALARM_SECOND)
    state.registry.freeze(first.chain_id)


def refund_deposit(state: State, chain_id: int, record: PriorityRecord) -> None:
    """Credit an unconsumed deposit of a frozen chain to its sender, once."""
    chain = state.registry.frozen(chain_id)
    state.queue.mark_refunded(chain_id, record, chain.position.priority_consumed)
    state.ledger.refund_deposit(chain_id, record.sender, record.asset_id, record.amount_units)


def refund_envelope(state: State, envelope: Envelope) -> None:
    """Return the value of an envelope to a frozen chain to its sender."""
    state.registry.frozen(envelope.to_chain)
    state.channels.land_oldest(envelope)
    state.ledger.land(envelope.from_chain, envelope.used_sums)
    if not state.registry.is_frozen(envelope.from_chain):
        state.queue.append(
            envelope.from_chain,
            state.now_s,
            PriorityKind.REFUND,
            state.deployment.gateway,
            data0=envelope.digest(),
        )
