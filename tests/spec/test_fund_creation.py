"""CREATE_FUND, ADMIN_FUND, and what the accounts and shares of a fund cannot do."""

from dataclasses import replace

import pytest

from offchain.spec import fund_op, op
from offchain.spec.constants import (
    FUND_BUCKETS,
    FUND_LIMIT,
    FUND_MAX_FEE_PPM,
    FUND_MAX_LOCKUP_S,
    FUND_MIN_LOCKUP_S,
    FUND_MIN_SEED,
    MASTER_BITS,
    SHARE_PRICE_ONE_E8,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.fund_records import Fund
from offchain.spec.kinds import AccountFlag, EventKind, FundFlag, MarketKind, SignerFlag, Subtree
from offchain.spec.priority import PriorityRecord
from offchain.spec.records import NO_ADDRESS
from offchain.spec.state import signer_index
from tests.spec.fund_support import (
    BUCKET,
    CREATE,
    FUND,
    INVESTOR,
    LEADER,
    LOCKUP_S,
    NEXT_BUCKET,
    SEED,
    SHARES,
    fund_exchange,
    invest,
    shares_of,
    to_bucket,
)
from tests.spec.invariants import check_all
from tests.spec.risk_support import asset_risk, margined_exchange
from tests.spec.support import ABSENT, MAKER_SUB, PERP, UNITS, deposit, kinds, refused, rest, run
from tests.strategies import market_op, owner_of

ADMIN_FUND = fund_op.AdminFund(account=LEADER, fee_ppm=0, lockup_s=LOCKUP_S)


@pytest.fixture
def empty():
    return margined_exchange()


@pytest.fixture
def state():
    return fund_exchange()


def test_a_fund_begins_with_the_money_of_its_leader(empty):
    op_ = replace(CREATE, fee_ppm=100_000)
    events = run(empty, op_)
    assert kinds(events) == [EventKind.FUND_CREATED, EventKind.SHARES_MINTED]
    assert [event.account for event in events] == [LEADER, LEADER]
    assert events[0].values == (FUND, 100_000, LOCKUP_S, BUCKET, SHARES, FundFlag.EXISTS)
    assert events[1].values == (FUND, SEED, SEED, 0, SEED, 0)
    assert empty.funds.read(FUND) == Fund(
        FundFlag.EXISTS, LEADER, 100_000, LOCKUP_S, 1, SEED, 0, SHARE_PRICE_ONE_E8
    )
    bucket = empty.account(BUCKET)
    assert bucket.flags == AccountFlag.EXISTS | AccountFlag.FUND
    assert (bucket.owner, bucket.free[0]) == (NO_ADDRESS, SEED)
    signer = empty.signers.read(signer_index(BUCKET, 0))
    assert (signer.address, signer.flags, signer.expiry_s) == (
        owner_of(LEADER),
        SignerFlag.EXISTS,
        0,
    )
    assert shares_of(empty, LEADER) == SEED
    assert empty.account(LEADER).free[0] == UNITS * 3 // 4 - SEED
    assert empty.header.fund_count == 1
    check_all(empty)


def test_the_fund_is_a_leaf_of_its_subtree(state):
    leaves = {(subtree, number): data for subtree, number, data in state.leaves()}
    data = leaves[Subtree.FUNDS, FUND]
    assert data == state.funds.read(FUND).to_bytes()
    assert Fund.from_bytes(data) == state.funds.read(FUND)
    root = state.root()
    state.funds.edit(FUND).fee_ppm += 1
    assert state.root() != root


def test_a_fund_of_the_protocol_begins_without_shares(empty):
    (event,) = run(empty, ADMIN_FUND)
    assert event.values[5] == FundFlag.EXISTS | FundFlag.PROTOCOL
    assert empty.funds.read(FUND).total_shares == 0
    events = run(empty, invest(FUND_MIN_SEED))
    assert events[0].values == (FUND, FUND_MIN_SEED, FUND_MIN_SEED, 0, FUND_MIN_SEED, 0)
    check_all(empty)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account": ABSENT}, E.UNKNOWN_ACCOUNT),
        ({"account": MAKER_SUB}, E.WRONG_ACCOUNT),
        ({"fee_ppm": FUND_MAX_FEE_PPM + 1}, E.INVALID_FUND),
        ({"lockup_s": FUND_MIN_LOCKUP_S - 1}, E.INVALID_FUND),
        ({"lockup_s": FUND_MAX_LOCKUP_S + 1}, E.INVALID_FUND),
        ({"fee_ppm": FUND_MAX_FEE_PPM, "lockup_s": FUND_MAX_LOCKUP_S}, E.OK),
    ],
)
@pytest.mark.parametrize("valid", [CREATE, ADMIN_FUND], ids=["create", "admin"])
def test_leader_and_terms_are_checked(empty, valid, changes, code):
    assert refused(empty, replace(valid, **changes)) == code


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (FUND_MIN_SEED - 1, E.INVALID_AMOUNT),
        (VALUE_LIMIT, E.INVALID_AMOUNT),
        (UNITS, E.INSUFFICIENT_BALANCE),
        (FUND_MIN_SEED, E.OK),
    ],
)
def test_the_first_money_is_checked(empty, amount, code):
    assert refused(empty, replace(CREATE, amount=amount)) == code


