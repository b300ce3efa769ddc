# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title DEEP combination
@notice One codeword G that is close to the code only if all values opened
        outside the domain are right. With S_k(x) the sum of weight * (column
        - opened value) over the columns of class k (tables of one height),
        and S' the same for the values opened one row later,
        G(x) = R(x) + sum_k S_k(x) (1/(x - zeta) + T/(x - eta_k zeta))
             + S'(x)/(x - omega_n zeta).
        The second denominator is there for all classes but the highest: only
        words of the form f(X^s) pass at zeta and at eta zeta.
@dev docs/spec/proof-system.md, "DEEP". The weights are those of columns.vy; T
     is the power of the challenge after the last column's.
"""

from contracts.verifier import columns
from contracts.verifier import domain
from contracts.verifier import field
from contracts.verifier import machine


# What a part has summed up: of each class whether it was touched, and
# weight * (column - opened value) for each query; and for each query the same
# over values opened one row later. Lanes below 2^80.
struct Sums:
    is_touched: bool[machine.TABLES]
    classes: uint256[machine.MAX_QUERIES][machine.TABLES]
    next: uint256[machine.MAX_QUERIES]


@internal
@pure
def _opened_sums(
    log_heights: bytes32, batch: uint256, values: uint256[machine.VALUES]
) -> DynArray[uint256, 13]:
    """
    @notice Sums of weight * opened value.
    @param log_heights Byte t, from the left, for table t.
    @param batch The challenge.
    @param values The values, in the order of the proof.
    @return The sum over the values one row later, then that of each class,
            the highest first; lanes below p.
    """
    classes: DynArray[uint256, machine.TABLES] = columns._class_heights(log_heights)
    by_height: uint256[machine.MAX_LOG_HEIGHT + 1] = empty(uint256[machine.MAX_LOG_HEIGHT + 1])
    # Of a table's columns by Horner's rule, times the power of the first one.
    first_power: uint256 = batch
    first: uint256 = 0
    for tree: uint256 in range(columns.TREES):
        widths: bytes32 = empty(bytes32)
        exponent: uint256 = 0
        stride: uint256 = 0
        widths, exponent, stride = columns._widths(tree)
        for table: uint256 in range(machine.TABLES):
            width: uint256 = machine._byte(widths, table)
            height: uint256 = machine._byte(log_heights, table)
            if tree == columns.QUOTIENT:
                height = classes[0]
            table_sum: uint256 = 0
            for i: uint256 in range(width, bound=255):
                table_sum = unsafe_add(
                    field._mul(table_sum, batch), values[first + width - 1 - i]
                )
            by_height[height] = unsafe_add(
                by_height[height], field._mul(table_sum, first_power)
            )
            if width != 0:
                first_power = field._mul(first_power, field._power(batch, width))
            first += width
    next_sum: uint256 = 0
    for i: uint256 in range(machine.NEXT_VALUES):
        next_sum = unsafe_add(
            field._mul(next_sum, batch), values[first + machine.NEXT_VALUES - 1 - i]
        )
    next_sum = field._mul(next_sum, field._power(batch, 2 * columns.LIFT_EXPONENT))
    sums: DynArray[uint256, 13] = [next_sum]
    for height: uint256 in classes:
        sums.append(field._reduce(by_height[height]))
    return sums


@internal
@pure
def _combine(
    indices: DynArray[uint256, machine.MAX_QUERIES],
    values: DynArray[uint256, machine.MAX_QUERIES],
    zeta: uint256,
    batch: uint256,
    log_heights: DynArray[uint256, machine.TABLES],
    sums: Sums,
) -> DynArray[uint256, machine.MAX_QUERIES]:
    """
    @notice Add what a part has summed up to the values of G.
    @param indices Queried places.
    @param values Of G there before the part, lanes below 2^80.
    @param zeta Point outside the domain.
    @param batch Challenge that combines the columns.
    @param log_heights Of the classes, descending.
    @param sums What the part has summed up.
    @return Values of G so far, lanes below p.
    """
    count: uint256 = len(indices)
    points: uint256[machine.MAX_QUERIES] = domain._points(
        indices, field._base_power(field.GENERATOR, 1 << (32 - log_heights[0]))
    )
    at_zeta: uint256[machine.MAX_QUERIES] = self._fractions(points, count, 1, zeta)
    pole: uint256 = field._scale(zeta, self._root(log_heights[0]))
    factors: uint256[machine.MAX_QUERIES] = self._fractions(points, count, 1, pole)
    totals: DynArray[uint256, machine.MAX_QUERIES] = values
    for query: uint256 in range(count, bound=machine.MAX_QUERIES):
        totals[query] = unsafe_add(
            unsafe_add(totals[query], field._mul(sums.classes[0][query], at_zeta[query])),
            field._mul(sums.next[query], factors[query]),
        )
    lift: uint256 = field._power(batch, columns.LIFT_EXPONENT)
    for number: uint256 in range(1, len(log_heights), bound=machine.TABLES):
        if not sums.is_touched[number]:
            continue
        pole = field._scale(zeta, self._root(log_heights[0] - log_heights[number]))
        factors = self._fractions(points, count, lift, pole)
        for query: uint256 in range(count, bound=machine.MAX_QUERIES):
            totals[query] = unsafe_add(
                totals[query],
                field._mul(
                    sums.classes[number][query], unsafe_add(at_zeta[query], factors[query])
                ),
            )
    for query: uint256 in range(count, bound=machine.MAX_QUERIES):
        totals[query] = field._reduce(totals[query])
    return totals


@internal
@pure
def _root(log_order: uint256) -> uint256:
    """
    @notice The generator of the subgroup of a power-of-two order.
    @param log_order Base-2 logarithm of the order, at most 32.
    @return 7^((p - 1) / order).
    """
    return field._base_power(field.GENERATOR, (field.P - 1) >> log_order)


@internal
@pure
def _fractions(
    points: uint256[machine.MAX_QUERIES], count: uint256, numerator: uint256, pole: uint256
) -> uint256[machine.MAX_QUERIES]:
    """
    @notice numerator/(x - pole) for points x of F_p and a pole outside of F_p.
    @dev With the pole's minimal polynomial N(X) = X^3 - t X^2 + s X - n =
         (X - pole)(X^2 + (pole - t) X + c), c = s + pole^2 - t pole, the
         inverse is (x^2 + (pole - t) x + c)/N(x). N(x) lies in F_p and is
         not 0, because pole is not in F_p. One inversion serves all points.
         A limb of the polynomial in x is below 3 * 2^128.
    @param points Below p.
    @param count How many.
    @param numerator Lanes below p.
    @param pole Lanes below p.
    @return The fractions, lanes below p.
    """
    r0: uint256 = pole & field.LANE
    r1: uint256 = (pole >> 85) & field.LANE
    r2: uint256 = pole >> 170
    t: uint256 = 3 * r0 % field.P
    s: uint256 = 3 * (r0 * r0 + 7 * (field.P * field.P - r1 * r2)) % field.P
    linear: uint256 = unsafe_sub(unsafe_add(pole, field.ZEROS), t)
    constant_term: uint256 = unsafe_add(field._mul(pole, linear), s)
    # It lies in F_p: lane 0 is all.
    n: uint256 = field._mul(pole, constant_term)
    linear = field._mul(numerator, linear)
    constant_term = field._mul(numerator, constant_term)
    products: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    norms: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    product: uint256 = 1
    for i: uint256 in range(count, bound=machine.MAX_QUERIES):
        x: uint256 = points[i]
        # (x - t) x^2 + s x - n, each summand made positive.
        norm: uint256 = (
            unsafe_add(
                unsafe_mul(
                    unsafe_mul(x, x) % field.P, unsafe_sub(unsafe_add(x, field.P), t)
                ),
                unsafe_sub(unsafe_add(unsafe_mul(s, x), field.P), n),
            )
            % field.P
        )
        norms[i] = norm
        products[i] = product
        product = unsafe_mul(product, norm) % field.P
    rest: uint256 = field._base_inverse(product)
    q0: uint256 = numerator & field.LANE
    q1: uint256 = (numerator >> 85) & field.LANE
    q2: uint256 = numerator >> 170
    l0: uint256 = linear & field.LANE
    l1: uint256 = (linear >> 85) & field.LANE
    l2: uint256 = linear >> 170
    c0: uint256 = constant_term & field.LANE
    c1: uint256 = (constant_term >> 85) & field.LANE
    c2: uint256 = constant_term >> 170
    fractions: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    for i: uint256 in range(count, bound=machine.MAX_QUERIES):
        last: uint256 = unsafe_sub(unsafe_sub(count, 1), i)
        x: uint256 = points[last]
        square: uint256 = unsafe_mul(x, x) % field.P
        inverse: uint256 = unsafe_mul(rest, products[last]) % field.P
        f0: uint256 = unsafe_add(unsafe_add(unsafe_mul(q0, square), unsafe_mul(l0, x)), c0)
        f1: uint256 = unsafe_add(unsafe_add(unsafe_mul(q1, square), unsafe_mul(l1, x)), c1)
        f2: uint256 = unsafe_add(unsafe_add(unsafe_mul(q2, square), unsafe_mul(l2, x)), c2)
        fractions[last] = (
            unsafe_mul(f0 % field.P, inverse) % field.P
            | (unsafe_mul(f1 % field.P, inverse) % field.P) << 85
            | (unsafe_mul(f2 % field.P, inverse) % field.P) << 170
        )
        rest = unsafe_mul(rest, norms[last]) % field.P
    return fractions
