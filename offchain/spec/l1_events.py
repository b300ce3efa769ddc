"""Events of what L1 tells a chain (docs/spec/l1-inputs.md)."""

from offchain.spec.event import EventWriter
from offchain.spec.kinds import EventKind


class L1EventLog(EventWriter):
    """Every method writes one event of the kind it is named after."""

    def feed_set(
        self,
        *,
        entry: int,
        target: int,
        target_id: int,
        price_feed: int,
        rate_feed_plus_1: int,
        on: int,
    ) -> None:
        """Write what an entry of the oracle record prices."""
        kind = EventKind.FEED_SET
        self._write(kind, 0, 0, entry, target, target_id, price_feed, rate_feed_plus_1, on)

    def oracle_read(self, *, index: int, time_s: int, readings: int) -> None:
        """Write that a snapshot of the hub was read."""
        self._write(EventKind.ORACLE_READ, 0, 0, index, time_s, readings)

    def priority_noted(self, *, kind: int) -> None:
        """Write that a notice of L1 was consumed."""
        self._write(EventKind.PRIORITY_NOTED, 0, 0, kind)
