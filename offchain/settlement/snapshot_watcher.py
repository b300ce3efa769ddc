"""Watches a feed set of the oracle hub on L1."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, cast

from offchain.engine.sequencer import Sequencer
from offchain.settlement.l1 import L1Client
from offchain.settlement.oracle_hub import ACCUMULATOR_START, Snapshot, SnapshotEvent
from offchain.settlement.watcher import WatcherError
from offchain.spec.oracle_snapshot import OracleSnapshot


class SnapshotWatcher:
    """Reads `SnapshotTaken` events of one feed set, each exactly once.

    Parameters
    ----------
    l1 : L1Client
        The chain that is watched.
    hub : str
        Address of the OracleHub.
    set_id : int
        Feed set.
    next_index : int
        First snapshot to return.
    accumulator : bytes
        Accumulator after the snapshots before it, 32 bytes.
    """

    def __init__(
        self,
        l1: L1Client,
        hub: str,
        set_id: int,
        next_index: int = 0,
        accumulator: bytes = ACCUMULATOR_START,
    ) -> None:
        self._l1 = l1
        self._hub = hub
        self._set_id = set_id
        self._next_block = 0
        self._next_index = next_index
        self._accumulator = accumulator

    def poll(self) -> list[Snapshot]:
        """Return the snapshots that were taken since the last call, in order.

        A poll that fails leaves the watcher as it was: the next one reads the same again.

        Raises
        ------
        WatcherError
            If an index is missing or the accumulator of an event does not follow.
        """
        snapshots: list[Snapshot] = []
        next_block, accumulator = self._next_block, self._accumulator
        for log in self._l1.events("OracleHub", self._hub, "SnapshotTaken", self._next_block):
            next_block = log["blockNumber"] + 1
            event = cast("SnapshotEvent", log["args"])
            if event["set_id"] != self._set_id or event["index"] < self._next_index:
                continue
            snapshot = Snapshot.from_event({**event, "readings": _pairs(event["readings"])})
            expected = self._next_index + len(snapshots)
            if snapshot.index != expected:
                raise WatcherError(f"expected snapshot {expected}, L1 reported {snapshot.index}")
            accumulator = snapshot.accumulate(accumulator)
            if accumulator != bytes(event["accumulator"]):
                raise WatcherError(f"the accumulator of snapshot {snapshot.index} does not follow")
            snapshots.append(snapshot)
        self._next_block, self._accumulator = next_block, accumulator
        self._next_index += len(snapshots)
        return snapshots


class SnapshotFeed:
    """Gives a sequencer the snapshots of its feed set, in the hub's order.

    Parameters
    ----------
    l1 : L1Client
        L1.
    hub : str
        Address of the OracleHub.
    set_id : int
        As the chain is registered with.
    sequencer : Sequencer
        Of a chain that has feeds (ADMIN_FEED).
    """

    def __init__(self, l1: L1Client, hub: str, set_id: int, sequencer: Sequencer) -> None:
        oracle = sequencer.state.oracle()
        self._sequencer = sequencer
        self._watcher = SnapshotWatcher(l1, hub, set_id, oracle.next_index, oracle.accumulator)
        self._waiting: deque[Snapshot] = deque()

    def feed(self) -> int:
        """Submit what was snapshotted by the sequencer's time; return the number of snapshots.

        Raises
        ------
        WatcherError
            If L1 reports snapshots with a gap.
        OpError
            If the chain has no feeds.
        """
        self._waiting.extend(self._watcher.poll())
        self._sequencer.tick()
        now_s, count = self._sequencer.state.header().now_s, 0
        while self._waiting and self._waiting[0].time_s <= now_s:
            self._sequencer.submit_snapshot(_payload(self._waiting[0]))
            self._waiting.popleft()
            count += 1
        return count


def _pairs(readings: Sequence[Any]) -> list[tuple[int, int]]:
    """Return readings of an event, which web3 decodes as mappings, as pairs."""
    return [(each["value"], each["status"]) for each in readings]


def _payload(snapshot: Snapshot) -> bytes:
    readings = tuple((reading.value, int(reading.status)) for reading in snapshot.readings)
    return OracleSnapshot(
        set_id=snapshot.set_id, index=snapshot.index, time_s=snapshot.time_s, readings=readings
    ).to_payload()
