"""The chain of all violations: a spot and a margined market, a book, and who trades there."""

from __future__ import annotations

from offchain.spec import op, risk_op
from offchain.spec.kinds import AssetFlag, MarketKind, PlaceFlag, TimeInForce
from offchain.spec.tree import Hasher
from offchain.zkvm.program import Program
from tests.risk_scene import (
    PERP,
    SPOT,
    START_S,
    asset_snapshot,
    market_prices,
    market_snapshot,
    risk_parameters,
)
from tests.strategies import GOVERNANCE, fee_tiers, market_op, owner_of
from tests.violations.scene import Batch, Chain

# L1 numbers masters in the order of their first deposits.
MAKER, TAKER, OTHER, VICTIM, RICH, GOVERNOR = (32 * master for master in range(1, 7))
TRADERS = (MAKER, TAKER, OTHER, VICTIM, RICH)
AGENT, ATTACKER = b"\xa9" * 20, b"\xbb" * 20
AGENT_SLOT = 1
AGENT_EXPIRY_S = START_S + 30
QUOTE, BASE = 0, 1
QUOTE_UNITS = 10**10
VICTIM_UNITS = 120_000_000  # 12 % of what its position is worth
BASE_UNITS = 10**9
MARK = 10_000
BEST_BID, BEST_ASK, NEXT_ASK = 9_990, 10_010, 10_020
RESTING_LOTS = 10
VICTIM_LOTS = 1_000
BUILDER_FEE = 90
GOVERNOR_UNITS = 10**11
DEPOSIT_CAP_UNITS = 10**12
SPOT_ASK = 20_000_000
IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
# Tiers of tests.strategies.fee_tiers: free but metered; 20 and 280 ppm; 7 and 33 ppm.
RETAIL, PAYING, CHEAP = 0, 1, 2
RETAIL_QUOTA = 6


def place(account: int, price: int, lots: int, *, is_ask: bool = False, **fields: int) -> op.Place:
    """Return an order, of the margined market unless `fields` names another."""
    flags = fields.pop("flags", 0) | (PlaceFlag.IS_ASK if is_ask else 0)
    values = {"market": PERP} | fields
    return op.Place(account=account, price=price, size_lots=lots, flags=flags, **values)


def buy(account: int, price: int, lots: int, **fields: int) -> op.Place:
    """Return an immediate bid."""
    return place(account, price, lots, time_in_force=IOC, **fields)


def sell(account: int, price: int, lots: int, **fields: int) -> op.Place:
    """Return an immediate ask."""
    return place(account, price, lots, is_ask=True, time_in_force=IOC, **fields)


def report(price: int, time_s: int, **fields: int) -> risk_op.PriceReport:
    """Return a price report of the margined market."""
    values = {"sources": 3} | fields
    return risk_op.PriceReport(market=PERP, index_price=price, time_s=time_s, **values)


def price_falls(batch: Batch, price: int, after_s: int = 1) -> None:
    """Let the clock go on and the index price, hence the mark, be another one."""
    now_s = START_S + after_s
    batch.system(op.AdvanceTime(now_s=now_s), report(price, now_s, external_mark=price))


def new_world(hasher: Hasher, program: Program) -> Chain:
    """Return the chain after its first batches: funded, priced, with a book and a position."""
    chain = Chain(hasher, program, START_S)
    for begin in (_fund, _trade):
        batch = chain.batch()
        begin(batch)
        chain.advance(batch.seal())
    return chain


def _fund(batch: Batch) -> None:
    perp, _, collateral, _, credit = risk_parameters()
    batch.system(op.AdvanceTime(now_s=START_S))
    assets = (
        op.AdminAsset(
            asset=asset,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=DEPOSIT_CAP_UNITS,
        )
        for asset in (QUOTE, BASE)
    )
    markets = (
        market_op(SPOT, MarketKind.SPOT, sz_decimals=2, base_asset=BASE),
        market_op(PERP, MarketKind.PERP, sz_decimals=3),
    )
    batch.admin(*assets, *fee_tiers(), *markets, market_prices(PERP), perp, collateral, credit)
    for account in TRADERS:
        units = VICTIM_UNITS if account == VICTIM else QUOTE_UNITS
        batch.deposit(owner_of(account), QUOTE, units)
    batch.deposit(GOVERNANCE, QUOTE, GOVERNOR_UNITS)
    batch.deposit(owner_of(MAKER), BASE, BASE_UNITS)
    batch.deposit(owner_of(RICH), BASE, BASE_UNITS)
    batch.system(
        market_snapshot(PERP, MARK, START_S),
        report(MARK, START_S),
        asset_snapshot(BASE, 20 * 10**8, START_S),
    )


def _trade(batch: Batch) -> None:
    for account in TRADERS:
        batch.user(account, op.SetOwnerKey(account=account, is_on=1))
    for account in (MAKER, TAKER, RICH):
        batch.user(account, op.SetTier(account=account, tier=PAYING))
    batch.user(MAKER, op.RegisterBuilder(account=MAKER))
    batch.user(
        TAKER,
        op.ApproveBuilder(account=TAKER, builder=1, max_fee=BUILDER_FEE),
        op.SetAgent(account=TAKER, address=AGENT, expiry_s=AGENT_EXPIRY_S, slot=AGENT_SLOT),
    )
    batch.user(RICH, place(RICH, MARK, VICTIM_LOTS, is_ask=True))
    batch.user(VICTIM, buy(VICTIM, MARK, VICTIM_LOTS))
    for account in (MAKER, OTHER):
        batch.user(account, place(account, BEST_ASK, RESTING_LOTS, is_ask=True))
        batch.user(account, place(account, BEST_BID, RESTING_LOTS))
    batch.user(OTHER, place(OTHER, NEXT_ASK, RESTING_LOTS, is_ask=True))
    batch.user(MAKER, place(MAKER, SPOT_ASK, RESTING_LOTS, is_ask=True, market=SPOT))
