"""Read a statically linked RV32 executable, and refuse every other file by name.

Source: System V ABI, chapters 4 and 5; RISC-V ELF psABI, chapter "ELF Object Files".
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WORD_BYTES: Final = 4
WINDOW_START: Final = 0x1000
"""First byte of the machine's memory."""
WINDOW_END: Final = 0xC000_0000
"""First byte after the machine's memory."""
IMAGE_BYTES_MAX: Final = 64 << 20
"""Most bytes of ROM and initial RAM together."""

MAGIC: Final = b"\x7fELF"
CLASS_32_BIT: Final = 1
LITTLE_ENDIAN: Final = 1
VERSION_CURRENT: Final = 1
TYPE_EXECUTABLE: Final = 2
MACHINE_RISCV: Final = 243
FLAG_COMPRESSED: Final = 1
SEGMENT_LOAD: Final = 1
SEGMENT_DYNAMIC: Final = 2
SEGMENT_INTERPRETER: Final = 3
SEGMENT_COUNT_ELSEWHERE: Final = 0xFFFF
PERMISSION_EXECUTE: Final = 1
PERMISSION_WRITE: Final = 2

# Identification, then type, machine, version, entry, offset of the segment headers, offset of the
# section headers, flags, and six sizes, of which the first three are of this header, of a segment
# header and the number of segments.
_FILE_HEADER: Final = struct.Struct("<4s5B7xHHIIIIIHHHHHH")
# Type, offset, virtual address, physical address, bytes in the file, bytes in memory,
# permissions, alignment.
_SEGMENT_HEADER: Final = struct.Struct("<8I")


class ElfError(ValueError):
    """The file is not a program for this machine; each subclass names one reason."""


class ElfMagicError(ElfError):
    """The file is not an ELF file."""


class ElfTruncatedError(ElfError):
    """The file ends before what its headers announce."""


class ElfClassError(ElfError):
    """The file is not for a 32-bit machine."""


class ElfEndianError(ElfError):
    """The file is not little-endian."""


class ElfVersionError(ElfError):
    """The file's format version is not 1."""


class ElfTypeError(ElfError):
    """The file is an object, a library or position-independent, not a fixed executable."""


class ElfMachineError(ElfError):
    """The file is not for RISC-V."""


class ElfHeaderSizeError(ElfError):
    """A header has not the size that the format gives it."""


class ElfCompressedError(ElfError):
    """The file was compiled for compressed instructions."""


class ElfDynamicError(ElfError):
    """The file needs a dynamic linker."""


class SegmentSizeError(ElfError):
    """A segment has more bytes in the file than in memory."""


class SegmentWindowError(ElfError):
    """A segment lies outside the machine's memory."""


class SegmentOverlapError(ElfError):
    """Two segments share a word."""


class SegmentWritableCodeError(ElfError):
    """A segment is both writable and executable."""


class SegmentMisalignedError(ElfError):
    """An executable segment does not begin at a word."""


class EntryPointError(ElfError):
    """The entry pc is not the address of a ROM word."""


