"""Errors of the contracts in random histories: every one of a family must be given at least once.

A machine makes wrong calls in whatever state it has reached. What it expects is the code, told by a
model where the state decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.onchain.evm import REFUSALS, Reverted

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
CODE = re.compile(r'"([A-Z]\d\d): ')
FAMILIES = {
    "gateway": (
        *("Gateway.vy", "ChainRegistry.vy", "PriorityQueue.vy", "DataAvailability.vy"),
        "gateway/*.vy",
    ),
    "vault": ("CollateralVault.vy", "vault/*.vy", "common/*.vy"),
    "oracle": ("OracleHub.vy", "oracle/*.vy"),
    "escape": ("EscapeHatch.vy", "StateProofs.vy", "escape/*.vy"),
}
"""Sources whose errors one stateful test has to meet, by its name."""
ONLY_LOCAL = ("devnet/*.vy",)
"""Facts on the operator's word: for local networks, without a state that a history could change."""


def codes_of(*patterns: str) -> set[str]:
    """Return the codes in sources of contracts."""
    paths = [path for pattern in patterns for path in CONTRACTS.glob(pattern)]
    return {code for path in paths for code in CODE.findall(path.read_text())}


@contextmanager
def every_error_of(family: str) -> Iterator[None]:
    """Fail at the end if an error of the family was not given in between."""
    REFUSALS.clear()
    yield
    missing = codes_of(*FAMILIES[family]) - REFUSALS.keys()
    assert missing == set(), f"never given: {sorted(missing)}"


def refused(code: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Make a call that has to be refused with this code."""
    try:
        call(*arguments, **options)
    except Reverted as reverted:
        assert reverted.reason[:4] == f"{code}:", f"{code} expected, got {reverted.reason!r}"  # noqa: PT017
    else:
        raise AssertionError(f"{code} expected, but the call succeeded")
