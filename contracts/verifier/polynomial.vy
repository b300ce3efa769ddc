# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Arithmetic on lists of elements
@notice Polynomials by Horner's rule, with coefficients as a list, the highest
        power first; weighted sums; squares.
@dev Lanes are below 2^80. No coefficient leaves 256 bits: it is a sum of at
     most 30 products of two lanes, below 30 * 2^160.
"""

from contracts.verifier import field

P: constant(uint256) = field.P
LANE: constant(uint256) = field.LANE
# Exceeds every lane, and is 0 modulo p.
FLAG_ZEROS: constant(uint256) = 2**16 * P
# Of a list.
MAX_LENGTH: constant(uint256) = 40


@internal
@pure
def _extend(
    start: uint256, coefficients: DynArray[uint256, MAX_LENGTH], point: uint256
) -> uint256:
    """
    @notice Goes on with Horner's rule: s = s * point + c for each coefficient.
    @param start Value so far, lanes below 2^80.
    @param coefficients Coefficients, lanes below 2^80.
    @param point Element, lanes below 2^80.
    @return The polynomial's value, lanes below p if there was a coefficient.
    """
    s0: uint256 = start & LANE
    s1: uint256 = (start >> 85) & LANE
    s2: uint256 = start >> 170
    p0: uint256 = point & LANE
    p1: uint256 = (point >> 85) & LANE
    p2: uint256 = point >> 170
    # x^3 = 7.
    q1: uint256 = unsafe_mul(7, p1)
    q2: uint256 = unsafe_mul(7, p2)
    t0: uint256 = 0
    t1: uint256 = 0
    for c: uint256 in coefficients:
        t0 = unsafe_add(
            unsafe_add(unsafe_mul(s0, p0), c & LANE),
            unsafe_add(unsafe_mul(s1, q2), unsafe_mul(s2, q1)),
        ) % P
        t1 = unsafe_add(
            unsafe_add(unsafe_add(unsafe_mul(s0, p1), unsafe_mul(s1, p0)), (c >> 85) & LANE),
            unsafe_mul(s2, q2),
        ) % P
        s2 = unsafe_add(
            unsafe_add(unsafe_mul(s0, p2), unsafe_mul(s1, p1)),
            unsafe_add(unsafe_mul(s2, p0), c >> 170),
        ) % P
        s0 = t0
        s1 = t1
    return s0 | s1 << 85 | s2 << 170


@internal
@pure
def _extend_by_flags(
    start: uint256, flags: DynArray[uint256, MAX_LENGTH], point: uint256
) -> uint256:
    """
    @notice Goes on with Horner's rule: s = s * point + a * a - a for each
            flag, which is 0 or 1 in the trace.
    @param start Value so far, lanes below 2^80.
    @param flags Elements a, lanes below 2^80.
    @param point Element, lanes below 2^80.
    @return The polynomial's value, lanes below p if there was a flag.
    """
    s0: uint256 = start & LANE
    s1: uint256 = (start >> 85) & LANE
    s2: uint256 = start >> 170
    p0: uint256 = point & LANE
    p1: uint256 = (point >> 85) & LANE
    p2: uint256 = point >> 170
    # x^3 = 7.
    q1: uint256 = unsafe_mul(7, p1)
    q2: uint256 = unsafe_mul(7, p2)
    a0: uint256 = 0
    a1: uint256 = 0
    a2: uint256 = 0
    t0: uint256 = 0
    t1: uint256 = 0
    for a: uint256 in flags:
        a0 = a & LANE
        a1 = (a >> 85) & LANE
        a2 = a >> 170
        t0 = unsafe_add(
            unsafe_add(
                unsafe_mul(s0, p0), unsafe_add(unsafe_mul(a0, a0), unsafe_sub(FLAG_ZEROS, a0))
            ),
            unsafe_add(
                unsafe_add(unsafe_mul(s1, q2), unsafe_mul(s2, q1)),
                unsafe_mul(14, unsafe_mul(a1, a2)),
            ),
        ) % P
        t1 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_mul(s0, p1), unsafe_mul(s1, p0)),
                unsafe_add(unsafe_mul(2, unsafe_mul(a0, a1)), unsafe_sub(FLAG_ZEROS, a1)),
            ),
            unsafe_add(unsafe_mul(s2, q2), unsafe_mul(7, unsafe_mul(a2, a2))),
        ) % P
        s2 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_mul(s0, p2), unsafe_mul(s1, p1)),
                unsafe_add(unsafe_mul(s2, p0), unsafe_sub(FLAG_ZEROS, a2)),
            ),
            unsafe_add(unsafe_mul(a1, a1), unsafe_mul(2, unsafe_mul(a0, a2))),
        ) % P
        s0 = t0
        s1 = t1
    return s0 | s1 << 85 | s2 << 170


@internal
@pure
def _weigh(
    elements: DynArray[uint256, MAX_LENGTH], weights: DynArray[uint256, MAX_LENGTH]
) -> uint256:
    """
    @notice Sum of elements times elements of F_p.
    @dev Sums are below 40 * 2^144.
    @param elements Elements, lanes below 2^80.
    @param weights As many numbers below p.
    @return The sum, lanes below p.
    """
    s0: uint256 = 0
    s1: uint256 = 0
    s2: uint256 = 0
    place: uint256 = 0
    for x: uint256 in elements:
        weight: uint256 = weights[place]
        s0 = unsafe_add(s0, unsafe_mul(x & LANE, weight))
        s1 = unsafe_add(s1, unsafe_mul((x >> 85) & LANE, weight))
        s2 = unsafe_add(s2, unsafe_mul(x >> 170, weight))
        place = unsafe_add(place, 1)
    return s0 % P | (s1 % P) << 85 | (s2 % P) << 170


@internal
@pure
def _square(a: uint256) -> uint256:
    """
    @notice Square of an element.
    @param a Element, lanes below 2^80.
    @return a * a, lanes below p.
    """
    a0: uint256 = a & LANE
    a1: uint256 = (a >> 85) & LANE
    a2: uint256 = a >> 170
    return (
        unsafe_add(unsafe_mul(a0, a0), unsafe_mul(14, unsafe_mul(a1, a2))) % P
        | (
            unsafe_add(
                unsafe_mul(2, unsafe_mul(a0, a1)), unsafe_mul(7, unsafe_mul(a2, a2))
            )
            % P
        )
        << 85
        | (unsafe_add(unsafe_mul(2, unsafe_mul(a0, a2)), unsafe_mul(a1, a1)) % P) << 170
    )
