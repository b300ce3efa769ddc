"""Ops of links that the crowded chain refuses, with the code that each must get."""

from dataclasses import replace

from offchain.spec import l1_op, link_op, op
from offchain.spec.constants import (
    MAX_MESSAGES_IN_FLIGHT,
    PLEDGE_MAX_S,
    PLEDGE_MIN_S,
    SHARE_ASSET,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from tests.core.bad_ops import (
    ASSET,
    DEPOSIT,
    MARKET,
    TRANSFER,
    U32_MAX,
    U64_MAX,
    WITHDRAW,
    Case,
    cases,
)
from tests.core.bad_risk_ops import NO_ACCOUNTS
from tests.core.crowded import NOW_S, A
from tests.core.crowded_funds import BUCKET
from tests.core.crowded_links import (
    ABSENT_CHANNEL,
    DEBTOR,
    DEPOSITS,
    FIRST_OF_FULL,
    FREE,
    FULL,
    GIVER,
    HELD,
    HOLDER,
    KEPT,
    LINKED,
    MOVED,
    OPEN,
    OWN_ID,
    PEER_IDS,
    PLEDGER,
    SEVERED,
    SHARED,
    VOID_UNTIL,
)
from tests.core.crowded_risk import ASSET_RISK, RISK_ASSET
from tests.strategies import UNITS, owner_of

PLEDGE = link_op.Pledge(
    account=PLEDGER,
    asset=KEPT,
    channel=OPEN,
    peer_account=PLEDGER,
    amount=10,
    expires_at_s=NOW_S + PLEDGE_MIN_S,
)
RELEASE = link_op.Release(account=HOLDER, asset=LINKED, amount=10)
SEIZE = link_op.Seize(account=HOLDER, number=0)
CHANNEL = link_op.AdminChannel(channel=ABSENT_CHANNEL, peer_chain_id=8, own_chain_id=OWN_ID)
VOID = link_op.AdminVoid(channel=OPEN, index=1 + MAX_MESSAGES_IN_FLIGHT)
LINK = link_op.AdminLink(asset=FREE, channel=OPEN, peer_asset=2)
UNLINK = l1_op.ForcedUnlink(account=HOLDER, peer_chain_id=PEER_IDS[OPEN], sender=owner_of(HOLDER))
PLEDGES_MOVED = l1_op.PledgesMoved(asset=KEPT, is_holder=1, peer_chain_id=1, units=1)

VALID: tuple[op.Op, ...] = (PLEDGE, RELEASE, SEIZE, CHANNEL, LINK, VOID)
NO_AMOUNTS = [{"amount": n} for n in (0, VALUE_LIMIT, U64_MAX)]
NO_ASSETS = [{"asset": n} for n in (63, 256, 0xFFFF)]
LATEST_S = NOW_S + PLEDGE_MAX_S
NO_EXPIRIES = (0, NOW_S, NOW_S + PLEDGE_MIN_S - 1, LATEST_S + 1, 2**31, U32_MAX)


def pledge_cases() -> list[Case]:
    too_much = {"account": DEBTOR, "asset": RISK_ASSET, "amount": UNITS * 7 // 10}
    no_peers = ({"channel": n} for n in (SEVERED, ABSENT_CHANNEL, 63, 64, 255))
    return [
        *cases(E.UNKNOWN_ACCOUNT, PLEDGE, *NO_ACCOUNTS),
        *cases(E.UNKNOWN_ACCOUNT, PLEDGE, *({"peer_account": n} for n in (2**22, U32_MAX))),
        *cases(E.UNKNOWN_ASSET, PLEDGE, *NO_ASSETS),
        *cases(E.FUND_ACCOUNT, PLEDGE, {"account": BUCKET}),
        *cases(E.NOT_PLEDGEABLE, PLEDGE, *({"asset": n} for n in (0, LINKED, FREE, SHARE_ASSET))),
        *cases(E.UNKNOWN_PEER, PLEDGE, *no_peers),
        *cases(E.INVALID_AMOUNT, PLEDGE, *NO_AMOUNTS),
        *cases(E.INVALID_EXPIRY, PLEDGE, *({"expires_at_s": n} for n in NO_EXPIRIES)),
        *cases(E.PLEDGES_FULL, PLEDGE, {"account": GIVER}),
        *cases(E.BALANCE_TOO_LARGE, PLEDGE, {"amount": VALUE_LIMIT - 1}),
        *cases(E.INSUFFICIENT_BALANCE, PLEDGE, {"amount": UNITS}, {"asset": RISK_ASSET}),
        *cases(E.INSUFFICIENT_MARGIN, PLEDGE, too_much),
    ]


def holder_cases() -> list[Case]:
    return [
        *cases(E.UNKNOWN_ACCOUNT, RELEASE, *NO_ACCOUNTS),
        *cases(E.UNKNOWN_ASSET, RELEASE, *NO_ASSETS),
        *cases(E.NOT_PLEDGEABLE, RELEASE, *({"asset": n} for n in (0, KEPT, FREE, SHARE_ASSET))),
        *cases(E.INVALID_AMOUNT, RELEASE, *NO_AMOUNTS),
        *cases(E.INSUFFICIENT_BALANCE, RELEASE, {"amount": HELD + 1}, {"account": PLEDGER}),
        *cases(E.INSUFFICIENT_CHAIN_LIQUIDITY, RELEASE, {"asset": MOVED}),
        *cases(E.UNKNOWN_ACCOUNT, SEIZE, *NO_ACCOUNTS),
        *cases(E.NOTHING_TO_SEIZE, SEIZE, *({"number": n} for n in (0, 1, 7, 8, 255))),
        *cases(E.NOTHING_TO_SEIZE, SEIZE, {"account": GIVER}, {"account": A}),
        *cases(E.UNKNOWN_ACCOUNT, UNLINK, *NO_ACCOUNTS),
        *cases(E.NOT_SAME_OWNER, UNLINK, {"sender": owner_of(A)}, {"account": A}),
        *cases(E.FUND_ACCOUNT, UNLINK, {"account": BUCKET, "sender": bytes(20)}),
        *cases(
            E.UNKNOWN_PLEDGE,
            UNLINK,
            *({"peer_chain_id": n} for n in (0, OWN_ID, PEER_IDS[SEVERED], PEER_IDS[FULL])),
            {"account": PLEDGER, "sender": owner_of(PLEDGER)},
        ),
        *cases(E.MALFORMED_OP, UNLINK, {"peer_chain_id": U32_MAX}),
        *cases(
            E.MALFORMED_OP,
            PLEDGES_MOVED,
            *({"is_holder": n} for n in (2, 255)),
            *({"units": n} for n in (VALUE_LIMIT, U64_MAX)),
            {"peer_chain_id": U32_MAX},
        ),
    ]


def admin_cases() -> list[Case]:
    return [
        *cases(
            E.INVALID_LINK,
            CHANNEL,
            *({"channel": n} for n in (OPEN, FULL, FULL + 2, 63, 64, 255)),
            *({"peer_chain_id": n} for n in (0, *PEER_IDS, OWN_ID, U32_MAX)),
            *({"own_chain_id": n} for n in (0, 8, 10, U32_MAX)),
        ),
        *cases(E.UNKNOWN_PEER, VOID, *({"channel": n} for n in (ABSENT_CHANNEL, 63, 64, 255))),
        *cases(E.UNKNOWN_PEER, VOID, {"channel": ABSENT_CHANNEL, "index": 0}),
        *cases(E.INVALID_LINK, VOID, *({"index": n} for n in (0, 1, VOID_UNTIL - 1))),
        *cases(E.INVALID_LINK, VOID, *({"index": 1 + n} for n in (257, 2**32, U64_MAX - 1))),
        *cases(E.INVALID_LINK, VOID, *({"channel": FULL, "index": n} for n in (0, 257))),
        *cases(E.UNKNOWN_ASSET, LINK, *NO_ASSETS),
        *cases(E.UNKNOWN_PEER, LINK, *({"channel": n} for n in (ABSENT_CHANNEL, 63, 64, 255))),
        *cases(
            E.INVALID_LINK,
            LINK,
            *({"asset": n} for n in (0, KEPT, LINKED, MOVED, DEPOSITS, SHARED, SHARE_ASSET)),
            *({"peer_asset": n} for n in (0, KEPT, 64, 65, 0xFFFF)),
            {"channel": FULL, "peer_asset": 63},
        ),
        *cases(E.INVALID_ASSET_PARAMETER, ASSET, {"asset": LINKED, "flags": 2}),
        *cases(E.INVALID_ASSET_PARAMETER, ASSET_RISK, {"asset": LINKED, "yield_share_ppm": 1}),
        *cases(
            E.INVALID_MARKET_PARAMETER,
            replace(MARKET, market=300),
            *({"base_asset": n} for n in (LINKED, FREE, FIRST_OF_FULL)),
        ),
    ]


def money_cases() -> list[Case]:
    """Cases of a pledged asset where any other could move."""
    return [
        *cases(E.PLEDGED_ASSET, WITHDRAW, {"account": HOLDER, "asset": LINKED}),
        *cases(E.PLEDGED_ASSET, WITHDRAW, {"asset": LINKED, "amount": 0}),
        *cases(E.PLEDGED_ASSET, TRANSFER, {"asset": LINKED}),
        *cases(
            E.PLEDGED_ASSET, TRANSFER, {"account": HOLDER, "to_account": HOLDER + 1, "asset": MOVED}
        ),
    ]


CASES: list[Case] = [*pledge_cases(), *holder_cases(), *admin_cases(), *money_cases()]
REFUNDS: list[Case] = cases(E.DEPOSITS_CLOSED, DEPOSIT, {"asset": LINKED}, {"asset": FREE})
