"""Watches an accumulated list of L1: a chain's priority queue, or a feed set's snapshots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.l1 import L1Client
from offchain.settlement.priority import PriorityEvent, PriorityRecord


class WatcherError(Exception):
    """What L1 reported is not a gapless list; the message names the record."""


class Accumulated(Protocol):
    """Record of a list that L1 numbers from 0 and accumulates."""

    @property
    def index(self) -> int:
        """Position in the list."""

    def accumulate(self, accumulator: bytes) -> bytes:
        """Return the accumulator after this record, from the one before it."""


Record = TypeVar("Record", bound=Accumulated)


class EventWatcher(ABC, Generic[Record]):
    """Reads the events of a list and rebuilds its records, each exactly once.

    Parameters
    ----------
    l1 : L1Client
        The L1 that is watched.
    address : str
        Address of the contract.
    list_id : int
        Which of the contract's lists: the event's argument :attr:`list_field`.
    next_index : int
        First record to return.
    accumulator : bytes
        Accumulator after the records before it, 32 bytes; zeros before record 0.

    Attributes
    ----------
    contract, event, list_field
        Names of the contract, of its event and of the argument that tells the list.
    noun
        What errors call a record.
    """

    contract: ClassVar[str]
    event: ClassVar[str]
    list_field: ClassVar[str]
    noun: ClassVar[str]

    def __init__(
        self,
        l1: L1Client,
        address: str,
        list_id: int,
        next_index: int = 0,
        accumulator: bytes = ZERO_WORD,
    ) -> None:
        self._l1 = l1
        self._address = address
        self._list_id = list_id
        self._next_block = 0
        self._next_index = next_index
        self._accumulator = accumulator

    @abstractmethod
    def record(self, arguments: Mapping[str, Any]) -> Record:
        """Rebuild a record from the arguments of its event."""

    def poll(self) -> list[Record]:
        """Return the records that were added since the last call, in order.

        A poll that fails leaves the watcher as it was: the next one reads the same again.

        Raises
        ------
        WatcherError
            If an index is missing or the accumulator of an event does not follow.
        """
        records: list[Record] = []
        next_block, accumulator = self._next_block, self._accumulator
        for log in self._l1.events(self.contract, self._address, self.event, self._next_block):
            next_block = log["blockNumber"] + 1
            arguments = log["args"]
            if arguments[self.list_field] != self._list_id:
                continue
            if arguments["index"] < self._next_index:
                continue
            record = self.record(arguments)
            expected = self._next_index + len(records)
            if record.index != expected:
                raise WatcherError(f"expected {self.noun} {expected}, L1 reported {record.index}")
            accumulator = record.accumulate(accumulator)
            if accumulator != bytes(arguments["accumulator"]):
                raise WatcherError(f"the accumulator of {self.noun} {record.index} does not follow")
            records.append(record)
        self._next_block, self._accumulator = next_block, accumulator
        self._next_index += len(records)
        return records


class PriorityWatcher(EventWatcher[PriorityRecord]):
    """Watches the priority queue of a chain, by its execution chain id."""

    contract = "PriorityQueue"
    event = "PriorityQueued"
    list_field = "chain_id"
    noun = "record"

    def record(self, arguments: Mapping[str, Any]) -> PriorityRecord:
        """Rebuild a priority record."""
        return PriorityRecord.from_event(cast("PriorityEvent", arguments))
