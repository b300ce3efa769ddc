# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title LP fair price: a share of a Uniswap V2 pair
@notice 2 * sqrt(r0 * r1 * p0 * p1) / supply, with the reserves r of the pair
        and prices p of two earlier feeds of the set.
@dev The pair gives only the product of its reserves, which no swap lowers
     and which one swap of any size raises by at most 1 / 0.997 (and one base
     unit of rounding), so the price by at most 0.151 %, paid as its fee. By
     the inequality of arithmetic and geometric mean the price times supply is
     at most r0 * p0 + r1 * p1: it never exceeds what the shares redeem for, so
     that donation and sync() raise it by less than what was given away. Which
     token is which does not matter, since only products count.
"""

from contracts.oracle import packed_feed
from contracts.oracle import source
from interfaces import IOracleHub

INDEX_1_SHIFT: constant(uint256) = packed_feed.DETAIL_SHIFT + 8
SHARE_DECIMALS: constant(uint256) = 18
# The pair keeps its reserves as uint112.
RESERVE_BITS: constant(uint256) = 112
SUPPLY_BITS: constant(uint256) = 128
# getReserves: reserve 0, reserve 1, time of the last update.
RESERVES_WORDS: constant(uint256) = 3
# A reserve (112 bits) times a price (128) times ten (4) has at most 244 bits.
FREE_BITS: constant(uint256) = 12
MANTISSA_BITS: constant(uint256) = 128
# 2 * 10^18 * root has 189 bits, so it may move left by this and no more.
LEFT_MAX: constant(uint256) = 66


@internal
@pure
def _packed(feed: IOracleHub.Feed) -> packed_feed.PackedFeed:
    return packed_feed.PackedFeed(
        head=packed_feed._common_head(feed)
        | (feed.price_feed_0 << packed_feed.DETAIL_SHIFT)
        | (feed.price_feed_1 << INDEX_1_SHIFT),
        body=0,
    )


@internal
@pure
def _price_feeds(head: uint256) -> (uint256, uint256):
    return (
        (head >> packed_feed.DETAIL_SHIFT) & packed_feed.BYTE_MASK,
        (head >> INDEX_1_SHIFT) & packed_feed.BYTE_MASK,
    )


@internal
@view
def _reading(
    head: uint256, price_0: IOracleHub.Reading, price_1: IOracleHub.Reading
) -> IOracleHub.Reading:
    """
    @dev The value is USD times 1e8 for 10^18 shares; 0 unless OK.
    """
    if price_0.status != source.STATUS_OK or price_1.status != source.STATUS_OK:
        return IOracleHub.Reading(value=0, status=source.STATUS_DEPENDS_ON_BAD_FEED)
    pair: address = packed_feed._source(head)
    is_done: bool = False
    output: Bytes[source.OUTPUT_BYTES_MAX] = b""
    is_done, output = source._read(pair, method_id("getReserves()"), RESERVES_WORDS)
    if not is_done:
        return IOracleHub.Reading(value=0, status=source.STATUS_CALL_FAILED)
    reserve_0: uint256 = source._word(output, 0)
    reserve_1: uint256 = source._word(output, 1)
    is_done, output = source._read(pair, method_id("totalSupply()"), 1)
    if not is_done:
        return IOracleHub.Reading(value=0, status=source.STATUS_CALL_FAILED)
    supply: uint256 = source._word(output, 0)
    if supply == 0:
        return IOracleHub.Reading(value=0, status=source.STATUS_NO_SUPPLY)
    if reserve_0 == 0 or reserve_1 == 0:
        return IOracleHub.Reading(value=0, status=source.STATUS_NON_POSITIVE)
    if (reserve_0 | reserve_1) >> RESERVE_BITS != 0 or supply >> SUPPLY_BITS != 0:
        return IOracleHub.Reading(value=0, status=source.STATUS_OUT_OF_RANGE)
    price_e8: uint256 = 0
    status: uint256 = 0
    price_e8, status = self._fair_price(
        reserve_0 * price_0.value,
        reserve_1 * price_1.value,
        packed_feed._decimals(head),
        supply,
    )
    return IOracleHub.Reading(value=price_e8, status=status)


@internal
@pure
def _fair_price(
    worth_0: uint256, worth_1: uint256, decimals: uint256, supply: uint256
) -> (uint256, uint256):
    """
    @dev 2 * 10^18 * sqrt(worth_0 * worth_1 / 10^decimals) / supply. An odd
         number of decimals becomes even by a factor of ten. Everything rounds
         down, by less than 2^-124 in total before the last division.
    """
    mantissa_0: uint256 = 0
    mantissa_1: uint256 = 0
    left_0: uint256 = 0
    left_1: uint256 = 0
    mantissa_0, left_0 = self._normalised(worth_0 * 10 ** (decimals % 2))
    mantissa_1, left_1 = self._normalised(worth_1)
    # sqrt(worth_0 * worth_1) = root * 2^128 / 2^left
    root: uint256 = isqrt(mantissa_0 * mantissa_1)
    left: uint256 = (left_0 + left_1) // 2
    scaled: uint256 = 2 * 10**SHARE_DECIMALS * root
    if left >= MANTISSA_BITS:
        scaled >>= left - MANTISSA_BITS
    elif MANTISSA_BITS - left <= LEFT_MAX:
        scaled <<= MANTISSA_BITS - left
    else:
        return 0, source.STATUS_OUT_OF_RANGE
    # 10^18 and 128 bits of supply: no overflow.
    price_e8: uint256 = scaled // (supply * 10 ** ((decimals + 1) // 2))
    if price_e8 == 0:
        return 0, source.STATUS_NON_POSITIVE
    if price_e8 >> source.VALUE_BITS != 0:
        return 0, source.STATUS_OUT_OF_RANGE
    return price_e8, source.STATUS_OK


@internal
@pure
def _normalised(worth: uint256) -> (uint256, uint256):
    """
    @dev worth = mantissa * 2^128 / 2^left, rounded down, with an even `left`
         and a mantissa from 2^126 to 2^128. The product of two mantissas
         fits into a word, and its root has at least 126 bits.
    @param worth Above zero and below 2^244.
    """
    shifted: uint256 = worth << FREE_BITS
    left: uint256 = FREE_BITS
    for step: uint256 in [128, 64, 32, 16, 8, 4, 2]:
        if shifted >> (256 - step) == 0:
            shifted <<= step
            left += step
    return shifted >> MANTISSA_BITS, left
