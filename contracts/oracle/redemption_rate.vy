# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Redemption rate: what a share redeems for, with a cap on its growth
@notice Reads a view function with at most one word of argument, such as
        stEthPerToken(), convertToAssets(1e18) or
        getReserveNormalizedIncome(asset).
@dev A rate that can be raised at will (by a donation) is worth nothing
     without a cap. A drop is a loss, and taken at once as it is. The cap is
     linear from the last accepted rate; over a year of snapshots it
     compounds to at most exp(growth) - 1, so 10 % to 10.52 %. A read that
     fails gives the last accepted rate, with its status, and does not move
     the time from which growth counts.
"""

from contracts.oracle import packed_feed
from contracts.oracle import source
from interfaces import IOracleHub

RATE_DECIMALS: constant(uint256) = 18
PPM: constant(uint256) = 1_000_000
YEAR_S: constant(uint256) = 365 * 86_400
# Beyond 100 % a year nothing is a redemption rate.
GROWTH_MAX_PPM: constant(uint256) = PPM
GROWTH_BITS: constant(uint256) = 32
RATE_BITS: constant(uint256) = source.VALUE_BITS
GROWTH_SHIFT: constant(uint256) = 184
SELECTOR_BITS: constant(uint256) = 32
SELECTOR_SHIFT: constant(uint256) = 224
SELECTOR_BYTES: constant(uint256) = 4

# set id -> feed -> last accepted rate, and above RATE_BITS its time.
_accepted: HashMap[uint256, HashMap[uint256, uint256]]


@internal
def _packed(set_id: uint256, index: uint256, feed: IOracleHub.Feed) -> packed_feed.PackedFeed:
    """
    @dev Also starts the growth at the reference, now.
    """
    assert feed.growth_ppm <= GROWTH_MAX_PPM, "F09: growth cap is above 100 % a year"
    assert (
        feed.reference_e18 != 0 and feed.reference_e18 >> RATE_BITS == 0
    ), "F10: reference rate is not positive and below 2^128"
    self._accept(set_id, index, feed.reference_e18)
    return packed_feed.PackedFeed(
        head=packed_feed._common_head(feed)
        | (convert(feed.has_argument, uint256) << packed_feed.DETAIL_SHIFT)
        | (feed.growth_ppm << GROWTH_SHIFT)
        | (convert(convert(feed.selector, uint32), uint256) << SELECTOR_SHIFT),
        body=convert(feed.argument, uint256),
    )


@internal
def _reading(
    set_id: uint256, index: uint256, packed: packed_feed.PackedFeed
) -> IOracleHub.Reading:
    """
    @dev The value is a rate times 1e18, rounded down; never zero.
    """
    accepted: uint256 = self._accepted[set_id][index]
    accepted_e18: uint256 = accepted & (2**RATE_BITS - 1)
    rate_e18: uint256 = 0
    status: uint256 = 0
    rate_e18, status = self._read_rate(packed)
    if status != source.STATUS_OK:
        return IOracleHub.Reading(value=accepted_e18, status=status)
    growth_ppm: uint256 = (packed.head >> GROWTH_SHIFT) & (2**GROWTH_BITS - 1)
    elapsed_s: uint256 = block.timestamp - (accepted >> RATE_BITS)
    # 128 + 20 bits and the elapsed seconds: no overflow. Rounded down.
    growth_e18: uint256 = accepted_e18 * growth_ppm * elapsed_s // (PPM * YEAR_S)
    if rate_e18 > accepted_e18 + growth_e18:
        rate_e18 = accepted_e18 + growth_e18
        status = source.STATUS_CAPPED
    self._accept(set_id, index, rate_e18)
    return IOracleHub.Reading(value=rate_e18, status=status)


@internal
@view
def _read_rate(packed: packed_feed.PackedFeed) -> (uint256, uint256):
    selector: Bytes[SELECTOR_BYTES] = slice(convert(packed.head, bytes32), 0, SELECTOR_BYTES)
    call_data: Bytes[source.CALL_BYTES_MAX] = selector
    if (packed.head >> packed_feed.DETAIL_SHIFT) & packed_feed.BYTE_MASK == 1:
        call_data = concat(selector, convert(packed.body, bytes32))
    is_done: bool = False
    output: Bytes[source.OUTPUT_BYTES_MAX] = b""
    is_done, output = source._read(packed_feed._source(packed.head), call_data, 1)
    if not is_done:
        return 0, source.STATUS_CALL_FAILED
    return source._scaled(
        source._word(output, 0), packed_feed._decimals(packed.head), RATE_DECIMALS
    )


@internal
def _accept(set_id: uint256, index: uint256, rate_e18: uint256):
    self._accepted[set_id][index] = rate_e18 | (block.timestamp << RATE_BITS)
