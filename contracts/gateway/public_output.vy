# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Checks of a public output
@notice Every word that the gateway knows is compared with its own value.
        Each check has its own error.
@dev Words are taken from the caller and compared, not filled in: the hash
     alone would tell that something differs, but not what.
"""

from contracts.gateway import kinds
from contracts.gateway import neighbours
from contracts.gateway import positions
from contracts.gateway import statements
from interfaces import IDataAvailability
from interfaces import IGateway
from interfaces import IOracleHub
from interfaces import IPriorityQueue

uses: neighbours

DA_ROLLUP: constant(uint256) = 1
# Clocks of the sequencer and of L1 blocks may differ by this much.
FUTURE_TOLERANCE_S: constant(uint256) = 15 * 60
SLOTS_PER_S: constant(uint256) = 1_000
# A snapshot that is older must be consumed: prices are not chosen by age.
ORACLE_DELAY_S: constant(uint256) = 3_600


@internal
@view
def _check_identity(config_hash: bytes32, output: IGateway.PublicOutput):
    assert output.domain == statements.DOMAIN, "E30: unknown domain tag"
    assert output.l1_chain_id == chain.id, "E31: L1 chain id differs"
    assert output.gateway == self, "E32: gateway differs"
    assert output.config_hash == config_hash, "E07: config hash differs"


@internal
@view
def _check_progress(settled: IGateway.Position, output: IGateway.PublicOutput):
    """
    @dev Batches come first: a replay then reads as a replay and not as a
         wrong old root. Counters fit into 64 bits, of which the registry
         makes one word.
    """
    assert output.first_batch > settled.last_batch, "E06: replay of a settled batch"
    assert output.first_batch == settled.last_batch + 1, "E04: gap before the first batch"
    assert (
        output.last_batch >= output.first_batch
        and output.last_batch <= positions.COUNTER
    ), "E33: last batch out of range"
    assert output.old_root == settled.state_root, "E03: old root is not the settled"
    assert output.new_root != empty(bytes32), "E27: new root is zero"
    assert (
        output.first_time_s >= settled.last_time_s
    ), "E08: time before the settled one"
    assert output.last_time_s >= output.first_time_s, "E09: last time before the first"
    assert (
        output.last_time_s <= block.timestamp + FUTURE_TOLERANCE_S
    ), "E10: over 15 minutes ahead"
    assert (
        output.last_time_s + kinds.FORCE_EXPIRY_S >= block.timestamp
    ), "E11: older than 3 days"
    # Slots order messages between chains. They are milliseconds: a chain that
    # could run ahead would send what nobody can receive in time.
    assert (
        output.first_slot >= settled.last_slot
        and output.last_slot >= output.first_slot
        and output.last_slot <= (output.last_time_s + 1) * SLOTS_PER_S
    ), "E22: slots out of range"


@internal
@view
def _check_priority(consumed: uint256, output: IGateway.PublicOutput):
    """
    @dev Records leave the queue in order, unchanged and before they expire.
    """
    queue: IPriorityQueue = IPriorityQueue(neighbours.QUEUE)
    assert (
        output.priority_first == consumed
    ), "E12: priority start differs"
    assert (
        output.priority_next >= consumed
        and output.priority_next <= staticcall queue.queue_length(output.chain_id)
    ), "E29: priority end out of range"
    assert output.priority_accumulator == staticcall queue.accumulator_after(
        output.chain_id, output.priority_next
    ), "E13: priority hash differs"
    assert not staticcall queue.is_overdue(
        output.chain_id, output.priority_next
    ), "E14: overdue operation left out"


@internal
@view
def _check_oracle(feed_set_id: uint256, consumed: uint256, output: IGateway.PublicOutput):
    """
    @dev Snapshots are consumed in order, and the oldest one left is recent.
    """
    assert output.oracle_first == consumed, "E34: oracle start differs"
    assert output.oracle_next >= consumed, "E35: oracle range backwards"
    if feed_set_id == 0:
        assert (
            output.oracle_next == 0 and output.oracle_accumulator == empty(bytes32)
        ), "E36: chain has no oracle"
        return
    count: uint256 = staticcall IOracleHub(neighbours.ORACLE_HUB).snapshot_count(feed_set_id)
    assert output.oracle_next <= count, "E37: oracle range too long"
    assert output.oracle_accumulator == staticcall IOracleHub(neighbours.ORACLE_HUB).accumulator_after(
        feed_set_id, output.oracle_next
    ), "E15: oracle hash differs"
    if output.oracle_next < count:
        oldest_s: uint256 = staticcall IOracleHub(neighbours.ORACLE_HUB).snapshot_time_s(
            feed_set_id, output.oracle_next
        )
        assert block.timestamp <= oldest_s + ORACLE_DELAY_S, "E38: old snapshot left out"


@internal
@view
def _check_data(da_mode: uint256, output: IGateway.PublicOutput):
    assert output.da_mode == da_mode, "E25: DA mode differs"
    if da_mode == DA_ROLLUP:
        assert staticcall IDataAvailability(neighbours.DATA).is_published(
            output.da_commitment
        ), "E26: state diff not published"
