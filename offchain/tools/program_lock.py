"""Pin the program of the batch: its ELF file and its id under every profile.

Usage: ``python -m offchain.tools.program_lock`` rewrites program.lock.json; ``--check`` fails when
it differs from the sources. The ids are what chains register on L1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

from offchain.prover.program_proof import make_key
from offchain.security.parameters import PROFILES
from offchain.tools import build_native
from offchain.zkvm.program import load_program

LOCK_PATH = build_native.ROOT / "program.lock.json"
OUTDATED = "run python -m offchain.tools.program_lock"


class Lock(TypedDict):
    """What the batch program is.

    Attributes
    ----------
    elf_sha256
        Of batch.elf, in hex.
    program_ids
        32 bytes in hex, by the profile's name.
    """

    elf_sha256: str
    program_ids: dict[str, str]


def make_lock() -> Lock:
    """Build the program and return what it is.

    Raises
    ------
    BuildError
        If it does not compile.
    """
    elf = build_native.build("batch").read_bytes()
    program = load_program(elf)
    ids = {name: make_key(program, parameters) for name, parameters in PROFILES.items()}
    return Lock(
        elf_sha256=hashlib.sha256(elf).hexdigest(),
        program_ids={name: key.program_id.hex() for name, key in ids.items()},
    )


def read_lock(path: Path = LOCK_PATH) -> Lock:
    """Return the committed lock."""
    return cast("Lock", json.loads(path.read_text(encoding="utf-8")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the lock; return the exit code."""
    parser = argparse.ArgumentParser(prog="program_lock", description="Pin the batch program.")
    parser.add_argument("--check", action="store_true", help="Compare and write nothing.")
    is_check = parser.parse_args(arguments).check
    lock = make_lock()
    if is_check:
        if lock != read_lock():
            print(f"program.lock.json is out of date: {OUTDATED}", file=sys.stderr)
            return 1
        return 0
    LOCK_PATH.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    print(f"batch.elf {lock['elf_sha256'][:16]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
