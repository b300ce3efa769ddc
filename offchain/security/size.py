"""Expected length of a proof, from the parameters and the heights of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from offchain.air.machine import TABLES
from offchain.security.parameters import QUOTIENT_PARTS, Parameters
from offchain.verifier.merkle import SALT_WORDS
from offchain.verifier.proof_format import MAGIC, out_of_domain_count
from offchain.verifier.transcript import DIGEST_BYTES

WORD_BYTES: Final = 8
EXTENSION_WORDS: Final = 3
ELEMENT_BYTES: Final = EXTENSION_WORDS * WORD_BYTES


def expected_proof_bytes(parameters: Parameters, log_heights: Sequence[int]) -> int:
    """Length of a proof without public output, on average over the query positions.

    Parameters
    ----------
    parameters
        The parameter set.
    log_heights
        Base-2 logarithm of the height of every table, in the order of TABLES.
    """
    log_n = max(log_heights)
    widths: dict[str, dict[int, int]] = {"preprocessed": {}, "main": {}, "aux": {}}
    for table, log_height in zip(TABLES, log_heights, strict=True):
        columns = {
            "preprocessed": len(table.preprocessed),
            "main": len(table.main),
            "aux": EXTENSION_WORDS * len(table.fraction_groups()),
        }
        for tree, width in columns.items():
            if width:
                classes = widths[tree]
                classes[log_height] = classes.get(log_height, 0) + width
    layers = parameters.fold_logs(log_n)
    preprocessed_tables = sum(bool(table.preprocessed) for table in TABLES)
    total = float(len(MAGIC) + 2 + len(TABLES) + 4 + 4 + preprocessed_tables + WORD_BYTES)
    total += DIGEST_BYTES * (4 + len(layers))
    total += ELEMENT_BYTES * (out_of_domain_count(TABLES) + (1 << parameters.final_log))
    blowup, queries = parameters.log_blowup, parameters.queries
    total += _tree_bytes(widths["preprocessed"], 0, blowup, queries)
    total += _tree_bytes(widths["main"], SALT_WORDS, blowup, queries)
    total += _tree_bytes(widths["aux"], SALT_WORDS, blowup, queries)
    quotient = {log_n: EXTENSION_WORDS * (QUOTIENT_PARTS + 1)}
    total += _tree_bytes(quotient, SALT_WORDS, blowup, queries)
    log_size = log_n + blowup
    for fold in layers:
        log_size -= fold
        total += _tree_bytes({log_size: EXTENSION_WORDS << fold}, 0, 0, queries)
    return round(total)


def _tree_bytes(widths: Mapping[int, int], salt: int, log_blowup: int, queries: int) -> float:
    rows = sum(
        _distinct(1 << (log_height + log_blowup), queries) * (width + salt)
        for log_height, width in widths.items()
    )
    # A digest is sent for every node of depth k that is on no path while its sibling is.
    log_size = max(widths) + log_blowup
    siblings: float = sum(
        2.0**depth * ((1 - 2**-depth) ** queries - (1 - 2 ** (1 - depth)) ** queries)
        for depth in range(1, log_size + 1)
    )
    return rows * WORD_BYTES + siblings * DIGEST_BYTES


def _distinct(positions: int, queries: int) -> float:
    return float(positions * (1 - (1 - 1 / positions) ** queries))
