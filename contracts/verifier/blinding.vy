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
BLOCK: constant(uint256) = 16
COEFFICIENT: constant(uint256) = 2**64 - 1
# Exceeds a sum of eight products of lanes below p.
SUM_ZEROS: constant(uint256) = 2**68 * P


@internal
@pure
def _blinding_products(
    y: uint256, q: uint256, rows: uint256, binomials: uint256[2], with_opposite: bool
) -> (uint256, uint256):
    """
    @notice Z_B(y) and Z_B(-y), where Z_B(Y) = (Y - q)(Y - q^2)...(Y - q^rows).
    @dev The product of both is that of the table of half the height at y^2.
         Sixteen factors at a time: even and odd powers of Y apart, which give
         both values. In the block that starts behind q^i the coefficient of
         Y^(16 - k) has the factor rho^k, rho = q^i.
    @param y Element, reduced.
    @param q Below p.
    @param rows Multiple of 16, at most BLINDING_ROWS.
    @param binomials Gaussian binomials of 16 over 1 to 4 and over 5 to 8, 64
           bits each, the first one in the low bits.
    @param with_opposite Whether Z_B(-y) is wanted, else it is given as 1.
    @return Z_B(y), lanes below p.
    @return Z_B(-y), lanes below p.
    """
    a: uint256[BLOCK + 1] = empty(uint256[BLOCK + 1])
    b: uint256[BLOCK + 1] = empty(uint256[BLOCK + 1])
    c: uint256[BLOCK + 1] = empty(uint256[BLOCK + 1])
    a, b, c = self._block(y, q, binomials)
    rho_1: uint256 = 1
    ratio: uint256 = field._base_power(q, BLOCK)
    r0: uint256 = 1
    r1: uint256 = 0
    r2: uint256 = 0
    s0: uint256 = 1
    s1: uint256 = 0
    s2: uint256 = 0
    for _: uint256 in range(rows // BLOCK, bound=machine.BLINDING_ROWS // BLOCK):
        rho_2: uint256 = unsafe_mul(rho_1, rho_1) % P
        rho_3: uint256 = unsafe_mul(rho_2, rho_1) % P
        rho_4: uint256 = unsafe_mul(rho_2, rho_2) % P
        rho_5: uint256 = unsafe_mul(rho_4, rho_1) % P
        rho_6: uint256 = unsafe_mul(rho_3, rho_3) % P
        rho_7: uint256 = unsafe_mul(rho_6, rho_1) % P
        rho_8: uint256 = unsafe_mul(rho_4, rho_4) % P
        # Five products of lanes below p; below 2^131.
        even_0: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(a[0], unsafe_mul(rho_2, a[2])),
                unsafe_add(unsafe_mul(rho_4, a[4]), unsafe_mul(rho_6, a[6])),
            ),
            unsafe_mul(
                rho_8,
                unsafe_add(
                    unsafe_add(a[8], unsafe_mul(rho_2, a[10])),
                    unsafe_add(
                        unsafe_mul(rho_4, a[12]),
                        unsafe_add(unsafe_mul(rho_6, a[14]), unsafe_mul(rho_8, a[16])),
                    ),
                ) % P,
            ),
        )
        even_1: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(b[0], unsafe_mul(rho_2, b[2])),
                unsafe_add(unsafe_mul(rho_4, b[4]), unsafe_mul(rho_6, b[6])),
            ),
            unsafe_mul(
                rho_8,
                unsafe_add(
                    unsafe_add(b[8], unsafe_mul(rho_2, b[10])),
                    unsafe_add(unsafe_mul(rho_4, b[12]), unsafe_mul(rho_6, b[14])),
                ) % P,
            ),
        )
        even_2: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(c[0], unsafe_mul(rho_2, c[2])),
                unsafe_add(unsafe_mul(rho_4, c[4]), unsafe_mul(rho_6, c[6])),
            ),
            unsafe_mul(
                rho_8,
                unsafe_add(
                    unsafe_add(c[8], unsafe_mul(rho_2, c[10])),
                    unsafe_add(unsafe_mul(rho_4, c[12]), unsafe_mul(rho_6, c[14])),
                ) % P,
            ),
        )
        odd_0: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_mul(rho_1, a[1]), unsafe_mul(rho_3, a[3])),
                unsafe_add(unsafe_mul(rho_5, a[5]), unsafe_mul(rho_7, a[7])),
            ),
            unsafe_mul(
                rho_8,
                unsafe_add(
                    unsafe_add(unsafe_mul(rho_1, a[9]), unsafe_mul(rho_3, a[11])),
                    unsafe_add(unsafe_mul(rho_5, a[13]), unsafe_mul(rho_7, a[15])),
                ) % P,
            ),
        )
        odd_1: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_mul(rho_1, b[1]), unsafe_mul(rho_3, b[3])),
                unsafe_add(unsafe_mul(rho_5, b[5]), unsafe_mul(rho_7, b[7])),
            ),
            unsafe_mul(
                rho_8,
                unsafe_add(
                    unsafe_add(unsafe_mul(rho_1, b[9]), unsafe_mul(rho_3, b[11])),
                    unsafe_add(unsafe_mul(rho_5, b[13]), unsafe_mul(rho_7, b[15])),
                ) % P,
            ),
        )
        odd_2: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_mul(rho_1, c[1]), unsafe_mul(rho_3, c[3])),
                unsafe_add(unsafe_mul(rho_5, c[5]), unsafe_mul(rho_7, c[7])),
            ),
            unsafe_mul(
                rho_8,
                unsafe_add(
                    unsafe_add(unsafe_mul(rho_1, c[9]), unsafe_mul(rho_3, c[11])),
                    unsafe_add(unsafe_mul(rho_5, c[13]), unsafe_mul(rho_7, c[15])),
                ) % P,
            ),
        )
        plus_0: uint256 = unsafe_add(even_0, odd_0)
        plus_1: uint256 = unsafe_add(even_1, odd_1)
        plus_2: uint256 = unsafe_add(even_2, odd_2)
        t0: uint256 = unsafe_add(
            unsafe_mul(r0, plus_0),
            unsafe_mul(7, unsafe_add(unsafe_mul(r1, plus_2), unsafe_mul(r2, plus_1))),
        ) % P
        t1: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(r0, plus_1), unsafe_mul(r1, plus_0)),
            unsafe_mul(7, unsafe_mul(r2, plus_2)),
        ) % P
        r2 = unsafe_add(
            unsafe_add(unsafe_mul(r0, plus_2), unsafe_mul(r1, plus_1)), unsafe_mul(r2, plus_0)
        ) % P
        r0 = t0
        r1 = t1
        if with_opposite:
            minus_0: uint256 = unsafe_sub(unsafe_add(even_0, SUM_ZEROS), odd_0)
            minus_1: uint256 = unsafe_sub(unsafe_add(even_1, SUM_ZEROS), odd_1)
            minus_2: uint256 = unsafe_sub(unsafe_add(even_2, SUM_ZEROS), odd_2)
            t0 = unsafe_add(
                unsafe_mul(s0, minus_0),
                unsafe_mul(7, unsafe_add(unsafe_mul(s1, minus_2), unsafe_mul(s2, minus_1))),
            ) % P
            t1 = unsafe_add(
                unsafe_add(unsafe_mul(s0, minus_1), unsafe_mul(s1, minus_0)),
                unsafe_mul(7, unsafe_mul(s2, minus_2)),
            ) % P
            s2 = unsafe_add(
                unsafe_add(unsafe_mul(s0, minus_2), unsafe_mul(s1, minus_1)), unsafe_mul(s2, minus_0)
            ) % P
            s0 = t0
            s1 = t1
        rho_1 = unsafe_mul(rho_1, ratio) % P
    return r0 | r1 << 85 | r2 << 170, s0 | s1 << 85 | s2 << 170


