"""Small deterministic proofs of the example guests, and where in a proof every opening stands."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from unittest.mock import patch

import numpy as np

from offchain.prover import native_build
from offchain.prover.program_key import ProgramKey, make_program_key
from offchain.prover.prove import Proof, prove
from offchain.security.parameters import PROFILES, Parameters
from offchain.tools import build_native
from offchain.verifier import fri, verify
from offchain.verifier.merkle import Rows, read_rows
from offchain.verifier.rejection import Reason
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import execute
from offchain.zkvm.program import Program, load_program
from offchain.zkvm.program_tables import preprocessed_tables
from offchain.zkvm.trace import fill_tables, minimum_heights

TAPES = {
    "factors": (5, 7),
    "fibonacci": (10,),
    "sha256": (0,),
    "sort": (12, 5),
    "delegations": (1, 3),
}
"""A short input for every example."""


@dataclass(frozen=True)
class Run:
    """A recorded run of an example, and its tables."""

    key: ProgramKey
    main: dict[str, np.ndarray]
    output: list[int]

    def prove(self, seed: int | None = 0, **options) -> Proof:
        """Prove it; without seed with fresh randomness."""
        key = None if seed is None else seed.to_bytes(32, "big")
        return prove(self.key, self.main, self.output, randomness_key=key, **options)


@cache
def load(guest: str) -> Program:
    """Load an example; builds whatever is missing."""
    native_build.build_all()
    for library in ("zkvm", "trace"):
        build_native.build(library)
    paths = {path.stem: path for path in build_native.build_examples()}
    return load_program(paths[guest].read_bytes())


def record(guest: str, *tape: int) -> Execution:
    """Run an example on a tape."""
    return execute(load(guest), np.array(tape, np.uint32), record=True)


@cache
def run(guest: str, parameters: Parameters, *tape: int) -> Run:
    """Run an example on a tape, by default that of `TAPES`, at the lowest heights."""
    program, execution = load(guest), record(guest, *(tape or TAPES[guest]))
    heights = minimum_heights(program, execution.row_counts, parameters.blinding_rows)
    main = fill_tables(program, execution, heights, parameters.blinding_rows)
    with ThreadPoolExecutor() as executor:
        preprocessed = preprocessed_tables(program, heights)
        key = make_program_key(preprocessed, program.entry, parameters, executor)
    return Run(key, main, execution.output.tolist())


@cache
def proof(guest: str, profile: str, seed: int = 0) -> Proof:
    """Prove an example on its tape; the same bytes for the same seed."""
    return run(guest, PROFILES[profile]).prove(seed)


@dataclass(frozen=True)
class Opening:
    """What a proof opens of one tree, by the position of its bytes."""

    tree: Reason  # with which its rows are rejected
    rows: dict[tuple[int, int], range]  # bytes by log2 of the class's row count, and row
    values: Rows
    siblings: list[range]

    @property
    def place(self) -> range:
        """All of its bytes."""
        return range(next(iter(self.rows.values())).start, self.siblings[-1].stop)

    def words(self, data: bytes) -> list[int]:
        """All words of the rows, salts included."""
        return [word for place in self.rows.values() for word in words(data, place)]


def words(data: bytes, place: range) -> list[int]:
    """Big-endian 8-byte words."""
    return np.frombuffer(data[place.start : place.stop], ">u8").tolist()


def openings(data: bytes, program_id: bytes) -> list[Opening]:
    """Openings of an acceptable proof, in the order of its bytes: four trees, then FRI layers."""
    found = []

    def recorded(reader, root, widths, salt_words, leaves, reason, detail=""):
        position = len(data) - reader.left
        values = read_rows(reader, root, widths, salt_words, leaves, reason, detail)
        places = {}
        for log_rows in sorted(widths, reverse=True):
            for row in sorted(values[log_rows]):
                length = 8 * (salt_words + widths[log_rows])
                places[log_rows, row] = range(position, position + length)
                position += length
        end = len(data) - reader.left
        siblings = [range(start, start + 32) for start in range(position, end, 32)]
        found.append(Opening(reason, places, values, siblings))
        return values

    with patch.object(verify, "read_rows", recorded), patch.object(fri, "read_rows", recorded):
        verify.verify(data, program_id)
    return found
