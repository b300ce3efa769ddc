"""The scene of random sequences in margined markets: two perpetuals, collateral, ten traders."""

from dataclasses import replace

from offchain.spec import op, risk_op
from offchain.spec.constants import INSURANCE_ACCOUNT, PPM, VALUE_LIMIT
from offchain.spec.kinds import AssetFlag, MarketKind, SnapshotTarget
from tests.strategies import GOVERNANCE, fee_tiers, market_op, owner_of

SPOT, TIERED, PERP, PLAIN = 1, 2, 3, 4
MARGINED = (PERP, TIERED)
MID_PRICE = {SPOT: 20_000_000, TIERED: 50_000, PERP: 10_000, PLAIN: 1_000}
# Price units of L1's 10^-8: 10^(2 + sz_decimals).
E8_PER_PRICE = {TIERED: 10**4, PERP: 10**5}
COLLATERALS = (1, 2)
TRADERS = tuple(32 * master + sub for master in (1, 2, 3, 4, 5) for sub in (0, 1))
OTHER_INSURANCE = 32 * 6  # of TIERED
GOVERNANCE_MASTER = 32 * 9
ISOLATED = ((33, PERP), (64, TIERED), (97, PERP))  # accounts and markets
START_S = 360_007
QUOTE_UNITS = 4 * 10**10  # 400 quote tokens
COLLATERAL_UNITS = 10**9  # 10 whole units of either, with the masters only
INSURANCE_UNITS = (1, 2 * 10**9, 10**12)  # by seed: deleverages at once, soon, hardly ever


def risk_scene(insurance_units: int) -> list[bytes]:
    """Return the ops that set up markets, prices, collateral, credit and ten rich traders.

    Parameters
    ----------
    insurance_units
        Quote units of either insurance account.
    """
    deposits = [
        op.Deposit(account=master, owner=owner_of(master), asset=asset, amount=amount)
        for master in {trader - trader % 32 for trader in TRADERS}
        for asset, amount in ((0, 2 * QUOTE_UNITS), (1, COLLATERAL_UNITS), (2, COLLATERAL_UNITS))
    ]
    shares = [
        op.Transfer(account=trader - 1, to_account=trader, asset=0, amount=QUOTE_UNITS)
        for trader in TRADERS
        if trader % 32
    ]
    insurance = [
        op.Deposit(account=GOVERNANCE_MASTER, owner=GOVERNANCE, asset=0, amount=10**13),
        op.Transfer(
            account=GOVERNANCE_MASTER,
            to_account=INSURANCE_ACCOUNT,
            asset=0,
            amount=insurance_units,
        ),
        op.Deposit(
            account=OTHER_INSURANCE,
            owner=owner_of(OTHER_INSURANCE),
            asset=0,
            amount=insurance_units,
        ),
    ]
    builder = [op.RegisterBuilder(account=32), op.ApproveBuilder(account=64, builder=1, max_fee=90)]
    ops = [op.AdvanceTime(now_s=START_S), *_assets(), *fee_tiers(), *deposits, *shares]
    ops += [*insurance, *builder, *_markets(), *risk_parameters()]
    ops += [market_snapshot(market, MID_PRICE[market], START_S) for market in MARGINED]
    ops += [
        risk_op.PriceReport(market=market, index_price=MID_PRICE[market], time_s=START_S, sources=3)
        for market in MARGINED
    ]
    ops += [asset_snapshot(asset, 20 * 10**8, START_S) for asset in COLLATERALS]
    for account, market in ISOLATED:
        ops.append(risk_op.SetLeverage(market=market, account=account, leverage=10, mode=1))
        ops.append(risk_op.MoveMargin(market=market, account=account, amount=QUOTE_UNITS // 2))
    return [each.to_bytes() for each in ops]


def _assets() -> list[op.Op]:
    return [
        op.AdminAsset(
            asset=asset,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=VALUE_LIMIT - 1,
        )
        for asset in (0, *COLLATERALS)
    ]


def _markets() -> list[op.Op]:
    tiered = market_op(TIERED, MarketKind.PERP, sz_decimals=2, tick=5, fee_table=1)
    return [
        market_op(SPOT, MarketKind.SPOT, sz_decimals=2, base_asset=1),
        replace(tiered, insurance_account=OTHER_INSURANCE),
        market_op(PERP, MarketKind.PERP, sz_decimals=3),
        market_op(PLAIN, MarketKind.PERP, sz_decimals=0),
        *(market_prices(market) for market in MARGINED),
    ]


def market_prices(market: int) -> risk_op.AdminMarketPrices:
    """Return how a margined market is priced."""
    return risk_op.AdminMarketPrices(
        market=market,
        basis_cap_ppm=20_000,
        mark_band_ppm=50_000,
        jump_ppm=100_000,
        snapshot_band_ppm=150_000,
        funding_interest_ppm=100,
        funding_cap_ppm=40_000,
        min_sources=2,
        max_report_age_s=30,
        impact_notional_micro=10**6,
    )


def risk_parameters() -> tuple[
    risk_op.AdminMarketRisk,
    risk_op.AdminMarketRisk,
    risk_op.AdminAssetRisk,
    risk_op.AdminAssetRisk,
    risk_op.AdminCredit,
]:
    """Return the margins of PERP and TIERED, how either collateral counts, and the credit."""
    perp = risk_op.AdminMarketRisk(
        market=PERP,
        initial_ppm=100_000,
        maintenance_ppm=50_000,
        closeout_ppm=25_000,
        liquidation_fee_ppm=10_000,
        open_interest_cap_lots=10**10,
        concentration_free_lots=10**10,
        concentration_ppm=PPM,
        price_band_ppm=100_000,
    )
    tiered = replace(
        perp,
        market=TIERED,
        initial_ppm=50_000,
        maintenance_ppm=30_000,
        closeout_ppm=20_000,
        liquidation_fee_ppm=5_000,
        tier1_micro=10**9,
        tier2_micro=4 * 10**9,
        open_interest_cap_lots=500_000,
        concentration_free_lots=100_000,
        concentration_ppm=400_000,
        price_band_ppm=50_000,
    )
    plain_asset = risk_op.AdminAssetRisk(
        asset=1,
        margin_weight_ppm=800_000,
        liquidation_weight_ppm=900_000,
        exchange_discount_ppm=50_000,
        growth_cap_ppm=100_000,
        heartbeat_s=3_600,
        user_cap_units=10**12,
    )
    tiered_asset = replace(
        plain_asset, asset=2, heartbeat_s=600, tier_units=4 * 10**8, user_cap_units=9 * 10**8
    )
    credit = risk_op.AdminCredit(base_rate_ppm=50_000, slope_ppm=500_000, negative_cap=10**9)
    return perp, tiered, plain_asset, tiered_asset, credit


def market_snapshot(market: int, price: int, time_s: int) -> risk_op.Snapshot:
    """Return L1's price of a margined market, given in its price units."""
    price_e8 = price * E8_PER_PRICE[market]
    return risk_op.Snapshot(
        target=SnapshotTarget.MARKET, market=market, time_s=time_s, price_e8=price_e8
    )


def asset_snapshot(asset: int, price_e8: int, time_s: int) -> risk_op.Snapshot:
    """Return L1's price of a collateral, with a redemption rate of 1.05."""
    return risk_op.Snapshot(
        target=SnapshotTarget.ASSET,
        asset=asset,
        time_s=time_s,
        price_e8=price_e8,
        rate_e12=1_050_000_000_000,
    )
