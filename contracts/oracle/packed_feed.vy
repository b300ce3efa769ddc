# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Packed feed: a feed in two words of storage
@notice A snapshot pays 2,100 gas for each word that it reads.
@dev head, from the lowest bit: source 160, kind 8, decimals 8, then by kind
     CHAINLINK heartbeat 32; LP_V2 index 8, index 8; RATE has_argument 8,
     growth 32, selector 32 (so the highest four bytes).
     body: CHAINLINK min_answer 128, max_answer 128; RATE argument; LP_V2 0.
     Each kind's module checks that its fields fit before it packs them.
"""

from interfaces import IOracleHub

KIND_CHAINLINK: constant(uint256) = 1
KIND_RATE: constant(uint256) = 2
KIND_LP_V2: constant(uint256) = 3

KIND_SHIFT: constant(uint256) = 160
DECIMALS_SHIFT: constant(uint256) = 168
BYTE_MASK: constant(uint256) = 2**8 - 1
# Where the fields of a kind begin.
DETAIL_SHIFT: constant(uint256) = 176


struct PackedFeed:
    head: uint256
    body: uint256


@internal
@pure
def _common_head(feed: IOracleHub.Feed) -> uint256:
    return (
        convert(feed.source, uint256)
        | (feed.kind << KIND_SHIFT)
        | (feed.decimals << DECIMALS_SHIFT)
    )


@internal
@pure
def _source(head: uint256) -> address:
    return convert(head & (2**160 - 1), address)


@internal
@pure
def _kind(head: uint256) -> uint256:
    return (head >> KIND_SHIFT) & BYTE_MASK


@internal
@pure
def _decimals(head: uint256) -> uint256:
    return (head >> DECIMALS_SHIFT) & BYTE_MASK
