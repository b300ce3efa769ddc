"""Journal: every accepted envelope in order, append only.

The file starts with 8 bytes ``HRJRNL02`` and the 32-byte hash of the deployment (config hash and
signing domain). A record is u32 length of the envelope, u32 CRC-32 of these four bytes, u32 CRC-32
of the envelope, then the envelope; numbers are little endian.

A torn last write is cut off when the journal is opened: a head or an envelope that the file ends
within, or nothing but zeros up to the end (a file that grew before its data was written).
Everything else that does not check is damage: an error that names the byte. Nothing whole is ever
cut off, so no sealed batch is.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import BinaryIO, Final, Self

from offchain.spec.constants import ENVELOPE_MAX_BYTES

MAGIC: Final = b"HRJRNL02"
DEPLOYMENT_HASH_BYTES: Final = 32
_HEADER_BYTES: Final = len(MAGIC) + DEPLOYMENT_HASH_BYTES
_RECORD_HEAD: Final = Struct("<III")
_LENGTH: Final = Struct("<I")
_CHUNK_BYTES: Final = 1 << 20


class JournalError(Exception):
    """A journal is damaged or belongs to another deployment; the message says where."""


class Journal:
    """One chain's journal file.

    Parameters
    ----------
    path : Path
        The file; created when absent.
    deployment_hash : bytes
        32 bytes that bind the journal to its chain and gateway, as
        :meth:`~offchain.engine.signing.SigningDomain.deployment_hash` returns them.

    Attributes
    ----------
    torn_bytes : int
        Bytes of a torn last write that were cut off on opening.

    Raises
    ------
    JournalError
        If the file is another deployment's, or damaged.
    """

    def __init__(self, path: Path, deployment_hash: bytes) -> None:
        self._path = path
        self.torn_bytes = 0
        if not path.exists():
            _create(path, MAGIC + deployment_hash)
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        if header != MAGIC + deployment_hash:
            raise JournalError(f"{path.name} is no journal of this deployment (its hash differs)")
        end = self._scan()
        self.torn_bytes = path.stat().st_size - end
        self._file = path.open("r+b")
        self._file.truncate(end)
        self._file.seek(end)
        # What an earlier process wrote and did not sync counts as sealed once it is replayed.
        self.sync()

    def append(self, envelope: bytes) -> None:
        """Append an accepted envelope; it is durable after the next :meth:`sync`."""
        length = len(envelope)
        head = _RECORD_HEAD.pack(length, zlib.crc32(_LENGTH.pack(length)), zlib.crc32(envelope))
        self._file.write(head + envelope)

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
                length, head_crc, crc = _RECORD_HEAD.unpack(file.read(_RECORD_HEAD.size))
                end = start + _RECORD_HEAD.size + length
                is_head_whole = zlib.crc32(_LENGTH.pack(length)) == head_crc
                if not (is_head_whole and 0 < length <= ENVELOPE_MAX_BYTES):
                    if _is_zero_from(file, start):
                        return
                    raise JournalError(f"{self._path.name}: damaged record head at byte {start}")
                if end > size:
                    return
                envelope = file.read(length)
                if zlib.crc32(envelope) != crc:
                    body = start + _RECORD_HEAD.size
                    if _is_zero_from(file, body):
                        return
                    raise JournalError(f"{self._path.name}: damaged envelope at byte {body}")
                yield end, envelope
                start = end


def _is_zero_from(file: BinaryIO, offset: int) -> bool:
    """Return whether a file holds nothing but zeros from an offset to its end."""
    file.seek(offset)
    return not any(any(chunk) for chunk in iter(partial(file.read, _CHUNK_BYTES), b""))


def _create(path: Path, header: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed, so that no journal exists without its header.
    aside = path.with_suffix(path.suffix + ".partial")
    with aside.open("wb") as file:
        file.write(header)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
