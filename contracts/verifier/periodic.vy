# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Periodic columns
@notice Every periodic column has 64 values, and all tables evaluate theirs at
        the same point z = zeta^(n/64). Such a column is the sum of its values
        times the Lagrange basis of the subgroup of order 64.
"""

from contracts.verifier import field

P: constant(uint256) = field.P
LANE: constant(uint256) = field.LANE
ZEROS: constant(uint256) = field.ZEROS
PERIOD: constant(uint256) = 64
PERIOD_LOG: constant(uint256) = 6
# 1/64, and 7^((1 - p)/64), the inverse of a root of unity of order 64.
INVERSE_PERIOD: constant(uint256) = 18158513693329981441
INVERSE_ROOT: constant(uint256) = 18302628881338728449


@internal
@pure
def _lagrange_basis(z: uint256) -> uint256[PERIOD]:
    """
    @notice The polynomial L_i that is 1 at w^i and 0 at all other powers of
            w, the root of unity of order 64, at z.
    @dev L_i(z) = product over k < 6 of (1 + (z/w^i)^(2^k)) / 2, since the sum
         of (z/w^i)^j over j < 64 is that product, and 64 L_i(z). The factor
         of k depends on i modulo 64/2^k only and changes its sign in the
         middle: each level, from k = 5 down, makes two products of one.
    @param z Element, reduced.
    @return L_0(z) to L_63(z), lanes at most 7 p.
    """
    # z^(2^k) at k.
    powers: uint256[PERIOD_LOG] = empty(uint256[PERIOD_LOG])
    powers[0] = z
    for k: uint256 in range(1, PERIOD_LOG):
        powers[k] = field._mul(powers[k - 1], powers[k - 1])
    basis: uint256[PERIOD] = empty(uint256[PERIOD])
    basis[0] = INVERSE_PERIOD
    count: uint256 = 1
    for level: uint256 in range(PERIOD_LOG):
        # z^(2^k), then 1/w^(2^k) and its power i.
        z0: uint256 = powers[unsafe_sub(PERIOD_LOG - 1, level)]
        z1: uint256 = (z0 >> 85) & LANE
        z2: uint256 = z0 >> 170
        z0 &= LANE
        root: uint256 = field._base_power(
            INVERSE_ROOT, 1 << unsafe_sub(PERIOD_LOG - 1, level)
        )
        turn: uint256 = 1
        for i: uint256 in range(count, bound=PERIOD // 2):
            before: uint256 = basis[i]
            a0: uint256 = before & LANE
            a1: uint256 = (before >> 85) & LANE
            a2: uint256 = before >> 170
            # Products of three lanes: below 15 * 2^196.
            change: uint256 = (
                unsafe_mul(
                    turn,
                    unsafe_add(
                        unsafe_mul(a0, z0),
                        unsafe_mul(7, unsafe_add(unsafe_mul(a1, z2), unsafe_mul(a2, z1))),
                    ),
                )
                % P
                | (
                    unsafe_mul(
                        turn,
                        unsafe_add(
                            unsafe_add(unsafe_mul(a0, z1), unsafe_mul(a1, z0)),
                            unsafe_mul(7, unsafe_mul(a2, z2)),
                        ),
                    )
                    % P
                )
                << 85
                | (
                    unsafe_mul(
                        turn,
                        unsafe_add(
                            unsafe_add(unsafe_mul(a0, z2), unsafe_mul(a1, z1)),
                            unsafe_mul(a2, z0),
                        ),
                    )
                    % P
                )
                << 170
            )
            basis[i] = unsafe_add(before, change)
            basis[unsafe_add(i, count)] = unsafe_sub(unsafe_add(before, ZEROS), change)
            turn = unsafe_mul(turn, root) % P
        count = unsafe_mul(2, count)
    return basis


@internal
@pure
def _sum_of_powers(basis: uint256[PERIOD], beta: uint256) -> uint256:
    """
    @notice Column of the powers of beta: the sum of beta^i * L_i.
    @param basis Lagrange basis, lanes at most 7 p.
    @param beta Bus challenge, reduced.
    @return The sum, lanes below p.
    """
    b0: uint256 = beta & LANE
    b1: uint256 = (beta >> 85) & LANE
    b2: uint256 = beta >> 170
    s0: uint256 = 0
    s1: uint256 = 0
    s2: uint256 = 0
    for i: uint256 in range(PERIOD):
        next: uint256 = basis[unsafe_sub(PERIOD - 1, i)]
        t0: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(s0, b0), next & LANE),
            unsafe_mul(7, unsafe_add(unsafe_mul(s1, b2), unsafe_mul(s2, b1))),
        ) % P
        t1: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(s0, b1), unsafe_mul(s1, b0)),
            unsafe_add(unsafe_mul(7, unsafe_mul(s2, b2)), (next >> 85) & LANE),
        ) % P
        s2 = unsafe_add(
            unsafe_add(unsafe_mul(s0, b2), unsafe_mul(s1, b1)),
            unsafe_add(unsafe_mul(s2, b0), next >> 170),
        ) % P
        s0 = t0
        s1 = t1
    return s0 | s1 << 85 | s2 << 170


@internal
@pure
def _rotated_sums(basis: uint256[PERIOD], beta: uint256, turn: uint256) -> uint256[PERIOD]:
    """
    @notice Columns of the powers of beta, rotated: S_r is the sum of
            beta^((i + r) mod 64) * L_i.
    @dev S_(r + 1) = beta * S_r + (1 - beta^64) * L_(63 - r).
    @param basis Lagrange basis, lanes at most 7 p.
    @param beta Bus challenge, reduced.
    @param turn beta^64, reduced.
    @return S_0 to S_63, lanes below p.
    """
    b0: uint256 = beta & LANE
    b1: uint256 = (beta >> 85) & LANE
    b2: uint256 = beta >> 170
    wrap: uint256 = unsafe_sub(ZEROS + 1, turn)
    w0: uint256 = wrap & LANE
    w1: uint256 = (wrap >> 85) & LANE
    w2: uint256 = wrap >> 170
    sums: uint256[PERIOD] = empty(uint256[PERIOD])
    sums[0] = self._sum_of_powers(basis, beta)
    s0: uint256 = sums[0] & LANE
    s1: uint256 = (sums[0] >> 85) & LANE
    s2: uint256 = sums[0] >> 170
    for r: uint256 in range(1, PERIOD):
        l0: uint256 = basis[unsafe_sub(PERIOD, r)]
        l1: uint256 = (l0 >> 85) & LANE
        l2: uint256 = l0 >> 170
        l0 &= LANE
        t0: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(s0, b0), unsafe_mul(l0, w0)),
            unsafe_mul(
                7,
                unsafe_add(
                    unsafe_add(unsafe_mul(s1, b2), unsafe_mul(s2, b1)),
                    unsafe_add(unsafe_mul(l1, w2), unsafe_mul(l2, w1)),
                ),
            ),
        ) % P
        t1: uint256 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_mul(s0, b1), unsafe_mul(s1, b0)),
                unsafe_add(unsafe_mul(l0, w1), unsafe_mul(l1, w0)),
            ),
            unsafe_mul(7, unsafe_add(unsafe_mul(s2, b2), unsafe_mul(l2, w2))),
        ) % P
        s2 = unsafe_add(
            unsafe_add(
                unsafe_add(unsafe_mul(s0, b2), unsafe_mul(s1, b1)), unsafe_mul(s2, b0)
            ),
            unsafe_add(
                unsafe_add(unsafe_mul(l0, w2), unsafe_mul(l1, w1)), unsafe_mul(l2, w0)
            ),
        ) % P
        s0 = t0
        s1 = t1
        sums[r] = s0 | s1 << 85 | s2 << 170
    return sums
