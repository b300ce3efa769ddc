"""The batch program as the lock pins it, and one proof of one witness."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from offchain.prover.program_key import ProgramKey
from offchain.prover.program_proof import make_key, prove_program
from offchain.security.parameters import PROFILES
from offchain.tools.program_lock import read_lock
from offchain.witness.format import BATCH_ELF
from offchain.zkvm.program import Program, U32Array, load_program


class ProgramError(Exception):
    """The built program is not the one that chains register; the message says what to run."""


@dataclass(frozen=True, slots=True)
class BatchProof:
    """A proof and what it took.

    Attributes
    ----------
    data : bytes
        The proof.
    cycles : int
        Instructions of the run.
    rows : mapping
        Rows used by table.
    seconds : float
        From the witness to the proof; the first one of a process commits to the program as well.
    """

    data: bytes
    cycles: int
    rows: Mapping[str, int]
    seconds: float


@cache
def batch_program() -> Program:
    """Return the batch program.

    Raises
    ------
    ProgramError
        If it is not built, or differs from the lock.
    """
    if not BATCH_ELF.exists():
        raise ProgramError(f"{BATCH_ELF.name} is not built; run `make guest`")
    elf = BATCH_ELF.read_bytes()
    if hashlib.sha256(elf).hexdigest() != read_lock()["elf_sha256"]:
        raise ProgramError(
            f"{BATCH_ELF.name} is not the program of program.lock.json; run `make guest`, or "
            "`python -m offchain.tools.program_lock` if the program was meant to change"
        )
    return load_program(elf)


def program_id(profile: str) -> bytes:
    """Return the batch program's id under a profile, 32 bytes."""
    return bytes.fromhex(read_lock()["program_ids"][profile])


@cache
def _key(profile: str) -> ProgramKey:
    return make_key(batch_program(), PROFILES[profile])


def tape_words(witness: bytes) -> U32Array:
    """Return an encoded witness as the words that the guest reads."""
    return np.frombuffer(witness, "<u4").astype(np.uint32)


def prove_witness(witness: bytes, profile: str) -> BatchProof:
    """Prove the batch of a witness.

    Parameters
    ----------
    witness : bytes
        As :meth:`offchain.witness.format.Witness.to_bytes` gives it.
    profile : str
        Name of the parameter set.

    Raises
    ------
    NotProvableError
        If the batch program refuses the witness.
    TableTooHighError
        If the batch is too long for one proof.
    """
    started_s = time.perf_counter()
    program = batch_program()
    run = prove_program(program, tape_words(witness), PROFILES[profile], key=_key(profile))
    return BatchProof(
        data=run.proof.data,
        cycles=run.execution.cycles,
        rows=dict(run.execution.row_counts),
        seconds=time.perf_counter() - started_s,
    )
