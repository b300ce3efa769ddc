"""A program as the machine and the proof see it: decoded ROM and initial memory."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.zkvm import elf
from offchain.zkvm.decode import ROM_ROW, decode

U32Array = npt.NDArray[np.uint32]
BoolArray = npt.NDArray[np.bool_]
StructArray = npt.NDArray[np.void]

WORD_INDEX_LIMIT: Final = 1 << 30
"""Number of words of a 32-bit address space."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """ROM and initial RAM; arrays are read-only.

    Attributes
    ----------
    entry
        First pc.
    rom
        ROM_ROW, one for every ROM word that decodes, by ascending pc.
    addresses
        uint32, ascending: addresses of all ROM words and of all RAM words that the file gives.
    values
        uint32: their initial values.
    is_rom
        bool: whether the word is ROM.
    """

    entry: int
    rom: StructArray
    addresses: U32Array
    values: U32Array
    is_rom: BoolArray

    def holes(self) -> U32Array:
        """Give the words where RAM that starts as zero must not exist.

        Returns
        -------
        U32Array
            uint32 (n, 2): intervals [first, last] of word indices (address / 4), ascending and
            disjoint: below the window, every maximal run of image words, above the window.
        """
        indices = self.addresses // elf.WORD_BYTES
        breaks = np.flatnonzero(np.diff(indices) != 1)
        firsts = indices[np.concatenate(([0], breaks + 1))]
        lasts = indices[np.concatenate((breaks, [len(indices) - 1]))]
        below = [0, elf.WINDOW_START // elf.WORD_BYTES - 1]
        above = [elf.WINDOW_END // elf.WORD_BYTES, WORD_INDEX_LIMIT - 1]
        runs = np.stack((firsts, lasts), axis=1)
        return np.concatenate(([below], runs, [above])).astype(np.uint32)


def load_program(file: bytes) -> Program:
    """Read an ELF file into a program.

    Parameters
    ----------
    file
        The whole file.

    Returns
    -------
    Program
        Its words by ascending address; the entry pc is one of its ROM words, so that there is at
        least one word.

    Raises
    ------
    ElfError
        If the file is not a statically linked RV32 executable; see :func:`elf.read_elf`.
    """
    entry, segments = elf.read_elf(file)
    addresses, values, is_rom = [], [], []
    for segment in segments:
        start, data = segment.words()
        words = np.frombuffer(data, "<u4")
        addresses.append(np.arange(start, start + len(data), elf.WORD_BYTES, np.uint32))
        values.append(words)
        is_rom.append(np.full(len(words), segment.is_executable))
    return make_program(
        entry, np.concatenate(addresses), np.concatenate(values), np.concatenate(is_rom)
    )


def make_program(entry: int, addresses: U32Array, values: U32Array, is_rom: BoolArray) -> Program:
    """Decode the ROM words of an image.

    Parameters
    ----------
    entry
        First pc, the address of a ROM word.
    addresses, values, is_rom
        The image as in :class:`Program`; ``addresses`` ascending multiples of 4 in the window.

    Returns
    -------
    Program
        The program; it takes over the arrays.
    """
    pairs = zip(addresses[is_rom].tolist(), values[is_rom].tolist(), strict=True)
    rows = [row for pc, word in pairs if (row := decode(pc, word)) is not None]
    rom = np.array(rows, ROM_ROW)
    for array in (rom, addresses, values, is_rom):
        array.setflags(write=False)
    return Program(entry, rom, addresses, values, is_rom)
