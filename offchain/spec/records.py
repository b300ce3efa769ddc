"""Records of accounts, assets, markets and their byte layouts.

Layouts: docs/spec/transition.md section 1. The records of the order book and the header are in
:mod:`offchain.spec.book_records` and :mod:`offchain.spec.header`. Every record is hashed as 8-byte
little-endian words below p; a record that was never written is all zero.
"""

from dataclasses import astuple, dataclass, field
from struct import Struct
from typing import ClassVar, Protocol, Self

from offchain.spec.constants import (
    APPROVALS_PER_ACCOUNT,
    BALANCES_PER_ACCOUNT,
    NONCES_PER_SET,
)
from offchain.spec.encoding import ADDRESS_BYTES, address_from_words, address_words, bias, unbias
from offchain.spec.kinds import AssetFlag

NO_ADDRESS = bytes(ADDRESS_BYTES)


class Record(Protocol):
    """What a table of the state needs to know about a record."""

    SIZE: ClassVar[int]

    def to_bytes(self) -> bytes:
        """Return the record's `SIZE` bytes."""
        ...


@dataclass(slots=True)
class Asset:
    """Asset; amounts in engine units. Flags: :class:`AssetFlag`.

    A LINKED one stands for `peer_asset` that the peer of channel `channel_plus_1` - 1 keeps.
    """

    SIZE: ClassVar[int] = 128
    _LAYOUT: ClassVar[Struct] = Struct("<6Q2IQ64x")

    flags: int = 0
    withdraw_step_units: int = 0
    total_units: int = 0  # of L1
    deposit_cap_units: int = 0  # of L1
    supply_units: int = 0  # what all accounts hold
    unit_index_e12: int = 0  # units of L1 in an engine unit; 0: one
    channel_plus_1: int = 0
    peer_asset: int = 0
    moved_units: int = 0  # of L1, that a frozen peer had kept and this chain now has

    @property
    def is_linked(self) -> bool:
        """Whether it stands for collateral that a peer keeps."""
        return bool(self.flags & AssetFlag.LINKED)

    @property
    def channel(self) -> int:
        """Channel to the peer that keeps it."""
        return self.channel_plus_1 - 1

    def to_bytes(self) -> bytes:
        """Return the 128-byte record."""
        return self._LAYOUT.pack(*astuple(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 128-byte record."""
        return cls(*cls._LAYOUT.unpack(data))


@dataclass(slots=True)
class Market:
    """Market. `kind` 0 means absent; `best_bid` and `best_ask` are level slots."""

    SIZE: ClassVar[int] = 128
    _LAYOUT: ClassVar[Struct] = Struct("<2I4BHBx3I4x3Q72x")

    best_bid: int = 0
    best_ask: int = 0
    kind: int = 0
    status: int = 0
    sz_decimals: int = 0
    max_significant_figures: int = 0  # 0: no bound
    base_asset: int = 0
    fee_table: int = 0
    tick: int = 0  # price units; 0: no bound
    fee_account: int = 0
    insurance_account: int = 0
    min_size_lots: int = 0
    base_units_per_lot: int = 0
    open_interest_lots: int = 0  # sum of the long positions

    def best(self, *, is_ask: bool) -> int:
        """Return the level slot of the best price of one side, 0 for an empty side."""
        return self.best_ask if is_ask else self.best_bid

    def set_best(self, slot: int, *, is_ask: bool) -> None:
        """Set the level slot of the best price of one side."""
        if is_ask:
            self.best_ask = slot
        else:
            self.best_bid = slot

    def to_bytes(self) -> bytes:
        """Return the 128-byte record."""
        return self._LAYOUT.pack(
            self.best_bid,
            self.best_ask,
            self.kind,
            self.status,
            self.sz_decimals,
            self.max_significant_figures,
            self.base_asset,
            self.fee_table,
            self.tick,
            self.fee_account,
            self.insurance_account,
            self.min_size_lots,
            self.base_units_per_lot,
            self.open_interest_lots,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 128-byte record."""
        return cls(*cls._LAYOUT.unpack(data))


@dataclass(slots=True)
class FeeTier:
    """One of the eight tiers of a fee table. Flags: :class:`TierFlag`."""

    SIZE: ClassVar[int] = 32
    _LAYOUT: ClassVar[Struct] = Struct("<4I16x")

    flags: int = 0
    maker_ppm: int = 0
    taker_ppm: int = 0
    quota_per_minute: int = 0  # 0: not metered

    def to_bytes(self) -> bytes:
        """Return the 32-byte record."""
        return self._LAYOUT.pack(self.flags, self.maker_ppm, self.taker_ppm, self.quota_per_minute)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 32-byte record."""
        return cls(*cls._LAYOUT.unpack(data))


@dataclass(slots=True)
class Account:
    """Account with its eight balances. Flags: :class:`AccountFlag`.

    A balance slot is in use when its entry of `asset_ids` (asset id + 1) is not 0. `approvals` are
    ``builder | max_fee << 16``.
    """

    SIZE: ClassVar[int] = 256
    _LAYOUT: ClassVar[Struct] = Struct("<6I8H2I16Q3Q8I2IQ2I")

    flags: int = 0
    tier: int = 0
    order_head: int = 0
    order_count: int = 0
    quota_minute: int = 0
    quota_used: int = 0
    asset_ids: list[int] = field(default_factory=lambda: [0] * BALANCES_PER_ACCOUNT)
    deadman_s: int = 0
    tier_changed_s: int = 0
    free: list[int] = field(default_factory=lambda: [0] * BALANCES_PER_ACCOUNT)  # signed units
    locked: list[int] = field(default_factory=lambda: [0] * BALANCES_PER_ACCOUNT)
    owner: bytes = NO_ADDRESS
    approvals: list[int] = field(default_factory=lambda: [0] * APPROVALS_PER_ACCOUNT)
    builder: int = 0
    positions_used: int = 0
    quote_index: int = 0  # interest index at which negative quote was last charged
    sweep_next: int = 0  # account ids; 0 ends the ring
    sweep_prev: int = 0

    def to_bytes(self) -> bytes:
        """Return the 256-byte record; an unused balance slot is zero without bias."""
        balances: list[int] = []
        for asset_id, free, locked in zip(self.asset_ids, self.free, self.locked, strict=True):
            balances += (bias(free) if asset_id else 0, locked)
        return self._LAYOUT.pack(
            self.flags,
            self.tier,
            self.order_head,
            self.order_count,
            self.quota_minute,
            self.quota_used,
            *self.asset_ids,
            self.deadman_s,
            self.tier_changed_s,
            *balances,
            *address_words(self.owner),
            *self.approvals,
            self.builder,
            self.positions_used,
            self.quote_index,
            self.sweep_next,
            self.sweep_prev,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 256-byte record."""
        words = cls._LAYOUT.unpack(data)
        account = cls(*words[:6])
        account.asset_ids = list(words[6:14])
        account.deadman_s, account.tier_changed_s = words[14:16]
        balances = zip(account.asset_ids, words[16:32:2], strict=True)
        account.free = [unbias(free) if asset_id else 0 for asset_id, free in balances]
        account.locked = list(words[17:32:2])
        account.owner = address_from_words(*words[32:35])
        account.approvals = list(words[35:43])
        account.builder, account.positions_used = words[43:45]
        account.quote_index, account.sweep_next, account.sweep_prev = words[45:]
        return account


@dataclass(slots=True)
class Position:
    """Perpetual position. `market_plus_1` 0 means absent; then every byte is zero.

    `size_lots` is positive for a long; `cost` is signed quote units paid for the size. `adl_epoch`,
    `funding_index` and `adl_index` are epoch, paid index and taken share of the position's side
    when it was last settled (docs/spec/risk.md section 3). `mode`: :class:`MarginMode`.
    """

    SIZE: ClassVar[int] = 64
    _LAYOUT: ClassVar[Struct] = Struct("<H2BI5Q2Q")

    market_plus_1: int = 0
    mode: int = 0
    leverage: int = 0
    adl_epoch: int = 0
    size_lots: int = 0
    cost: int = 0
    funding_index: int = 0
    adl_index: int = 0
    isolated_margin: int = 0
    open_bid_lots: int = 0
    open_ask_lots: int = 0

    def to_bytes(self) -> bytes:
        """Return the 64-byte record."""
        if not self.market_plus_1:
            return bytes(self.SIZE)
        return self._LAYOUT.pack(
            self.market_plus_1,
            self.mode,
            self.leverage,
            self.adl_epoch,
            bias(self.size_lots),
            bias(self.cost),
            bias(self.funding_index),
            bias(self.adl_index),
            bias(self.isolated_margin),
            self.open_bid_lots,
            self.open_ask_lots,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 64-byte record."""
        words = cls._LAYOUT.unpack(data)
        if not words[0]:
            return cls()
        return cls(*words[:4], *(unbias(word) for word in words[4:9]), *words[9:])


@dataclass(slots=True)
class Signer:
    """Key that may sign for a master. Flags: :class:`SignerFlag`."""

    SIZE: ClassVar[int] = 64
    _LAYOUT: ClassVar[Struct] = Struct("<3Q2I32x")

    address: bytes = NO_ADDRESS
    expiry_s: int = 0  # 0: never
    flags: int = 0

    def to_bytes(self) -> bytes:
        """Return the 64-byte record."""
        return self._LAYOUT.pack(*address_words(self.address), self.expiry_s, self.flags)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 64-byte record."""
        words = cls._LAYOUT.unpack(data)
        return cls(address_from_words(*words[:3]), *words[3:])


@dataclass(slots=True)
class NonceSet:
    """The highest nonces that a signer used of those with one rest modulo NONCE_SETS.

    They are in no order; 0 stands for none. The lowest of a set only ever rises, so a nonce that
    was pushed out stays below it.
    """

    SIZE: ClassVar[int] = 64
    _LAYOUT: ClassVar[Struct] = Struct(f"<{NONCES_PER_SET}Q")

    nonces: list[int] = field(default_factory=lambda: [0] * NONCES_PER_SET)

    def use(self, nonce: int) -> None:
        """Put `nonce` in the place of the lowest, the first of equal ones."""
        self.nonces[self.nonces.index(min(self.nonces))] = nonce

    def to_bytes(self) -> bytes:
        """Return the 64-byte record."""
        return self._LAYOUT.pack(*self.nonces)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 64-byte record."""
        return cls(list(cls._LAYOUT.unpack(data)))


@dataclass(slots=True)
class Builder:
    """Builder code: the account that earns its fees."""

    SIZE: ClassVar[int] = 16
    _LAYOUT: ClassVar[Struct] = Struct("<I12x")

    account: int = 0

    def to_bytes(self) -> bytes:
        """Return the 16-byte record."""
        return self._LAYOUT.pack(self.account)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 16-byte record."""
        return cls(*cls._LAYOUT.unpack(data))
