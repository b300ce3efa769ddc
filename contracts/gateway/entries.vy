# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Lists of a public output
@notice Flows, channels and pledges enter a public output as accumulators;
        these are rebuilt here from the lists that the caller gives.
@dev root' = keccak256(tag || root || entry without its chain id), beginning
     with zero. The entries of all chains of a settlement stand in one list,
     in the order of the chains; each function takes those of one chain from
     `first` on and returns where the next chain's begin.
"""

from interfaces import IGateway

FLOW_TAG: constant(Bytes[8]) = b"HRflow01"
CHANNEL_TAG: constant(Bytes[8]) = b"HRchan01"
PLEDGE_TAG: constant(Bytes[8]) = b"HRpled01"


@internal
@pure
def _check_flows(
    output: IGateway.PublicOutput, flows: DynArray[IGateway.Flow, 64], first: uint256
) -> uint256:
    root: bytes32 = empty(bytes32)
    next: uint256 = first
    for position: uint256 in range(first, len(flows), bound=64):
        flow: IGateway.Flow = flows[position]
        if flow.chain_id != output.chain_id:
            break
        assert (
            position == first or flow.asset_id > flows[position - 1].asset_id
        ), "E55: flow assets do not ascend"
        root = keccak256(
            concat(
                FLOW_TAG,
                root,
                abi_encode(flow.asset_id, flow.deposited_units, flow.withdrawn_units),
            )
        )
        next += 1
    assert root == output.flows_root, "E23: flows root differs"
    return next


@internal
@pure
def _check_channels(
    output: IGateway.PublicOutput,
    channels: DynArray[IGateway.ChannelEntry, 64],
    first: uint256,
) -> uint256:
    root: bytes32 = empty(bytes32)
    next: uint256 = first
    for position: uint256 in range(first, len(channels), bound=64):
        entry: IGateway.ChannelEntry = channels[position]
        if entry.chain_id != output.chain_id:
            break
        assert entry.peer != entry.chain_id, "E56: channel to itself"
        assert (
            position == first or entry.peer > channels[position - 1].peer
        ), "E16: peers do not ascend"
        root = keccak256(
            concat(
                CHANNEL_TAG,
                root,
                abi_encode(
                    entry.peer,
                    entry.sent_count,
                    entry.sent_accumulator,
                    entry.received_count,
                    entry.received_accumulator,
                ),
            )
        )
        next += 1
    assert root == output.channels_root, "E57: channels root differs"
    return next


@internal
@pure
def _check_pledges(
    output: IGateway.PublicOutput, pledges: DynArray[IGateway.Pledge, 64], first: uint256
) -> uint256:
    root: bytes32 = empty(bytes32)
    next: uint256 = first
    for position: uint256 in range(first, len(pledges), bound=64):
        pledge: IGateway.Pledge = pledges[position]
        if pledge.chain_id != output.chain_id:
            break
        assert pledge.peer != pledge.chain_id, "E58: pledge to itself"
        if position != first:
            last: IGateway.Pledge = pledges[position - 1]
            assert (
                pledge.peer > last.peer
                or pledge.peer == last.peer and pledge.asset_id > last.asset_id
            ), "E59: pledges do not ascend"
        root = keccak256(
            concat(
                PLEDGE_TAG,
                root,
                abi_encode(
                    pledge.peer,
                    pledge.asset_id,
                    pledge.pledged_units,
                    pledge.released_units,
                ),
            )
        )
        next += 1
    assert root == output.reservations_root, "E60: reservations root differs"
    return next
