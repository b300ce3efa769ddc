"""Events of margined markets (docs/spec/risk.md section 2)."""

from offchain.spec.event import EventWriter
from offchain.spec.kinds import EventKind, SnapshotTarget

_EVENT_DAYS = 6  # an event has six values


class RiskEventLog(EventWriter):
    """Every method writes one event of the kind it is named after.

    Amounts are quote units, prices price units, sizes lots, times seconds.
    """

    # --- positions -----------------------------------------------------------------------

    def settled(
        self,
        *,
        market: int,
        account: int,
        size: int,
        cost: int,
        paid: int,
        released: int,
        value: int,
        fraction: int,
    ) -> None:
        """Write what funding and deleveraging did to a position; size and cost are after it."""
        kind = EventKind.SETTLED
        self._write(kind, market, account, size, cost, paid, released, value, fraction)

    def leverage_set(self, *, market: int, account: int, leverage: int, mode: int) -> None:
        """Write leverage and mode of a position."""
        self._write(EventKind.LEVERAGE_SET, market, account, leverage, mode)

    def margin_moved(self, *, market: int, account: int, amount: int, isolated_margin: int) -> None:
        """Write what went into an isolated position (negative: out of it) and what it has now."""
        self._write(EventKind.MARGIN_MOVED, market, account, amount, isolated_margin)

    # --- prices and funding --------------------------------------------------------------

    def snapshot_taken(
        self,
        *,
        target: SnapshotTarget,
        market: int,
        asset: int,
        price_e8: int,
        rate_e12: int,
        time_s: int,
        snapshot_price: int,
    ) -> None:
        """Write a price of L1; the rate as stored, `snapshot_price` of markets only."""
        kind = EventKind.SNAPSHOT_TAKEN
        self._write(kind, market, 0, target, asset, price_e8, rate_e12, time_s, snapshot_price)

    def yield_shared(
        self, *, account: int, asset: int, minted_units: int, freed_units: int, index_e12: int
    ) -> None:
        """Write the protocol's share of a yield: engine units, what they are of L1, the index."""
        kind = EventKind.YIELD_SHARED
        self._write(kind, 0, account, asset, minted_units, freed_units, index_e12)

    def price_reported(
        self,
        *,
        market: int,
        index_price: int,
        mark_price: int,
        mid_price: int,
        external_mark: int,
        basis_ema: int,
        time_s: int,
    ) -> None:
        """Write a market's new index and mark; `mid_price` 0 without a two-sided book."""
        self._write(
            EventKind.PRICE_REPORTED,
            market,
            0,
            index_price,
            mark_price,
            mid_price,
            external_mark,
            basis_ema,
            time_s,
        )

    def funding(
        self,
        *,
        market: int,
        per_lot: int,
        index_price: int,
        premium_ppm: int,
        rate_ppm: int,
        longs_paid: int,
        shorts_paid: int,
    ) -> None:
        """Write an hour's funding in 10^-6 quote units per lot, and the paid indices after it."""
        kind = EventKind.FUNDING
        values = (per_lot, index_price, premium_ppm, rate_ppm, longs_paid, shorts_paid)
        self._write(kind, market, 0, *values)

    def residue(
        self, *, market: int, account: int, lots: int, size: int, cost: int, pnl: int
    ) -> None:
        """Write lots (signed) that belonged to no position and go to the insurance account."""
        self._write(EventKind.RESIDUE, market, account, lots, size, cost, pnl)

    # --- liquidation ---------------------------------------------------------------------

    def liquidated(
        self,
        *,
        market: int,
        account: int,
        lots: int,
        price: int,
        talt: int,
        mmr: int,
        is_takeover: bool,
        order_or_receiver: int,
    ) -> None:
        """Write a tranche or a takeover with liquidation value and requirement in micro."""
        step = 2 if is_takeover else 1
        kind = EventKind.LIQUIDATED
        self._write(kind, market, account, lots, price, talt, mmr, step, order_or_receiver)

    def deleveraged(
        self,
        *,
        market: int,
        account: int,
        lots: int,
        price: int,
        share: int,
        taken: int,
        epoch: int,
        is_from_longs: bool,
    ) -> None:
        """Write a position that the other side took over; taken share and epoch after it."""
        kind = EventKind.DELEVERAGED
        self._write(kind, market, account, lots, price, share, taken, epoch, is_from_longs)

    def exchanged(self, *, account: int, asset: int, units: int, proceeds: int) -> None:
        """Write collateral that was exchanged for quote."""
        self._write(EventKind.EXCHANGED, 0, account, asset, units, proceeds)

    def bad_debt(self, *, account: int, units: int) -> None:
        """Write negative quote that the insurance account took over."""
        self._write(EventKind.BAD_DEBT, 0, account, units)

    def interest(self, *, account: int, units: int, index_e12: int) -> None:
        """Write interest that an account paid on negative quote."""
        self._write(EventKind.INTEREST, 0, account, units, index_e12)

    def earned(self, *, account: int, units: int, index_e12: int) -> None:
        """Write interest that an account earned on positive quote."""
        self._write(EventKind.EARNED, 0, account, units, index_e12)

    def lap_ended(
        self, *, laps: int, negative_quote: int, owed_index_e12: int, earned_index_e12: int
    ) -> None:
        """Write the end of a lap of the sweep."""
        kind = EventKind.LAP_ENDED
        self._write(kind, 0, 0, laps, negative_quote, owed_index_e12, earned_index_e12)

    # --- administration ------------------------------------------------------------------

    def market_prices_set(
        self,
        *,
        market: int,
        basis_cap_ppm: int,
        mark_band_ppm: int,
        jump_ppm: int,
        snapshot_band_ppm: int,
        funding_interest_ppm: int,
        funding_cap_ppm: int,
    ) -> None:
        """Write how a market is priced."""
        self._write(
            EventKind.MARKET_PRICES_SET,
            market,
            0,
            basis_cap_ppm,
            mark_band_ppm,
            jump_ppm,
            snapshot_band_ppm,
            funding_interest_ppm,
            funding_cap_ppm,
        )

    def market_risk_set(
        self,
        *,
        market: int,
        initial_ppm: int,
        maintenance_ppm: int,
        closeout_ppm: int,
        liquidation_fee_ppm: int,
        tier1_micro: int,
        tier2_micro: int,
    ) -> None:
        """Write a market's margins."""
        self._write(
            EventKind.MARKET_RISK_SET,
            market,
            0,
            initial_ppm,
            maintenance_ppm,
            closeout_ppm,
            liquidation_fee_ppm,
            tier1_micro,
            tier2_micro,
        )

    def asset_risk_set(
        self,
        *,
        asset: int,
        flags: int,
        margin_weight_ppm: int,
        liquidation_weight_ppm: int,
        exchange_discount_ppm: int,
        heartbeat_s: int,
    ) -> None:
        """Write how an asset counts as collateral."""
        self._write(
            EventKind.ASSET_RISK_SET,
            0,
            0,
            asset,
            flags,
            margin_weight_ppm,
            liquidation_weight_ppm,
            exchange_discount_ppm,
            heartbeat_s,
        )

    def credit_set(self, *, base_rate_ppm: int, slope_ppm: int, negative_cap: int) -> None:
        """Write the interest on negative quote."""
        self._write(EventKind.CREDIT_SET, 0, 0, base_rate_ppm, slope_ppm, negative_cap)

    def calendar_set(self, *, market: int, days: tuple[int, ...]) -> None:
        """Write a market's hours in session, of the first six days."""
        self._write(EventKind.CALENDAR_SET, market, 0, *days[:_EVENT_DAYS])
