"""Records of links between chains: channels and reservations (docs/spec/links.md section 1)."""

from dataclasses import astuple, dataclass, field
from struct import Struct
from typing import ClassVar, Self

from offchain.spec.constants import LINKS_PER_CHANNEL
from offchain.spec.encoding import HASH_BYTES, hash_from_limbs, hash_limbs
from offchain.spec.kinds import ChannelFlag

_PEER_ASSET_SHIFT = 16
_ASSET_MASK = (1 << _PEER_ASSET_SHIFT) - 1
_PLAIN_WORDS = 6
_LIMBS = HASH_BYTES // 4


@dataclass(slots=True)
class Channel:
    """The two directions between this chain and a peer. Flags: :class:`ChannelFlag`.

    `links` are entries, asset here | asset there << 16; 0 is a free one. A channel whose ids are 0
    does not exist. Messages up to index `void_until` may be taken without body once they expired.
    """

    SIZE: ClassVar[int] = 256
    _LAYOUT: ClassVar[Struct] = Struct(f"<2I4Q24x{2 * _LIMBS}Q{LINKS_PER_CHANNEL}I")

    peer_chain_id: int = 0
    own_chain_id: int = 0
    sent_count: int = 0
    received_count: int = 0
    flags: int = 0
    void_until: int = 0
    sent_accumulator: bytes = bytes(HASH_BYTES)
    received_accumulator: bytes = bytes(HASH_BYTES)
    links: list[int] = field(default_factory=lambda: [0] * LINKS_PER_CHANNEL)

    @property
    def exists(self) -> bool:
        """Whether governance has made the channel."""
        return self.peer_chain_id != 0

    @property
    def is_severed(self) -> bool:
        """Whether one of the two chains was frozen."""
        return bool(self.flags & ChannelFlag.SEVERED)

    @property
    def is_open(self) -> bool:
        """Whether pledges can be given through it."""
        return self.exists and not self.is_severed

    def linked_asset(self, peer_asset: int) -> int | None:
        """Return the asset here that stands for one of the peer's, None when there is no link."""
        for entry in self.links:
            if entry and entry >> _PEER_ASSET_SHIFT == peer_asset:
                return entry & _ASSET_MASK
        return None

    def add_link(self, asset: int, peer_asset: int) -> None:
        """Put a link into the lowest free entry; there is one."""
        self.links[self.links.index(0)] = asset | peer_asset << _PEER_ASSET_SHIFT

    def to_bytes(self) -> bytes:
        """Return the 256-byte record."""
        return self._LAYOUT.pack(
            self.peer_chain_id,
            self.own_chain_id,
            self.sent_count,
            self.received_count,
            self.flags,
            self.void_until,
            *hash_limbs(self.sent_accumulator),
            *hash_limbs(self.received_accumulator),
            *self.links,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 256-byte record."""
        words = cls._LAYOUT.unpack(data)
        peer_chain_id, own_chain_id, sent_count, received_count, flags, void_until = words[
            :_PLAIN_WORDS
        ]
        sent, received = words[_PLAIN_WORDS:][:_LIMBS], words[_PLAIN_WORDS + _LIMBS :][:_LIMBS]
        return cls(
            peer_chain_id=peer_chain_id,
            own_chain_id=own_chain_id,
            sent_count=sent_count,
            received_count=received_count,
            flags=flags,
            void_until=void_until,
            sent_accumulator=hash_from_limbs(sent),
            received_accumulator=hash_from_limbs(received),
            links=list(words[-LINKS_PER_CHANNEL:]),
        )


@dataclass(slots=True)
class Reservation:
    """Collateral that an account pledged or holds pledged. Role: :class:`ReservationRole`.

    Amounts are units of L1: `claimed_units` went to the insurance account in a liquidation and wait
    for a SEIZE, `asked_units` are those that one has asked for. `asset` is as L1 calls it.
    """

    SIZE: ClassVar[int] = 64
    _LAYOUT: ClassVar[Struct] = Struct("<6I3Q16x")

    account: int = 0
    role: int = 0
    channel_plus_1: int = 0
    asset: int = 0
    peer_account: int = 0
    expires_at_s: int = 0
    units: int = 0
    claimed_units: int = 0
    asked_units: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether no amount is left of it."""
        return self.units == self.claimed_units == self.asked_units == 0

    def to_bytes(self) -> bytes:
        """Return the 64-byte record."""
        return self._LAYOUT.pack(*astuple(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 64-byte record."""
        return cls(*cls._LAYOUT.unpack(data))
