"""Watches a chain's priority queue on L1."""

from __future__ import annotations

from typing import cast

from offchain.settlement.l1 import L1Client
from offchain.settlement.priority import ACCUMULATOR_START, PriorityEvent, PriorityRecord


class WatcherError(Exception):
    """What L1 reported is not a gapless queue; the message names the record."""


class PriorityWatcher:
    """Reads `PriorityQueued` events and rebuilds the records, each exactly once.

    Parameters
    ----------
    l1 : L1Client
        The chain that is watched.
    queue : str
        Address of the PriorityQueue.
    chain_id : int
        Execution chain whose queue it is.
    next_index : int
        First record to return.
    accumulator : bytes
        Accumulator after the records before it, 32 bytes.
    """

    def __init__(
        self,
        l1: L1Client,
        queue: str,
        chain_id: int,
        next_index: int = 0,
        accumulator: bytes = ACCUMULATOR_START,
    ) -> None:
        self._l1 = l1
        self._queue = queue
        self._chain_id = chain_id
        self._next_block = 0
        self._next_index = next_index
        self._accumulator = accumulator

    def poll(self) -> list[PriorityRecord]:
        """Return the records that were queued since the last call, in order.

        A poll that fails leaves the watcher as it was: the next one reads the same again.

        Raises
        ------
        WatcherError
            If an index is missing or the accumulator of an event does not follow.
        """
        records: list[PriorityRecord] = []
        next_block, accumulator = self._next_block, self._accumulator
        logs = self._l1.events("PriorityQueue", self._queue, "PriorityQueued", self._next_block)
        for log in logs:
            next_block = log["blockNumber"] + 1
            event = cast("PriorityEvent", log["args"])
            if event["chain_id"] != self._chain_id or event["index"] < self._next_index:
                continue
            record = PriorityRecord.from_event(event)
            expected = self._next_index + len(records)
            if record.index != expected:
                raise WatcherError(f"expected record {expected}, L1 reported {record.index}")
            accumulator = record.accumulate(accumulator)
            if accumulator != bytes(event["accumulator"]):
                raise WatcherError(f"the accumulator of record {record.index} does not follow")
            records.append(record)
        self._next_block, self._accumulator = next_block, accumulator
        self._next_index += len(records)
        return records
