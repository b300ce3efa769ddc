"""An exchange on one native core, driven in words of a market story.

Prices are given in quote tokens per base token, amounts in whole tokens; the core gets integers,
rounded to the nearest unit. Time moves only when a story says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from offchain.core.binding import Core, EventArray
from offchain.engine.state_view import StateView
from offchain.scenario import listing
from offchain.scenario.spec_view import spec_state
from offchain.spec import margin, op, risk_op
from offchain.spec.constants import (
    FEE_ACCOUNT,
    INSURANCE_ACCOUNT,
    PERP_PRICE_DECIMALS,
    POSITIONS_PER_ACCOUNT,
    QUOTE_ASSET,
    SUB_ACCOUNT_BITS,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import (
    AssetFlag,
    AssetRiskFlag,
    EventKind,
    MarketStatus,
    PlaceFlag,
    TimeInForce,
)
from offchain.spec.settling import settled
from offchain.spec.state import position_index

CONFIG_HASH: Final = bytes(range(32))
GOVERNANCE: Final = bytes.fromhex("60" * 20)
UNITS: Final = listing.UNITS
START_S: Final = 1_000_000
MICRO: Final = listing.MICRO
DOLLAR_CAP: Final = VALUE_LIMIT - 1
MAKER_MASTER: Final = 1  # account 32 rests liquidity in every market
MARKET_MAKER: Final = MAKER_MASTER << SUB_ACCOUNT_BITS
_GOVERNANCE_ACCOUNT: Final = 2 << SUB_ACCOUNT_BITS
FIRST_MASTER: Final = 3  # of a story's own accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Perp:
    """A perpetual of a story; rates in ppm, caps in whole base tokens, 0 for none."""

    market: int
    name: str
    price: float
    sz_decimals: int = 3
    initial_ppm: int = 50_000
    maintenance_ppm: int = 25_000
    closeout_ppm: int = 16_000
    liquidation_fee_ppm: int = 10_000
    tier1: float = 0
    tier2: float = 0
    open_interest_cap: float = 10**7
    concentration_free: float = 10**7
    concentration_ppm: int = 1_000_000
    price_band_ppm: int = 100_000
    basis_cap_ppm: int = 5_000
    mark_band_ppm: int = 20_000
    jump_ppm: int = 100_000
    snapshot_band_ppm: int = 20_000
    funding_interest_ppm: int = 100
    funding_cap_ppm: int = 40_000
    impact_notional: float = 10_000

    def price_units(self, price: float) -> int:
        """Return a price in price units."""
        return round(price * 10.0 ** (PERP_PRICE_DECIMALS - self.sz_decimals))

    def price_of(self, price_units: int) -> float:
        """Return price units as a price."""
        return price_units / 10.0 ** (PERP_PRICE_DECIMALS - self.sz_decimals)

    def lots(self, size: float) -> int:
        """Return a size in lots."""
        return round(size * 10.0**self.sz_decimals)

    def size_of(self, lots: int) -> float:
        """Return lots as a size."""
        return lots / 10.0**self.sz_decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """An asset that counts as margin; weights in ppm, sizes in whole tokens."""

    asset: int
    name: str
    price: float
    rate: float = 1.0
    margin_weight_ppm: int = 860_000
    liquidation_weight_ppm: int = 900_000
    exchange_discount_ppm: int = 30_000
    growth_cap_ppm: int = 100_000
    heartbeat_s: int = 3_600
    tier: float = 0
    user_cap: float = 10**9


class World:
    """One chain with its accounts, events and clock."""

    def __init__(self) -> None:
        self.core = Core(CONFIG_HASH, GOVERNANCE)
        self.view = StateView(self.core)
        self.events: list[EventArray] = []
        self.perps: dict[int, Perp] = {}
        self.collaterals: dict[int, Collateral] = {}
        self.accounts = [FEE_ACCOUNT, INSURANCE_ACCOUNT, _GOVERNANCE_ACCOUNT]
        self.now_s = START_S
        self.must(
            op.AdminAsset(
                asset=QUOTE_ASSET,
                flags=AssetFlag.DEPOSITS_OPEN,
                withdraw_step_units=1,
                deposit_cap_units=DOLLAR_CAP,
            )
        )
        self.must(op.AdvanceTime(now_s=START_S))

    # --- ops -------------------------------------------------------------------------------

    def send(self, each: op.Op) -> ErrorCode:
        """Apply an op and whatever it leaves to be continued; return its code."""
        applied = self.core.apply(each.to_bytes())
        self._keep(applied.events)
        while self.view.is_continuation_pending():
            self._keep(self.core.apply(op.Continue().to_bytes()).events)
        return ErrorCode(int(applied.codes[0]))

    def must(self, each: op.Op) -> None:
        """Apply an op that a story needs.

        Raises
        ------
        RuntimeError
            If it is refused: the story is wrong.
        """
        code = self.send(each)
        if code is not ErrorCode.OK:
            raise RuntimeError(f"{each} was refused: {code.name}, {code.sentence}")

    def _keep(self, events: EventArray) -> None:
        if len(events):
            self.events.append(events.copy())

    def of_kind(self, kind: EventKind) -> list[Any]:
        """Return all events of a kind so far."""
        return [event for part in self.events for event in part[part["kind"] == kind]]

    # --- listing ---------------------------------------------------------------------------

    def list_perp(self, perp: Perp) -> None:
        """List a margined perpetual and give it its first prices."""
        self.perps[perp.market] = perp
        self.set_status(perp, MarketStatus.OPEN)
        self.must(listing.perp_prices(perp))
        self.must(listing.perp_risk(perp))
        self.advance(1)
        self.report(perp, perp.price)

    def set_status(self, perp: Perp, status: MarketStatus) -> None:
        """Open or halt a market."""
        self.must(listing.perp_status(perp, status))

    def list_collateral(self, collateral: Collateral, *, is_impaired: bool = False) -> None:
        """List an asset as collateral (again, to change it) and give it its price."""
        is_new = collateral.asset not in self.collaterals
        self.collaterals[collateral.asset] = collateral
        if is_new:
            self.must(
                op.AdminAsset(
                    asset=collateral.asset,
                    flags=AssetFlag.DEPOSITS_OPEN,
                    withdraw_step_units=1,
                    deposit_cap_units=DOLLAR_CAP,
                )
            )
        flags = AssetRiskFlag.IMPAIRED if is_impaired else 0
        self.must(listing.collateral_risk(collateral, flags))
        if is_new:
            self.advance(1)
            self.price_collateral(collateral, collateral.price, collateral.rate)

    # --- prices and time -------------------------------------------------------------------

    def report(self, perp: Perp, price: float, *, external: float = 0) -> None:
        """Take a snapshot of L1 and report the same price as index."""
        self.must(listing.perp_snapshot(perp, price, self.now_s))
        self.must(self.price_report(perp, price, external=external))

    def price_report(self, perp: Perp, price: float, *, external: float = 0) -> risk_op.PriceReport:
        """Return the op that reports a price now."""
        return listing.price_report(perp, price, self.now_s, external=external)

    def price_collateral(self, collateral: Collateral, price: float, rate: float) -> None:
        """Take a snapshot of a collateral's price and redemption rate."""
        self.must(listing.collateral_snapshot(collateral, price, rate, self.now_s))

    def advance(self, seconds: int) -> None:
        """Move the time forward and do what falls due."""
        self.now_s += seconds
        self.must(op.AdvanceTime(now_s=self.now_s))
        while self.view.is_duty_due():
            self.must(op.RunDuties())

    def move(self, perp: Perp, price: float, *, step: float = 0.05) -> None:
        """Move index and mark to a price, a second and at most `step` (relative) at a time."""
        at = perp.price_of(self.risk(perp).index_price)
        while at != price:
            at = min(at * (1 + step), price) if price > at else max(at * (1 - step), price)
            self.advance(1)
            self.report(perp, at)

    def refresh(self) -> None:
        """Report every perpetual's present index again, so that its mark is fresh."""
        self.advance(1)
        for perp in self.perps.values():
            self.report(perp, perp.price_of(self.risk(perp).index_price))

    def sweep(self) -> None:
        """Go once around the ring of accounts with risk and liquidate whoever is due."""
        lap = self.view.header().sweep_laps
        while self.view.header().sweep_laps == lap:
            if self.send(risk_op.Sweep()) is ErrorCode.NOTHING_TO_SWEEP:
                return

    def liquidate(self, account: int) -> int:
        """Liquidate an account as far as it goes; return the steps that changed a position.

        A tranche for which the book has no taker is a step too, after which the engine waits.
        """
        steps = 0
        while True:
            before = [self.position(account, perp) for perp in self.perps.values()]
            if self.send(risk_op.Liquidate(account=account)) is not ErrorCode.OK:
                return steps
            if [self.position(account, perp) for perp in self.perps.values()] == before:
                return steps
            steps += 1

    # --- accounts --------------------------------------------------------------------------

    def open_account(self, master: int, amounts: dict[int, float]) -> int:
        """Deposit whole tokens by asset for a master; return its account id."""
        account = master << SUB_ACCOUNT_BITS
        for asset, amount in amounts.items():
            self.must(
                op.Deposit(
                    account=account,
                    owner=master.to_bytes(20, "big"),
                    asset=asset,
                    amount=round(amount * UNITS),
                )
            )
        self.accounts.append(account)
        return account

    def insure(self, amount: float) -> None:
        """Let governance deposit quote and hand it to the insurance account, its own too."""
        self.must(
            op.Deposit(
                account=_GOVERNANCE_ACCOUNT,
                owner=GOVERNANCE,
                asset=QUOTE_ASSET,
                amount=round(amount * UNITS),
            )
        )
        self.must(
            op.Transfer(
                account=_GOVERNANCE_ACCOUNT,
                to_account=INSURANCE_ACCOUNT,
                asset=QUOTE_ASSET,
                amount=round(amount * UNITS),
            )
        )

    def make_market(
        self, perp: Perp, price: float, *, size: float, spacing: float = 0.001, levels: int = 10
    ) -> None:
        """Cancel the market maker's orders and rest `levels` a side around a price.

        Parameters
        ----------
        perp, price
            Where, and around what.
        size
            Whole base tokens per level.
        spacing
            Relative distance from the price to the first level and between levels.
        levels
            Per side.
        """
        self.must(op.CancelAll(account=MARKET_MAKER, market=perp.market))
        for i in range(1, levels + 1):
            for sign in (1, -1):
                self.order(MARKET_MAKER, perp, sign * size, price * (1 - sign * i * spacing))

    def order(
        self,
        account: int,
        perp: Perp,
        size: float,
        price: float,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        is_reduce_only: bool = False,
    ) -> ErrorCode:
        """Place a limit order: a bid for a positive size, an ask for a negative one."""
        flags = (PlaceFlag.IS_ASK if size < 0 else 0) | (
            PlaceFlag.REDUCE_ONLY if is_reduce_only else 0
        )
        return self.send(
            op.Place(
                account=account,
                market=perp.market,
                flags=flags,
                time_in_force=time_in_force,
                price=perp.price_units(price),
                size_lots=perp.lots(abs(size)),
            )
        )

    # --- looking ---------------------------------------------------------------------------

    def risk(self, perp: Perp) -> Any:
        """Return the market's risk record."""
        return spec_state(self.core).market_risk(perp.market)

    def mark(self, perp: Perp) -> float:
        """Return the mark price."""
        return perp.price_of(self.risk(perp).mark_price)

    def health(self, account: int) -> margin.Bucket:
        """Return the cross margin of an account, by the specification."""
        return margin.cross(spec_state(self.core), account)

    def position(self, account: int, perp: Perp) -> float:
        """Return the size of a position in whole base tokens, negative for a short."""
        return perp.size_of(settled(spec_state(self.core), account, perp.market).size)

    def quote(self, account: int) -> float:
        """Return free and locked quote in whole tokens."""
        record = self.view.account(account)
        return (record.free[0] + record.locked[0]) / UNITS

    def insurance(self) -> float:
        """Return the insurance account's quote with what its positions are worth at the mark."""
        return self.health(INSURANCE_ACCOUNT).talt / MICRO

    def imbalance(self) -> int:
        """Return what the accounts hold beyond the deposits, in quote units: 0 if all adds up.

        Quote less the cost of positions plus isolated margins, and what markets have received but
        not paid on; docs/spec/risk.md, section 3.
        """
        state = spec_state(self.core)
        held = sum(state.market_risk(market).pool for market in self.perps)
        for account_id in self.accounts:
            account = state.account(account_id)
            held += account.free[0] + account.locked[0]
            first = position_index(account_id, 0)
            for index in range(first, first + POSITIONS_PER_ACCOUNT):
                position = state.positions.read(index)
                held += position.isolated_margin - position.cost
        return held - self.view.asset(QUOTE_ASSET).total_units
