"""The bytes of a proof, read.

The head, whose length follows from its first bytes, is decoded as a whole. The openings follow;
how many there are depends on the challenges, so the verifier takes them from a `Reader` as it goes
along. No length is believed: what is read must be there.
"""

import struct
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from offchain.air.machine import TABLES
from offchain.air.table import Table
from offchain.security.parameters import (
    KECCAK256,
    PROFILE_BY_NUMBER,
    QUOTIENT_PARTS,
    Parameters,
    max_log_height,
)
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import Element
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import DIGEST_BYTES

MAGIC: Final = b"HRproof1"
MAX_OUTPUT_WORDS: Final = 1 << 21
"""A write starts below index 2^19 and has at most 2^20 words."""


@dataclass(frozen=True)
class Proof:
    """A proof, its openings still as bytes; fields in the order of the bytes."""

    parameters: Parameters
    log_heights: tuple[int, ...]
    output: tuple[int, ...]  # words below 2^32
    entry_pc: int
    preprocessed_root: bytes
    preprocessed_log_heights: tuple[int, ...]  # of the tables with preprocessed columns
    main_root: bytes
    aux_root: bytes
    quotient_root: bytes
    out_of_domain: tuple[Element, ...]  # columns and quotient parts at zeta, then at the next row
    fri_roots: tuple[bytes, ...]
    final: tuple[Element, ...]  # coefficients, constant first
    nonce: int
    openings: bytes  # of the four trees, then of the FRI layers

    @property
    def log_n(self) -> int:
        """Logarithm of the largest height."""
        return max(self.log_heights)


class Reader:
    """Takes a proof's bytes from the front; `suite` decides which digests are well formed."""

    def __init__(self, data: bytes, suite: int = KECCAK256) -> None:
        self._data = data
        self._position = 0
        self.suite = suite

    @property
    def left(self) -> int:
        """Number of bytes not taken yet."""
        return len(self._data) - self._position

    def take(self, length: int) -> bytes:
        """Take bytes."""
        if length > self.left:
            raise Rejected(Reason.TRUNCATED, f"{length - self.left} bytes are missing")
        self._position += length
        return self._data[self._position - length : self._position]

    def number(self, length: int) -> int:
        """Take an unsigned number of `length` bytes."""
        return int.from_bytes(self.take(length), "big")

    def words(self, count: int) -> tuple[int, ...]:
        """Take elements of F_p."""
        values = struct.unpack(f">{count}Q", self.take(8 * count))
        if any(value >= P for value in values):
            raise Rejected(Reason.NON_CANONICAL_ELEMENT, f"{self.left} bytes before the end")
        return values

    def elements(self, count: int) -> tuple[Element, ...]:
        """Take elements of F."""
        words = iter(self.words(3 * count))
        return tuple(map(Element, words, words, words))

    def digest(self) -> bytes:
        """Take a digest; with Poseidon2 it is four elements of F_p."""
        if self.suite == KECCAK256:
            return self.take(DIGEST_BYTES)
        return struct.pack(">4Q", *self.words(4))


def decode(
    data: bytes,
    tables: Sequence[Table] = TABLES,
    profiles: Mapping[int, Parameters] = PROFILE_BY_NUMBER,
    accepted: Container[str] | None = None,
) -> Proof:
    """Read a proof up to its openings; `Rejected` if the head is malformed or heights are wrong.

    `accepted` names the profiles that are good enough, all of them by default.
    """
    reader = Reader(data)
    if reader.take(len(MAGIC)) != MAGIC:
        raise Rejected(Reason.BAD_MAGIC)
    if (number := reader.number(1)) not in profiles:
        raise Rejected(Reason.UNKNOWN_PROFILE, str(number))
    parameters = profiles[number]
    if accepted is not None and parameters.name not in accepted:
        raise Rejected(Reason.PROFILE_NOT_ACCEPTED, parameters.name)
    reader.suite = parameters.hash_suite
    if reader.number(1) != len(tables):
        raise Rejected(Reason.WRONG_TABLE_COUNT)
    log_heights = tuple(reader.take(len(tables)))
    for table, log_height in zip(tables, log_heights, strict=True):
        if not parameters.min_log_height <= log_height <= max_log_height(table.name):
            raise Rejected(Reason.HEIGHT_OUT_OF_RANGE, f"table {table.name}: 2^{log_height}")
    if (output_count := reader.number(4)) > MAX_OUTPUT_WORDS:
        raise Rejected(Reason.TOO_MANY_OUTPUT_WORDS, str(output_count))
    return Proof(
        parameters=parameters,
        log_heights=log_heights,
        output=struct.unpack(f">{output_count}I", reader.take(4 * output_count)),
        entry_pc=reader.number(4),
        preprocessed_root=reader.digest(),
        preprocessed_log_heights=tuple(reader.take(sum(bool(t.preprocessed) for t in tables))),
        main_root=reader.digest(),
        aux_root=reader.digest(),
        quotient_root=reader.digest(),
        out_of_domain=reader.elements(out_of_domain_count(tables)),
        fri_roots=tuple(reader.digest() for _ in parameters.fold_logs(max(log_heights))),
        final=reader.elements(1 << parameters.final_log),
        nonce=reader.number(8),
        openings=reader.take(reader.left),
    )


def out_of_domain_count(tables: Sequence[Table]) -> int:
    """Count the values that the prover states outside the domain."""
    here = (len(t.preprocessed) + len(t.main) + len(t.fraction_groups()) for t in tables)
    return sum(here) + QUOTIENT_PARTS + sum(len(t.next_columns()) + 1 for t in tables)
