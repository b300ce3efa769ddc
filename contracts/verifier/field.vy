# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Goldilocks and its cubic extension
@notice F = F_p[x]/(x^3 - 7), p = 2^64 - 2^32 + 1. An element is one word
        with three lanes of 85 bits: c0 + 2^85 c1 + 2^170 c2.
@dev A lane may hold more than p: sums are plain additions of words, and
     products take any lanes below 2^80. `_mul` and `_reduce` return lanes
     below p, the only form in which two words may be compared. A difference
     a - b is a + k * (p in every lane) - b where the lanes of b are at most
     k * p; then no lane borrows from the next.
     All arithmetic is unchecked: 15 * 2^160 and 2^80 * 2^16 fit, see each
     function.
"""

P: constant(uint256) = 18446744069414584321
# The generator of F_p*, and x^3.
GENERATOR: constant(uint256) = 7
LANE: constant(uint256) = 2**85 - 1
X: constant(uint256) = 2**85
X2: constant(uint256) = 2**170
# 1 in every lane; times p it is a zero that differences add.
LANES: constant(uint256) = 1 + X + X2
ZEROS: constant(uint256) = P * LANES


@internal
@pure
def _mul(a: uint256, b: uint256) -> uint256:
    """
    @notice Product of two elements.
    @dev Lanes below 2^80: a coefficient is below 15 * 2^160.
    @param a Factor, lanes below 2^80.
    @param b Factor, lanes below 2^80.
    @return Product, lanes below p.
    """
    a0: uint256 = a & LANE
    a1: uint256 = (a >> 85) & LANE
    a2: uint256 = a >> 170
    b0: uint256 = b & LANE
    b1: uint256 = (b >> 85) & LANE
    b2: uint256 = b >> 170
    return (
        unsafe_add(
            unsafe_mul(a0, b0),
            unsafe_mul(7, unsafe_add(unsafe_mul(a1, b2), unsafe_mul(a2, b1))),
        )
        % P
        | (
            unsafe_add(
                unsafe_add(unsafe_mul(a0, b1), unsafe_mul(a1, b0)),
                unsafe_mul(7, unsafe_mul(a2, b2)),
            )
            % P
        )
        << 85
        | (
            unsafe_add(
                unsafe_add(unsafe_mul(a0, b2), unsafe_mul(a1, b1)), unsafe_mul(a2, b0)
            )
            % P
        )
        << 170
    )


@internal
@pure
def _scale(a: uint256, factor: uint256) -> uint256:
    """
    @notice Product of an element and an element of F_p.
    @param a Element, lanes below 2^80.
    @param factor Below 2^80.
    @return Product, lanes below p.
    """
    return (
        unsafe_mul(a & LANE, factor) % P
        | (unsafe_mul((a >> 85) & LANE, factor) % P) << 85
        | (unsafe_mul(a >> 170, factor) % P) << 170
    )


@internal
@pure
def _reduce(a: uint256) -> uint256:
    """
    @notice The same element with lanes below p.
    @param a Element, any lanes.
    @return Element, lanes below p.
    """
    return (a & LANE) % P | (((a >> 85) & LANE) % P) << 85 | ((a >> 170) % P) << 170


@internal
@pure
def _power(base: uint256, exponent: uint256) -> uint256:
    """
    @notice Power of an element, by squaring.
    @param base Element, lanes below 2^80.
    @param exponent Any.
    @return base^exponent, lanes below p.
    """
    result: uint256 = 1
    square: uint256 = base
    rest: uint256 = exponent
    for _: uint256 in range(256):
        if rest == 0:
            break
        if rest & 1 == 1:
            result = self._mul(result, square)
        rest >>= 1
        if rest != 0:
            square = self._mul(square, square)
    return result


@internal
@pure
def _base_power(base: uint256, exponent: uint256) -> uint256:
    """
    @notice Power of an element of F_p.
    @param base Below p.
    @param exponent Any.
    @return base^exponent, below p.
    """
    result: uint256 = 1
    square: uint256 = base
    rest: uint256 = exponent
    for _: uint256 in range(256):
        if rest == 0:
            break
        if rest & 1 == 1:
            result = unsafe_mul(result, square) % P
        square = unsafe_mul(square, square) % P
        rest >>= 1
    return result


@internal
@pure
def _base_inverse(a: uint256) -> uint256:
    """
    @notice Inverse in F_p by Fermat's little theorem.
    @dev p - 2 is 31 ones, a zero and 32 ones in binary; a^(2^k - 1) has k
         ones as exponent.
    @param a Below p; 0 gives 0.
    @return a^(p - 2), below p.
    """
    ones_2: uint256 = unsafe_mul(self._squared(a, 1), a) % P
    ones_3: uint256 = unsafe_mul(self._squared(ones_2, 1), a) % P
    ones_6: uint256 = unsafe_mul(self._squared(ones_3, 3), ones_3) % P
    ones_12: uint256 = unsafe_mul(self._squared(ones_6, 6), ones_6) % P
    ones_24: uint256 = unsafe_mul(self._squared(ones_12, 12), ones_12) % P
    ones_30: uint256 = unsafe_mul(self._squared(ones_24, 6), ones_6) % P
    ones_31: uint256 = unsafe_mul(self._squared(ones_30, 1), a) % P
    ones_32: uint256 = unsafe_mul(self._squared(ones_31, 1), a) % P
    return unsafe_mul(self._squared(ones_31, 33), ones_32) % P


@internal
@pure
def _squared(a: uint256, times: uint256) -> uint256:
    """
    @notice Square an element of F_p again and again.
    @param a Below p.
    @param times How often, at most 33.
    @return a^(2^times), below p.
    """
    square: uint256 = a
    for _: uint256 in range(times, bound=33):
        square = unsafe_mul(square, square) % P
    return square


@internal
@pure
def _inverse(a: uint256) -> uint256:
    """
    @notice Inverse of an element: its cofactor divided by its norm, which
            lies in F_p.
    @param a Element, lanes below p; 0 gives 0.
    @return Inverse, lanes below p.
    """
    a0: uint256 = a & LANE
    a1: uint256 = (a >> 85) & LANE
    a2: uint256 = a >> 170
    # Differences add p^2; every sum is below 15 * 2^128.
    c0: uint256 = unsafe_add(
        unsafe_mul(a0, a0), unsafe_mul(7, unsafe_sub(P * P, unsafe_mul(a1, a2)))
    ) % P
    c1: uint256 = unsafe_sub(
        unsafe_add(unsafe_mul(7, unsafe_mul(a2, a2)), P * P), unsafe_mul(a0, a1)
    ) % P
    c2: uint256 = unsafe_sub(
        unsafe_add(unsafe_mul(a1, a1), P * P), unsafe_mul(a0, a2)
    ) % P
    norm: uint256 = unsafe_add(
        unsafe_mul(a0, c0),
        unsafe_mul(7, unsafe_add(unsafe_mul(a2, c1), unsafe_mul(a1, c2))),
    ) % P
    return self._scale(c0 | c1 << 85 | c2 << 170, self._base_inverse(norm))
