# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title How far each chain is settled
@dev A chain that has not settled stands at its genesis root, which the
     registry knows.
"""

from contracts.gateway import neighbours
from interfaces import IChainRegistry
from interfaces import IGateway

uses: neighbours

COUNTER_BITS: constant(uint256) = 64
COUNTER: constant(uint256) = 2**64 - 1

_state_root: HashMap[uint256, bytes32]
_valuation_hash: HashMap[uint256, bytes32]
# chain id -> last batch, last time, last slot, consumed priority records.
_progress: HashMap[uint256, uint256]
_oracle_consumed: HashMap[uint256, uint256]


@external
@view
def position(chain_id: uint256) -> IGateway.Position:
    """
    @notice Where a chain stands.
    @param chain_id Registered chain.
    @return Root, batch, time, slot, consumed records and snapshots, and the
            hash of the valuation table.
    """
    return self._position(chain_id)


@internal
@view
def _position(chain_id: uint256) -> IGateway.Position:
    progress: uint256 = self._progress[chain_id]
    state_root: bytes32 = self._state_root[chain_id]
    if progress == 0:
        state_root = staticcall IChainRegistry(neighbours.REGISTRY).genesis_root(chain_id)
    return IGateway.Position(
        state_root=state_root,
        last_batch=progress & COUNTER,
        last_time_s=(progress >> COUNTER_BITS) & COUNTER,
        last_slot=(progress >> 2 * COUNTER_BITS) & COUNTER,
        priority_consumed=progress >> 3 * COUNTER_BITS,
        oracle_consumed=self._oracle_consumed[chain_id],
        valuation_hash=self._valuation_hash[chain_id],
    )


@internal
@view
def _priority_consumed(chain_id: uint256) -> uint256:
    return self._progress[chain_id] >> 3 * COUNTER_BITS


@internal
def _advance(output: IGateway.PublicOutput):
    """
    @dev The checks of the public output bound batch, time and slot; the
         queue's length bounds the records.
    """
    self._state_root[output.chain_id] = output.new_root
    self._progress[output.chain_id] = (
        output.last_batch
        | output.last_time_s << COUNTER_BITS
        | output.last_slot << 2 * COUNTER_BITS
        | output.priority_next << 3 * COUNTER_BITS
    )
    if output.oracle_next != output.oracle_first:
        self._oracle_consumed[output.chain_id] = output.oracle_next
    self._valuation_hash[output.chain_id] = output.valuation_hash
