"""Ops that the crowded chain refuses, with the code that each must get."""

from dataclasses import replace

from offchain.spec import op
from offchain.spec.constants import GOLDILOCKS_P, PRICE_MAX, SIZE_LIMIT, VALUE_LIMIT
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import MarketKind, PlaceFlag, TimeInForce
from tests.core.crowded import (
    A_SUB,
    ABSENT,
    B_SUB,
    CLIENT_ID,
    COARSE,
    FIRST_PERP,
    FULL,
    HALTED,
    LAST_ASSET,
    NOW_S,
    THIN,
    A,
    B,
    C,
    D,
)
from tests.strategies import PERP, SPOT, SPOT_TICK, UNITS, agent_of, market_op, owner_of

U32_MAX, U64_MAX = 2**32 - 1, 2**64 - 1
A_ORDER = (3 << 10) | PERP  # slot 1
B_ORDER = (4 << 10) | PERP  # slot 2
ASK, ONLY, BY_SLIPPAGE = PlaceFlag.IS_ASK, PlaceFlag.REDUCE_ONLY, PlaceFlag.IS_MARKET
IOC, FOK, POST_ONLY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY

PLACE = op.Place(market=PERP, account=A, price=1_000, size_lots=1)
MODIFY = op.Modify(market=PERP, account=A, order_id=A_ORDER, size_lots=5, price=990, slot=1)
CANCEL = op.Cancel(market=PERP, account=A, order_id=A_ORDER, slot=1)
CANCEL_BY_CLIENT_ID = op.CancelByClientId(account=A, client_id_low=CLIENT_ID)
CANCEL_ALL = op.CancelAll(account=A)
SCHEDULE = op.ScheduleCancel(account=A, at_s=NOW_S + 5)
TRANSFER = op.Transfer(account=A, to_account=A_SUB, asset=1, amount=1)
WITHDRAW = op.Withdraw(account=A, asset=1, amount=10)
SET_TIER = op.SetTier(account=A, tier=1)
APPROVE = op.ApproveBuilder(account=A, builder=1, max_fee=1)
REGISTER = op.RegisterBuilder(account=C)
AGENT = op.SetAgent(account=A, slot=3, address=agent_of(1, 3), expiry_s=NOW_S + 1)
OWNER_KEY = op.SetOwnerKey(account=A, is_on=1)
TIME = op.AdvanceTime(now_s=NOW_S)
DEPOSIT = op.Deposit(account=A, owner=owner_of(A), asset=0, amount=1)
ASSET = op.AdminAsset(asset=1, flags=0, withdraw_step_units=1, deposit_cap_units=1)
MARKET = market_op(SPOT, MarketKind.SPOT, sz_decimals=2, base_asset=1)
FEE_TIER = op.AdminFeeTier(table=0, tier=0, maker_ppm=0, taker_ppm=0)

# One of each kind, well-formed: what the general cases are made from.
VALID: tuple[op.Op, ...] = (
    PLACE,
    MODIFY,
    CANCEL,
    CANCEL_BY_CLIENT_ID,
    CANCEL_ALL,
    SCHEDULE,
    TRANSFER,
    WITHDRAW,
    SET_TIER,
    APPROVE,
    REGISTER,
    AGENT,
    OWNER_KEY,
    TIME,
    op.Continue(),
    op.RunDuties(),
    op.SealBatch(),
    DEPOSIT,
    ASSET,
    MARKET,
    FEE_TIER,
)
OF_MASTER = (SET_TIER, APPROVE, REGISTER, AGENT, OWNER_KEY)
OF_ACCOUNT = (
    *(PLACE, MODIFY, CANCEL, CANCEL_BY_CLIENT_ID, CANCEL_ALL, SCHEDULE, TRANSFER, WITHDRAW),
    *OF_MASTER,
)

Case = tuple[E, op.Op]


def cases(code: E, base: op.Op, *changes: dict[str, object]) -> list[Case]:
    return [(code, replace(base, **change)) for change in changes]