def test_a_leader_without_a_balance_slot_is_refused(empty):
    empty.edit_account(LEADER).asset_ids[2:] = range(3, 9)
    assert refused(empty, CREATE) == E.BALANCES_FULL


def test_there_are_128_funds(empty):
    empty.header.fund_count = FUND_LIMIT - 1
    assert refused(empty, CREATE) == E.OK
    assert empty.account_exists(32 * (2**MASTER_BITS - FUND_LIMIT))
    assert refused(empty, CREATE) == E.FUNDS_FULL
    assert refused(empty, ADMIN_FUND) == E.FUNDS_FULL


def test_accounts_of_a_fund_found_and_invest_in_none(state):
    for refusal in (
        replace(CREATE, account=BUCKET),
        replace(ADMIN_FUND, account=BUCKET),
        invest(account=BUCKET),
        op.RegisterBuilder(account=BUCKET),
        op.Withdraw(account=BUCKET, asset=0, amount=10),
    ):
        assert refused(state, refusal) == E.FUND_ACCOUNT


# --- buckets -------------------------------------------------------------------------------


def test_money_moves_between_buckets_only(state):
    run(state, replace(CREATE, account=INVESTOR))
    other = BUCKET - 32
    assert state.account(other).flags & AccountFlag.FUND
    beyond = BUCKET + FUND_BUCKETS
    for source, target in (
        (LEADER, BUCKET),
        (BUCKET, LEADER),
        (BUCKET, ABSENT),
        (BUCKET, other),
        (BUCKET, beyond),
    ):
        transfer = to_bucket(10, source=source, target=target)
        assert refused(state, transfer) == E.FUND_ACCOUNT
    # A bucket that does not exist has no flag: to a stranger it is nobody.
    stranger = to_bucket(10, source=LEADER, target=NEXT_BUCKET)
    assert refused(state, stranger) == E.UNKNOWN_ACCOUNT
    assert refused(state, to_bucket(10, target=2**22)) == E.UNKNOWN_ACCOUNT
    assert refused(state, to_bucket(10, target=BUCKET)) == E.SAME_ACCOUNT


def test_a_bucket_is_created_by_its_first_money(state):
    last = BUCKET + FUND_BUCKETS - 1
    run(state, to_bucket(100, target=last), to_bucket(100))
    assert state.funds.read(FUND).buckets == FUND_BUCKETS
    for account in (last, NEXT_BUCKET):
        assert state.account(account).flags == AccountFlag.EXISTS | AccountFlag.FUND
        assert state.account(account).free[0] == 100
    run(state, to_bucket(60, source=last))
    assert [state.account(each).free[0] for each in (last, NEXT_BUCKET)] == [40, 160]
    check_all(state)


def test_a_bucket_trades_like_anyone(state):
    rest(state, BUCKET, 999, 1_000, market=PERP)
    assert state.account(BUCKET).order_count == 1


@pytest.mark.parametrize(
    ("master", "is_decoded"),
    [(2**MASTER_BITS - FUND_LIMIT - 1, True), (2**MASTER_BITS - FUND_LIMIT, False)],
)
def test_l1_cannot_deposit_to_a_fund(master, is_decoded):
    record = PriorityRecord(index=0, kind=1, sender=1, account=master, amount=1)
    account = int.from_bytes(record.op()[4:8], "little")
    assert account == (master * 32 if is_decoded else 0)


# --- the asset of the shares ------------------------------------------------------------------


def test_shares_are_nothing_that_governance_sets(state):
    asset = op.AdminAsset(asset=SHARES, withdraw_step_units=1, deposit_cap_units=1)
    assert refused(state, asset) == E.INVALID_ASSET_PARAMETER
    assert refused(state, asset_risk(SHARES)) == E.INVALID_ASSET_PARAMETER
    assert refused(state, asset_risk(SHARES + 1)) == E.UNKNOWN_ASSET
    for kind in MarketKind:
        market = market_op(9, kind, sz_decimals=2, base_asset=SHARES)
        assert refused(state, market) == E.INVALID_MARKET_PARAMETER


def test_shares_stay_on_the_chain(state):
    withdrawal = op.Withdraw(account=LEADER, asset=SHARES, amount=1)
    assert refused(state, withdrawal) == E.INSUFFICIENT_CHAIN_LIQUIDITY
    (event,) = run(state, deposit(LEADER, asset=SHARES))
    assert event.values[5] == E.DEPOSITS_CLOSED
    run(state, op.Transfer(account=LEADER, to_account=MAKER_SUB, asset=SHARES, amount=5))
    assert shares_of(state, MAKER_SUB) == 5
    check_all(state)
