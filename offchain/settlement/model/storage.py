"""Storage that a refused call leaves as it was, as a contract's is."""

from __future__ import annotations

from collections.abc import Hashable, ItemsView, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_ABSENT: Final = object()


class Table(Generic[K, V]):
    """A mapping in which every key has a value from the start; values are immutable.

    Made by :meth:`Storage.table`.
    """

    def __init__(self, default: V, log: list[tuple[dict[Any, Any], Any, Any]]) -> None:
        self._default = default
        self._values: dict[K, V] = {}
        self._log = log

    def __getitem__(self, key: K) -> V:
        return self._values.get(key, self._default)

    def __setitem__(self, key: K, value: V) -> None:
        self._log.append((self._values, key, self._values.get(key, _ABSENT)))
        if value == self._default:
            self._values.pop(key, None)
        else:
            self._values[key] = value

    def items(self) -> ItemsView[K, V]:
        """Return the entries that differ from the default."""
        return self._values.items()


class Storage:
    """All tables of a model, and what they held before the call that is running."""

    def __init__(self) -> None:
        self._log: list[tuple[dict[Any, Any], Any, Any]] = []

    def table(self, default: V) -> Table[Any, V]:
        """Return a new table.

        Parameters
        ----------
        default : object
            Value of every key that was not set; it must be immutable.
        """
        return Table(default, self._log)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Undo every change of a call that ends with an exception; calls do not nest."""
        self._log.clear()
        try:
            yield
        except Exception:
            for values, key, before in reversed(self._log):
                if before is _ABSENT:
                    values.pop(key, None)
                else:
                    values[key] = before
            raise