def place_cases() -> list[Case]:
    spot = replace(PLACE, market=SPOT)
    by_slippage = replace(PLACE, flags=BY_SLIPPAGE, time_in_force=IOC, price=0)
    built = replace(PLACE, builder=1, builder_fee=1, account=B)
    return [
        *cases(
            E.MALFORMED_OP,
            PLACE,
            {"time_in_force": 4},
            {"self_trade": 4},
            {"flags": 32},
            {"flags": 128},
            {"flags": BY_SLIPPAGE},
            {"flags": BY_SLIPPAGE, "time_in_force": POST_ONLY},
            {"builder": 4_096},
            {"builder_fee": 1},
        ),
        *cases(E.UNKNOWN_MARKET, PLACE, {"market": 0}, {"market": 1_024}, {"market": 0xFFFF}),
        *cases(E.MARKET_NOT_OPEN, PLACE, {"market": HALTED}),
        *cases(E.INVALID_SIZE, PLACE, *({"size_lots": n} for n in (0, SIZE_LIMIT, U64_MAX))),
        *cases(E.SIZE_BELOW_MINIMUM, PLACE, {"market": COARSE, "size_lots": 9}),
        *cases(E.REDUCE_ONLY_ON_SPOT, spot, {"flags": ONLY}),
        *cases(
            E.EXPIRY_NOT_ALLOWED,
            PLACE,
            {"expiry_s": NOW_S + 9, "time_in_force": IOC},
            {"expiry_s": 1, "time_in_force": FOK},
        ),
        *cases(E.EXPIRY_IN_PAST, PLACE, {"expiry_s": 1}, {"expiry_s": NOW_S}),
        *cases(E.INVALID_SLIPPAGE, by_slippage, {"price": 100_001}, {"price": U32_MAX}),
        *cases(E.NO_LIQUIDITY, by_slippage, {"market": COARSE, "size_lots": 10}),
        *cases(E.INVALID_PRICE, PLACE, {"price": 0}, {"price": PRICE_MAX + 1}),
        *cases(E.PRICE_NOT_ON_TICK, PLACE, {"market": SPOT_TICK, "price": 1_001}),
        *cases(E.TOO_MANY_SIGNIFICANT_FIGURES, PLACE, {"price": 10_001}),
        *cases(
            E.NOTIONAL_TOO_LARGE,
            PLACE,
            {"market": FIRST_PERP, "price": PRICE_MAX, "size_lots": SIZE_LIMIT - 1},
            # The product wraps to a small number in 64 bits: 2^32 * 2^32 and 25 * 2^62.
            {"market": FIRST_PERP, "price": 2**26, "size_lots": 2**38},
            {"market": SPOT, "price": PRICE_MAX, "size_lots": SIZE_LIMIT - 1},
            # The value fits, the lock with its fees does not; nor do the units of an ask.
            {"market": SPOT, "price": 2**31, "size_lots": 2**31 - 1},
            {"market": SPOT_TICK, "price": 5, "size_lots": 2**36, "flags": ASK},
        ),
        *cases(
            E.CLIENT_ID_OUT_OF_RANGE,
            PLACE,
            {"client_id_low": GOLDILOCKS_P},
            {"client_id_high": U64_MAX},
        ),
        *cases(E.UNKNOWN_BUILDER, built, {"builder": 11}, {"builder": 4_095}),
        *cases(
            E.BUILDER_FEE_TOO_HIGH,
            built,
            {"builder_fee": 501},
            {"market": SPOT, "builder_fee": 2_001},
            {"builder_fee": 0xFFFF},
        ),
        *cases(E.BUILDER_FEE_NOT_APPROVED, built, {"builder": 2}, {"builder_fee": 401}),
        *cases(E.TOO_MANY_OPEN_ORDERS, spot, {"account": FULL, "price": 1}),
        *cases(E.DUPLICATE_CLIENT_ID, PLACE, {"client_id_low": CLIENT_ID}),
        *cases(E.POST_ONLY_WOULD_CROSS, PLACE, {"time_in_force": POST_ONLY, "price": 1_010}),
        *cases(E.POSITIONS_FULL, PLACE, {"account": D, "market": FIRST_PERP + 16}),
        *cases(
            E.REDUCE_ONLY_WOULD_INCREASE,
            PLACE,
            {"flags": ONLY},
            {"flags": ONLY, "account": C},
            {"flags": ONLY | ASK, "account": B},
        ),
        *cases(
            E.INSUFFICIENT_BALANCE,
            spot,
            {"price": PRICE_MAX, "size_lots": 10**9},
            {"flags": ASK, "size_lots": 10**10},
            {"flags": ASK, "market": THIN, "account": C},
        ),
        *cases(E.BALANCES_FULL, PLACE, {"market": THIN, "account": B}),
        *cases(
            E.FOK_NOT_FILLABLE,
            PLACE,
            {"time_in_force": FOK, "price": 1_010, "size_lots": 6},
            {"time_in_force": FOK, "price": 1_009},
            {"time_in_force": FOK, "flags": ONLY, "account": B, "price": 1_020, "size_lots": 3},
        ),
    ]


