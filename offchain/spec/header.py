"""The header record: counters, time, accumulators and the pending continuation."""

from dataclasses import astuple, dataclass, field
from struct import Struct
from typing import ClassVar, Self

from offchain.spec.book_records import builder_fee_of
from offchain.spec.encoding import HASH_BYTES, hash_from_limbs, hash_limbs
from offchain.spec.kinds import OrderFlag, SelfTrade

_BY_MASTER = 1 << 8
_MODE_MASK = 0xFF


@dataclass(slots=True)
class PendingWork:
    """Header words 29-44: an order being matched, or a cancel-all; all zero when none.

    A match uses all fields but the last three, a cancel-all `kind`, `account` and the last three.
    """

    kind: int = 0
    account: int = 0
    market: int = 0
    order_id: int = 0
    attributes: int = 0
    limit_price: int = 0
    remaining_lots: int = 0
    client_id_low: int = 0
    client_id_high: int = 0
    expiry_s: int = 0
    time_in_force: int = 0
    self_trade: int = 0  # mode | by_master << 8
    start_size_lots: int = 0
    cursor_slot: int = 0
    reason: int = 0
    market_filter: int = 0

    @property
    def is_ask(self) -> bool:
        """Whether the order sells."""
        return bool(self.attributes & OrderFlag.IS_ASK)

    @property
    def is_reduce_only(self) -> bool:
        """Whether the order may only shrink a position."""
        return bool(self.attributes & OrderFlag.REDUCE_ONLY)

    @property
    def condition_slot(self) -> int:
        """Slot of the condition of a parent of a bracket, 0 of another order."""
        return self.client_id_low if self.attributes & OrderFlag.LINKED else 0

    @property
    def builder_fee(self) -> int:
        """Builder fee, unit 0.1 bp."""
        return builder_fee_of(self.attributes)

    @property
    def self_trade_mode(self) -> SelfTrade:
        """What happens at an own order."""
        return SelfTrade(self.self_trade & _MODE_MASK)

    @property
    def self_trade_by_master(self) -> bool:
        """Whether orders of all sub-accounts of the master count as own orders."""
        return bool(self.self_trade & _BY_MASTER)


def pack_self_trade(mode: int, *, by_master: bool) -> int:
    """Join the self-trade mode and its scope as in header word 40."""
    return mode | (_BY_MASTER if by_master else 0)


@dataclass(slots=True)
class Header:
    """State header; genesis is all zero but for the two counters that start at 1."""

    SIZE: ClassVar[int] = 512
    _LAYOUT: ClassVar[Struct] = Struct("<56Q64x")

    batch_number: int = 0
    next_event_seq: int = 0
    next_order_sequence: int = 0
    next_priority_index: int = 0
    now_s: int = 0
    last_arrival_ms: int = 0
    order_free_head: int = 0
    orders_used: int = 0
    level_free_head: int = 0
    levels_used: int = 0
    duty_count: int = 0
    builder_count: int = 0
    receipt_seq: int = 0
    priority_accumulator: bytes = bytes(HASH_BYTES)
    receipts_head: bytes = bytes(HASH_BYTES)
    pending: PendingWork = field(default_factory=PendingWork)
    sweep_head: int = 0  # account ids; 0: the ring is empty
    sweep_cursor: int = 0  # 0: no lap is under way
    lap_started_s: int = 0
    swept_s: int = 0  # every account in the ring was looked at after this time
    sweep_laps: int = 0
    lap_negative: int = 0  # quote units that accounts owe, counted in this lap
    negative_quote: int = 0  # the same of the last lap
    trigger_market: int = 0  # market + 1 while triggers of it are met
    fund_count: int = 0
    lap_lent: int = 0  # quote units of interest in this lap that are for lenders
    last_slot: int = 0  # of the last message sent, or of a later one taken; milliseconds

    def to_bytes(self) -> bytes:
        """Return the 512-byte record."""
        return self._LAYOUT.pack(
            self.batch_number,
            self.next_event_seq,
            self.next_order_sequence,
            self.next_priority_index,
            self.now_s,
            self.last_arrival_ms,
            self.order_free_head,
            self.orders_used,
            self.level_free_head,
            self.levels_used,
            self.duty_count,
            self.builder_count,
            self.receipt_seq,
            *hash_limbs(self.priority_accumulator),
            *hash_limbs(self.receipts_head),
            *astuple(self.pending),
            self.sweep_head,
            self.sweep_cursor,
            self.lap_started_s,
            self.swept_s,
            self.sweep_laps,
            self.lap_negative,
            self.negative_quote,
            self.trigger_market,
            self.fund_count,
            self.lap_lent,
            self.last_slot,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 512-byte record."""
        words = cls._LAYOUT.unpack(data)
        header = cls(*words[:13])
        header.priority_accumulator = hash_from_limbs(words[13:21])
        header.receipts_head = hash_from_limbs(words[21:29])
        header.pending = PendingWork(*words[29:45])
        header.sweep_head, header.sweep_cursor, header.lap_started_s = words[45:48]
        header.swept_s, header.sweep_laps = words[48:50]
        header.lap_negative, header.negative_quote = words[50:52]
        header.trigger_market, header.fund_count = words[52:54]
        header.lap_lent, header.last_slot = words[54:]
        return header
