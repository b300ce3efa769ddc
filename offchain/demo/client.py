"""Clients of the demo: they sign envelopes and know their orders from receipts alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from offchain.core.binding import EventArray
from offchain.demo.flow import LOTS_PER_SIZE, DemoFlow, Flow
from offchain.engine.sequencer import Receipt, Sequencer
from offchain.engine.signing import SigningDomain, SigningKey
from offchain.replay.flow import FlowKind
from offchain.spec import op
from offchain.spec.constants import ENVELOPE_MAX_OPS, MAX_STEPS
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind, PlaceFlag, Reason, TimeInForce

OWNER_SLOT: Final = 0
AGENT_SLOT: Final = 1
_EVENT: Final = Struct("<QHHI6q")
_PRICE_MASK: Final = 0xFFFF_FFFF
_PROGRESS_EVERY: Final = 100

# Called with (done, in all).
Progress = Callable[[int, int], None]
_Row = tuple[int, int, int, int, int, int, int]


@dataclass(slots=True)
class Trader:
    """One owner, and the agent key that trades for it, if it has one.

    Attributes
    ----------
    address : str
        Checksum address on L1.
    account_id : int
        Account of the engine, as L1 assigned its number.
    owner : SigningKey
        Key of signer slot 0.
    agent : SigningKey, optional
        Key of signer slot 1; without one, the owner's trades.
    next_nonce : int
        Milliseconds since the epoch at first, then counting up.
    """

    address: str
    account_id: int
    owner: SigningKey
    agent: SigningKey | None
    next_nonce: int

    @property
    def trading_slot(self) -> int:
        """Signer slot whose key trades."""
        return OWNER_SLOT if self.agent is None else AGENT_SLOT


@dataclass(slots=True)
class OpenOrder:
    """A resting order as its owner knows it."""

    ref: int
    slot: int
    remaining_lots: int


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill: index of the message that caused it, price units, lots."""

    message: int
    price: int
    size_lots: int
    is_taker_ask: bool


@dataclass(slots=True)
class Measurements:
    """Time per user envelope from its bytes to its receipt, and counts of what was sent."""

    latencies_ns: list[int] = field(default_factory=list)
    ops: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class OrderTracker:
    """Resting orders and trades, followed through the events of receipts."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self._orders: dict[int, OpenOrder] = {}
        self._order_id_of: dict[int, int] = {}

    def find(self, ref: int) -> tuple[int, OpenOrder] | None:
        """Return (order id, order) of a flow's order; None once it is gone."""
        order_id = self._order_id_of.get(ref)
        return None if order_id is None else (order_id, self._orders[order_id])

    def follow(self, events: EventArray, message: int, placed: list[int]) -> None:
        """Take the events of one envelope.

        Parameters
        ----------
        events : array of EVENT_DTYPE
            In order.
        message : int
            Index of the envelope's first message.
        placed : list of int
            Flow references of the PLACE ops that were accepted, in order; each of them ends in
            the first RESTED or DONE event with an order id of its own.
        """
        refs = iter(placed)
        for _, kind, _, _, order_id, *values in _EVENT.iter_unpack(events.tobytes()):
            if kind == EventKind.FILL:
                maker_id, price, size, _, _ = values
                self._reduce(maker_id, self._orders[maker_id].remaining_lots - (size >> 1))
                self.trades.append(Trade(message, price & _PRICE_MASK, size >> 1, bool(size & 1)))
            elif kind == EventKind.RESTED:
                known = self._orders.get(order_id)
                ref = next(refs) if known is None else known.ref
                self._orders[order_id] = OpenOrder(ref, values[0], values[2])
                self._order_id_of[ref] = order_id
            elif kind == EventKind.DONE and order_id not in self._orders:
                next(refs, None)
            elif kind == EventKind.REDUCED:
                self._reduce(order_id, values[1])
            elif kind == EventKind.DONE or (
                kind == EventKind.CANCELLED and values[2] != Reason.MODIFIED
            ):  # a modified order is cancelled first and then rests or ends like a new one
                self._reduce(order_id, 0)

    def _reduce(self, order_id: int, remaining_lots: int) -> None:
        order = self._orders[order_id]
        order.remaining_lots = remaining_lots
        if remaining_lots == 0:
            del self._orders[order_id]
            del self._order_id_of[order.ref]


