"""Gaussian binomials, which the contract takes for Z_B, by the heights of tables."""

from __future__ import annotations

from typing import Final

from offchain.security.parameters import L1_PROFILES, MAX_LOG_HEIGHT
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import root_of_unity

MIN_LOG_HEIGHT: Final = min(parameters.min_log_height for parameters in L1_PROFILES)
BLOCK: Final = 16
BITS: Final = 64
PER_WORD: Final = 4


def gaussian_binomials(q: int, n: int) -> list[int]:
    """Gaussian binomials of n over 0 to n at q, modulo p, by Pascal's rule.

    (Y - q)(Y - q^2)...(Y - q^n) has the coefficient (-1)^k * q^(k (k + 1) / 2) * binomial(n, k) at
    Y^(n - k).
    """
    row = [1]
    for _ in range(n):
        shifted = [pow(q, k, P) * value for k, value in enumerate([*row, 0])]
        row = [(a + b) % P for a, b in zip([0, *row], shifted, strict=True)]
    return row


def binomial_words() -> list[int]:
    """Two words for each height from the lowest one: 16 over 1 to 8."""
    words = []
    for log_height in range(MIN_LOG_HEIGHT, MAX_LOG_HEIGHT + 1):
        row = gaussian_binomials(pow(root_of_unity(log_height), -1, P), BLOCK)
        held = row[1 : BLOCK // 2 + 1]
        parts = (held[start : start + PER_WORD] for start in range(0, len(held), PER_WORD))
        words += [sum(x << BITS * i for i, x in enumerate(part)) for part in parts]
    return words
