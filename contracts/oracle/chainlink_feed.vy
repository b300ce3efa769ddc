# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Chainlink feed: price of an aggregator
@notice A price counts only if the aggregator has the decimals it was
        registered with, and its answer is positive, inside of its clamps, not
        from the future and not older than the heartbeat and 10 %.
@dev An aggregator writes on a deviation or after its heartbeat. Its answer
     stops at minAnswer and maxAnswer while the market goes on, so an answer
     at a clamp is no price.
"""

from contracts.oracle import packed_feed
from contracts.oracle import source
from interfaces import IOracleHub

PRICE_DECIMALS: constant(uint256) = 8
HEARTBEAT_MAX_S: constant(uint256) = 30 * 86_400
HEARTBEAT_BITS: constant(uint256) = 32
ANSWER_BITS: constant(uint256) = 128
# latestRoundData: round, answer, started, updated, answered in round.
ROUND_WORDS: constant(uint256) = 5
ANSWER_POSITION: constant(uint256) = 1
UPDATED_POSITION: constant(uint256) = 3
# The answer is an int256: with this bit it is negative.
SIGN_SHIFT: constant(uint256) = 255


@internal
@pure
def _packed(feed: IOracleHub.Feed) -> packed_feed.PackedFeed:
    assert (
        0 < feed.heartbeat_s and feed.heartbeat_s <= HEARTBEAT_MAX_S
    ), "F07: heartbeat is not between 1 second and 30 days"
    assert (
        feed.min_answer < feed.max_answer and feed.max_answer >> ANSWER_BITS == 0
    ), "F08: clamps are not ascending and below 2^128"
    return packed_feed.PackedFeed(
        head=packed_feed._common_head(feed) | (feed.heartbeat_s << packed_feed.DETAIL_SHIFT),
        body=feed.min_answer | (feed.max_answer << ANSWER_BITS),
    )


@internal
@view
def _reading(packed: packed_feed.PackedFeed) -> IOracleHub.Reading:
    """
    @dev The value is a price in USD times 1e8, rounded down; 0 unless OK.
    """
    aggregator: address = packed_feed._source(packed.head)
    decimals: uint256 = packed_feed._decimals(packed.head)
    is_done: bool = False
    output: Bytes[source.OUTPUT_BYTES_MAX] = b""
    is_done, output = source._read(aggregator, method_id("decimals()"), 1)
    if not is_done:
        return IOracleHub.Reading(value=0, status=source.STATUS_CALL_FAILED)
    if source._word(output, 0) != decimals:
        return IOracleHub.Reading(value=0, status=source.STATUS_DECIMALS_CHANGED)
    is_done, output = source._read(aggregator, method_id("latestRoundData()"), ROUND_WORDS)
    if not is_done:
        return IOracleHub.Reading(value=0, status=source.STATUS_CALL_FAILED)
    answer: uint256 = source._word(output, ANSWER_POSITION)
    updated_at_s: uint256 = source._word(output, UPDATED_POSITION)
    status: uint256 = self._check_answer(answer, updated_at_s, packed)
    if status != source.STATUS_OK:
        return IOracleHub.Reading(value=0, status=status)
    price_e8: uint256 = 0
    price_e8, status = source._scaled(answer, decimals, PRICE_DECIMALS)
    return IOracleHub.Reading(value=price_e8, status=status)


@internal
@view
def _check_answer(
    answer: uint256, updated_at_s: uint256, packed: packed_feed.PackedFeed
) -> uint256:
    """
    @dev `answer` is the word of an int256.
    @return STATUS_OK, or the first check that fails.
    """
    if answer == 0 or answer >> SIGN_SHIFT == 1:
        return source.STATUS_NON_POSITIVE
    if updated_at_s > block.timestamp:
        return source.STATUS_FUTURE
    heartbeat_s: uint256 = (packed.head >> packed_feed.DETAIL_SHIFT) & (2**HEARTBEAT_BITS - 1)
    if block.timestamp - updated_at_s > heartbeat_s + heartbeat_s // 10:
        return source.STATUS_STALE
    min_answer: uint256 = packed.body & (2**ANSWER_BITS - 1)
    max_answer: uint256 = packed.body >> ANSWER_BITS
    if answer <= min_answer or answer >= max_answer:
        return source.STATUS_CLAMPED
    return source.STATUS_OK
