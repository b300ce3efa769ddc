"""Pinned gas figures: a JSON object of name and gas, compared within one per cent.

A test measures, calls `differences` and shows what it returns; with `write` it pins on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TOLERANCE_PERCENT: Final = 1.0

Gas = Mapping[str, int]


def read(path: Path) -> dict[str, int]:
    """Return the pinned figures; empty when there is no file yet."""
    if not path.exists():
        return {}
    pinned: dict[str, int] = json.loads(path.read_text())
    return pinned


def write(path: Path, measured: Gas) -> None:
    """Pin measured figures in the order in which they were measured."""
    path.write_text(json.dumps(dict(measured), indent=2) + "\n")


def differences(pinned: Gas, measured: Gas) -> str:
    """Compare measured figures with the pinned ones.

    Parameters
    ----------
    pinned, measured
        Gas by name.

    Returns
    -------
    str
        A table of name, pinned, measured and change in per cent, with a row for each figure
        that differs by more than one per cent or is on one side only; empty when there is none.
    """
    rows = []
    for name in dict(pinned) | dict(measured):
        old, new = pinned.get(name), measured.get(name)
        if old is None or new is None:
            rows.append(_row(name, old, new, "new" if old is None else "gone"))
        elif abs(new - old) * 100 > old * TOLERANCE_PERCENT:
            rows.append(_row(name, old, new, f"{100 * (new - old) / old:+.2f} %"))
    if not rows:
        return ""
    head = f"{'name':32} {'pinned':>12} {'measured':>12} {'change':>10}"
    return "\n".join(["gas differs from the pinned figures (--write-gas pins these)", head, *rows])


def _row(name: str, old: int | None, new: int | None, change: str) -> str:
    figures = " ".join("-".rjust(12) if gas is None else f"{gas:>12,}" for gas in (old, new))
    return f"{name:32} {figures} {change:>10}"