class DemoClients:
    """All traders' client software in one.

    Parameters
    ----------
    sequencer : Sequencer
        Takes the envelopes.
    domain : SigningDomain
        What the signatures name.
    traders : list of Trader
        By the flow's account number.
    market : int
        Spot market that is traded.
    """

    def __init__(
        self, sequencer: Sequencer, domain: SigningDomain, traders: list[Trader], market: int
    ) -> None:
        self.tracker = OrderTracker()
        self.measured = Measurements()
        self._sequencer = sequencer
        self._domain = domain
        self.traders = traders
        self._market = market
        self._message = 0

    def sign_and_submit(self, trader: Trader, slot: int, ops: Iterable[op.Op]) -> Receipt:
        """Sign ops with the owner's key (slot 0) or the agent's (slot 1) and submit them.

        The clock runs from the received bytes to the receipt; signing is the client's time.
        """
        payload = b"".join(each.to_bytes() for each in ops)
        envelope = Envelope(
            kind=EnvelopeKind.USER,
            signer_slot=slot,
            account=trader.account_id,
            nonce=trader.next_nonce,
            arrival_ms=0,
            payload=payload,
        )
        trader.next_nonce += 1
        key = trader.owner if slot == OWNER_SLOT or trader.agent is None else trader.agent
        data = key.sign(self._domain, envelope).to_bytes()
        start_ns = time.perf_counter_ns()
        receipt = self._sequencer.submit(data)
        self.measured.latencies_ns.append(time.perf_counter_ns() - start_ns)
        self.measured.ops += len(payload) // op.Place.LAYOUT.size
        return receipt

    def send_all(self, trader: Trader, slot: int, ops: list[op.Op]) -> EventArray:
        """Send ops in one envelope and count those that were refused; return the events."""
        receipt = self.sign_and_submit(trader, slot, ops)
        self._refused_indices(receipt.events)
        return receipt.events

    def send_behind(
        self, cancel: op.CancelAll, trader: Trader, slot: int, ops: list[op.Op]
    ) -> None:
        """Cancel orders and send ops, in one envelope if the cancel needs no continuation."""
        order_count = self._sequencer.state.account(trader.account_id).order_count
        if slot == trader.trading_slot and order_count <= MAX_STEPS:
            self.send_all(trader, slot, [cancel, *ops])
        else:
            self.send_all(trader, trader.trading_slot, [cancel])
            if ops:
                self.send_all(trader, slot, ops)

    def trade(self, flow: DemoFlow, part: Flow, progress: Progress) -> None:
        """Send a part of the flow in its order; parts follow each other.

        Messages of one account that follow each other share an envelope, up to 40. An envelope
        also ends behind an IOC order (ops behind a continuation are refused) and before a message
        about an order that it places itself (whose slot its owner does not know yet).
        """
        rows: list[_Row] = part.tolist()
        batch: list[_Row] = []
        for done, row in enumerate(rows):
            if batch and _must_flush(batch, row):
                self._send_rows(flow, batch)
                batch = []
            batch.append(row)
            if done % _PROGRESS_EVERY == 0:
                progress(done, len(rows))
        if batch:
            self._send_rows(flow, batch)
        progress(len(rows), len(rows))

    def _send_rows(self, flow: DemoFlow, rows: list[_Row]) -> None:
        trader = self.traders[rows[0][3]]
        ops: list[op.Op] = []
        refs: list[int | None] = []
        for row in rows:
            built = self._build(flow, trader, row)
            if built is None:
                self.measured.kinds["gone"] += 1
                continue
            ops.append(built)
            refs.append(row[4] if isinstance(built, op.Place) else None)
        message = self._message
        self._message += len(rows)
        if not ops:
            return
        events = self.sign_and_submit(trader, trader.trading_slot, ops).events
        refused = self._refused_indices(events)
        placed = [ref for i, ref in enumerate(refs) if ref is not None and i not in refused]
        self.tracker.follow(events, message, placed)

    def _build(self, flow: DemoFlow, trader: Trader, row: _Row) -> op.Op | None:
        """Return the op of a message; None for a cancel of an order that is gone."""
        kind, is_bid, _, _, ref, price_ticks, size = row
        self.measured.kinds[FlowKind(kind).name.lower()] += 1
        price, size_lots = price_ticks * flow.tick_price_units, size * LOTS_PER_SIZE
        if kind in (FlowKind.CANCEL, FlowKind.MODIFY):
            found = self.tracker.find(ref)
            if found is not None:
                order_id, order = found
                if kind == FlowKind.CANCEL:
                    return op.Cancel(
                        market=self._market,
                        account=trader.account_id,
                        order_id=order_id,
                        slot=order.slot,
                    )
                return op.Modify(
                    market=self._market,
                    account=trader.account_id,
                    order_id=order_id,
                    slot=order.slot,
                    price=price,
                    size_lots=size_lots,
                )
            if kind == FlowKind.CANCEL:
                return None
        return op.Place(
            flags=0 if is_bid else PlaceFlag.IS_ASK,
            market=self._market,
            account=trader.account_id,
            time_in_force=TimeInForce.IOC if kind == FlowKind.IOC else TimeInForce.GTC,
            price=price,
            size_lots=size_lots,
        )

    def _refused_indices(self, events: EventArray) -> set[int]:
        rejected = events[events["kind"] == EventKind.REJECTED]["v"].tolist()
        self.measured.refused.update(ErrorCode(values[2]).name for values in rejected)
        return {values[0] for values in rejected}


def _must_flush(batch: list[_Row], row: _Row) -> bool:
    last = batch[-1]
    return (
        row[3] != last[3]
        or len(batch) == ENVELOPE_MAX_OPS
        or last[0] == FlowKind.IOC
        or any(row[4] == earlier[4] for earlier in batch)
    )
