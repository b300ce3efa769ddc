"""CREATE_FUND and ADMIN_FUND: a new fund with its first bucket and its share asset."""

from offchain.spec import balances, funds
from offchain.spec.checks import require
from offchain.spec.constants import (
    FUND_LIMIT,
    FUND_MAX_FEE_PPM,
    FUND_MAX_LOCKUP_S,
    FUND_MIN_LOCKUP_S,
    FUND_MIN_SEED,
    QUOTE_ASSET,
    SHARE_PRICE_ONE_E8,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fund_op import AdminFund, CreateFund
from offchain.spec.fund_records import Fund
from offchain.spec.kinds import AccountFlag, AssetFlag, FundFlag, SignerFlag
from offchain.spec.ops.invest import check_outflow_of_quote
from offchain.spec.order_checks import require_master, require_no_fund
from offchain.spec.records import NO_ADDRESS, Asset, Signer
from offchain.spec.state import State, create_account, signer_index


def create_fund(state: State, op: CreateFund, log: EventLog) -> None:
    """Apply a CREATE_FUND; the signer becomes the leader and buys the first shares.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, WRONG_ACCOUNT, FUND_ACCOUNT, INVALID_FUND, INVALID_AMOUNT, FUNDS_FULL,
        INSUFFICIENT_BALANCE, POSITION_OPEN, STALE_PRICE, INSUFFICIENT_MARGIN, BALANCES_FULL.
    """
    _check_leader_and_terms(state, op)
    require(FUND_MIN_SEED <= op.amount < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)
    require(state.header.fund_count < FUND_LIMIT, ErrorCode.FUNDS_FULL)
    check_outflow_of_quote(state, op.account, op.amount)
    asset = funds.share_asset(state.header.fund_count)
    require(balances.has_room(state.account(op.account), asset), ErrorCode.BALANCES_FULL)
    fund = _found(state, op, log, flags=FundFlag.EXISTS)
    state.edit_account(op.account).free[QUOTE_ASSET] -= op.amount
    state.edit_account(funds.bucket_account(fund, 0)).free[QUOTE_ASSET] += op.amount
    funds.mint(state, log, fund, op.account, shares=op.amount, amount=op.amount, fund_value=0)


def admin_fund(state: State, op: AdminFund, log: EventLog) -> None:
    """Apply an ADMIN_FUND: a fund of the protocol, which begins without shares.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, WRONG_ACCOUNT, FUND_ACCOUNT, INVALID_FUND, FUNDS_FULL.
    """
    _check_leader_and_terms(state, op)
    require(state.header.fund_count < FUND_LIMIT, ErrorCode.FUNDS_FULL)
    _found(state, op, log, flags=FundFlag.EXISTS | FundFlag.PROTOCOL)


def _check_leader_and_terms(state: State, op: CreateFund | AdminFund) -> None:
    require_master(state, op.account)
    require_no_fund(state, op.account)
    is_lockup_valid = FUND_MIN_LOCKUP_S <= op.lockup_s <= FUND_MAX_LOCKUP_S
    require(op.fee_ppm <= FUND_MAX_FEE_PPM and is_lockup_valid, ErrorCode.INVALID_FUND)


def _found(state: State, op: CreateFund | AdminFund, log: EventLog, *, flags: int) -> int:
    """Make the records of a fund; return its number. The leader's owner signs for its buckets."""
    fund = state.header.fund_count
    state.header.fund_count += 1
    record = Fund(
        flags=flags,
        leader=op.account,
        fee_ppm=op.fee_ppm,
        lockup_s=op.lockup_s,
        buckets=1,
        high_water_e8=SHARE_PRICE_ONE_E8,
    )
    state.funds.replace(fund, record)
    asset = funds.share_asset(fund)
    state.assets.replace(asset, Asset(flags=AssetFlag.EXISTS, withdraw_step_units=1))
    bucket = funds.bucket_account(fund, 0)
    create_account(state, bucket, NO_ADDRESS)
    state.edit_account(bucket).flags |= AccountFlag.FUND
    owner_key = Signer(address=state.account(op.account).owner, flags=SignerFlag.EXISTS)
    state.signers.replace(signer_index(bucket, 0), owner_key)
    log.fund_created(
        leader=op.account,
        fund=fund,
        fee_ppm=op.fee_ppm,
        lockup_s=op.lockup_s,
        bucket=bucket,
        asset=asset,
        flags=flags,
    )
    return fund
