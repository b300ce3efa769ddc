"""Reader of encodings: takes bytes from the front."""

from __future__ import annotations

from typing import Final, Literal

NUMBER_BYTES: Final = 4


class ByteReader:
    """Takes bytes and numbers from the front of an encoding.

    Parameters
    ----------
    data : bytes
        The encoding.
    byte_order : str
        Of numbers.
    too_short : Exception
        Raised when the bytes end too early.
    """

    def __init__(
        self, data: bytes, byte_order: Literal["little", "big"], too_short: Exception
    ) -> None:
        self._data = data
        self._byte_order = byte_order
        self._too_short = too_short
        self._position = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self._position == len(self._data)

    def take(self, count: int) -> bytes:
        """Take `count` bytes."""
        end = self._position + count
        if end > len(self._data):
            raise self._too_short
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def number(self) -> int:
        """Take a number of 4 bytes."""
        return int.from_bytes(self.take(NUMBER_BYTES), self._byte_order)
