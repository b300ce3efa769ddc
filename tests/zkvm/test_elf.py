"""The loader: what it accepts, and each refusal by its name."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.zkvm import elf
from offchain.zkvm.program import Program, load_program
from tests.zkvm.toy import DATA, READ, READ_EXECUTE, READ_WRITE, TEXT, elf_file

NOP = struct.pack("<I", 0x13)
CODE = (TEXT, NOP * 3, 12, READ_EXECUTE)
TABLE = (DATA, b"abcdef", 6, READ)


def image(program: Program) -> list[tuple[int, int, bool]]:
    return list(
        zip(
            program.addresses.tolist(),
            program.values.tolist(),
            program.is_rom.tolist(),
            strict=True,
        )
    )


def test_image_is_rom_and_file_words_by_address() -> None:
    # Segments stand in the file in another order than in memory.
    program = load_program(elf_file([TABLE, CODE], entry=TEXT + 4))
    assert program.entry == TEXT + 4
    assert image(program) == [
        (TEXT, 0x13, True),
        (TEXT + 4, 0x13, True),
        (TEXT + 8, 0x13, True),
        (DATA, int.from_bytes(b"abcd", "little"), False),
        (DATA + 4, int.from_bytes(b"ef", "little"), False),
    ]
    assert program.rom["pc"].tolist() == [TEXT, TEXT + 4, TEXT + 8]


def test_bss_is_no_image_but_zero_fill_of_code_is_rom() -> None:
    program = load_program(elf_file([(TEXT, NOP, 8, READ_EXECUTE), (DATA, b"", 4096, READ_WRITE)]))
    assert image(program) == [(TEXT, 0x13, True), (TEXT + 4, 0, True)]
    assert program.rom["pc"].tolist() == [TEXT]


def test_data_may_begin_within_a_word() -> None:
    program = load_program(elf_file([CODE, (DATA + 3, b"xy", 2, READ_WRITE)]))
    assert image(program)[3:] == [(DATA, ord("x") << 24, False), (DATA + 4, ord("y"), False)]
    bss_only = load_program(elf_file([CODE, (DATA + 3, b"", 2, READ_WRITE)]))
    assert len(bss_only.addresses) == 3


def test_words_that_do_not_decode_are_rom_without_a_row() -> None:
    compressed = struct.pack("<I", 0x0001_0001)
    program = load_program(elf_file([(TEXT, NOP + compressed + NOP, 12, READ_EXECUTE)]))
    assert program.is_rom.all()
    assert program.rom["pc"].tolist() == [TEXT, TEXT + 8]


def test_holes_are_outside_and_every_run_of_image_words() -> None:
    program = load_program(elf_file([CODE, TABLE, (DATA + 8, b"z", 1, READ_WRITE)]))
    assert program.holes().tolist() == [
        [0, 0x3FF],
        [TEXT // 4, TEXT // 4 + 2],
        [DATA // 4, DATA // 4 + 2],
        [0xC000_0000 // 4, (1 << 30) - 1],
    ]
    assert program.holes().dtype == np.uint32


def test_segments_may_fill_the_window_to_its_ends() -> None:
    first, last = (0x1000, NOP, 4, READ_EXECUTE), (0xBFFF_FFFC, NOP, 4, READ_WRITE)
    program = load_program(elf_file([first, last], entry=0x1000))
    assert program.addresses.tolist() == [0x1000, 0xBFFF_FFFC]
    assert program.holes().tolist() == [
        [0, 0x3FF], [0x400, 0x400], [0x2FFF_FFFF, 0x2FFF_FFFF], [0x3000_0000, 0x3FFF_FFFF],
    ]  # fmt: skip


GOOD = elf_file([CODE, TABLE])

REFUSED = {
    "no ELF": (b"#!/bin/sh\n", elf.ElfMagicError),
    "empty": (b"", elf.ElfMagicError),
    "half a header": (GOOD[:51], elf.ElfTruncatedError),
    "half a segment table": (GOOD[:100], elf.ElfTruncatedError),
    "half a segment": (GOOD[:-1], elf.ElfTruncatedError),
    "64 bit": (elf_file([CODE], ident_class=2), elf.ElfClassError),
    "big-endian": (elf_file([CODE], ident_order=2), elf.ElfEndianError),
    "version in the identification": (elf_file([CODE], ident_version=0), elf.ElfVersionError),
    "version": (elf_file([CODE], version=2), elf.ElfVersionError),
    "object": (elf_file([CODE], kind=1), elf.ElfTypeError),
    "position-independent": (elf_file([CODE], kind=3), elf.ElfTypeError),
    "other machine": (elf_file([CODE], machine=62), elf.ElfMachineError),
    "header size": (elf_file([CODE], header_bytes=64), elf.ElfHeaderSizeError),
    "segment header size": (elf_file([CODE], segment_header_bytes=56), elf.ElfHeaderSizeError),
    "segment count elsewhere": (elf_file([CODE], segment_count=0xFFFF), elf.ElfHeaderSizeError),
    "compressed": (elf_file([CODE], flags=1), elf.ElfCompressedError),
    "dynamic": (elf_file([CODE], segment_type=2), elf.ElfDynamicError),
    "interpreter": (elf_file([CODE], segment_type=3), elf.ElfDynamicError),
    "larger in the file": (elf_file([CODE, (DATA, b"ab", 1, READ)]), elf.SegmentSizeError),
    "below the window": (elf_file([CODE, (0xFFC, NOP, 4, READ)]), elf.SegmentWindowError),
    "above the window": (elf_file([CODE, (0xBFFF_FFFD, NOP, 4, READ)]), elf.SegmentWindowError),
    "around the address space": (
        elf_file([CODE, (0x2000, b"", 0xFFFF_F000, READ_WRITE)]),
        elf.SegmentWindowError,
    ),
    "overlap": (elf_file([CODE, (TEXT + 8, NOP, 4, READ)]), elf.SegmentOverlapError),
    "overlap with .bss": (
        elf_file([CODE, (TEXT - 8, NOP, 9, READ_WRITE)]),
        elf.SegmentOverlapError,
    ),
    "shared word": (
        elf_file([CODE, TABLE, (DATA + 6, b"z", 1, READ)]),
        elf.SegmentOverlapError,
    ),
    "writable code": (elf_file([(TEXT, NOP, 4, 7)]), elf.SegmentWritableCodeError),
    "misaligned code": (
        elf_file([CODE, (DATA + 2, NOP, 4, READ_EXECUTE)]),
        elf.SegmentMisalignedError,
    ),
    "entry in data": (elf_file([CODE, TABLE], entry=DATA), elf.EntryPointError),
    "entry after the code": (elf_file([CODE], entry=TEXT + 12), elf.EntryPointError),
    "entry misaligned": (elf_file([CODE], entry=TEXT + 2), elf.EntryPointError),
    "no segments": (elf_file([]), elf.EntryPointError),
    "too much code": (
        elf_file([(TEXT, NOP, (64 << 20) + 4, READ_EXECUTE)]),
        elf.ImageTooLargeError,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusal_has_its_name(case: str) -> None:
    file, error = REFUSED[case]
    with pytest.raises(elf.ElfError) as refusal:
        load_program(file)
    assert type(refusal.value) is error
    assert len(str(refusal.value)) > 20


def test_every_error_is_met() -> None:
    assert {error for _, error in REFUSED.values()} == set(elf.ElfError.__subclasses__())


@given(st.data())
def test_damaged_files_load_or_are_refused(data: st.DataObject) -> None:
    file = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at] = data.draw(st.sampled_from([0, 1, 2, 3, 7, 0x7F, 0x80, 0xFF]))
    end = data.draw(st.integers(0, len(file)) | st.just(len(file)))
    try:
        program = load_program(bytes(file[:end]))
    except elf.ElfError:
        return
    assert program.entry in program.addresses[program.is_rom]
    assert (np.diff(program.addresses.astype(np.int64)) >= 4).all()


@given(st.binary(max_size=200))
def test_arbitrary_segments_are_refused(tail: bytes) -> None:
    # Nothing random makes an executable segment around the entry pc.
    with pytest.raises(elf.ElfError):
        load_program(elf_file([], segment_count=2) + tail)
