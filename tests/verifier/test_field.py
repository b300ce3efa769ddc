"""The cubic extension: axioms on random elements, and the constants it rests on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import (
    GENERATOR,
    ONE,
    ZERO,
    Element,
    domain_shift,
    horner,
    inverses,
    powers,
    root_of_unity,
)

limbs = st.one_of(st.integers(0, P - 1), st.sampled_from([0, 1, P - 1, 2**32 - 1]))
elements = st.builds(Element, limbs, limbs, limbs)


def schoolbook(a, b):
    """Product of two polynomials, reduced by x^3 = 7 from the top."""
    product = [0] * 5
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            product[i + j] += left * right
    for top in (4, 3):
        product[top - 3] += 7 * product[top]
    return Element(*(limb % P for limb in product[:3]))


@given(elements, elements, elements)
def test_it_is_a_commutative_ring(a, b, c):
    assert a * b == schoolbook(a, b) == b * a
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a + b - b == a
    assert a - a == ZERO
    assert a * 5 == a + a + a + a + a


@given(elements.filter(any), elements)
def test_every_element_but_zero_has_an_inverse(a, b):
    assert ONE / a * a == ONE
    assert b / a * a == b


def test_zero_has_no_inverse():
    with pytest.raises(ZeroDivisionError):
        inverses([ONE, ZERO])


@given(st.lists(elements.filter(any), max_size=5))
def test_inverses_are_in_order(values):
    assert [a * b for a, b in zip(values, inverses(values), strict=True)] == [ONE] * len(values)


@given(elements, st.integers(0, 40))
def test_powers_agree(a, exponent):
    assert powers(a, exponent + 1)[-1] == a**exponent


def test_seven_generates_the_group_and_is_no_cube():
    factors = (2, 3, 5, 17, 257, 65537)  # of p - 1 = 2^32 * 3 * 5 * 17 * 257 * 65537
    assert P - 1 == 2**32 * 3 * 5 * 17 * 257 * 65537
    assert all(pow(GENERATOR, (P - 1) // factor, P) != 1 for factor in factors)


@pytest.mark.parametrize("order_log", [0, 1, 5, 32])
def test_roots_of_unity_have_their_order(order_log):
    root = root_of_unity(order_log)
    assert pow(root, 2**order_log, P) == 1
    assert order_log == 0 or pow(root, 2 ** (order_log - 1), P) == P - 1


@given(st.lists(elements, max_size=6), limbs)
def test_horner_evaluates(coefficients, point):
    expected = sum((c * pow(point, i, P) for i, c in enumerate(coefficients)), ZERO)
    assert horner(coefficients, point) == expected


@pytest.mark.parametrize("log_n", [10, 17, 21])
def test_evaluation_domains_lift_to_each_other_and_avoid_the_trace(log_n):
    shift = domain_shift(log_n)
    for log_height in range(10, log_n):
        assert pow(shift, 1 << (log_n - log_height), P) == domain_shift(log_height)
    assert pow(shift, 1 << 32, P) != 1  # in no subgroup of two-power order