def modify_cases() -> list[Case]:
    of_b = replace(MODIFY, account=B, market=SPOT, order_id=(5 << 10) | SPOT, slot=3, price=1_000)
    return [
        *cases(
            E.MALFORMED_OP,
            MODIFY,
            {"flags": ASK},
            {"flags": 0x88},
            {"self_trade": 4},
            {"time_in_force": IOC},
            {"time_in_force": FOK},
            {"time_in_force": 4},
        ),
        *cases(E.UNKNOWN_MARKET, MODIFY, {"market": 0}, {"market": 1_024}),
        *cases(E.MARKET_NOT_OPEN, MODIFY, {"market": HALTED}),
        *order_lookup_cases(MODIFY),
        *cases(E.INVALID_SIZE, MODIFY, {"size_lots": 0}, {"size_lots": SIZE_LIMIT}),
        *cases(E.INVALID_PRICE, MODIFY, {"price": 0}, {"price": U32_MAX}),
        *cases(E.TOO_MANY_SIGNIFICANT_FIGURES, MODIFY, {"price": 10_001}),
        *cases(E.MODIFY_CHANGES_NOTHING, MODIFY, {"price": 1_000}),
        *cases(E.NOTIONAL_TOO_LARGE, of_b, {"size_lots": SIZE_LIMIT - 1, "price": PRICE_MAX}),
        *cases(E.POST_ONLY_WOULD_CROSS, MODIFY, {"price": 1_010, "time_in_force": POST_ONLY}),
        *cases(E.INSUFFICIENT_BALANCE, of_b, {"size_lots": 10**10}),
    ]


def order_lookup_cases(base: op.Op) -> list[Case]:
    return cases(
        E.UNKNOWN_ORDER,
        base,
        {"slot": 0},
        {"slot": 2},
        {"slot": U32_MAX},
        {"slot": 2**20},
        {"order_id": 0},
        {"order_id": A_ORDER - 1_024},
        {"order_id": U64_MAX},
        {"order_id": B_ORDER, "slot": 2},  # of another owner
        {"market": SPOT},
    )


def cancel_cases() -> list[Case]:
    return [
        *order_lookup_cases(CANCEL),
        *cases(
            E.CLIENT_ID_OUT_OF_RANGE,
            CANCEL_BY_CLIENT_ID,
            {"client_id_low": 0},
            {"client_id_low": GOLDILOCKS_P},
            {"client_id_high": GOLDILOCKS_P},
        ),
        *cases(
            E.UNKNOWN_CLIENT_ID,
            CANCEL_BY_CLIENT_ID,
            {"client_id_low": CLIENT_ID + 1},
            {"client_id_high": 1},
            {"account": B},
        ),
        *cases(E.UNKNOWN_MARKET, CANCEL_ALL, {"market": 0}, {"market": 1_024}, {"market": 0xFFFE}),
        *cases(E.SCHEDULE_TOO_SOON, SCHEDULE, {"at_s": 1}, {"at_s": NOW_S + 4}),
    ]


def money_cases() -> list[Case]:
    amounts = [{"amount": amount} for amount in (0, VALUE_LIMIT, U64_MAX)]
    assets = [{"asset": asset} for asset in (9, 256, 0xFFFF)]
    return [
        *cases(E.SAME_ACCOUNT, TRANSFER, {"to_account": A}),
        *cases(E.UNKNOWN_ACCOUNT, TRANSFER, {"to_account": ABSENT}, {"to_account": 2**22 | A_SUB}),
        *cases(E.NOT_SAME_OWNER, TRANSFER, {"to_account": B}, {"to_account": 1}),
        *cases(E.UNKNOWN_ASSET, TRANSFER, *assets),
        *cases(E.INVALID_AMOUNT, TRANSFER, *amounts),
        *cases(E.POSITION_OPEN, TRANSFER, {"asset": 0}),
        *cases(E.INSUFFICIENT_BALANCE, TRANSFER, {"amount": UNITS}, {"asset": 10}),
        *cases(
            E.BALANCES_FULL,
            TRANSFER,
            {"account": B_SUB, "to_account": B, "asset": LAST_ASSET},
        ),
        *cases(E.UNKNOWN_ASSET, WITHDRAW, *assets),
        *cases(E.INVALID_AMOUNT, WITHDRAW, *amounts),
        *cases(E.AMOUNT_NOT_REPRESENTABLE, WITHDRAW, {"amount": 1}, {"amount": 19}),
        *cases(E.POSITION_OPEN, WITHDRAW, {"asset": 0, "amount": 1}),
        *cases(E.INSUFFICIENT_BALANCE, WITHDRAW, {"amount": 10 * UNITS}, {"asset": 10}),
        *cases(
            E.MALFORMED_OP,
            DEPOSIT,
            *amounts,
            {"account": A_SUB},
            {"account": 2**22},
            {"account": U32_MAX},
        ),
    ]