class ImageTooLargeError(ElfError):
    """ROM and initial RAM exceed what the machine loads."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One loadable segment.

    Attributes
    ----------
    address
        Address of its first byte (the virtual one: the ABI leaves the physical one undefined).
    data
        Its bytes from the file.
    size_bytes
        Size in memory, at least ``len(data)``; the rest is zero.
    is_executable
        Whether it is ROM.
    """

    address: int
    data: bytes
    size_bytes: int
    is_executable: bool

    @property
    def end(self) -> int:
        """Address after its last byte."""
        return self.address + self.size_bytes

    @property
    def loaded_end(self) -> int:
        """Address after the last byte that ROM or the initial RAM holds."""
        return self.end if self.is_executable else self.address + len(self.data)

    def words(self) -> tuple[int, bytes]:
        """Give what is loaded, filled up with zeros to whole words.

        Returns
        -------
        tuple[int, bytes]
            Address, a multiple of 4, and little-endian words.
        """
        start = self.address // WORD_BYTES * WORD_BYTES
        if self.loaded_end == self.address:
            return start, b""
        end = -(-self.loaded_end // WORD_BYTES) * WORD_BYTES
        return start, (bytes(self.address - start) + self.data).ljust(end - start, b"\0")


def read_elf(file: bytes) -> tuple[int, tuple[Segment, ...]]:
    """Read and check an executable.

    Parameters
    ----------
    file
        The whole file.

    Returns
    -------
    tuple[int, tuple[Segment, ...]]
        Entry pc, and the segments that take memory, by ascending address. They share no word and
        lie in [0x1000, 0xC000_0000); together they load at most 64 MiB; executable ones begin at
        a word; the entry pc is the address of a word of one of these.

    Raises
    ------
    ElfError
        One of its subclasses, if the file is anything else.
    """
    entry, table_offset, segment_count = _read_header(file)
    table_end = table_offset + segment_count * _SEGMENT_HEADER.size
    if table_end > len(file):
        raise ElfTruncatedError("the file ends within its segment headers; copy it again")
    segments = []
    for fields in _SEGMENT_HEADER.iter_unpack(file[table_offset:table_end]):
        if fields[0] in {SEGMENT_DYNAMIC, SEGMENT_INTERPRETER}:
            raise ElfDynamicError("the program needs a dynamic linker; link it with -static")
        if fields[0] == SEGMENT_LOAD and fields[5] != 0:
            segments.append(_read_segment(file, fields))
    segments.sort(key=lambda segment: segment.address)
    _check_together(segments, entry)
    return entry, tuple(segments)


def _read_header(file: bytes) -> tuple[int, int, int]:
    if not file.startswith(MAGIC):
        raise ElfMagicError("this is not an ELF file; give the program that the linker wrote")
    if len(file) < _FILE_HEADER.size:
        raise ElfTruncatedError("the file ends within its header; copy it again")
    (
        _,
        elf_class,
        order,
        ident_version,
        _,
        _,
        kind,
        machine,
        version,
        entry,
        table_offset,
        _,
        (flags),
        header_bytes,
        segment_header_bytes,
        segment_count,
        *_,
    ) = _FILE_HEADER.unpack_from(file)
    if elf_class != CLASS_32_BIT:
        raise ElfClassError("the program is not for a 32-bit machine; compile it for rv32im")
    if order != LITTLE_ENDIAN:
        raise ElfEndianError("the program is not little-endian; compile it for rv32im")
    if ident_version != VERSION_CURRENT or version != VERSION_CURRENT:
        raise ElfVersionError("the ELF version is not 1; link the program with a current linker")
    if machine != MACHINE_RISCV:
        raise ElfMachineError(f"machine {machine} is not RISC-V (243); compile it for rv32im")
    if kind != TYPE_EXECUTABLE:
        raise ElfTypeError(
            f"ELF type {kind} is not a fixed executable (2); link with -static and without -pie"
        )
    if flags & FLAG_COMPRESSED:
        raise ElfCompressedError("the program has compressed instructions; compile it for rv32im")
    if header_bytes != _FILE_HEADER.size or segment_count == SEGMENT_COUNT_ELSEWHERE:
        raise ElfHeaderSizeError("the ELF header has a wrong size; link the program again")
    if segment_count and segment_header_bytes != _SEGMENT_HEADER.size:
        raise ElfHeaderSizeError("the segment headers have a wrong size; link the program again")
    return entry, table_offset, segment_count


def _read_segment(file: bytes, fields: tuple[int, ...]) -> Segment:
    _, offset, address, _, file_bytes, size_bytes, permissions, _ = fields
    name = f"the segment at {address:#x}"
    if file_bytes > size_bytes:
        raise SegmentSizeError(f"{name} is larger in the file than in memory; link again")
    if offset + file_bytes > len(file):
        raise ElfTruncatedError(f"the file ends within {name}; copy it again")
    if address < WINDOW_START or address + size_bytes > WINDOW_END:
        raise SegmentWindowError(
            f"{name} ends at {address + size_bytes:#x}, outside [{WINDOW_START:#x}, "
            f"{WINDOW_END:#x}); choose addresses inside in the linker script"
        )
    is_executable = bool(permissions & PERMISSION_EXECUTE)
    if is_executable and permissions & PERMISSION_WRITE:
        raise SegmentWritableCodeError(
            f"{name} is writable and executable; give .text a segment of its own"
        )
    if is_executable and address % WORD_BYTES:
        raise SegmentMisalignedError(f"{name} is executable and not at a word; align .text to 4")
    return Segment(address, file[offset : offset + file_bytes], size_bytes, is_executable)


def _check_together(segments: list[Segment], entry: int) -> None:
    for lower, upper in pairwise(segments):
        if (lower.end - 1) // WORD_BYTES >= upper.address // WORD_BYTES:
            raise SegmentOverlapError(
                f"the segments at {lower.address:#x} and {upper.address:#x} share a word; "
                "align segments to 4 in the linker script"
            )
    loaded_bytes = sum(segment.loaded_end - segment.address for segment in segments)
    if loaded_bytes > IMAGE_BYTES_MAX:
        raise ImageTooLargeError(
            f"code and data take {loaded_bytes} bytes, more than {IMAGE_BYTES_MAX}; "
            "move tables to .bss or to the input tape"
        )
    is_in_rom = any(
        segment.is_executable and segment.address <= entry < segment.end for segment in segments
    )
    if entry % WORD_BYTES or not is_in_rom:
        raise EntryPointError(
            f"the entry pc {entry:#x} is not an aligned address in an executable segment; "
            "set ENTRY in the linker script"
        )
