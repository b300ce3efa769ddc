# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Z_B, the polynomial that vanishes on the blinding rows of a table
"""

from contracts.verifier import field
from contracts.verifier import machine

P: constant(uint256) = field.P
LANE: constant(uint256) = field.LANE
# Factors that are multiplied as one polynomial; divides the number of rows.
BLOCK: constant(uint256) = 8


@internal
@pure
def _blinding_product(y: uint256, q: uint256, rows: uint256) -> uint256:
    """
    @notice Z_B(y) = (y - q)(y - q^2)...(y - q^rows).
    @dev Eight factors at a time; from block to block the coefficient of
         Y^(8 - k) grows by q^(8 k). Lanes of s are below 9 * 2^128.
    @param y Element, reduced.
    @param q Below p.
    @param rows Multiple of 8, at most BLINDING_ROWS.
    @return Z_B(y), lanes below p.
    """
    a: uint256[9] = empty(uint256[9])
    b: uint256[9] = empty(uint256[9])
    c: uint256[9] = empty(uint256[9])
    a, b, c = self._powers(y)
    e: uint256[9] = self._block_coefficients(q)
    w: uint256[9] = self._base_powers(field._base_power(q, BLOCK))
    r0: uint256 = 1
    r1: uint256 = 0
    r2: uint256 = 0
    for _: uint256 in range(rows // BLOCK, bound=machine.BLINDING_ROWS // BLOCK):
        s0: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_add(a[8], e[8]), unsafe_mul(e[1], a[7])),
                unsafe_add(unsafe_mul(e[2], a[6]), unsafe_mul(e[3], a[5])),
            ),
            unsafe_add(
                unsafe_add(unsafe_mul(e[4], a[4]), unsafe_mul(e[5], a[3])),
                unsafe_add(unsafe_mul(e[6], a[2]), unsafe_mul(e[7], a[1])),
            ),
        )
        s1: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(b[8], unsafe_mul(e[1], b[7])),
                unsafe_add(unsafe_mul(e[2], b[6]), unsafe_mul(e[3], b[5])),
            ),
            unsafe_add(
                unsafe_add(unsafe_mul(e[4], b[4]), unsafe_mul(e[5], b[3])),
                unsafe_add(unsafe_mul(e[6], b[2]), unsafe_mul(e[7], b[1])),
            ),
        )
        s2: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(c[8], unsafe_mul(e[1], c[7])),
                unsafe_add(unsafe_mul(e[2], c[6]), unsafe_mul(e[3], c[5])),
            ),
            unsafe_add(
                unsafe_add(unsafe_mul(e[4], c[4]), unsafe_mul(e[5], c[3])),
                unsafe_add(unsafe_mul(e[6], c[2]), unsafe_mul(e[7], c[1])),
            ),
        )
        t0: uint256 = unsafe_add(
            unsafe_mul(r0, s0),
            unsafe_mul(7, unsafe_add(unsafe_mul(r1, s2), unsafe_mul(r2, s1))),
        ) % P
        t1: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(r0, s1), unsafe_mul(r1, s0)),
            unsafe_mul(7, unsafe_mul(r2, s2)),
        ) % P
        r2 = unsafe_add(
            unsafe_add(unsafe_mul(r0, s2), unsafe_mul(r1, s1)), unsafe_mul(r2, s0)
        ) % P
        r0 = t0
        r1 = t1
        e[1] = unsafe_mul(e[1], w[1]) % P
        e[2] = unsafe_mul(e[2], w[2]) % P
        e[3] = unsafe_mul(e[3], w[3]) % P
        e[4] = unsafe_mul(e[4], w[4]) % P
        e[5] = unsafe_mul(e[5], w[5]) % P
        e[6] = unsafe_mul(e[6], w[6]) % P
        e[7] = unsafe_mul(e[7], w[7]) % P
        e[8] = unsafe_mul(e[8], w[8]) % P
    return r0 | r1 << 85 | r2 << 170


@internal
@pure
def _powers(y: uint256) -> (uint256[9], uint256[9], uint256[9]):
    """
    @notice Powers of an element by lanes.
    @param y Element, lanes below 2^80.
    @return First lane of y^k at k, from 1.
    @return Second lane.
    @return Third lane.
    """
    a: uint256[9] = empty(uint256[9])
    b: uint256[9] = empty(uint256[9])
    c: uint256[9] = empty(uint256[9])
    power: uint256 = 1
    for k: uint256 in range(1, 9):
        power = field._mul(power, y)
        a[k] = power & LANE
        b[k] = (power >> 85) & LANE
        c[k] = power >> 170
    return a, b, c


@internal
@pure
def _base_powers(base: uint256) -> uint256[9]:
    """
    @notice Powers of an element of F_p.
    @param base Below p.
    @return base^k at k, below p.
    """
    powers: uint256[9] = empty(uint256[9])
    powers[0] = 1
    for k: uint256 in range(1, 9):
        powers[k] = unsafe_mul(powers[k - 1], base) % P
    return powers


@internal
@pure
def _block_coefficients(q: uint256) -> uint256[9]:
    """
    @notice Coefficients of (Y - q)(Y - q^2)...(Y - q^8).
    @dev That of Y^(8 - k) is (-1)^k * q^(k (k + 1) / 2) times the Gaussian
         binomial of 8 over k.
    @param q Below p.
    @return Coefficient of Y^(8 - k) at k, below p.
    """
    # Sums below 2^66, products of three factors below 2^200.
    q_2: uint256 = unsafe_mul(q, q) % P
    q_4: uint256 = unsafe_mul(q_2, q_2) % P
    odd: uint256 = unsafe_add(1, q)
    even: uint256 = unsafe_mul(unsafe_add(1, q_2), unsafe_add(1, q_4)) % P
    # Gaussian numbers 5 = 1 + q + ... + q^4, and 7.
    five: uint256 = unsafe_add(unsafe_mul(odd, unsafe_add(1, q_2)), q_4) % P
    seven: uint256 = unsafe_add(five, unsafe_mul(q_4, unsafe_add(q, q_2))) % P
    one: uint256 = unsafe_mul(even, odd) % P
    two: uint256 = unsafe_mul(even, seven) % P
    three: uint256 = unsafe_mul(two, unsafe_add(1, unsafe_mul(q_2, q) % P)) % P
    # Over 1 + q^3 = (1 + q)(1 - q + q^2).
    four: uint256 = unsafe_mul(
        unsafe_mul(unsafe_add(1, q_4), unsafe_add(unsafe_sub(P + 1, q), q_2)),
        unsafe_mul(five, seven) % P,
    ) % P
    e: uint256[9] = [1, one, two, three, four, three, two, one, 1]
    power: uint256 = 1
    weight: uint256 = 1
    for k: uint256 in range(1, 9):
        # (-1)^k * q^(k (k + 1) / 2).
        power = unsafe_mul(power, q) % P
        weight = unsafe_mul(weight, unsafe_sub(P, power)) % P
        e[k] = unsafe_mul(e[k], weight) % P
    return e


