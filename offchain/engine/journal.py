"""Journal: every accepted envelope in order, append only.

The file starts with 8 bytes ``HRJRNL01`` and the chain's 32-byte config hash. A record is u32
length, u32 CRC-32 of the length and the bytes, then the bytes of the envelope; numbers are little
endian. What lies behind the last whole record is a torn write and is cut off when the journal is
opened; a record that is damaged with others behind it is an error, never skipped.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Final, Self

from offchain.spec.constants import ENVELOPE_MAX_BYTES

MAGIC: Final = b"HRJRNL01"
CONFIG_HASH_BYTES: Final = 32
_HEADER_BYTES: Final = len(MAGIC) + CONFIG_HASH_BYTES
_RECORD_HEAD: Final = Struct("<II")
_LENGTH: Final = Struct("<I")


class JournalError(Exception):
    """A journal is damaged or belongs to another chain; the message says where."""


class Journal:
    """One chain's journal file.

    Parameters
    ----------
    path : Path
        The file; created when absent.
    config_hash : bytes
        32 bytes that bind the journal to its chain.

    Attributes
    ----------
    torn_bytes : int
        Bytes of a torn last write that were cut off on opening.

    Raises
    ------
    JournalError
        If the file is another chain's, or damaged before its end.
    """

    def __init__(self, path: Path, config_hash: bytes) -> None:
        self._path = path
        self.torn_bytes = 0
        if not path.exists():
            _create(path, MAGIC + config_hash)
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        if header != MAGIC + config_hash:
            raise JournalError(f"{path.name} is no journal of this chain (config hash differs)")
        end = self._scan()
        self.torn_bytes = path.stat().st_size - end
        self._file = path.open("r+b")
        self._file.truncate(end)
        self._file.seek(end)

    def append(self, envelope: bytes) -> None:
        """Append an accepted envelope; it is durable after the next :meth:`sync`."""
        crc = zlib.crc32(envelope, zlib.crc32(_LENGTH.pack(len(envelope))))
        self._file.write(_RECORD_HEAD.pack(len(envelope), crc) + envelope)

    def sync(self) -> None:
        """Return when everything appended is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync and close the file."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def entries(self) -> Iterator[bytes]:
        """Yield the envelopes in order, those of this process included.

        Raises
        ------
        JournalError
            If a record is damaged.
        """
        self._file.flush()
        for _, envelope in self._records():
            yield envelope

    def _scan(self) -> int:
        """Return where the last whole record ends."""
        end = _HEADER_BYTES
        for record_end, _ in self._records():
            end = record_end
        return end

    def _records(self) -> Iterator[tuple[int, bytes]]:
        """Yield (end offset, envelope) until the end of the file or a torn last record."""
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            start = file.seek(_HEADER_BYTES)
            while start + _RECORD_HEAD.size <= size:
                length, crc = _RECORD_HEAD.unpack(file.read(_RECORD_HEAD.size))
                end = start + _RECORD_HEAD.size + length
                if not 0 < length <= ENVELOPE_MAX_BYTES:
                    raise JournalError(f"{self._path.name}: no record length at byte {start}")
                if end > size:
                    return
                envelope = file.read(length)
                if zlib.crc32(envelope, zlib.crc32(_LENGTH.pack(length))) != crc:
                    if end == size:
                        return
                    raise JournalError(f"{self._path.name}: damaged record at byte {start}")
                yield end, envelope
                start = end


def _create(path: Path, header: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed, so that no journal exists without its header.
    partial = path.with_suffix(path.suffix + ".partial")
    with partial.open("wb") as file:
        file.write(header)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
