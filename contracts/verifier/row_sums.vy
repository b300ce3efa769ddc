# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Sums over rows
@notice Sum of word * weight over each row of a class, for the weights of
        columns.vy.
@dev Rows stay in the calldata; positions are absolute. A read may pass the
     end of the words by less than SPAN_BYTES: weights are zero there.
"""

from contracts.verifier import columns
from contracts.verifier import field
from contracts.verifier import machine

WORD: constant(uint256) = 2**64 - 1
# A row is weighted in spans of 36 words of 8 bytes, which are 9 words of the
# EVM (quads) and 18 pairs of words that have one word between them.
SPAN_WORDS: constant(uint256) = 36
SPAN_PAIRS: constant(uint256) = SPAN_WORDS // 2
SPAN_QUADS: constant(uint256) = SPAN_WORDS // 4
SPAN_BYTES: constant(uint256) = columns.WORD_BYTES * SPAN_WORDS
MAX_SPANS: constant(uint256) = columns.MAX_ROW_WORDS // SPAN_WORDS

# A pair in two lanes of 128 bits.
PAIR: constant(uint256) = 1 + 2**128
EVEN_LANES: constant(uint256) = WORD * PAIR
# Limbs of weights, see _limbs.
LIMB_BITS: constant(uint256) = 56
LIMB_SHIFT: constant(uint256) = PAIR * (field.P - 2**LIMB_BITS)
LIMB_OFFSET: constant(uint256) = PAIR * 2**LIMB_BITS
LIMB_MASK: constant(uint256) = PAIR * (2**LIMB_BITS - 1)
TOP_BITS: constant(uint256) = 9
TOP_MASK: constant(uint256) = PAIR * (2**TOP_BITS - 1)
# 2^65 modulo p.
WRAPPED: constant(uint256) = 2 * (2**32 - 1)

# A word v >= p = 2^64 - 2^32 + 1 just if v + 2^32 - 1 is above 2^64, so that
# bit 63 was 1 and is 0. Only then it carries into the next one of the quad.
TO_CARRY: constant(uint256) = (2**32 - 1) * (1 + 2**64) * PAIR
CARRIES: constant(uint256) = 2**63 * (1 + 2**64) * PAIR


@internal
@pure
def _limbs(
    weights: uint256[columns.MAX_WEIGHTS], start: uint256, count: uint256
) -> uint256[4][SPAN_PAIRS]:
    """
    @notice Split the weights of a span into short limbs.
    @dev An element is l0 + l1 x + l2 x^2 + l3 (2^56 + 2^47 x + 2^38 x^2) with
         0 < l0, l1, l2 < 2^57 and l3 < 2^27: of each coefficient plus p - 2^56
         let t be what stands from bit 56 on, at most 9 bits. The three t make
         up l3, which in its part of each product has the t of this
         coefficient at bit 56; lower bits of the product are below 2^56, and
         higher ones begin at 2^65 = 2^33 - 2 mod p. Both are subtracted from
         the coefficient's lower bits plus 2^56, no lane borrows. So the sum of
         36 products with words of 64 bits stays below 2^127.
         All is done for two weights at once, in lanes of 128 bits.
    @param weights As columns.vy has them, lanes below p.
    @param start Number of the span's first word.
    @param count How many pairs to split, at most 18; the others stay zero.
    @return Limbs l0 to l3 of the words 0 and 2 of each quad, then of its words
            1 and 3, the earlier word in the lower lane.
    """
    limbs: uint256[4][SPAN_PAIRS] = empty(uint256[4][SPAN_PAIRS])
    for pair: uint256 in range(count, bound=SPAN_PAIRS):
        place: uint256 = start + (pair >> 1 << 2 | pair & 1)
        low: uint256 = weights[place]
        high: uint256 = weights[place + 2]
        c0: uint256 = unsafe_add(
            low & field.LANE | (high & field.LANE) << 128, LIMB_SHIFT
        )
        c1: uint256 = unsafe_add(
            (low >> 85) & field.LANE | ((high >> 85) & field.LANE) << 128, LIMB_SHIFT
        )
        c2: uint256 = unsafe_add(low >> 170 | high >> 170 << 128, LIMB_SHIFT)
        t0: uint256 = (c0 >> LIMB_BITS) & TOP_MASK
        t1: uint256 = (c1 >> LIMB_BITS) & TOP_MASK
        t2: uint256 = (c2 >> LIMB_BITS) & TOP_MASK
        limbs[pair] = [
            unsafe_sub(
                unsafe_add(c0 & LIMB_MASK, LIMB_OFFSET),
                unsafe_mul(t1 | t2 << TOP_BITS, WRAPPED),
            ),
            unsafe_sub(
                unsafe_add(c1 & LIMB_MASK, LIMB_OFFSET),
                unsafe_add(t0 << 47, unsafe_mul(t2, WRAPPED)),
            ),
            unsafe_sub(
                unsafe_add(c2 & LIMB_MASK, LIMB_OFFSET), t0 << 38 | t1 << 47
            ),
            t0 | t1 << TOP_BITS | t2 << (2 * TOP_BITS),
        ]
    return limbs


@internal
@view
def _row_sums(
    weights: uint256[columns.MAX_WEIGHTS],
    start: uint256,
    words: uint256,
    position: uint256,
    row_bytes: uint256,
    first: uint256,
    rows: uint256,
    sums: uint256[machine.MAX_QUERIES],
) -> (uint256[machine.MAX_QUERIES], uint256):
    """
    @notice Add word * weight for neighbouring words of some rows.
    @dev Span after span, so that a span's weights stand at a fixed place, and
         unrolled: an index known to the compiler costs no bounds check. A
         product of two pairs has in its upper lane the sum of word * limb
         over the pair, below 2^122; what stands in the lower one stays below
         2^128. A span adds less than p to each lane of a sum.
    @param weights As columns.vy has them.
    @param start Number of the first word's weight.
    @param words How many words of 8 bytes of each row.
    @param position Of those of the first row in the calldata.
    @param row_bytes Length of a row.
    @param first Number of this row among the class's.
    @param rows How many rows follow each other.
    @param sums Of each row of the class so far.
    @return The sums; and in CARRIES whether a word is not below p.
    """
    totals: uint256[machine.MAX_QUERIES] = sums
    carries: uint256 = 0
    e0: uint256 = 0
    e1: uint256 = 0
    e2: uint256 = 0
    o0: uint256 = 0
    o1: uint256 = 0
    o2: uint256 = 0
    s0: uint256 = 0
    s1: uint256 = 0
    s2: uint256 = 0
    s3: uint256 = 0
    for span: uint256 in range((words + SPAN_WORDS - 1) // SPAN_WORDS, bound=MAX_SPANS):
        span_words: uint256 = min(words - SPAN_WORDS * span, SPAN_WORDS)
        quad_count: uint256 = (span_words + 3) // 4
        w: uint256[4][SPAN_PAIRS] = self._limbs(weights, start + SPAN_WORDS * span, 2 * quad_count)
        # Only what belongs to the row can carry.
        to_carry: uint256[SPAN_QUADS] = empty(uint256[SPAN_QUADS])
        for quad: uint256 in range(quad_count, bound=SPAN_QUADS):
            to_carry[quad] = TO_CARRY
        to_carry[quad_count - 1] = TO_CARRY << 64 * (4 * quad_count - span_words)
        at: uint256 = position + SPAN_BYTES * span
        for row: uint256 in range(first, first + rows, bound=machine.MAX_QUERIES):
            quads: uint256[SPAN_QUADS] = abi_decode(
                slice(msg.data, at, SPAN_BYTES), uint256[SPAN_QUADS]
            )
            at = unsafe_add(at, row_bytes)
            e0 = quads[0] & EVEN_LANES
            o0 = (quads[0] >> 64) & EVEN_LANES
            e1 = quads[1] & EVEN_LANES
            o1 = (quads[1] >> 64) & EVEN_LANES
            e2 = quads[2] & EVEN_LANES
            o2 = (quads[2] >> 64) & EVEN_LANES
            carries |= (
                quads[0] & ~unsafe_add(quads[0], to_carry[0])
                | quads[1] & ~unsafe_add(quads[1], to_carry[1])
                | quads[2] & ~unsafe_add(quads[2], to_carry[2])
            )
            s0 = unsafe_add(
                unsafe_add(unsafe_mul(o0, w[0][0]), unsafe_mul(e0, w[1][0])),
                unsafe_add(
                    unsafe_add(unsafe_mul(o1, w[2][0]), unsafe_mul(e1, w[3][0])),
                    unsafe_add(unsafe_mul(o2, w[4][0]), unsafe_mul(e2, w[5][0])),
                ),
            )
            s1 = unsafe_add(
                unsafe_add(unsafe_mul(o0, w[0][1]), unsafe_mul(e0, w[1][1])),
                unsafe_add(
                    unsafe_add(unsafe_mul(o1, w[2][1]), unsafe_mul(e1, w[3][1])),
                    unsafe_add(unsafe_mul(o2, w[4][1]), unsafe_mul(e2, w[5][1])),
                ),
            )
            s2 = unsafe_add(
                unsafe_add(unsafe_mul(o0, w[0][2]), unsafe_mul(e0, w[1][2])),
                unsafe_add(
                    unsafe_add(unsafe_mul(o1, w[2][2]), unsafe_mul(e1, w[3][2])),
                    unsafe_add(unsafe_mul(o2, w[4][2]), unsafe_mul(e2, w[5][2])),
                ),
            )
            s3 = unsafe_add(
                unsafe_add(unsafe_mul(o0, w[0][3]), unsafe_mul(e0, w[1][3])),
                unsafe_add(
                    unsafe_add(unsafe_mul(o1, w[2][3]), unsafe_mul(e1, w[3][3])),
                    unsafe_add(unsafe_mul(o2, w[4][3]), unsafe_mul(e2, w[5][3])),
                ),
            )
            if quad_count > 3:
                e0 = quads[3] & EVEN_LANES
                o0 = (quads[3] >> 64) & EVEN_LANES
                e1 = quads[4] & EVEN_LANES
                o1 = (quads[4] >> 64) & EVEN_LANES
                e2 = quads[5] & EVEN_LANES
                o2 = (quads[5] >> 64) & EVEN_LANES
                carries |= (
                    quads[3] & ~unsafe_add(quads[3], to_carry[3])
                    | quads[4] & ~unsafe_add(quads[4], to_carry[4])
                    | quads[5] & ~unsafe_add(quads[5], to_carry[5])
                )
                s0 = unsafe_add(
                    unsafe_add(
                        s0,
                        unsafe_add(unsafe_mul(o0, w[6][0]), unsafe_mul(e0, w[7][0])),
                    ),
                    unsafe_add(
                        unsafe_add(unsafe_mul(o1, w[8][0]), unsafe_mul(e1, w[9][0])),
                        unsafe_add(unsafe_mul(o2, w[10][0]), unsafe_mul(e2, w[11][0])),
                    ),
                )
                s1 = unsafe_add(
                    unsafe_add(
                        s1,
                        unsafe_add(unsafe_mul(o0, w[6][1]), unsafe_mul(e0, w[7][1])),
                    ),
                    unsafe_add(
                        unsafe_add(unsafe_mul(o1, w[8][1]), unsafe_mul(e1, w[9][1])),
                        unsafe_add(unsafe_mul(o2, w[10][1]), unsafe_mul(e2, w[11][1])),
                    ),
                )
                s2 = unsafe_add(
                    unsafe_add(
                        s2,
                        unsafe_add(unsafe_mul(o0, w[6][2]), unsafe_mul(e0, w[7][2])),
                    ),
                    unsafe_add(
                        unsafe_add(unsafe_mul(o1, w[8][2]), unsafe_mul(e1, w[9][2])),
                        unsafe_add(unsafe_mul(o2, w[10][2]), unsafe_mul(e2, w[11][2])),
                    ),
                )
                s3 = unsafe_add(
                    unsafe_add(
                        s3,
                        unsafe_add(unsafe_mul(o0, w[6][3]), unsafe_mul(e0, w[7][3])),
                    ),
                    unsafe_add(
                        unsafe_add(unsafe_mul(o1, w[8][3]), unsafe_mul(e1, w[9][3])),
                        unsafe_add(unsafe_mul(o2, w[10][3]), unsafe_mul(e2, w[11][3])),
                    ),
                )
                if quad_count > 6:
                    e0 = quads[6] & EVEN_LANES
                    o0 = (quads[6] >> 64) & EVEN_LANES
                    e1 = quads[7] & EVEN_LANES
                    o1 = (quads[7] >> 64) & EVEN_LANES
                    e2 = quads[8] & EVEN_LANES
                    o2 = (quads[8] >> 64) & EVEN_LANES
                    carries |= (
                        quads[6] & ~unsafe_add(quads[6], to_carry[6])
                        | quads[7] & ~unsafe_add(quads[7], to_carry[7])
                        | quads[8] & ~unsafe_add(quads[8], to_carry[8])
                    )
                    s0 = unsafe_add(
                        unsafe_add(
                            s0,
                            unsafe_add(unsafe_mul(o0, w[12][0]), unsafe_mul(e0, w[13][0])),
                        ),
                        unsafe_add(
                            unsafe_add(unsafe_mul(o1, w[14][0]), unsafe_mul(e1, w[15][0])),
                            unsafe_add(unsafe_mul(o2, w[16][0]), unsafe_mul(e2, w[17][0])),
                        ),
                    )
                    s1 = unsafe_add(
                        unsafe_add(
                            s1,
                            unsafe_add(unsafe_mul(o0, w[12][1]), unsafe_mul(e0, w[13][1])),
                        ),
                        unsafe_add(
                            unsafe_add(unsafe_mul(o1, w[14][1]), unsafe_mul(e1, w[15][1])),
                            unsafe_add(unsafe_mul(o2, w[16][1]), unsafe_mul(e2, w[17][1])),
                        ),
                    )
                    s2 = unsafe_add(
                        unsafe_add(
                            s2,
                            unsafe_add(unsafe_mul(o0, w[12][2]), unsafe_mul(e0, w[13][2])),
                        ),
                        unsafe_add(
                            unsafe_add(unsafe_mul(o1, w[14][2]), unsafe_mul(e1, w[15][2])),
                            unsafe_add(unsafe_mul(o2, w[16][2]), unsafe_mul(e2, w[17][2])),
                        ),
                    )
                    s3 = unsafe_add(
                        unsafe_add(
                            s3,
                            unsafe_add(unsafe_mul(o0, w[12][3]), unsafe_mul(e0, w[13][3])),
                        ),
                        unsafe_add(
                            unsafe_add(unsafe_mul(o1, w[14][3]), unsafe_mul(e1, w[15][3])),
                            unsafe_add(unsafe_mul(o2, w[16][3]), unsafe_mul(e2, w[17][3])),
                        ),
                    )
            s3 >>= 128
            totals[row] = unsafe_add(
                totals[row],
                unsafe_add(s0 >> 128, s3 << 56) % field.P
                | (unsafe_add(s1 >> 128, s3 << 47) % field.P) << 85
                | (unsafe_add(s2 >> 128, s3 << 38) % field.P) << 170,
            )
    return totals, carries
