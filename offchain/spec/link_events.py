"""Events of links between chains (docs/spec/links.md section 7)."""

from offchain.spec.encoding import address_words
from offchain.spec.errors import ErrorCode
from offchain.spec.event import EventWriter
from offchain.spec.kinds import EventKind

_EXPIRY_SHIFT = 32


class LinkEventLog(EventWriter):
    """Every method writes one event of the kind it is named after.

    Amounts are units of L1, times seconds; `asset` is as L1 calls it unless it says otherwise.
    """

    # --- pledges: most of these are told to the peer ------------------------------------------

    def pledged(
        self,
        *,
        account: int,
        channel: int,
        asset: int,
        units: int,
        peer_account: int,
        expires_at_s: int,
        owner: bytes,
    ) -> None:
        """Write what an account pledges to one of the peer's."""
        to = peer_account | expires_at_s << _EXPIRY_SHIFT
        words = address_words(owner)
        self._write(EventKind.PLEDGED, channel, account, asset, units, to, *words)

    def released(
        self,
        *,
        account: int,
        channel: int,
        asset: int,
        units: int,
        peer_account: int,
        code: ErrorCode,
    ) -> None:
        """Write what the holder lets go; `code` says why a pledge was not taken."""
        kind = EventKind.RELEASED
        self._write(kind, channel, account, asset, units, peer_account, account, code)

    def unlocked(self, *, account: int, channel: int, asset: int, units: int, told: int) -> None:
        """Write what the owner gets back, of `told` units that the holder let go."""
        self._write(EventKind.UNLOCKED, channel, account, asset, units, told)

    def seize_requested(
        self, *, account: int, channel: int, asset: int, units: int, peer_account: int
    ) -> None:
        """Write what the holder asks the keeper for."""
        kind = EventKind.SEIZE_REQUESTED
        self._write(kind, channel, account, asset, units, peer_account, account)

    def pledge_taken(
        self,
        *,
        account: int,
        channel: int,
        asset: int,
        units: int,
        expires_at_s: int,
        peer_account: int,
        linked_asset: int,
    ) -> None:
        """Write what an account holds more, as units of `linked_asset`."""
        kind = EventKind.PLEDGE_TAKEN
        values = (asset, units, expires_at_s, peer_account, linked_asset)
        self._write(kind, channel, account, *values)

    def seized(
        self,
        *,
        account: int,
        channel: int,
        asset: int,
        units: int,
        peer_account: int,
        asked_units: int,
    ) -> None:
        """Write what goes to the holder, of `asked_units`."""
        kind = EventKind.SEIZED
        self._write(kind, channel, account, asset, units, peer_account, asked_units)

    def liquidation_done(
        self, *, account: int, channel: int, asset: int, units: int, burnt_units: int
    ) -> None:
        """Write what came from the keeper, and the claim that it ends."""
        kind = EventKind.LIQUIDATION_DONE
        self._write(kind, channel, account, asset, units, burnt_units)

    def redeemed(
        self, *, account: int, channel: int, linked_asset: int, asset: int, units: int
    ) -> None:
        """Write that units of a linked asset became units of the asset itself."""
        self._write(EventKind.REDEEMED, channel, account, linked_asset, asset, units)

    # --- channels -------------------------------------------------------------------------------

    def message_sent(
        self,
        *,
        channel: int,
        index: int,
        slot: int,
        expires_at_s: int,
        flags: int,
        value: tuple[int, int],
    ) -> None:
        """Write that the event before this one is told to the peer, with a value of (asset, units).

        The slot is milliseconds.
        """
        kind = EventKind.MESSAGE_SENT
        self._write(kind, channel, 0, index, slot, expires_at_s, flags, *value)

    def message_taken(
        self, *, channel: int, index: int, slot: int, flags: int, body_kind: int
    ) -> None:
        """Write that a message was received; what it does follows."""
        kind = EventKind.MESSAGE_TAKEN
        self._write(kind, channel, 0, index, slot, flags, body_kind)

    def channel_set(self, *, channel: int, peer_chain_id: int, own_chain_id: int) -> None:
        """Write a new channel."""
        self._write(EventKind.CHANNEL_SET, channel, 0, peer_chain_id, own_chain_id)

    def link_set(self, *, channel: int, asset: int, peer_asset: int) -> None:
        """Write that an asset stands for one of the peer."""
        self._write(EventKind.LINK_SET, channel, 0, asset, peer_asset)

    def messages_voided(self, *, channel: int, index: int) -> None:
        """Write up to which index messages may be taken without body."""
        self._write(EventKind.MESSAGES_VOIDED, channel, 0, index)

    def pledges_moved(
        self, *, channel: int, asset: int, units: int, is_holder: int, peer_chain_id: int
    ) -> None:
        """Write that L1 moved all pledges of an asset between this chain and a peer."""
        kind = EventKind.PLEDGES_MOVED
        self._write(kind, channel, 0, asset, units, is_holder, peer_chain_id)
