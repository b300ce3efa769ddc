"""Brackets, triggers and TWAPs that the crowded chain refuses, with the code that each must get."""

from dataclasses import replace

from offchain.spec import op
from offchain.spec.condition_op import PlaceTrigger, PlaceTwap
from offchain.spec.constants import (
    GOLDILOCKS_P,
    MAX_SLIPPAGE_PPM,
    PRICE_MAX,
    SIZE_LIMIT,
    TWAP_MAX_INTERVAL_S,
    TWAP_MAX_SLICES,
    TWAP_MIN_INTERVAL_S,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import PlaceFlag
from tests.core.bad_ops import PLACE, U32_MAX, U64_MAX, Case, cases
from tests.core.bad_risk_ops import NO_ACCOUNTS, NOT_PRICED
from tests.core.crowded import CLIENT_ID, FULL, NOW_S, A
from tests.core.crowded_risk import LONG, PRICE, RISKY, UNREPORTED
from tests.strategies import PERP

ASK, ONLY, ABOVE = PlaceFlag.IS_ASK, PlaceFlag.REDUCE_ONLY, PlaceFlag.FIRES_ABOVE
BRACKET, BY_SLIPPAGE = PlaceFlag.BRACKET, PlaceFlag.IS_MARKET

TRIGGER = PlaceTrigger(flags=ASK, market=RISKY, account=LONG, trigger_price=PRICE - 50, size_lots=1)
TRAILING = replace(TRIGGER, trigger_price=0, trail=50)
TWAP = PlaceTwap(
    market=RISKY, account=LONG, interval_s=10, size_lots=10, slices=2, slippage_ppm=1_000
)
BRACKETED = op.Place(
    flags=BRACKET,
    market=RISKY,
    account=LONG,
    price=PRICE,
    size_lots=1,
    take_profit=PRICE + 50,
    stop=PRICE - 50,
)

VALID: tuple[op.Op, ...] = (TRIGGER, TWAP)

PRICES_OUT_OF_RANGE = (PRICE_MAX + 1,)


def common_cases(base: op.Op) -> list[Case]:
    """Cases of what all conditional orders have in common with PLACE."""
    built = replace(base, builder=1, builder_fee=1)
    return [
        *cases(
            E.MALFORMED_OP,
            base,
            {"self_trade": 4},
            {"flags": BY_SLIPPAGE},
            {"flags": BRACKET},
            {"flags": 64},
            {"flags": 128},
            {"builder": 4_096},
            {"builder_fee": 1},
        ),
        *cases(E.UNKNOWN_ACCOUNT, base, *NO_ACCOUNTS),
        *cases(E.UNKNOWN_MARKET, base, *NOT_PRICED),
        *cases(E.INVALID_SIZE, base, *({"size_lots": n} for n in (0, SIZE_LIMIT, U64_MAX))),
        *cases(E.STALE_PRICE, base, {"market": UNREPORTED}),
        *cases(
            E.CLIENT_ID_OUT_OF_RANGE,
            base,
            {"client_id_low": GOLDILOCKS_P},
            {"client_id_high": U64_MAX},
        ),
        *cases(E.UNKNOWN_BUILDER, built, {"builder": 11}, {"builder": 4_095}),
        *cases(E.BUILDER_FEE_TOO_HIGH, built, {"builder_fee": 501}),
        *cases(E.BUILDER_FEE_NOT_APPROVED, built, {}),
        *cases(E.TOO_MANY_OPEN_ORDERS, base, {"account": FULL}),
        *cases(E.DUPLICATE_CLIENT_ID, base, {"account": A, "client_id_low": CLIENT_ID}),
    ]


def trigger_cases() -> list[Case]:
    both = replace(TRIGGER, other_trigger=PRICE + 50)
    prices = [
        {name: price}
        for name in ("trigger_price", "limit_price", "other_trigger", "other_limit")
        for price in PRICES_OUT_OF_RANGE
    ]
    return [
        *common_cases(TRIGGER),
        *cases(E.MALFORMED_OP, TRIGGER, {"trail": 1, "other_trigger": 1}, {"other_limit": 1}),
        *cases(E.EXPIRY_IN_PAST, TRIGGER, {"expiry_s": 1}, {"expiry_s": NOW_S}),
        *cases(E.INVALID_PRICE, both, {"trigger_price": 0}, *prices),
        *cases(E.INVALID_PRICE, TRAILING, {"limit_price": PRICE_MAX + 1}),
        *cases(
            E.INVALID_TRIGGER,
            TRAILING,
            {"trigger_price": PRICE - 50},
            {"trail": PRICE_MAX + 1},
            {"trail": U32_MAX},
            {"trail": PRICE},
            {"trail": PRICE_MAX},
            {"trail": PRICE_MAX, "flags": ABOVE},
            {"flags": ASK | ABOVE},
            {"flags": 0},
        ),
        *cases(
            E.TRIGGER_DUE,
            both,
            {"trigger_price": PRICE},
            {"trigger_price": PRICE_MAX},
            {"flags": ABOVE},
            {"other_trigger": PRICE},
            {"other_trigger": 1},
            {"flags": ABOVE, "trigger_price": PRICE + 1, "other_trigger": PRICE},
        ),
        *cases(
            E.NOTIONAL_TOO_LARGE,
            both,
            {"size_lots": SIZE_LIMIT - 1, "limit_price": PRICE_MAX},
            {"size_lots": SIZE_LIMIT - 1, "other_trigger": PRICE_MAX},
            {"size_lots": SIZE_LIMIT - 1, "other_limit": PRICE_MAX},
            {"size_lots": 2**38, "limit_price": 2**26},
        ),
    ]


def twap_cases() -> list[Case]:
    return [
        *common_cases(TWAP),
        *cases(E.MALFORMED_OP, TWAP, {"flags": ABOVE}),
        *cases(
            E.INVALID_TWAP,
            TWAP,
            *({"slices": n} for n in (0, 1, 11, TWAP_MAX_SLICES + 1, U32_MAX)),
            {"slices": TWAP_MAX_SLICES + 1, "size_lots": 10**6},
            {"interval_s": TWAP_MIN_INTERVAL_S - 1},
            {"interval_s": TWAP_MAX_INTERVAL_S + 1},
            {"interval_s": U32_MAX},
        ),
        *cases(E.INVALID_SLIPPAGE, TWAP, {"slippage_ppm": MAX_SLIPPAGE_PPM + 1}),
    ]


def bracket_cases() -> list[Case]:
    sells = replace(BRACKETED, flags=BRACKET | ASK, take_profit=PRICE - 50, stop=PRICE + 50)
    return [
        *cases(
            E.MALFORMED_OP,
            replace(PLACE, flags=0),
            *({name: 1} for name in ("take_profit", "take_profit_limit", "stop", "stop_limit")),
        ),
        *cases(
            E.MALFORMED_OP,
            BRACKETED,
            {"take_profit": 0, "take_profit_limit": 1},
            {"stop": 0, "stop_limit": 1},
        ),
        *cases(E.UNKNOWN_MARKET, BRACKETED, {"market": PERP}),
        *cases(
            E.INVALID_TRIGGER,
            BRACKETED,
            {"flags": BRACKET | ONLY},
            {"take_profit": 0, "stop": 0},
            {"take_profit": PRICE, "stop": PRICE},
            {"take_profit": PRICE, "stop": PRICE + 1},
        ),
        *cases(E.INVALID_TRIGGER, sells, {"take_profit": PRICE, "stop": PRICE - 1}),
        *cases(
            E.INVALID_PRICE,
            BRACKETED,
            {"take_profit": PRICE_MAX + 1},
            {"take_profit_limit": PRICE_MAX + 1},
            {"stop_limit": U32_MAX},
        ),
        *cases(E.INVALID_PRICE, sells, {"stop": PRICE_MAX + 1}),
        *cases(E.TOO_MANY_OPEN_ORDERS, BRACKETED, {"account": FULL, "time_in_force": 1}),
    ]


CASES: list[Case] = [*trigger_cases(), *twap_cases(), *bracket_cases()]
