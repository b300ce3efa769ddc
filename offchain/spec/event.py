"""One event and the counter that numbers it."""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Self

from offchain.spec.header import Header
from offchain.spec.kinds import EventKind

_VALUES = 6


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `values` are six i64 whose meaning depends on `kind`."""

    _LAYOUT: ClassVar[Struct] = Struct("<QHHI6q")

    seq: int
    kind: EventKind
    market: int
    account: int
    values: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """Return the 64-byte event."""
        return self._LAYOUT.pack(self.seq, self.kind, self.market, self.account, *self.values)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 64-byte event.

        Raises
        ------
        ValueError
            If the type is unknown.
        """
        seq, kind, market, account, *values = cls._LAYOUT.unpack(data)
        return cls(seq, EventKind(kind), market, account, tuple(values))


class EventWriter:
    """Events of one op, numbered by the header's counter.

    Parameters
    ----------
    header
        Header whose `next_event_seq` counts.
    """

    def __init__(self, header: Header) -> None:
        self._header = header
        self.events: list[Event] = []

    def _write(self, kind: EventKind, market: int, account: int, *values: int) -> None:
        padded = values + (0,) * (_VALUES - len(values))
        self.events.append(Event(self._header.next_event_seq, kind, market, account, padded))
        self._header.next_event_seq += 1
