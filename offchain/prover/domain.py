"""Evaluation domains: which point lies under which row."""

from __future__ import annotations

from offchain.prover.reference import GENERATOR, P, root_of_unity

TWO_ADICITY = 32
QUOTIENT_COSETS = 4
"""Cosets of size n on which the quotient, of degree below 3n, is computed."""


def shift_of(height: int) -> int:
    """Shift of the evaluation domain of a table: 7^(2^32 / height).

    Raising to the power s = n / height takes the shift of height n to that of `height`, so that
    a lifted column is evaluated on its own domain. The shift lies outside every subgroup of
    order 2^k: its order is a multiple of the odd part of p - 1.
    """
    return pow(GENERATOR, (1 << TWO_ADICITY) // height, P)


def coset_shift(height: int, blowup: int, coset: int) -> int:
    """Shift of coset j: its row k is row j + blowup * k of the evaluation domain."""
    return shift_of(height) * pow(root_of_unity(blowup * height), coset, P) % P


def domain_point(height: int, blowup: int, index: int) -> int:
    """Point under row `index` of the evaluation domain of a table."""
    return coset_shift(height, blowup, index)


def quotient_cosets(blowup: int) -> tuple[int, ...]:
    """Cosets of the evaluation domain whose union is the domain of the quotient, of size 4n."""
    return tuple(range(0, blowup, blowup // QUOTIENT_COSETS))
