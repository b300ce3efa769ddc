"""Records of the order book and of the duty heap (docs/spec/transition.md section 1).

Links are slots of the same table; slot 0 means none.
"""

from dataclasses import astuple, dataclass
from struct import Struct
from typing import ClassVar, NamedTuple, Self

from offchain.spec.constants import MARKET_BITS
from offchain.spec.kinds import OrderFlag

BUILDER_SHIFT = 8
BUILDER_FEE_SHIFT = 20
_TWELVE_BITS = 0xFFF
_MARKET_MASK = (1 << MARKET_BITS) - 1
_TAG_MARKET_SHIFT = 20  # a level's orders are counted in 20 bits: ORDER_CAPACITY is 2^20
_TAG_SIDE_SHIFT = _TAG_MARKET_SHIFT + MARKET_BITS
_TAG_TRIGGER_SHIFT = _TAG_SIDE_SHIFT + 1
_TAG_COUNT_MASK = (1 << _TAG_MARKET_SHIFT) - 1


def pack_attributes(flags: int, builder: int, builder_fee: int) -> int:
    """Join order flags, builder index and builder fee (unit 0.1 bp) into one u32."""
    return flags | builder << BUILDER_SHIFT | builder_fee << BUILDER_FEE_SHIFT


def builder_of(attributes: int) -> int:
    """Return the builder index of packed attributes, 0 for none."""
    return attributes >> BUILDER_SHIFT & _TWELVE_BITS


def builder_fee_of(attributes: int) -> int:
    """Return the builder fee of packed attributes, unit 0.1 bp."""
    return attributes >> BUILDER_FEE_SHIFT


@dataclass(slots=True)
class Order:
    """Resting order. A free record keeps only `next`, the next free slot.

    A trigger stands in a trigger list instead of the book, a TWAP in neither. An order that is
    LINKED has a :class:`Condition`, whose slot is in the place of the client id.
    """

    SIZE: ClassVar[int] = 64
    _LAYOUT: ClassVar[Struct] = Struct("<6I4Q2I")

    owner: int = 0
    next: int = 0  # younger order of the level
    prev: int = 0
    level: int = 0
    owner_next: int = 0  # older order of the owner
    owner_prev: int = 0
    remaining_lots: int = 0
    order_id: int = 0
    client_id_low: int = 0
    client_id_high: int = 0
    expiry_s: int = 0
    attributes: int = 0

    @property
    def market(self) -> int:
        """Market id: the low ten bits of the order id."""
        return self.order_id & _MARKET_MASK

    @property
    def is_ask(self) -> bool:
        """Whether the order sells."""
        return bool(self.attributes & OrderFlag.IS_ASK)

    @property
    def is_conditional(self) -> bool:
        """Whether the order waits outside of the book: a trigger or a TWAP."""
        return bool(self.attributes & (OrderFlag.TRIGGER | OrderFlag.TWAP))

    @property
    def condition_slot(self) -> int:
        """Slot of the condition of a LINKED order, 0 of another."""
        return self.client_id_low if self.attributes & OrderFlag.LINKED else 0

    def to_bytes(self) -> bytes:
        """Return the 64-byte record."""
        return self._LAYOUT.pack(
            self.owner,
            self.next,
            self.prev,
            self.level,
            self.owner_next,
            self.owner_prev,
            self.remaining_lots,
            self.order_id,
            self.client_id_low,
            self.client_id_high,
            self.expiry_s,
            self.attributes,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 64-byte record."""
        return cls(*cls._LAYOUT.unpack(data))


@dataclass(slots=True)
class Condition:
    """Second record of a LINKED order (docs/spec/conditional-orders.md section 1).

    It lies in a slot of the order table; the word of the order id is 0 there, so that no lookup
    takes it for an order. What the words mean depends on the order:

    - parent of a bracket: `link_a`, `link_b` are the slots of take-profit and stop, 0 for none;
      `lots` its size at the start, once it rests.
    - trigger: `limit_price` (0: market), `trail` its distance (0: none), `link_a` the slot of the
      other leg (0: none); while it sleeps `link_b` is the slot of the parent's condition and `lots`
      the trigger price.
    - TWAP: `limit_price` the slippage in ppm, `trail` the interval in seconds, `link_a` all slices,
      `link_b` those that are done, `lots` the whole size.
    """

    SIZE: ClassVar[int] = 64
    _LAYOUT: ClassVar[Struct] = Struct("<I4x4IQ8x2QI4x")

    owner: int = 0
    limit_price: int = 0
    trail: int = 0
    link_a: int = 0
    link_b: int = 0
    lots: int = 0
    client_id_low: int = 0
    client_id_high: int = 0
    terms: int = 0  # self-trade mode | by_master << 8

    @property
    def client_id(self) -> tuple[int, int]:
        """Both halves of the order's client id."""
        return self.client_id_low, self.client_id_high

    def to_bytes(self) -> bytes:
        """Return the 64-byte record."""
        return self._LAYOUT.pack(*astuple(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 64-byte record."""
        return cls(*cls._LAYOUT.unpack(data))


@dataclass(slots=True)
class Level:
    """Price level: FIFO list of orders. A free record keeps only `next`.

    The stored word behind `tail` joins count, market, side and whether it is one of a trigger list;
    `is_ask` says there whether the list is the one above the mark.
    """

    SIZE: ClassVar[int] = 32
    _LAYOUT: ClassVar[Struct] = Struct("<6IQ")

    price: int = 0
    next: int = 0  # worse level
    prev: int = 0  # better level
    head: int = 0  # oldest order
    tail: int = 0
    count: int = 0
    market: int = 0
    is_ask: bool = False
    total_lots: int = 0
    is_trigger: bool = False

    def to_bytes(self) -> bytes:
        """Return the 32-byte record."""
        tag = self.count | self.market << _TAG_MARKET_SHIFT | self.is_ask << _TAG_SIDE_SHIFT
        tag |= self.is_trigger << _TAG_TRIGGER_SHIFT
        return self._LAYOUT.pack(
            self.price, self.next, self.prev, self.head, self.tail, tag, self.total_lots
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 32-byte record."""
        price, worse, better, head, tail, tag, total_lots = cls._LAYOUT.unpack(data)
        return cls(
            price=price,
            next=worse,
            prev=better,
            head=head,
            tail=tail,
            count=tag & _TAG_COUNT_MASK,
            market=tag >> _TAG_MARKET_SHIFT & _MARKET_MASK,
            is_ask=bool(tag >> _TAG_SIDE_SHIFT & 1),
            total_lots=total_lots,
            is_trigger=bool(tag >> _TAG_TRIGGER_SHIFT),
        )


_DUTY_LAYOUT = Struct("<3I4x")


class Duty(NamedTuple):
    """Entry of the duty heap; tuples compare in the heap's order (due_s, kind, ref)."""

    due_s: int
    kind: int
    ref: int  # order slot or account id

    def to_bytes(self) -> bytes:
        """Return the 16-byte record."""
        return _DUTY_LAYOUT.pack(*self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 16-byte record."""
        return cls(*_DUTY_LAYOUT.unpack(data))


DUTY_BYTES = _DUTY_LAYOUT.size
