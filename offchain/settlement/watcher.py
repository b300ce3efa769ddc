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
    gateway : str
        Address of the gateway.
    chain_id : int
        Execution chain whose queue it is.
    """

    def __init__(self, l1: L1Client, gateway: str, chain_id: int) -> None:
        self._l1 = l1
        self._gateway = gateway
        self._chain_id = chain_id
        self._next_block = 0
        self._next_index = 0
        self._accumulator = ACCUMULATOR_START

    def poll(self) -> list[PriorityRecord]:
        """Return the records that were queued since the last call, in order.

        Raises
        ------
        WatcherError
            If an index is missing or the accumulator of an event does not follow.
        """
        records: list[PriorityRecord] = []
        logs = self._l1.events("Gateway", self._gateway, "PriorityQueued", self._next_block)
        for log in logs:
            self._next_block = log["blockNumber"] + 1
            event = cast("PriorityEvent", log["args"])
            if event["chain_id"] == self._chain_id:
                record = PriorityRecord.from_event(event)
                self._follow(record, bytes(event["accumulator"]))
                records.append(record)
        return records

    def _follow(self, record: PriorityRecord, accumulator: bytes) -> None:
        if record.index != self._next_index:
            raise WatcherError(f"expected record {self._next_index}, L1 reported {record.index}")
        self._accumulator = record.accumulate(self._accumulator)
        if self._accumulator != accumulator:
            raise WatcherError(f"the accumulator of record {record.index} does not follow")
        self._next_index += 1
