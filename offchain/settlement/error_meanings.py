"""What to do about an error of the contracts: one sentence for each, in error_meanings.toml.

Proof verifiers give reasons without codes, those of `offchain.verifier.rejection`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

MEANINGS: Final[dict[str, str]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)
"""Sentence by the contract's whole string: ``E01: chain is frozen``."""


def explained(reason: str) -> str:
    """Return a contract's reason with what to do about it; as it is if it is unknown.

    Parameters
    ----------
    reason
        As the contract gives it.
    """
    meaning = MEANINGS.get(reason)
    return f"{reason}. {meaning}" if meaning else reason
