"""Feeds, forced operations and notices that the crowded chain refuses."""

from offchain.spec import l1_op, op
from offchain.spec.constants import INSURANCE_ACCOUNT, VALUE_LIMIT
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import PriorityKind, SnapshotTarget
from tests.core.bad_fund_ops import BUCKET
from tests.core.bad_ops import U32_MAX, U64_MAX, Case, cases
from tests.core.bad_risk_ops import NO_ACCOUNTS, NO_MARKETS
from tests.core.crowded import HALTED, A, B
from tests.core.crowded_risk import RISK_ASSET, RISKY
from tests.strategies import PERP, SPOT, owner_of

FEED = l1_op.AdminFeed(entry=31, asset=RISK_ASSET, price_feed=31, rate_feed_plus_1=32, on=1)
MARKET_FEED = l1_op.AdminFeed(entry=0, target=SnapshotTarget.MARKET, market=RISKY, on=1)
NO_FEED = l1_op.AdminFeed(entry=0, on=0)
PAY = l1_op.ForcedWithdraw(account=B, asset=0, amount=1, sender=owner_of(B))
CLOSE = l1_op.ForcedClose(market=PERP, account=A, sender=owner_of(A))
CANCEL = l1_op.ForcedCancel(account=B, sender=owner_of(B))
UNLINK = l1_op.ForcedUnlink(account=A, peer_chain_id=9, sender=owner_of(A))
SWEEP = l1_op.ForcedSweep(account=A)
NOTICE = l1_op.Notice(kind=PriorityKind.REFUND)
MOVED = l1_op.PledgesMoved(asset=1, is_holder=1, peer_chain_id=99, units=1)

VALID: tuple[op.Op, ...] = (FEED, PAY, CLOSE, CANCEL, UNLINK, SWEEP, NOTICE, MOVED)
OWNED: tuple[op.Op, ...] = (PAY, CLOSE, CANCEL, UNLINK)


def owner_cases() -> list[Case]:
    """Cases of accounts that are not the sender's to command."""
    bucket = {"account": BUCKET, "sender": bytes(20)}
    foreign = ({"sender": owner_of(A + 64)}, {"sender": bytes(20)}, {"account": INSURANCE_ACCOUNT})
    return [
        case
        for base in OWNED
        for case in (
            *cases(E.UNKNOWN_ACCOUNT, base, *NO_ACCOUNTS[1:]),
            *cases(E.NOT_SAME_OWNER, base, *foreign, {"account": BUCKET}),
            *cases(E.FUND_ACCOUNT, base, bucket),
        )
    ]


def feed_cases() -> list[Case]:
    """Cases of entries that no feed can have."""
    return [
        *cases(E.MALFORMED_OP, FEED, {"target": 2}, {"target": 255}),
        *cases(
            E.INVALID_FEED,
            FEED,
            {"entry": 32},
            {"entry": 255},
            {"price_feed": 32},
            {"rate_feed_plus_1": 33},
            {"on": 2},
            {"asset": 256},
            {"market": 1},
        ),
        *cases(
            E.INVALID_FEED,
            MARKET_FEED,
            {"market": 1_024},
            {"market": 0xFFFF},
            {"asset": 1},
            {"rate_feed_plus_1": 1},
        ),
        *cases(
            E.INVALID_FEED,
            NO_FEED,
            {"entry": 32},
            {"target": 1},
            {"market": 1},
            {"asset": 1},
            {"price_feed": 1},
            {"rate_feed_plus_1": 1},
        ),
    ]


CASES: list[Case] = [
    *owner_cases(),
    *feed_cases(),
    *cases(E.MALFORMED_OP, PAY, *({"amount": n} for n in (0, VALUE_LIMIT, U64_MAX))),
    *cases(E.UNKNOWN_ASSET, PAY, {"asset": 9}, {"asset": 256}, {"asset": 0xFFFF}),
    *cases(E.UNKNOWN_MARKET, CLOSE, *NO_MARKETS),
    *cases(E.WRONG_MARKET, CLOSE, {"market": SPOT}),
    *cases(E.MARKET_NOT_OPEN, CLOSE, {"market": HALTED}),
    *cases(E.MALFORMED_OP, UNLINK, {"peer_chain_id": U32_MAX}),
    *cases(E.UNKNOWN_ACCOUNT, SWEEP, *NO_ACCOUNTS),
    *cases(E.NOT_LIQUIDATABLE, SWEEP, {"account": A}, {"account": INSURANCE_ACCOUNT}),
    *cases(E.MALFORMED_OP, NOTICE, {"kind": 0}, {"kind": 7}, {"kind": 9}),
    *cases(
        E.MALFORMED_OP,
        MOVED,
        {"is_holder": 2},
        {"peer_chain_id": U32_MAX},
        {"units": VALUE_LIMIT},
        {"units": U64_MAX},
    ),
]
