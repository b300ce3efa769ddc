"""Every violation that a dishonest sequencer attempts: its rule, and why it comes to nothing.

docs/spec/proof-coverage.md is made from the decorators and docstrings of this folder, which is why
their arguments are literals (offchain/tools/gen_proof_coverage.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PROVEN, BOUNDED, TRUSTED = "proven", "bounded", "trusted"


@dataclass(frozen=True)
class Violation:
    """One attempt; `result` is what has to become of it."""

    name: str
    rule: str
    result: str
    status: str
    attempt: Callable[[Any], str]


VIOLATIONS: list[Violation] = []


def violation(
    *, rule: str, result: str, why: str, status: str = PROVEN
) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    """Register an attempt.

    Parameters
    ----------
    rule
        Section of docs/spec that states the rule: file and anchor.
    result
        What the attempt returns.
    why
        What stops it, or what limits the damage.
    status
        Whether the rule is proven, bounded or trusted.
    """
    assert why.endswith(".")
    assert status in (PROVEN, BOUNDED, TRUSTED)

    def register(attempt: Callable[[Any], str]) -> Callable[[Any], str]:
        VIOLATIONS.append(Violation(attempt.__name__, rule, result, status, attempt))
        return attempt

    return register
