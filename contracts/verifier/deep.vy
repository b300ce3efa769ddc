# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title DEEP combination
@notice One codeword G that is close to the code only if all values opened
        outside the domain are right. With S_k(x) the sum of weight * (column
        - opened value) over the columns of class k (tables of one height),
        and S' the same for the values opened one row later,
        G(x) = R(x) + sum_k S_k(x) (1/(x - zeta) + T/(x - eta_k zeta))
             + T^2 S'(x)/(x - omega_n zeta).
        The second denominator is there for all classes but the highest: only
        words of the form f(X^s) pass at zeta and at eta zeta.
@dev docs/spec/proof-system.md, "DEEP". The weights are those of columns.vy; T
     is the power of the challenge after the last column's.
"""

from contracts.verifier import columns
from contracts.verifier import field
from contracts.verifier import machine

# 7^(2^32 - 1), which has the order 2^32.
LARGEST_ROOT: constant(uint256) = 1753635133440165772
# Precompiled contract of EIP-198, and the length of each of its arguments.
MODEXP: constant(address) = 0x0000000000000000000000000000000000000005
LENGTH: constant(uint256) = 32
WORD: constant(uint256) = 2**64 - 1

# For each query: the sum over all classes, to be divided by x - zeta; the sum of
# weight * value opened one row later; T S_k(x)/(x - eta_k zeta), summed over the
# classes but the highest. Lanes below 2^80.
struct Terms:
    here: uint256[machine.MAX_QUERIES]
    next: uint256[machine.MAX_QUERIES]
    lifted: uint256[machine.MAX_QUERIES]


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
    # From the power 0 on.
    powers: uint256[machine.MAIN_COLUMNS] = columns._geometric(1, batch, machine.WIDEST + 1)
    b0: uint256 = batch & field.LANE
    b1: uint256 = (batch >> 85) & field.LANE
    b2: uint256 = batch >> 170
    # Powers of each table's first main column and of its running sum.
    main_powers: uint256[machine.TABLES] = empty(uint256[machine.TABLES])
    sum_powers: uint256[machine.TABLES] = empty(uint256[machine.TABLES])
    # Of a table's columns by Horner's rule, times the power of the first one.
    first_power: uint256 = batch
    last: uint256 = 0
    for tree: uint256 in range(columns.TREES):
        widths: bytes32 = empty(bytes32)
        exponent: uint256 = 0
        stride: uint256 = 0
        widths, exponent, stride = columns._widths(tree)
        for table: uint256 in range(machine.TABLES):
            width: uint256 = machine._byte(widths, table)
            if width == 0:
                continue
            height: uint256 = classes[0]
            if tree != columns.QUOTIENT:
                height = machine._byte(log_heights, table)
            last += width
            place: uint256 = last
            s0: uint256 = 0
            s1: uint256 = 0
            s2: uint256 = 0
            for _: uint256 in range(width, bound=255):
                place = unsafe_sub(place, 1)
                value: uint256 = values[place]
                t0: uint256 = unsafe_add(
                    unsafe_add(unsafe_mul(s0, b0), value & field.LANE),
                    unsafe_mul(7, unsafe_add(unsafe_mul(s1, b2), unsafe_mul(s2, b1))),
                ) % field.P
                t1: uint256 = unsafe_add(
                    unsafe_add(unsafe_mul(s0, b1), unsafe_mul(s1, b0)),
                    unsafe_add(unsafe_mul(7, unsafe_mul(s2, b2)), (value >> 85) & field.LANE),
                ) % field.P
                s2 = unsafe_add(
                    unsafe_add(unsafe_mul(s0, b2), unsafe_mul(s1, b1)),
                    unsafe_add(unsafe_mul(s2, b0), value >> 170),
                ) % field.P
                s0 = t0
                s1 = t1
            by_height[height] = unsafe_add(
                by_height[height], field._mul(s0 | s1 << 85 | s2 << 170, first_power)
            )
            if tree == columns.MAIN:
                main_powers[table] = first_power
            elif tree == columns.AUX:
                sum_powers[table] = field._mul(first_power, powers[width - 1])
            first_power = field._mul(first_power, powers[width])
    next_sum: uint256 = 0
    for column: uint256 in machine.NEXT_COLUMNS:
        weight: uint256 = sum_powers[column >> 8]
        if column & 255 != machine.RUNNING_SUM:
            weight = field._mul(main_powers[column >> 8], powers[column & 255])
        next_sum = unsafe_add(next_sum, field._mul(weight, values[last]))
        last += 1
    sums: DynArray[uint256, 13] = [field._reduce(next_sum)]
    for height: uint256 in classes:
        sums.append(field._reduce(by_height[height]))
    return sums


@internal
@view
def _add_class(
    terms: Terms,
    rows: uint256[machine.MAX_QUERIES],
    later_rows: uint256[machine.MAX_QUERIES],
    opened: uint256,
    shared: uint256,
    points: uint256[machine.MAX_QUERIES],
    count: uint256,
    zeta: uint256,
    lift: uint256,
    log_lift: uint256,
) -> Terms:
    """
    @notice Add what a part has summed up for a class.
    @param terms Of the classes before.
    @param rows Sum of weight * column for each row, over columns that are not
           opened one row later.
    @param later_rows The same over columns that are.
    @param opened Minus the sum of weight * opened value, to be added once.
    @param shared Bit i is set if the queries i - 1 and i have one row.
    @param points Queried points.
    @param count How many queries there are.
    @param zeta Point outside the domain.
    @param lift T.
    @param log_lift Base-2 logarithm of the largest height over the class's.
    @return The terms with those of the class.
    """
    result: Terms = terms
    sums: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    # Of the query's row; the first query steps to 0.
    row: uint256 = max_value(uint256)
    for query: uint256 in range(count, bound=machine.MAX_QUERIES):
        if shared >> query & 1 == 0:
            row = unsafe_add(row, 1)
        later: uint256 = later_rows[row]
        class_sum: uint256 = unsafe_add(unsafe_add(rows[row], later), opened)
        sums[query] = class_sum
        result.next[query] = unsafe_add(result.next[query], later)
        result.here[query] = unsafe_add(result.here[query], class_sum)
    if log_lift != 0:
        pole: uint256 = field._scale(zeta, self._root(log_lift))
        result.lifted = self._add_quotients(result.lifted, sums, points, count, pole, lift)
    return result


@internal
@view
def _combine(
    values: DynArray[uint256, machine.MAX_QUERIES],
    terms: Terms,
    has_next: bool,
    next_opened: uint256,
    points: uint256[machine.MAX_QUERIES],
    zeta: uint256,
    lift: uint256,
    log_n: uint256,
) -> DynArray[uint256, machine.MAX_QUERIES]:
    """
    @notice Add what a part has summed up to the values of G.
    @param values Of G at the queried points before the part, lanes below 2^80.
    @param terms Of all classes.
    @param has_next Whether there are values one row later among them.
    @param next_opened Minus the sum of weight * value opened one row later,
           to be added once.
    @param points Queried points.
    @param zeta Point outside the domain.
    @param lift T.
    @param log_n Base-2 logarithm of the largest height.
    @return Values of G so far, lanes below p.
    """
    count: uint256 = len(values)
    sums: uint256[machine.MAX_QUERIES] = self._add_quotients(
        terms.lifted, terms.here, points, count, zeta, 1
    )
    if has_next:
        next: uint256[machine.MAX_QUERIES] = terms.next
        for query: uint256 in range(count, bound=machine.MAX_QUERIES):
            next[query] = unsafe_add(next[query], next_opened)
        pole: uint256 = field._scale(zeta, self._root(log_n))
        sums = self._add_quotients(
            sums, next, points, count, pole, field._mul(lift, lift)
        )
    totals: DynArray[uint256, machine.MAX_QUERIES] = values
    for query: uint256 in range(count, bound=machine.MAX_QUERIES):
        totals[query] = field._reduce(unsafe_add(totals[query], sums[query]))
    return totals


@internal
@pure
def _root(log_order: uint256) -> uint256:
    """
    @notice The generator of the subgroup of a power-of-two order.
    @dev Squares of the generator of the largest one.
    @param log_order Base-2 logarithm of the order, at most 32.
    @return 7^((p - 1) / order).
    """
    root: uint256 = LARGEST_ROOT
    for _: uint256 in range(32 - log_order, bound=32):
        root = unsafe_mul(root, root) % field.P
    return root


@internal
@view
def _base_inverse(a: uint256) -> uint256:
    """
    @notice Inverse in F_p by Fermat's little theorem, with the precompiled
            contract of EIP-198.
    @param a Below p; 0 gives 0.
    @return a^(p - 2), below p.
    """
    return convert(
        raw_call(
            MODEXP,
            # Lengths of base, exponent and modulus, then these.
            abi_encode(LENGTH, LENGTH, LENGTH, a, field.P - 2, field.P),
            max_outsize=32,
            is_static_call=True,
        ),
        uint256,
    )


@internal
@view
def _add_quotients(
    totals: uint256[machine.MAX_QUERIES],
    numerators: uint256[machine.MAX_QUERIES],
    points: uint256[machine.MAX_QUERIES],
    count: uint256,
    pole: uint256,
    weight: uint256,
) -> uint256[machine.MAX_QUERIES]:
    """
    @notice total + weight * numerator/(x - pole) for points x of F_p and a
            pole outside of F_p.
    @dev With the pole's minimal polynomial N(X) = X^3 - t X^2 + s X - n =
         (X - pole)(X^2 + (pole - t) X + c), c = s + pole^2 - t pole, the
         inverse is (x^2 + (pole - t) x + c)/N(x). N(x) lies in F_p and is
         not 0, because pole is not in F_p. One inversion serves all points.
         A limb of weight times the polynomial in x is below 3 * 2^128, one of
         its product with the numerator below 45 * 2^208.
    @param totals Lanes below 2^80.
    @param numerators Lanes below 2^80.
    @param points Below p.
    @param count How many.
    @param pole Lanes below p.
    @param weight Lanes below p.
    @return The sums; lanes grow by less than p.
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
    # Coefficients of weight * (X^2 + (pole - t) X + c), by lanes.
    linear = field._mul(weight, linear)
    constant_term = field._mul(weight, constant_term)
    w0: uint256 = weight & field.LANE
    w1: uint256 = (weight >> 85) & field.LANE
    w2: uint256 = weight >> 170
    l0: uint256 = linear & field.LANE
    l1: uint256 = (linear >> 85) & field.LANE
    l2: uint256 = linear >> 170
    c0: uint256 = constant_term & field.LANE
    c1: uint256 = (constant_term >> 85) & field.LANE
    c2: uint256 = constant_term >> 170
    # Of each point: the product of the norms before it, its norm, its square,
    # itself.
    steps: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    product: uint256 = 1
    for i: uint256 in range(count, bound=machine.MAX_QUERIES):
        x: uint256 = points[i]
        square: uint256 = unsafe_mul(x, x) % field.P
        # (x - t) x^2 + s x - n, each summand made positive.
        norm: uint256 = (
            unsafe_add(
                unsafe_mul(square, unsafe_sub(unsafe_add(x, field.P), t)),
                unsafe_sub(unsafe_add(unsafe_mul(s, x), field.P), n),
            )
            % field.P
        )
        steps[i] = product << 192 | norm << 128 | square << 64 | x
        product = unsafe_mul(product, norm) % field.P
    rest: uint256 = self._base_inverse(product)
    result: uint256[machine.MAX_QUERIES] = totals
    for i: uint256 in range(count, bound=machine.MAX_QUERIES):
        last: uint256 = unsafe_sub(unsafe_sub(count, 1), i)
        step: uint256 = steps[last]
        x: uint256 = step & WORD
        square: uint256 = (step >> 64) & WORD
        inverse: uint256 = unsafe_mul(rest, step >> 192) % field.P
        rest = unsafe_mul(rest, (step >> 128) & WORD) % field.P
        f0: uint256 = unsafe_add(unsafe_add(unsafe_mul(w0, square), unsafe_mul(l0, x)), c0)
        f1: uint256 = unsafe_add(unsafe_add(unsafe_mul(w1, square), unsafe_mul(l1, x)), c1)
        f2: uint256 = unsafe_add(unsafe_add(unsafe_mul(w2, square), unsafe_mul(l2, x)), c2)
        numerator: uint256 = numerators[last]
        a0: uint256 = numerator & field.LANE
        a1: uint256 = (numerator >> 85) & field.LANE
        a2: uint256 = numerator >> 170
        g0: uint256 = unsafe_add(
            unsafe_mul(a0, f0),
            unsafe_mul(7, unsafe_add(unsafe_mul(a1, f2), unsafe_mul(a2, f1))),
        ) % field.P
        g1: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(a0, f1), unsafe_mul(a1, f0)),
            unsafe_mul(7, unsafe_mul(a2, f2)),
        ) % field.P
        g2: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(a0, f2), unsafe_mul(a1, f1)), unsafe_mul(a2, f0)
        ) % field.P
        result[last] = unsafe_add(
            result[last],
            unsafe_mul(g0, inverse) % field.P
            | (unsafe_mul(g1, inverse) % field.P) << 85
            | (unsafe_mul(g2, inverse) % field.P) << 170,
        )
    return result
