"""Events: what an accepted op did, 64 bytes each (docs/spec/transition.md section 2)."""

from offchain.spec.condition_events import ConditionEventLog
from offchain.spec.encoding import address_words, signed_word
from offchain.spec.event import Event
from offchain.spec.fund_events import FundEventLog
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Continuation, EventKind, Reason
from offchain.spec.l1_events import L1EventLog
from offchain.spec.link_events import LinkEventLog
from offchain.spec.risk_events import RiskEventLog

__all__ = ["Event", "EventLog"]

_ACCOUNT_SHIFT = 32


class EventLog(RiskEventLog, ConditionEventLog, FundEventLog, L1EventLog, LinkEventLog):
    """Events of one op.

    Every method writes one event of the kind it is named after. Amounts are engine units, prices
    price units, sizes lots, times seconds. Those of margined markets, conditional orders, funds and
    L1 are inherited.
    """

    # --- orders --------------------------------------------------------------------------

    def rested(self, order: PendingWork, slot: int) -> None:
        """Write that an order rests in the book, with its limit price and what remains."""
        self._write(
            EventKind.RESTED,
            order.market,
            order.account,
            order.order_id,
            slot,
            order.limit_price,
            order.remaining_lots,
            order.attributes,
            order.expiry_s,
        )

    def fill(
        self,
        taker: PendingWork,
        *,
        maker_order_id: int,
        maker_account: int,
        price: int,
        size_lots: int,
        taker_fee: int,
        maker_fee: int,
    ) -> None:
        """Write a trade between the taker and one resting order."""
        self._write(
            EventKind.FILL,
            taker.market,
            taker.account,
            taker.order_id,
            maker_order_id,
            price | maker_account << _ACCOUNT_SHIFT,
            size_lots << 1 | taker.is_ask,
            taker_fee,
            maker_fee,
        )

    def done(self, taker: PendingWork, reason: Reason, client_id: tuple[int, int]) -> None:
        """Write that a taker ended without resting; what remains of it is dropped."""
        low, high = client_id
        self._write(
            EventKind.DONE,
            taker.market,
            taker.account,
            taker.order_id,
            taker.start_size_lots - taker.remaining_lots,
            taker.remaining_lots,
            reason,
            signed_word(low),
            signed_word(high),
        )

    def cancelled(
        self,
        *,
        market: int,
        owner: int,
        order_id: int,
        slot: int,
        remaining_lots: int,
        reason: int,
        client_id: tuple[int, int],
    ) -> None:
        """Write that a resting order left the book without being filled."""
        low, high = client_id
        self._write(
            EventKind.CANCELLED,
            market,
            owner,
            order_id,
            slot,
            remaining_lots,
            reason,
            signed_word(low),
            signed_word(high),
        )

    def reduced(
        self,
        *,
        market: int,
        owner: int,
        order_id: int,
        slot: int,
        remaining_lots: int,
        reason: Reason,
    ) -> None:
        """Write that a resting order shrank and keeps its place."""
        self._write(EventKind.REDUCED, market, owner, order_id, slot, remaining_lots, reason)

    def continued(self, pending: PendingWork) -> None:
        """Write that an op ran out of steps and waits for CONTINUE."""
        kind = Continuation(pending.kind)
        self._write(EventKind.CONTINUED, pending.market, pending.account, kind)

    def builder_fee(
        self, *, market: int, account: int, order_id: int, builder: int, fee: int, payer: int
    ) -> None:
        """Write a builder's earning from one side of a fill."""
        self._write(EventKind.BUILDER_FEE, market, account, order_id, builder, fee, payer)

    def position(self, *, market: int, account: int, size: int, cost: int, pnl: int) -> None:
        """Write a position after a fill, with the profit that the fill realised."""
        self._write(EventKind.POSITION, market, account, size, cost, pnl)

    # --- money ---------------------------------------------------------------------------

    def deposited(self, *, account: int, asset: int, amount: int, owner: bytes) -> None:
        """Write an accepted deposit."""
        self._write(EventKind.DEPOSITED, 0, account, asset, amount, *address_words(owner))

    def withdrawal(self, *, account: int, asset: int, amount: int, owner: bytes, code: int) -> None:
        """Write an amount that L1 owes to `owner`; `code` says why a deposit goes back."""
        words = address_words(owner)
        self._write(EventKind.WITHDRAWAL, 0, account, asset, amount, *words, code)

    def transferred(self, *, account: int, asset: int, amount: int, to_account: int) -> None:
        """Write a transfer within one owner."""
        self._write(EventKind.TRANSFERRED, 0, account, asset, amount, to_account)

    # --- account settings ----------------------------------------------------------------

    def tier_set(self, *, account: int, tier: int) -> None:
        """Write a change of fee tier."""
        self._write(EventKind.TIER_SET, 0, account, tier)

    def builder_approved(self, *, account: int, builder: int, max_fee: int) -> None:
        """Write a builder approval (0.1 bp; 0 revokes)."""
        self._write(EventKind.BUILDER_APPROVED, 0, account, builder, max_fee)

    def builder_registered(self, *, account: int, builder: int) -> None:
        """Write a new builder code."""
        self._write(EventKind.BUILDER_REGISTERED, 0, account, builder)

    def agent_set(self, *, account: int, slot: int, expiry_s: int, address: bytes) -> None:
        """Write a new or revoked agent key."""
        self._write(EventKind.AGENT_SET, 0, account, slot, expiry_s, *address_words(address))

    def owner_key_set(self, *, account: int, is_on: int) -> None:
        """Write whether the owner key may trade."""
        self._write(EventKind.OWNER_KEY_SET, 0, account, is_on)

    def cancel_scheduled(self, *, account: int, at_s: int) -> None:
        """Write a new or cleared (0) dead-man time."""
        self._write(EventKind.CANCEL_SCHEDULED, 0, account, at_s)

    def deadman_fired(self, *, account: int) -> None:
        """Write that a scheduled cancel begins."""
        self._write(EventKind.DEADMAN_FIRED, 0, account)

    # --- system and administration -------------------------------------------------------

    def time_advanced(self, *, now_s: int) -> None:
        """Write the new time."""
        self._write(EventKind.TIME_ADVANCED, 0, 0, now_s)

    def batch_sealed(self, *, batch_number: int) -> None:
        """Write the number of the batch that ended."""
        self._write(EventKind.BATCH_SEALED, 0, 0, batch_number)

    def asset_set(
        self, *, asset: int, flags: int, withdraw_step_units: int, deposit_cap_units: int
    ) -> None:
        """Write an asset's parameters."""
        self._write(EventKind.ASSET_SET, 0, 0, asset, flags, withdraw_step_units, deposit_cap_units)

    def market_set(self, *, market: int, kind: int, status: int) -> None:
        """Write a market's kind and status."""
        self._write(EventKind.MARKET_SET, market, 0, kind, status)

    def fee_tier_set(
        self, *, table: int, tier: int, maker_ppm: int, taker_ppm: int, quota: int, flags: int
    ) -> None:
        """Write a fee tier."""
        self._write(EventKind.FEE_TIER_SET, 0, 0, table, tier, maker_ppm, taker_ppm, quota, flags)

    def rejected(self, *, account: int, op_index: int, op_kind: int, code: int) -> None:
        """Write that an op of an accepted envelope was refused."""
        self._write(EventKind.REJECTED, 0, account, op_index, op_kind, code)
