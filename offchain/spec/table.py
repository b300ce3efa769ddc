"""Sparse array of records that remembers which leaves of the state tree changed."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from offchain.spec.records import Record

R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """Records of one subtree by index; a missing one is all zero.

    Parameters
    ----------
    new_record
        Makes an all-zero record.
    record_bytes
        Length of a serialised record.
    records_per_leaf
        How many neighbours share a leaf.
    """

    def __init__(
        self, new_record: Callable[[], R], record_bytes: int, records_per_leaf: int = 1
    ) -> None:
        self._new_record = new_record
        self._record_bytes = record_bytes
        self._records_per_leaf = records_per_leaf
        self._records: dict[int, R] = {}
        self.dirty_leaves: set[int] = set()

    def read(self, index: int) -> R:
        """Return the record for reading; a missing one is a zero record that is not kept."""
        record = self._records.get(index)
        return self._new_record() if record is None else record

    def edit(self, index: int) -> R:
        """Return the record for writing and mark its leaf as changed."""
        self.dirty_leaves.add(index // self._records_per_leaf)
        record = self._records.get(index)
        if record is None:
            record = self._records[index] = self._new_record()
        return record

    def clear(self, index: int) -> None:
        """Set the record to zero."""
        self.dirty_leaves.add(index // self._records_per_leaf)
        self._records.pop(index, None)

    def replace(self, index: int, record: R) -> None:
        """Store `record` in the place of the one at `index`."""
        self.dirty_leaves.add(index // self._records_per_leaf)
        self._records[index] = record

    def items(self) -> Iterator[tuple[int, R]]:
        """Yield (index, record) of every record ever written, in no particular order."""
        return iter(self._records.items())

    def values(self) -> Iterator[R]:
        """Yield every record ever written, in no particular order."""
        return iter(self._records.values())

    def leaf_bytes(self, leaf: int) -> bytes:
        """Return the bytes of leaf number `leaf`."""
        first = leaf * self._records_per_leaf
        parts = []
        for index in range(first, first + self._records_per_leaf):
            record = self._records.get(index)
            parts.append(bytes(self._record_bytes) if record is None else record.to_bytes())
        return b"".join(parts)

    def leaves(self) -> set[int]:
        """Return the numbers of the leaves that hold a record."""
        return {index // self._records_per_leaf for index in self._records}
