"""Events of conditional orders (docs/spec/conditional-orders.md section 2)."""

from offchain.spec.event import EventWriter
from offchain.spec.kinds import EventKind


class ConditionEventLog(EventWriter):
    """Every method writes one event of the kind it is named after.

    Prices are price units, sizes lots, times seconds; `slot` is the order's slot.
    """

    def trigger_placed(
        self,
        *,
        market: int,
        owner: int,
        order_id: int,
        slot: int,
        trigger: int,
        limit: int,
        lots: int,
        trail: int,
    ) -> None:
        """Write that a trigger waits for the mark; `limit` 0 of a market order."""
        kind = EventKind.TRIGGER_PLACED
        self._write(kind, market, owner, order_id, slot, trigger, limit, lots, trail)

    def triggered(
        self,
        *,
        market: int,
        owner: int,
        order_id: int,
        slot: int,
        trigger: int,
        mark: int,
        lots: int,
        code: int,
    ) -> None:
        """Write that a trigger fires; `code` 0 when it enters the book."""
        self._write(EventKind.TRIGGERED, market, owner, order_id, slot, trigger, mark, lots, code)

    def trigger_moved(
        self, *, market: int, owner: int, order_id: int, slot: int, trigger: int, mark: int
    ) -> None:
        """Write the trigger of a trailing stop after it moved."""
        self._write(EventKind.TRIGGER_MOVED, market, owner, order_id, slot, trigger, mark)

    def twap_placed(
        self,
        *,
        market: int,
        owner: int,
        order_id: int,
        slot: int,
        lots: int,
        slices: int,
        interval_s: int,
        slippage_ppm: int,
    ) -> None:
        """Write a new TWAP."""
        kind = EventKind.TWAP_PLACED
        self._write(kind, market, owner, order_id, slot, lots, slices, interval_s, slippage_ppm)

    def twap_slice(
        self,
        *,
        market: int,
        owner: int,
        order_id: int,
        slice_order_id: int,
        lots: int,
        limit: int,
        slices_done: int,
        code: int,
    ) -> None:
        """Write a slice of a TWAP; `slice_order_id` 0 when no order is made."""
        kind = EventKind.TWAP_SLICE
        values = (order_id, slice_order_id, lots, limit, slices_done, code)
        self._write(kind, market, owner, *values)
