"""What ``headrace params`` tells: every profile with its bits, round by round."""

from __future__ import annotations

from dataclasses import asdict

from offchain.air.machine import TABLES, air_hash
from offchain.security.calculator import (
    Assessment,
    assess_regimes,
    count_air,
    needed_blinding_rows,
    provable_bits,
)
from offchain.security.parameters import MAX_LOG_HEIGHT, PROFILES, Parameters
from offchain.security.size import expected_proof_bytes

SIZE_LOG_HEIGHT = 17
"""Expected proof sizes are stated for all tables at 2^17 rows, as benchmarks are."""


def to_fields() -> dict[str, object]:
    """All profiles as plain values, for JSON."""
    return {
        "air_hash": air_hash().hex(),
        "air": asdict(count_air()),
        "max_log_height": MAX_LOG_HEIGHT,
        "profiles": {name: _profile_fields(profile) for name, profile in PROFILES.items()},
    }


def _profile_fields(parameters: Parameters) -> dict[str, object]:
    unique, johnson = assess_regimes(parameters, MAX_LOG_HEIGHT)
    heights = range(parameters.min_log_height, MAX_LOG_HEIGHT + 1)
    return {
        **asdict(parameters),
        "parameters_id": parameters.parameters_id.hex(),
        "needed_blinding_rows": needed_blinding_rows(parameters.queries),
        "bits": min(provable_bits(parameters, log_n) for log_n in heights),
        "regimes": {"UDR": _regime_fields(unique), "JBR": _regime_fields(johnson)},
        "expected_proof_bytes_2e17": _expected_bytes(parameters),
    }


def _regime_fields(assessment: Assessment) -> dict[str, object]:
    return {
        "total": assessment.total,
        "radius": assessment.regime.radius,
        "list_size": 2**assessment.regime.log_list,
        "multiplicity": assessment.regime.multiplicity,
        "rounds": assessment.rounds,
    }


def _expected_bytes(parameters: Parameters) -> int:
    return expected_proof_bytes(parameters, [SIZE_LOG_HEIGHT] * len(TABLES))


def to_text() -> str:
    """All profiles as a text table, one column each."""
    rows: list[list[str]] = [["", *PROFILES]]

    def add(name: str, *values: object) -> None:
        rows.append([name, *map(str, values)])

    profiles = list(PROFILES.values())
    add("rate", *(f"1/{1 << profile.log_blowup}" for profile in profiles))
    add("queries", *(profile.queries for profile in profiles))
    add("grinding bits", *(profile.grinding_bits for profile in profiles))
    add("blinding rows", *(profile.blinding_rows for profile in profiles))
    add("expected bytes at 2^17", *map(_expected_bytes, profiles))
    regimes = [assess_regimes(profile, MAX_LOG_HEIGHT) for profile in profiles]
    for assessments in zip(*regimes, strict=True):
        add("")
        add(f"bits, {assessments[0].regime.name}", *(item.total for item in assessments))
        add("multiplicity", *(item.regime.multiplicity for item in assessments))
        for name in assessments[0].rounds:
            add(f"  {name}", *(item.rounds[name] for item in assessments))
    rows = [row + [""] * (len(rows[0]) - len(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
