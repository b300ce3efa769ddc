"""Read the loadable parts of a guest ELF."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

IDENT_32_BIT_LITTLE_ENDIAN = b"\x7fELF\x01\x01\x01"
TYPE_EXECUTABLE = 2
MACHINE_RISCV = 243
SEGMENT_LOAD = 1
SEGMENT_FLAG_EXECUTE = 1

# System V ABI, chapters 4 and 5: the header after its 16 identification bytes; one segment.
FILE_HEADER = struct.Struct("<HHIIIIIHHHHHH")
FILE_HEADER_OFFSET = 16
SEGMENT_HEADER = struct.Struct("<8I")


class GuestElfError(ValueError):
    """The file is not an ELF that can be a guest."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One loadable segment.

    Attributes
    ----------
    address
        Address of its first byte.
    data
        Content from the file, in bytes.
    size_bytes
        Size in memory, at least ``len(data)``; the rest is zero.
    is_executable
        Whether instructions may be fetched from it.
    header_offset
        Where its header is in the file.
    """

    address: int
    data: bytes
    size_bytes: int
    is_executable: bool
    header_offset: int

    @property
    def end(self) -> int:
        """Address after its last byte."""
        return self.address + self.size_bytes


@dataclass(frozen=True, slots=True)
class GuestElf:
    """A guest's entry pc, segments and whole file."""

    entry_pc: int
    segments: tuple[Segment, ...]
    file: bytes

    @property
    def text(self) -> Segment:
        """The only executable segment."""
        return next(segment for segment in self.segments if segment.is_executable)

    def file_without_zero_fill(self) -> bytes:
        """Give the file with every segment cut to the bytes that it holds.

        RAM is zero before loading, so the same memory results; a loader that writes zeros one
        word at a time is spared hundreds of megabytes of .bss.
        """
        patched = bytearray(self.file)
        for segment in self.segments:
            size_field = segment.header_offset + 20
            struct.pack_into("<I", patched, size_field, len(segment.data))
        return bytes(patched)


def _read_segments(file: bytes) -> tuple[int, tuple[Segment, ...]]:
    header = FILE_HEADER.unpack_from(file, FILE_HEADER_OFFSET)
    kind, machine, _, entry_pc, table_offset, _, _, _, entry_bytes, count = header[:10]
    if kind != TYPE_EXECUTABLE or machine != MACHINE_RISCV:
        raise GuestElfError("not an executable for RISC-V")
    segments = []
    for index in range(count):
        at = table_offset + index * entry_bytes
        fields = SEGMENT_HEADER.unpack_from(file, at)
        segment_type, offset, _, address, file_bytes, size_bytes, segment_flags, _ = fields
        if segment_type != SEGMENT_LOAD or size_bytes == 0:
            continue
        if offset + file_bytes > len(file) or file_bytes > size_bytes:
            raise GuestElfError(f"segment {index} reaches beyond the file")
        data = file[offset : offset + file_bytes]
        is_executable = bool(segment_flags & SEGMENT_FLAG_EXECUTE)
        segments.append(Segment(address, data, size_bytes, is_executable, at))
    return entry_pc, tuple(segments)


def read_guest_elf(path: Path) -> GuestElf:
    """Read a 32-bit little-endian RISC-V executable.

    Parameters
    ----------
    path
        The ELF file, of at most 4 GiB.

    Returns
    -------
    GuestElf
        Entry pc and segments with their physical addresses, in file order.

    Raises
    ------
    GuestElfError
        If the file is something else, is cut short, or has not exactly one executable segment
        with the entry pc inside.
    OSError
        If the file cannot be read.
    """
    file = path.read_bytes()
    if not file.startswith(IDENT_32_BIT_LITTLE_ENDIAN):
        raise GuestElfError(f"{path.name}: not a 32-bit little-endian ELF")
    try:
        entry_pc, segments = _read_segments(file)
    except struct.error as error:
        raise GuestElfError(f"{path.name}: cut short") from error
    executable = [segment for segment in segments if segment.is_executable]
    if len(executable) != 1:
        raise GuestElfError(f"{path.name}: {len(executable)} executable segments, want 1")
    if not executable[0].address <= entry_pc < executable[0].end:
        raise GuestElfError(f"{path.name}: entry pc {entry_pc:#x} is outside .text")
    return GuestElf(entry_pc, segments, file)
