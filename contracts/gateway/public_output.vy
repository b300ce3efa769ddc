# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Checks of a public output
@notice Every word that the gateway knows is compared with its own value, and
        every word without meaning in this version is zero. Each check has
        its own error.
@dev Words are taken from the caller and compared, not filled in: the hash
     alone would tell that something differs, but not what.
"""

from contracts.gateway import chain_registry
from interfaces import IGateway

# "headrace/pi/v1", padded with zero bytes on the right.
DOMAIN: constant(bytes32) = 0x68656164726163652f70692f7631000000000000000000000000000000000000
# Clocks of the sequencer and of L1 blocks may differ by this much.
FUTURE_TOLERANCE_S: constant(uint256) = 15 * 60


@internal
@view
def _check_identity(chain_id: uint256, config_hash: bytes32, output: IGateway.PublicOutput):
    assert output.domain == DOMAIN, "E02: domain tag is not headrace/pi/v1"
    assert output.l1_chain_id == chain.id, "E17: L1 chain id differs"
    assert output.gateway == self, "E18: gateway address differs"
    assert output.chain_id == chain_id, "E19: chain id differs"
    assert output.config_hash == config_hash, "E07: config hash differs from the registered one"


@internal
@view
def _check_progress(settled: chain_registry.Chain, output: IGateway.PublicOutput):
    """
    @dev Batches come first: a replay then reads as a replay and not as a
         wrong old root.
    """
    assert output.first_batch > settled.last_batch, "E06: replay of a settled batch"
    assert output.first_batch == settled.last_batch + 1, "E04: gap before the first batch"
    assert output.last_batch >= output.first_batch, "E11: last batch is before the first batch"
    assert output.old_root == settled.state_root, "E03: old root differs from the settled root"
    assert output.new_root != empty(bytes32), "E20: new root is zero"
    assert (
        output.first_time_s >= settled.last_time_s
    ), "E08: first time is before the last settled time"
    assert output.last_time_s >= output.first_time_s, "E09: last time is before the first time"
    assert (
        output.last_time_s <= block.timestamp + FUTURE_TOLERANCE_S
    ), "E10: last time is more than 15 minutes ahead"
    # Slots order messages between chains. Without channels it is enough that
    # they never fall.
    assert (
        output.first_slot >= settled.last_slot
    ), "E21: first slot is before the last settled slot"
    assert output.last_slot >= output.first_slot, "E22: last slot is before the first slot"


@internal
@pure
def _check_unused_words(output: IGateway.PublicOutput):
    assert (
        output.oracle_first == 0
        and output.oracle_next == 0
        and output.oracle_accumulator == empty(bytes32)
    ), "E23: oracle words are not zero"
    assert output.channels_root == empty(bytes32), "E24: channels root is not zero"
    assert output.flows_root == empty(bytes32), "E25: flows root is not zero"
    assert output.reservations_root == empty(bytes32), "E26: reservations root is not zero"
    assert output.valuation_hash == empty(bytes32), "E27: valuation hash is not zero"
    assert (
        output.da_mode == 0 and output.da_commitment == empty(bytes32)
    ), "E28: data availability words are not zero"


@internal
@pure
def _digest(output: IGateway.PublicOutput) -> bytes32:
    """
    @dev The 28 static members encode to exactly the 896 bytes of the output.
    """
    return keccak256(abi_encode(output))
