"""From a program and its input to a proof, and back: what commands, benchmarks and tests share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from offchain.air.machine import TABLES
from offchain.prover import prove as rounds
from offchain.prover.program_key import ProgramKey, make_program_key
from offchain.security.parameters import L1_PROFILES, PROFILES, Parameters
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.verify import VerifiedProof, verify
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import execute
from offchain.zkvm.program import Program, U32Array
from offchain.zkvm.program_tables import preprocessed_tables
from offchain.zkvm.trace import (
    HeightTooSmallError,
    NotProvableError,
    fill_tables,
    minimum_heights,
    used_rows,
)

STAGES: Final = ("execution", "program", "trace", *rounds.STAGES)

_PROGRAM_TABLES: Final = tuple(table.name for table in TABLES if table.preprocessed)
_NO_RUN: Final = dict.fromkeys((table.name for table in TABLES), 0)
_LOOKUP: Final = "lookup"  # as high for every program
_L1_LOG_SPREAD: Final = 2


@dataclass(frozen=True)
class ProvenRun:
    """A run with its proof.

    Attributes
    ----------
    execution : Execution
    log_heights : mapping
        Base-2 logarithms by the table's name.
    key : ProgramKey
        To be handed to the next proof of the program.
    proof : Proof
    """

    execution: Execution
    log_heights: Mapping[str, int]
    key: ProgramKey
    proof: rounds.Proof


def prove_program(
    program: Program,
    tape: U32Array,
    parameters: Parameters,
    *,
    key: ProgramKey | None = None,
    least_log_height: int = 0,
    randomness_key: bytes | None = None,
    progress: rounds.Progress = lambda _stage: None,
) -> ProvenRun:
    """Run a program on its input and prove the run.

    Parameters
    ----------
    program : Program
    tape : array
        uint32 (n,): the private input.
    parameters : Parameters
    key : ProgramKey, optional
        From an earlier proof of the same program under the same parameters; made if not given.
    least_log_height : int
        Every table has at least 2^this rows.
    randomness_key : bytes, optional
        See :func:`offchain.prover.prove.prove`.
    progress : callable
        Called with the name of each stage of `STAGES` as it begins.

    Raises
    ------
    TableTooHighError
        If the run is too long for one proof.
    NotProvableError
        If it did not exit with code 0.
    HeightTooSmallError
        If `key` is of a program that is smaller.
    InsecureParametersError
        If the parameters give too few bits at this height.
    """
    progress("execution")
    execution = execute(program, tape, record=True)
    heights = _heights(program, execution.row_counts, parameters, least_log_height)
    if execution.trap is not None:
        raise NotProvableError(f"{execution.trap}. Only a run that exits with code 0 has a proof")
    progress("program")
    key = key or make_key(program, parameters, heights)
    heights |= dict(zip(_PROGRAM_TABLES, key.log_heights, strict=True))
    progress("trace")
    main = fill_tables(program, execution, heights, parameters.blinding_rows)
    output = execution.output.tolist()
    proof = rounds.prove(
        key, main, output, is_consumed=True, randomness_key=randomness_key, progress=progress
    )
    return ProvenRun(execution, heights, key, proof)


def make_key(
    program: Program, parameters: Parameters, log_heights: Mapping[str, int] | None = None
) -> ProgramKey:
    """Commit to a program; its ``program_id`` names it to verifiers.

    Parameters
    ----------
    program : Program
    parameters : Parameters
    log_heights : mapping, optional
        At least of the tables with preprocessed columns, whose heights are part of the program id;
        by default those of a run that does nothing.

    Raises
    ------
    HeightTooSmallError
        If a table does not hold the program.
    """
    heights = _heights(program, _NO_RUN, parameters) if log_heights is None else log_heights
    rows = used_rows(program, _NO_RUN)
    for name in _PROGRAM_TABLES:
        usable = (1 << heights[name]) - parameters.blinding_rows
        if rows[name] > usable:
            raise HeightTooSmallError(
                f"the program takes {rows[name]} rows of table {name}, its height leaves {usable}"
            )
    with ThreadPoolExecutor(os.cpu_count() or 1) as executor:
        columns = preprocessed_tables(program, heights)
        return make_program_key(columns, program.entry, parameters, executor)


def verify_program(
    proof: bytes,
    program: Program,
    output: Sequence[int] | None = None,
    accepted: Iterable[str] = tuple(PROFILES),
) -> VerifiedProof:
    """Verify a proof against the program itself: its id is computed here, which needs the kernels.

    Parameters
    ----------
    proof : bytes
    program : Program
    output, accepted
        See :func:`offchain.verifier.verify.verify`.

    Raises
    ------
    Rejected
        With the reason, if the proof does not convince.
    """
    claim = decode(proof)
    # These are within bounds; `verify` checks that those of the program equal them.
    heights = dict(zip((table.name for table in TABLES), claim.log_heights, strict=True))
    try:
        key = make_key(program, claim.parameters, heights)
    except HeightTooSmallError as error:
        raise Rejected(Reason.WRONG_PROGRAM, str(error)) from error
    return verify(proof, key.program_id, output, accepted)


def heights_for_l1(lowest: Mapping[str, int]) -> dict[str, int]:
    """Raise low tables, since every height that occurs costs gas on L1.

    No table is lower than the lookup table, and none that the program does not fix lower than a
    quarter of the highest one. A table gets at most this quarter more.

    Parameters
    ----------
    lowest : mapping
        Base-2 logarithms of the heights that hold a run, by the table's name.

    Returns
    -------
    dict of str to int
        Base-2 logarithms by the table's name, none below that of `lowest`.
    """
    least_of_run = max(lowest.values()) - _L1_LOG_SPREAD
    return {
        name: max(height, lowest[_LOOKUP], 0 if name in _PROGRAM_TABLES else least_of_run)
        for name, height in lowest.items()
    }


def _heights(
    program: Program,
    row_counts: Mapping[str, int],
    parameters: Parameters,
    least_log_height: int = 0,
) -> dict[str, int]:
    heights = minimum_heights(program, row_counts, parameters.blinding_rows)
    if parameters in L1_PROFILES:
        heights = heights_for_l1(heights)
    return {name: max(height, least_log_height) for name, height in heights.items()}
