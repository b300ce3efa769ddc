"""Small programs and ELF files, made without a compiler."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from offchain.zkvm import executor, machine
from offchain.zkvm.execution import Execution
from offchain.zkvm.program import Program, make_program
from tests.zkvm.rv32im import ECALL, li

TEXT: Final = 0x0001_0000
DATA: Final = 0x0002_0000
A0, A1, A7 = 10, 11, 17
EXIT: Final = 93

READ_EXECUTE, READ, READ_WRITE = 5, 4, 6


def ecall(code: int, a0: int = 0, a1: int = 0) -> list[int]:
    """Seven instructions: an ecall with its arguments."""
    return [
        *li(A7, code),
        *li(A0, a0),
        *li(A1, a1),
        ECALL,
    ]


def program(
    text: Sequence[int], data: Mapping[int, int] | None = None, entry: int = TEXT
) -> Program:
    """A program of ROM words from TEXT on and of RAM words by address."""
    words = {TEXT + 4 * i: (word, True) for i, word in enumerate(text)}
    words |= {address: (word, False) for address, word in (data or {}).items()}
    addresses = sorted(words)
    return make_program(
        entry,
        np.array(addresses, np.uint32),
        np.array([words[address][0] for address in addresses], np.uint32),
        np.array([words[address][1] for address in addresses]),
    )


def run_both(
    toy: Program, tape: Sequence[int] = (), *, record: bool = True, max_cycles: int | None = None
) -> Execution:
    """Run in C and in Python, compare everything, and give the result."""
    words = np.array(tape, np.uint32)
    fast = executor.execute(toy, words, record=record, max_cycles=max_cycles)
    plain = machine.execute(toy, words, record=record, max_cycles=max_cycles)
    for name in Execution.__slots__:
        left, right = getattr(fast, name), getattr(plain, name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, name
            assert left.tolist() == right.tolist(), name
        else:
            assert left == right, name
    return fast


def elf_file(
    segments: Sequence[tuple[int, bytes, int, int]], entry: int = TEXT, **fields: int
) -> bytes:
    """An ELF file of segments (address, bytes, size in memory, permissions).

    Other keywords replace fields of the file header, or `segment_type` of all segments.
    """
    header = {
        "ident_class": 1, "ident_order": 1, "ident_version": 1, "kind": 2, "machine": 243,
        "version": 1, "flags": 0, "header_bytes": 52, "segment_header_bytes": 32,
        "segment_count": len(segments), "segment_type": 1,
    } | fields  # fmt: skip
    ident = bytes([header["ident_class"], header["ident_order"], header["ident_version"]])
    file = b"\x7fELF" + ident + bytes(9)
    file += struct.pack(
        "<HHIIIIIHHHHHH", header["kind"], header["machine"], header["version"], entry, 52, 0,
        header["flags"], header["header_bytes"], header["segment_header_bytes"],
        header["segment_count"], 40, 0, 0,
    )  # fmt: skip
    offset = len(file) + 32 * len(segments)
    for address, data, size, permissions in segments:
        file += struct.pack(
            "<8I", header["segment_type"], offset, address, address, len(data), size, permissions, 4
        )
        offset += len(data)
    return file + b"".join(segment[1] for segment in segments)
