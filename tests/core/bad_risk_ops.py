"""Ops of margined markets that the crowded chain refuses, with the code that each must get."""

from dataclasses import replace

from offchain.spec import op
from offchain.spec.constants import (
    INSURANCE_ACCOUNT,
    MICRO_LIMIT,
    PPM,
    PRICE_MAX,
    PRICE_UNIT_LIMIT,
    RATE_LIMIT_E12,
    SIZE_LIMIT,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import MarginMode, PlaceFlag
from offchain.spec.risk_op import Liquidate, MoveMargin, SetLeverage, Sweep
from tests.core.bad_ops import TRANSFER, U32_MAX, U64_MAX, WITHDRAW, Case, cases
from tests.core.crowded import ABSENT, LAST_ASSET, NOW_S, A, D
from tests.core.crowded_risk import (
    ASSET_RISK,
    CAPPED,
    CREDIT,
    FREE_LOTS,
    HELD_LOTS,
    ISOLATED,
    LONG,
    MOST_LOTS,
    POOR,
    PRICE,
    PRICED,
    PRICES,
    REOPENED,
    RISK,
    RISKY,
    UNREPORTED,
    asset_snapshot,
    market_snapshot,
    report,
)
from tests.strategies import PERP, SPOT, UNITS

LEVERAGE = SetLeverage(market=RISKY, account=LONG, leverage=10)
INTO = MoveMargin(market=RISKY, account=ISOLATED, amount=1)
LIQUIDATE = Liquidate(account=LONG)
REPORT = report(RISKY, NOW_S)
MARKET_SNAPSHOT = market_snapshot(RISKY, NOW_S)
ASSET_SNAPSHOT = asset_snapshot(NOW_S)
BID = op.Place(market=RISKY, account=LONG, price=PRICE, size_lots=1)

VALID: tuple[op.Op, ...] = (
    LEVERAGE,
    INTO,
    REPORT,
    MARKET_SNAPSHOT,
    LIQUIDATE,
    Sweep(),
    PRICES,
    RISK,
    ASSET_RISK,
    CREDIT,
)
NO_ACCOUNTS = [{"account": account} for account in (0, ABSENT, 2**22, 2**22 | A, U32_MAX)]
NO_MARKETS = [{"market": market} for market in (0, 1_024, 0xFFFF)]
NOT_MARGINED = [*NO_MARKETS, {"market": PERP}, {"market": SPOT}, {"market": PRICED}]
NOT_PRICED = [*NO_MARKETS, {"market": PERP}, {"market": SPOT}]


def order_cases() -> list[Case]:
    long_bid = replace(BID, size_lots=MOST_LOTS * 3)
    sells = {"flags": PlaceFlag.IS_ASK}
    grows = {"flags": PlaceFlag.REDUCE_ONLY}
    capped = replace(BID, market=CAPPED)
    return [
        *cases(E.STALE_PRICE, BID, {"market": UNREPORTED}),
        *cases(E.MARKET_POST_ONLY, BID, {"market": REOPENED}, {"market": REOPENED, "price": 2_000}),
        *cases(
            E.PRICE_OUTSIDE_BAND,
            BID,
            {"price": 1_101},
            {"price": PRICE_MAX},
            {"price": 899, **sells},
            {"price": 1, **sells, "size_lots": MOST_LOTS},
        ),
        *cases(E.REDUCE_ONLY_WOULD_INCREASE, BID, grows),
        *cases(E.OPEN_INTEREST_CAP, capped, {"size_lots": 6}, {"size_lots": 10**6}),
        *cases(E.CONCENTRATION_LIMIT, capped, {"size_lots": FREE_LOTS - HELD_LOTS + 1}),
        *cases(E.INSUFFICIENT_MARGIN, long_bid, {}, sells, {"account": POOR}),
        *cases(E.INSUFFICIENT_MARGIN, BID, {"account": POOR, "size_lots": MOST_LOTS + 1}),
    ]


def margin_cases() -> list[Case]:
    all_of_it = {"account": POOR, "asset": 0, "amount": UNITS // 10 * 6}
    move = replace(INTO, market=CAPPED, account=POOR)
    return [
        *cases(E.UNKNOWN_ACCOUNT, LEVERAGE, *NO_ACCOUNTS),
        *cases(E.UNKNOWN_MARKET, LEVERAGE, *NOT_MARGINED),
        *cases(E.MALFORMED_OP, LEVERAGE, {"mode": 2}, {"mode": 255}),
        *cases(E.INVALID_LEVERAGE, LEVERAGE, {"leverage": 101}, {"leverage": 255}),
        *cases(E.POSITION_OPEN, LEVERAGE, {"mode": MarginMode.ISOLATED}),
        *cases(E.POSITIONS_FULL, LEVERAGE, {"account": D}),
        *cases(E.INSUFFICIENT_MARGIN, LEVERAGE, {"account": POOR, "leverage": 1}),
        *cases(E.UNKNOWN_ACCOUNT, INTO, *NO_ACCOUNTS),
        *cases(E.UNKNOWN_MARKET, INTO, *NOT_MARGINED),
        *cases(E.MALFORMED_OP, INTO, {"out": 2}, {"out": 255}),
        *cases(E.INVALID_AMOUNT, INTO, *({"amount": n} for n in (0, VALUE_LIMIT, U64_MAX))),
        *cases(E.NOT_ISOLATED, INTO, {"account": LONG}, {"account": A}, {"market": CAPPED}),
        *cases(E.INSUFFICIENT_BALANCE, INTO, {"amount": 2 * UNITS}, {"out": 1}),
        *cases(E.STALE_PRICE, INTO, {"market": UNREPORTED}),
        *cases(E.INSUFFICIENT_MARGIN, move, {"amount": UNITS // 10 * 6}),
        *cases(E.INSUFFICIENT_MARGIN, WITHDRAW, all_of_it),
        *cases(E.INSUFFICIENT_MARGIN, TRANSFER, {**all_of_it, "to_account": POOR + 1}),
    ]


def price_cases() -> list[Case]:
    times = [{"time_s": NOW_S}, {"time_s": NOW_S - 1}, {"time_s": 0}, {"time_s": NOW_S + 1}]
    never_reported = replace(REPORT, market=UNREPORTED)
    return [
        *cases(E.MALFORMED_OP, REPORT, {"time_s": U32_MAX}),
        *cases(E.UNKNOWN_MARKET, REPORT, *NOT_PRICED),
        *cases(E.INVALID_PRICE, REPORT, {"index_price": 0}, {"index_price": PRICE_MAX + 1}),
        *cases(E.INVALID_PRICE, REPORT, {"external_mark": PRICE_MAX + 1}),
        *cases(E.PRICE_QUORUM, REPORT, {"sources": 0}, {"sources": 2}),
        *cases(E.STALE_PRICE, REPORT, *times),
        *cases(E.STALE_PRICE, never_reported, {"time_s": NOW_S - 61}, {"time_s": NOW_S + 1}),
        *cases(
            E.PRICE_OUTSIDE_SNAPSHOT,
            never_reported,
            {"index_price": 499},
            {"index_price": 1_501},
            {"index_price": PRICE_MAX},
        ),
        *cases(
            E.MALFORMED_OP,
            MARKET_SNAPSHOT,
            {"time_s": U32_MAX},
            {"target": 2},
            {"asset": 1},
            {"rate_e12": 1},
        ),
        *cases(E.MALFORMED_OP, ASSET_SNAPSHOT, {"market": RISKY}),
        *cases(E.UNKNOWN_MARKET, MARKET_SNAPSHOT, *NOT_PRICED),
        *cases(E.UNKNOWN_ASSET, ASSET_SNAPSHOT, *({"asset": n} for n in (0, 1, 256, 0xFFFF))),
        *cases(E.STALE_PRICE, MARKET_SNAPSHOT, *times),
        *cases(E.STALE_PRICE, ASSET_SNAPSHOT, *times),
    ]


def jump_cases() -> list[Case]:
    """Cases for a second after NOW_S, when newer prices may come."""
    later = {"time_s": NOW_S + 1}
    jumps = [{"index_price": price, **later} for price in (899, 1_101)]
    prices = [{"price_e8": price, **later} for price in (0, 99, (PRICE_MAX + 1) * 100, U64_MAX)]
    units = [{"price_e8": price, **later} for price in (0, PRICE_UNIT_LIMIT, U64_MAX)]
    rates = [{"rate_e12": rate, **later} for rate in (0, RATE_LIMIT_E12 + 1, U64_MAX)]
    return [
        *cases(E.PRICE_JUMP, REPORT, *jumps),
        *cases(E.INVALID_PRICE, MARKET_SNAPSHOT, *prices),
        *cases(E.INVALID_PRICE, ASSET_SNAPSHOT, *units, *rates),
    ]


def engine_cases() -> list[Case]:
    healthy = [{"account": account} for account in (LONG, POOR, A, INSURANCE_ACCOUNT)]
    return [
        *cases(E.UNKNOWN_ACCOUNT, LIQUIDATE, *NO_ACCOUNTS),
        *cases(E.NOT_LIQUIDATABLE, LIQUIDATE, *healthy),
    ]


def market_cases() -> list[Case]:
    above = PPM + 1
    names = ("basis_cap", "mark_band", "snapshot_band", "funding_interest", "funding_cap")
    wrong_prices = [
        *({f"{name}_ppm": n} for name in names for n in (above, U32_MAX)),
        {"jump_ppm": 0},
        *({"min_sources": n} for n in (0, 256)),
        *({"max_report_age_s": n} for n in (0, 86_401)),
        {"impact_notional_micro": 2**53},
        {"market": SPOT},
    ]
    wrong_risk = [
        {"closeout_ppm": 0},
        {"closeout_ppm": RISK.maintenance_ppm + 1},
        {"maintenance_ppm": RISK.initial_ppm + 1},
        {"initial_ppm": above},
        {"liquidation_fee_ppm": RISK.maintenance_ppm + 1},
        {"tier1_micro": MICRO_LIMIT},
        {"tier2_micro": MICRO_LIMIT},
        {"tier2_micro": RISK.tier1_micro - 1},
        {"open_interest_cap_lots": SIZE_LIMIT},
        {"concentration_free_lots": SIZE_LIMIT},
        {"concentration_ppm": above},
        {"price_band_ppm": 0},
        {"price_band_ppm": above},
        {"market": PERP},
        {"market": SPOT},
    ]
    return [
        *cases(E.UNKNOWN_MARKET, PRICES, *NO_MARKETS),
        *cases(E.INVALID_MARKET_PARAMETER, PRICES, *wrong_prices),
        *cases(E.UNKNOWN_MARKET, RISK, *NO_MARKETS),
        *cases(E.INVALID_MARKET_PARAMETER, RISK, *wrong_risk),
        *cases(E.MARKET_IN_USE, RISK, {"market": PRICED}),
    ]


def asset_cases() -> list[Case]:
    above = PPM + 1
    wrong_asset = [
        {"asset": 0},
        {"flags": 1},
        {"flags": 4},
        {"margin_weight_ppm": ASSET_RISK.liquidation_weight_ppm + 1},
        {"liquidation_weight_ppm": above, "exchange_discount_ppm": 0},
        {"liquidation_weight_ppm": U32_MAX, "exchange_discount_ppm": 1},
        {"exchange_discount_ppm": ASSET_RISK.exchange_discount_ppm + 1},
        {"exchange_discount_ppm": above},
        {"growth_cap_ppm": 10 * PPM + 1},
        {"heartbeat_s": 0},
        {"tier_units": VALUE_LIMIT},
        {"user_cap_units": VALUE_LIMIT},
    ]
    wrong_credit = [
        {"base_rate_ppm": 10 * PPM + 1},
        {"slope_ppm": 10 * PPM + 1},
        {"negative_cap": VALUE_LIMIT},
    ]
    unknown = [{"asset": asset} for asset in (LAST_ASSET + 1, 256, 0xFFFF)]
    return [
        *cases(E.UNKNOWN_ASSET, ASSET_RISK, *unknown),
        *cases(E.INVALID_ASSET_PARAMETER, ASSET_RISK, *wrong_asset),
        *cases(E.INVALID_ASSET_PARAMETER, CREDIT, *wrong_credit),
    ]


CASES: list[Case] = [
    *order_cases(),
    *margin_cases(),
    *price_cases(),
    *engine_cases(),
    *market_cases(),
    *asset_cases(),
]
JUMP_CASES: list[Case] = jump_cases()
