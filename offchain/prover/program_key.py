"""The preprocessed part of a program: its commitment and its id, made once per program."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from offchain.air.machine import TABLES
from offchain.prover.commitment import Commitment
from offchain.prover.domain import quotient_cosets
from offchain.prover.hash_suites import HashSuite
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import intt
from offchain.security.parameters import Parameters, program_id


@dataclass(frozen=True)
class ProgramKey:
    """What does not depend on the input.

    Attributes
    ----------
    parameters : Parameters
    entry_pc : int
    evaluations : dict of int to array
        Preprocessed columns on the trace domain, by table number.
    commitment : Commitment
    """

    parameters: Parameters
    entry_pc: int
    evaluations: Mapping[int, U64Array]
    commitment: Commitment

    @property
    def log_heights(self) -> list[int]:
        """log2 of the heights of the tables with preprocessed columns, in table order."""
        return [columns.shape[1].bit_length() - 1 for columns in self.evaluations.values()]

    @property
    def program_id(self) -> bytes:
        """Digest of the program under these parameters; see docs/spec/proof-system.md."""
        return program_id(self.parameters, self.commitment.root, self.log_heights, self.entry_pc)


def make_program_key(
    preprocessed: Mapping[str, U64Array],
    entry_pc: int,
    parameters: Parameters,
    executor: Executor,
) -> ProgramKey:
    """Commit to the preprocessed columns.

    Parameters
    ----------
    preprocessed : mapping
        [columns][height] by table name.
    entry_pc : int
    """
    numbered = {
        number: preprocessed[table.name]
        for number, table in enumerate(TABLES)
        if table.preprocessed
    }
    blowup = 1 << parameters.log_blowup
    commitment = Commitment(
        {number: intt(columns) for number, columns in numbered.items()},
        HashSuite(parameters.hash_suite),
        blowup,
        salt_key=None,
        salt_stream=0,
        kept_cosets=quotient_cosets(blowup),
    )
    commitment.commit(executor)
    return ProgramKey(parameters, entry_pc, numbered, commitment)
