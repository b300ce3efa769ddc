"""Checks of one public output (specification, section 4 step 1, and the order of section 7)."""

from __future__ import annotations

from typing import Final

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.messages import Position, fact_of
from offchain.settlement.model.channels import COUNTER_LIMIT
from offchain.settlement.model.refusals import Code, Refused, require
from offchain.settlement.model.registry import ROLLUP, Chain
from offchain.settlement.model.state import State
from offchain.settlement.priority import FORCE_EXPIRY_S
from offchain.settlement.public_output import DOMAIN, PublicOutput

FUTURE_TOLERANCE_S: Final = 15 * 60
SLOTS_PER_S: Final = 1_000  # a slot is a millisecond
ORACLE_DELAY_S: Final = 3_600  # a snapshot that is older must be consumed


def check_output(state: State, chain: Chain, output: PublicOutput) -> Position:
    """Check every word of an output that L1 knows; return where it leads.

    Raises
    ------
    Refused
        With the code of the first check that fails.
    """
    position = chain.position
    _check_identity(state, chain, output)
    _check_progress(position, output, state.now_s)
    state.queue.check_range(position.priority_consumed, output, state.now_s)
    _check_oracle(state, chain, output)
    _check_data(state, chain, output)
    require(is_proven(state, chain, output), Code.FACT_MISSING)
    return Position(
        state_root=output.new_root,
        last_batch=output.last_batch,
        last_time_s=output.last_time_s,
        last_slot=output.last_slot,
        priority_consumed=output.priority_next,
        oracle_consumed=output.oracle_next,
        valuation_hash=output.valuation_hash,
    )


def is_of(state: State, chain: Chain, output: PublicOutput) -> bool:
    """Whether an output is of this deployment and of the chain's present constants."""
    try:
        _check_identity(state, chain, output)
    except Refused:
        return False
    return True


def is_proven(state: State, chain: Chain, output: PublicOutput) -> bool:
    """Whether the chain's verifier holds the output's fact true."""
    version = chain.terms.version
    fact = fact_of(version.program_id, version.parameters_id, output)
    return state.deployment.is_fact(version.verifier, fact)


def _check_identity(state: State, chain: Chain, output: PublicOutput) -> None:
    require(output.domain == DOMAIN, Code.DOMAIN)
    require(output.l1_chain_id == state.deployment.l1_chain_id, Code.L1_CHAIN)
    require(output.gateway == state.deployment.gateway, Code.GATEWAY)
    require(output.config_hash == chain.terms.version.config_hash, Code.CONFIG)


def _check_progress(position: Position, output: PublicOutput, now_s: int) -> None:
    # Batches come first: a replay reads as a replay, not as a wrong root.
    require(output.first_batch > position.last_batch, Code.REPLAY)
    require(output.first_batch == position.last_batch + 1, Code.BATCH_GAP)
    require(output.first_batch <= output.last_batch < COUNTER_LIMIT, Code.BATCH_ORDER)
    require(output.old_root == position.state_root, Code.OLD_ROOT)
    require(output.new_root != ZERO_WORD, Code.NEW_ROOT_ZERO)
    require(output.first_time_s >= position.last_time_s, Code.TIME_FELL)
    require(output.last_time_s >= output.first_time_s, Code.TIME_ORDER)
    require(output.last_time_s <= now_s + FUTURE_TOLERANCE_S, Code.TIME_AHEAD)
    require(output.last_time_s + FORCE_EXPIRY_S >= now_s, Code.TIME_OLD)
    require(position.last_slot <= output.first_slot <= output.last_slot, Code.SLOTS)
    # Slots are milliseconds: no chain runs ahead of what its peers can reach.
    require(output.last_slot <= (output.last_time_s + 1) * SLOTS_PER_S, Code.SLOTS)


def _check_oracle(state: State, chain: Chain, output: PublicOutput) -> None:
    feed_set_id, consumed = chain.terms.feed_set_id, chain.position.oracle_consumed
    require(output.oracle_first == consumed, Code.ORACLE_START)
    require(output.oracle_next >= consumed, Code.ORACLE_ORDER)
    if feed_set_id == 0:
        is_unused = output.oracle_next == 0 and output.oracle_accumulator == ZERO_WORD
        require(is_unused, Code.NO_ORACLE)
        return
    oracle = state.deployment.oracle
    require(output.oracle_next <= oracle.snapshot_count(feed_set_id), Code.ORACLE_END)
    accumulator = oracle.accumulator_after(feed_set_id, output.oracle_next)
    require(output.oracle_accumulator == accumulator, Code.ORACLE_ACCUMULATOR)
    if output.oracle_next < oracle.snapshot_count(feed_set_id):
        oldest_s = oracle.snapshot_time_s(feed_set_id, output.oracle_next)
        require(state.now_s <= oldest_s + ORACLE_DELAY_S, Code.ORACLE_OLD)


def _check_data(state: State, chain: Chain, output: PublicOutput) -> None:
    require(output.da_mode == chain.terms.da_mode, Code.DATA_MODE)
    if chain.terms.da_mode == ROLLUP:
        require(state.published[output.da_commitment], Code.DATA_COMMITMENT)