@internal
@pure
def _block(
    y: uint256, q: uint256, binomials: uint256[2]
) -> (uint256[BLOCK + 1], uint256[BLOCK + 1], uint256[BLOCK + 1]):
    """
    @notice Terms of (y - q)(y - q^2)...(y - q^16) by lanes.
    @dev That of y^(16 - k) has the coefficient (-1)^k * q^(k (k + 1) / 2) times
         the Gaussian binomial of 16 over k, which is that of 16 over 16 - k.
    @param y Element, reduced.
    @param q Below p.
    @param binomials Gaussian binomials, see `_blinding_products`.
    @return First lane of the term of y^(16 - k) at k.
    @return Second lane.
    @return Third lane.
    """
    a: uint256[BLOCK + 1] = empty(uint256[BLOCK + 1])
    b: uint256[BLOCK + 1] = empty(uint256[BLOCK + 1])
    c: uint256[BLOCK + 1] = empty(uint256[BLOCK + 1])
    coefficients: uint256[BLOCK + 1] = empty(uint256[BLOCK + 1])
    power: uint256 = 1
    weight: uint256 = 1
    for k: uint256 in range(BLOCK + 1):
        coefficients[k] = weight
        if k != 0 and k != BLOCK:
            place: uint256 = unsafe_sub(min(k, unsafe_sub(BLOCK, k)), 1)
            binomial: uint256 = (binomials[place >> 2] >> (64 * (place & 3))) & COEFFICIENT
            coefficients[k] = unsafe_mul(binomial, weight) % P
        power = unsafe_mul(power, q) % P
        weight = unsafe_mul(weight, unsafe_sub(P, power)) % P
    power = 1
    for i: uint256 in range(BLOCK + 1):
        k: uint256 = unsafe_sub(BLOCK, i)
        a[k] = unsafe_mul(power & LANE, coefficients[k]) % P
        b[k] = unsafe_mul((power >> 85) & LANE, coefficients[k]) % P
        c[k] = unsafe_mul(power >> 170, coefficients[k]) % P
        power = field._mul(power, y)
    return a, b, c
