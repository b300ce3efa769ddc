"""Watches a feed set of the oracle hub on L1."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, cast

from offchain.engine.sequencer import Sequencer
from offchain.settlement.l1 import L1Client
from offchain.settlement.oracle_hub import Snapshot, SnapshotEvent
from offchain.settlement.watcher import EventWatcher
from offchain.spec.oracle_snapshot import OracleSnapshot


class SnapshotWatcher(EventWatcher[Snapshot]):
    """Watches the snapshots of a feed set, by its number."""

    contract = "OracleHub"
    event = "SnapshotTaken"
    list_field = "set_id"
    noun = "snapshot"

    def record(self, arguments: Mapping[str, Any]) -> Snapshot:
        """Rebuild a snapshot, whose readings web3 decodes as mappings."""
        readings = [(each["value"], each["status"]) for each in arguments["readings"]]
        return Snapshot.from_event(cast("SnapshotEvent", {**arguments, "readings": readings}))


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


def _payload(snapshot: Snapshot) -> bytes:
    readings = tuple((reading.value, int(reading.status)) for reading in snapshot.readings)
    return OracleSnapshot(
        set_id=snapshot.set_id, index=snapshot.index, time_s=snapshot.time_s, readings=readings
    ).to_payload()
