"""Who signs: the leader's owner for the buckets, owners and not their agents for shares."""

import pytest

from offchain.spec import op
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import EnvelopeKind, EventKind
from tests.spec.fund_support import BUCKET, CREATE, INVESTOR, LEADER, fund_exchange, invest, redeem
from tests.spec.support import PERP, kinds, order, run
from tests.spec.test_envelope import refused
from tests.strategies import owner_of

T_MS = 1_700_000_000_000
AGENT = bytes([9]) * 20


@pytest.fixture
def state():
    return fund_exchange()


def envelope(
    account: int, signer: bytes, *ops: op.Op, slot: int = 0, nonce: int = T_MS
) -> Envelope:
    """Return a user envelope of one account."""
    return Envelope(
        kind=EnvelopeKind.USER,
        signer_slot=slot,
        account=account,
        nonce=nonce,
        arrival_ms=T_MS,
        signer=signer,
        payload=b"".join(each.to_bytes() for each in ops),
    )


def test_the_leaders_owner_signs_for_the_buckets(state):
    bid = order(BUCKET, 999, 10, market=PERP)
    leader, on = owner_of(LEADER), op.SetOwnerKey(account=BUCKET, is_on=1)
    assert refused(state, envelope(BUCKET, leader, bid)) == E.OWNER_KEY_NOT_ENABLED
    assert refused(state, envelope(BUCKET, owner_of(INVESTOR), on)) == E.UNKNOWN_SIGNER
    apply_envelope(state, envelope(BUCKET, leader, on).to_bytes())
    events = apply_envelope(state, envelope(BUCKET, leader, bid, nonce=T_MS + 1).to_bytes())
    assert kinds(events) == [EventKind.RESTED]


def test_an_agent_of_the_buckets_trades_but_does_not_invest(state):
    run(state, op.SetAgent(account=BUCKET, address=AGENT, expiry_s=2_000_000_000, slot=1))
    bid = order(BUCKET, 999, 10, market=PERP)
    events = apply_envelope(state, envelope(BUCKET, AGENT, bid, slot=1).to_bytes())
    assert kinds(events) == [EventKind.RESTED]


@pytest.mark.parametrize("each", [invest(), redeem(), CREATE], ids=["invest", "redeem", "create"])
def test_ops_of_funds_take_the_owners_key(state, each):
    run(state, op.SetAgent(account=each.account, address=AGENT, expiry_s=2_000_000_000, slot=1))
    by_agent = envelope(each.account, AGENT, each, slot=1)
    assert refused(state, by_agent) == E.AGENT_NOT_ALLOWED
    # They are no trades, so that the owner's key need not be enabled for these.
    assert refused(state, envelope(each.account, owner_of(each.account), each)) == E.OK
