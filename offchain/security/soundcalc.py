"""Our parameters as input for soundcalc, the calculator of the Ethereum Foundation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offchain.air.table import MAX_DEGREE
from offchain.security.calculator import AirCounts, assess_regimes, count_air, highest_exponent
from offchain.security.parameters import MAX_LOG_HEIGHT, PROFILES, Parameters

_HEADER = """\
# Headrace in the format of soundcalc (https://github.com/ethereum/soundcalc).
# Printed by `headrace params --toml`.
#
# One circuit for each profile, with every table at its largest height. batch_size is one more than
# the highest power of the batching challenge, which is what the error depends on; our lifted tables
# leave gaps between the powers, so the size that soundcalc estimates from it is far too large.
"""

Value = str | int | float | bool | list[int]


def to_toml(profiles: Sequence[Parameters] = tuple(PROFILES.values())) -> str:
    """Write a TOML document with one circuit for each profile."""
    counts = count_air()
    zkvm: dict[str, Value] = {
        "name": "Headrace",
        "protocol_family": "FRI_STARK",
        "field": "Goldilocks^3",
        "hash_size_bits": 256,
    }
    parts = [_HEADER, _section("[zkevm]", zkvm)]
    for parameters in profiles:
        parts.append(_section("[[circuits]]", _circuit(parameters, counts)))
        parts.append(_section("[[circuits.lookups]]", _lookups(counts)))
    return "\n".join(parts)


def _circuit(parameters: Parameters, counts: AirCounts) -> dict[str, Value]:
    _, johnson = assess_regimes(parameters, MAX_LOG_HEIGHT)
    fold_logs = parameters.fold_logs(MAX_LOG_HEIGHT)
    rate = 2.0**-parameters.log_blowup
    # A hair above sqrt(rho)/(2m), or rounding could make soundcalc take m + 1.
    gap = rate**0.5 / (2 * johnson.regime.multiplicity) * (1 + 1e-12)
    return {
        "name": parameters.name,
        "rho": rate,
        "trace_length": 1 << MAX_LOG_HEIGHT,
        "air_max_degree": MAX_DEGREE,
        "num_columns": counts.columns,
        "num_constraints": counts.constraints,
        "opening_points": 2,
        "batch_size": highest_exponent(counts) + 1,
        "power_batching": True,
        "num_queries": parameters.queries,
        "fri_folding_factors": [1 << fold_log for fold_log in fold_logs],
        "fri_early_stop_degree": 1 << (parameters.final_log + parameters.log_blowup),
        "grinding_query_phase": parameters.grinding_bits,
        "gap_to_radius": gap,
    }


def _lookups(counts: AirCounts) -> dict[str, Value]:
    return {
        "name": "buses",
        "logup_type": "univariate",
        "rows_L": counts.fractions << MAX_LOG_HEIGHT,
        "rows_T": 1 << MAX_LOG_HEIGHT,
        "num_columns_S": counts.tuple_degree + 1,
        "num_lookups_M": 1,
    }


def _section(title: str, values: Mapping[str, Value]) -> str:
    lines = [f"{key} = {_literal(value)}" for key, value in values.items()]
    return "\n".join([title, *lines, ""])


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
