"""Input tape and public output of the guest that replays a run (``guest/guest.c``).

Both are 32-bit little-endian words. The tape:

=============  ==========================================================================
words          content
=============  ==========================================================================
1              mode: 1 ops, 2 envelopes
1              number of items
1              number of hints
8              config hash, 32 bytes
5              governance address, 20 bytes
hints          in the order of use, as :meth:`offchain.core.binding.Core.record_hints` gives
16 per item    mode 1: the op, 64 bytes
1 + n          mode 2: length of the envelope in bytes, then its bytes, padded to n words
=============  ==========================================================================

The public output: one word per item with its result code, 8 words with keccak256 of all events of
the run, 8 words with the state root at its end. It counts only when the exit code is 0. A tape that
ends before its last item is a trap of the machine.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.core.binding import BUILD_DIR
from offchain.spec.constants import OP_BYTES

GUEST_ELF: Final[Path] = BUILD_DIR / "guest.elf"
# The image, its page directories and the pages that a short run touches; untouched RAM is free.
GUEST_RAM_BYTES: Final = 512 << 20
_HEAD: Final = struct.Struct("<3I32s20s")
_WORD_BYTES: Final = 4
_HASH_BYTES: Final = 32
_ADDRESS_BYTES: Final = 20


class Mode(IntEnum):
    """What the items of a tape are."""

    OPS = 1
    ENVELOPES = 2


class ExitCode(IntEnum):
    """How the guest ends; only OK can be proven."""

    OK = 0
    BAD_TAPE = 2
    TRAP = 3  # a hint was wrong
    OUT_OF_MEMORY = 4


@dataclass(frozen=True, slots=True)
class GuestOutput:
    """Public output of a run.

    Attributes
    ----------
    codes
        0 or an :class:`~offchain.spec.errors.ErrorCode` for each item.
    events_hash
        keccak256 of all events, 32 bytes.
    root
        State root at the end, 32 bytes.
    """

    codes: tuple[int, ...]
    events_hash: bytes
    root: bytes


def encode(
    mode: Mode,
    items: Sequence[bytes],
    hints: npt.NDArray[np.uint32],
    *,
    config_hash: bytes,
    governance: bytes,
) -> bytes:
    """Return the tape of a run from genesis.

    Parameters
    ----------
    mode
        What `items` are.
    items
        Ops of 64 bytes, or envelopes of at most 16,388 bytes.
    hints
        Hints of the whole run.
    config_hash
        32 bytes.
    governance
        20 bytes.

    Raises
    ------
    ValueError
        If an op, the hash or the address has another length.
    """
    if len(config_hash) != _HASH_BYTES or len(governance) != _ADDRESS_BYTES:
        raise ValueError("config_hash takes 32 bytes and governance 20")
    parts = [_HEAD.pack(mode, len(items), len(hints), config_hash, governance)]
    parts.append(hints.astype("<u4").tobytes())
    for item in items:
        if mode == Mode.ENVELOPES:
            parts += [struct.pack("<I", len(item)), item, bytes(-len(item) % _WORD_BYTES)]
        elif len(item) == OP_BYTES:
            parts.append(item)
        else:
            raise ValueError(f"an op has {OP_BYTES} bytes, not {len(item)}")
    return b"".join(parts)


def decode_output(data: bytes) -> GuestOutput:
    """Parse the public output.

    Raises
    ------
    ValueError
        If it is no whole number of words or shorter than a run without items gives.
    """
    code_bytes = len(data) - 2 * _HASH_BYTES
    if code_bytes < 0 or code_bytes % _WORD_BYTES:
        raise ValueError(f"{len(data)} bytes are no output of the guest")
    codes = struct.unpack_from(f"<{code_bytes // _WORD_BYTES}I", data)
    events_hash, root = data[code_bytes:-_HASH_BYTES], data[-_HASH_BYTES:]
    return GuestOutput(codes, events_hash, root)