def setting_cases() -> list[Case]:
    nobody = bytes(20)
    return [
        *cases(E.UNKNOWN_TIER, SET_TIER, {"tier": 3}, {"tier": 8}, {"tier": 255}),
        *cases(E.TIER_NOT_SELF_SERVICE, SET_TIER, {"tier": 2}),
        *cases(E.TIER_COOLDOWN, SET_TIER, {"account": C}),
        *cases(E.UNKNOWN_BUILDER, APPROVE, *({"builder": n} for n in (0, 11, 0xFFFF))),
        *cases(E.BUILDER_FEE_TOO_HIGH, APPROVE, {"max_fee": 2_001}, {"max_fee": 0xFFFF}),
        *cases(E.APPROVALS_FULL, APPROVE, {"builder": 9}),
        *cases(E.BUILDER_ALREADY_REGISTERED, REGISTER, {"account": A}),
        *cases(E.INVALID_AGENT_SLOT, AGENT, {"slot": 0}, {"slot": 4}, {"slot": 255}),
        *cases(
            E.INVALID_AGENT,
            AGENT,
            {"address": nobody},
            {"expiry_s": 0},
            {"expiry_s": NOW_S},
            {"expiry_s": 1},
        ),
        *cases(E.MALFORMED_OP, OWNER_KEY, {"is_on": 2}, {"is_on": 255}),
    ]


def system_and_admin_cases() -> list[Case]:
    wrong_market = (
        *({"market_kind": kind} for kind in (0, 3, 255)),
        {"status": 2},
        {"sz_decimals": 9},
        {"market_kind": MarketKind.PERP, "sz_decimals": 7},
        {"max_significant_figures": 10},
        {"fee_table": 16},
        {"tick": PRICE_MAX + 1},
        {"min_size_lots": SIZE_LIMIT},
        {"fee_account": ABSENT},
        {"insurance_account": 2**22 | A},
        {"base_asset": 0},
        {"base_asset": 9},
        {"base_asset": 256},
        {"market_kind": MarketKind.PERP, "base_asset": 256},
    )
    wrong_asset = (
        {"asset": 256},
        {"asset": 0xFFFF},
        {"flags": 1},
        {"flags": 4},
        {"withdraw_step_units": 0},
        {"withdraw_step_units": VALUE_LIMIT},
        {"deposit_cap_units": VALUE_LIMIT},
    )
    wrong_fee = (
        {"table": 16},
        {"tier": 8},
        {"flags": 1},
        {"flags": 4},
        {"maker_ppm": 1_001},
        {"taker_ppm": 1_001},
        {"quota_per_minute": 2**31 + 1},
    )
    return [
        *cases(E.MALFORMED_OP, TIME, {"now_s": U32_MAX}),
        *cases(E.TIME_BACKWARDS, TIME, {"now_s": NOW_S - 1}, {"now_s": 0}),
        (E.NOTHING_TO_CONTINUE, op.Continue()),
        (E.NO_DUTY_DUE, op.RunDuties()),
        *cases(E.INVALID_ASSET_PARAMETER, ASSET, *wrong_asset),
        *cases(E.UNKNOWN_MARKET, MARKET, {"market": 1_024}, {"market": 0xFFFF}),
        *cases(E.INVALID_MARKET_PARAMETER, MARKET, *wrong_market),
        *cases(
            E.MARKET_IMMUTABLE,
            MARKET,
            {"sz_decimals": 3},
            {"base_asset": 2},
            {"market_kind": MarketKind.PERP},
        ),
        *cases(E.INVALID_FEE_PARAMETER, FEE_TIER, *wrong_fee),
    ]


def general_cases() -> list[Case]:
    unknown = [{"account": account} for account in (0, ABSENT, 2**22, 2**22 | A, U32_MAX)]
    sub = {"account": A_SUB}
    return [
        *(case for base in OF_ACCOUNT for case in cases(E.UNKNOWN_ACCOUNT, base, *unknown)),
        *(case for base in OF_MASTER for case in cases(E.WRONG_ACCOUNT, base, sub)),
    ]


CASES: list[Case] = [
    *general_cases(),
    *place_cases(),
    *modify_cases(),
    *cancel_cases(),
    *money_cases(),
    *setting_cases(),
    *system_and_admin_cases(),
]

# A refused deposit is an accepted op: the code stands in the event that sends the amount back.
REFUNDS: list[Case] = [
    *cases(E.UNKNOWN_ACCOUNT, DEPOSIT, {"account": op.NO_ACCOUNT}),
    *cases(E.UNKNOWN_ASSET, DEPOSIT, {"asset": 9}, {"asset": 0xFFFF}),
    *cases(E.NOT_SAME_OWNER, DEPOSIT, {"owner": owner_of(B)}, {"owner": bytes(20)}),
    *cases(E.DEPOSITS_CLOSED, DEPOSIT, {"asset": 3}),
    *cases(E.DEPOSIT_CAP, DEPOSIT, {"asset": 4, "amount": 101}, {"amount": VALUE_LIMIT - 1}),
    *cases(E.BALANCES_FULL, DEPOSIT, {"account": B, "owner": owner_of(B), "asset": LAST_ASSET}),
]
