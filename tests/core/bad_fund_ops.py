"""Ops of funds that the crowded chain refuses, with the code that each must get."""

from dataclasses import replace

from offchain.spec import op
from offchain.spec.constants import (
    FUND_BUCKETS,
    FUND_MAX_FEE_PPM,
    FUND_MAX_LOCKUP_S,
    FUND_MIN_AMOUNT,
    SHARE_ASSET,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.fund_op import AdminFund, AdminMarketWaterfall, CreateFund, Invest, Redeem
from offchain.spec.funds import bucket_account
from offchain.spec.kinds import MarketKind
from tests.core.bad_ops import (
    ASSET,
    MARKET,
    REGISTER,
    TRANSFER,
    U32_MAX,
    U64_MAX,
    WITHDRAW,
    Case,
    cases,
)
from tests.core.bad_risk_ops import NO_ACCOUNTS, NOT_MARGINED
from tests.core.crowded import A_SUB, ABSENT, A
from tests.core.crowded_funds import (
    BUCKET,
    EMPTY,
    FALLEN,
    FILLED,
    FUND_COUNT,
    INVESTOR,
    LEADER,
    LOCKUP_S,
    SEED,
    SOUND,
    STALE,
    WIDE,
)
from tests.core.crowded_risk import ASSET_RISK, POOR, RISKY
from tests.strategies import SPOT, UNITS

INVEST = Invest(account=INVESTOR, fund=SOUND, amount=SEED)
REDEEM = Redeem(account=INVESTOR, fund=SOUND, shares=SEED)
CREATE = CreateFund(account=INVESTOR, fee_ppm=0, lockup_s=LOCKUP_S, amount=SEED)
WATERFALL = AdminMarketWaterfall(market=RISKY, account=BUCKET)
OF_PROTOCOL = AdminFund(account=INVESTOR, fee_ppm=0, lockup_s=LOCKUP_S)

VALID: tuple[op.Op, ...] = (INVEST, REDEEM, CREATE, WATERFALL, OF_PROTOCOL)
NO_AMOUNTS = [{"amount": n} for n in (0, 1, FUND_MIN_AMOUNT - 1, VALUE_LIMIT, U64_MAX)]
NO_TERMS = [
    *({"fee_ppm": n} for n in (FUND_MAX_FEE_PPM + 1, U32_MAX)),
    *({"lockup_s": n} for n in (0, LOCKUP_S - 1, FUND_MAX_LOCKUP_S + 1, U32_MAX)),
]
TOO_MUCH = {"amount": UNITS // 10 * 6}  # for the margin of POOR


def invest_cases() -> list[Case]:
    return [
        *cases(E.UNKNOWN_ACCOUNT, INVEST, *NO_ACCOUNTS),
        *cases(E.FUND_ACCOUNT, INVEST, {"account": BUCKET}),
        *cases(E.UNKNOWN_FUND, INVEST, *({"fund": n} for n in (FUND_COUNT, 128, 0xFFFF))),
        *cases(E.INVALID_AMOUNT, INVEST, *NO_AMOUNTS, {"fund": EMPTY, "amount": SEED - 1}),
        *cases(E.INSUFFICIENT_BALANCE, INVEST, {"amount": VALUE_LIMIT - 1}),
        *cases(E.POSITION_OPEN, INVEST, {"account": A}),
        *cases(E.INSUFFICIENT_MARGIN, INVEST, {"account": POOR, **TOO_MUCH}),
        *cases(E.FUND_TOO_WIDE, INVEST, {"fund": WIDE}),
        *cases(E.STALE_PRICE, INVEST, {"fund": STALE}),
        *cases(E.FUND_BANKRUPT, INVEST, {"fund": FALLEN}),
        *cases(E.LEADER_SHARE, INVEST, {"amount": 18 * SEED + 1}, {"amount": UNITS // 2}),
        *cases(E.BALANCES_FULL, INVEST, {"account": FILLED}),
    ]


def redeem_cases() -> list[Case]:
    of_leader = {"account": LEADER, "shares": SEED - SEED // 20 + 1}
    return [
        *cases(E.UNKNOWN_ACCOUNT, REDEEM, *NO_ACCOUNTS),
        *cases(E.UNKNOWN_FUND, REDEEM, *({"fund": n} for n in (FUND_COUNT, 128, 0xFFFF))),
        *cases(E.INVALID_AMOUNT, REDEEM, *({"shares": n} for n in (0, VALUE_LIMIT, U64_MAX))),
        *cases(E.INVALID_AMOUNT, REDEEM, {"shares": 1}, {"shares": FUND_MIN_AMOUNT - 1}),
        *cases(E.INSUFFICIENT_BALANCE, REDEEM, {"shares": SEED + 1}, {"account": A}),
        *cases(E.INSUFFICIENT_BALANCE, REDEEM, {"account": BUCKET}, {"fund": EMPTY}),
        *cases(E.LEADER_SHARE, REDEEM, of_leader, {**of_leader, "shares": SEED}),
    ]


def founding_cases() -> list[Case]:
    nobodies = [{"account": ABSENT}, {"account": 2**22}, {"account": U32_MAX}]
    subs = [{"account": A_SUB}, {"account": bucket_account(WIDE, 1)}]
    of_fund = {"account": BUCKET}
    return [
        *cases(E.UNKNOWN_ACCOUNT, CREATE, *nobodies),
        *cases(E.WRONG_ACCOUNT, CREATE, *subs),
        *cases(E.FUND_ACCOUNT, CREATE, of_fund),
        *cases(E.INVALID_FUND, CREATE, *NO_TERMS),
        *cases(E.INVALID_AMOUNT, CREATE, *NO_AMOUNTS, {"amount": SEED - 1}),
        *cases(E.INSUFFICIENT_BALANCE, CREATE, {"amount": VALUE_LIMIT - 1}),
        *cases(E.POSITION_OPEN, CREATE, {"account": A}),
        *cases(E.INSUFFICIENT_MARGIN, CREATE, {"account": POOR, **TOO_MUCH}),
        *cases(E.BALANCES_FULL, CREATE, {"account": FILLED}),
        *cases(E.UNKNOWN_ACCOUNT, OF_PROTOCOL, *nobodies),
        *cases(E.WRONG_ACCOUNT, OF_PROTOCOL, *subs),
        *cases(E.FUND_ACCOUNT, OF_PROTOCOL, of_fund),
        *cases(E.INVALID_FUND, OF_PROTOCOL, *NO_TERMS),
    ]


def account_cases() -> list[Case]:
    """Cases of money and accounts of funds in other ops."""
    within = replace(TRANSFER, account=BUCKET, to_account=BUCKET + 1, asset=0)
    return [
        *cases(E.FUND_ACCOUNT, WITHDRAW, {"account": BUCKET}, {"account": BUCKET, "amount": 0}),
        *cases(E.FUND_ACCOUNT, TRANSFER, {"to_account": BUCKET}, {"account": BUCKET}),
        *cases(
            E.FUND_ACCOUNT,
            within,
            {"to_account": BUCKET + FUND_BUCKETS},
            {"to_account": BUCKET + 31},
            {"to_account": bucket_account(WIDE, 0)},
            {"to_account": ABSENT},
        ),
        *cases(E.UNKNOWN_ACCOUNT, TRANSFER, {"to_account": BUCKET + 1}),
        *cases(E.SAME_ACCOUNT, within, {"to_account": BUCKET}),
        *cases(E.UNKNOWN_ACCOUNT, within, {"to_account": 2**22}),
        *cases(E.FUND_ACCOUNT, REGISTER, {"account": BUCKET}),
        *cases(E.WRONG_ACCOUNT, REGISTER, {"account": bucket_account(WIDE, 1)}),
        *cases(E.INSUFFICIENT_CHAIN_LIQUIDITY, WITHDRAW, {"account": INVESTOR, "asset": 128}),
        *cases(E.INVALID_ASSET_PARAMETER, ASSET, {"asset": SHARE_ASSET}, {"asset": 255}),
        *cases(E.INVALID_ASSET_PARAMETER, ASSET_RISK, {"asset": SHARE_ASSET}),
        *cases(E.UNKNOWN_ASSET, ASSET_RISK, {"asset": 255}),
        *cases(
            E.INVALID_MARKET_PARAMETER,
            replace(MARKET, market=300),
            {"base_asset": SHARE_ASSET},
            {"base_asset": SHARE_ASSET, "market_kind": MarketKind.PERP},
        ),
    ]


def waterfall_cases() -> list[Case]:
    return [
        *cases(E.UNKNOWN_MARKET, WATERFALL, *NOT_MARGINED),
        *cases(E.UNKNOWN_ACCOUNT, WATERFALL, *NO_ACCOUNTS[1:], {"account": A}, {"account": LEADER}),
        *cases(E.UNKNOWN_ACCOUNT, WATERFALL, {"account": BUCKET + 1}),
        *cases(E.INVALID_MARKET_PARAMETER, WATERFALL, {"flags": 2}, {"flags": 255}),
        *cases(E.UNKNOWN_MARKET, WATERFALL, {"market": SPOT, "account": 0}),
    ]


CASES: list[Case] = [
    *invest_cases(),
    *redeem_cases(),
    *founding_cases(),
    *account_cases(),
    *waterfall_cases(),
]
