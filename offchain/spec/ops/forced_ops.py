"""FORCED_WITHDRAW, FORCED_CLOSE, FORCED_CANCEL: what an owner asked for on L1.

docs/spec/l1-inputs.md section 1.
"""

from offchain.spec import forced
from offchain.spec.checks import require
from offchain.spec.constants import MAX_STEPS
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.header import PendingWork
from offchain.spec.kinds import AssetFlag, MarketKind, MarketStatus, OpKind, Reason
from offchain.spec.l1_op import ForcedCancel, ForcedClose, ForcedWithdraw
from offchain.spec.op import ALL_MARKETS
from offchain.spec.ops import cancel_all
from offchain.spec.order_checks import (
    asset_exists,
    require_account,
    require_market,
    require_no_fund,
)
from offchain.spec.state import State


def require_owner(state: State, account_id: int, sender: bytes) -> None:
    """Refuse with UNKNOWN_ACCOUNT, NOT_SAME_OWNER or FUND_ACCOUNT."""
    require_account(state, account_id)
    require(state.account(account_id).owner == sender, ErrorCode.NOT_SAME_OWNER)
    require_no_fund(state, account_id)


def forced_withdraw(state: State, op: ForcedWithdraw, log: EventLog) -> None:
    """Apply a FORCED_WITHDRAW.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, NOT_SAME_OWNER, FUND_ACCOUNT, UNKNOWN_ASSET, PLEDGED_ASSET.
    """
    require_owner(state, op.account, op.sender)
    require(asset_exists(state, op.asset), ErrorCode.UNKNOWN_ASSET)
    is_pledged = bool(state.assets.read(op.asset).flags & AssetFlag.LINKED)
    require(not is_pledged, ErrorCode.PLEDGED_ASSET)
    work = PendingWork(
        account=op.account,
        attributes=OpKind.FORCED_WITHDRAW,
        limit_price=op.asset,
        remaining_lots=op.amount,
        market_filter=ALL_MARKETS,
    )
    forced.begin(state, log, work)


def forced_close(state: State, op: ForcedClose, log: EventLog) -> None:
    """Apply a FORCED_CLOSE.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, NOT_SAME_OWNER, FUND_ACCOUNT, UNKNOWN_MARKET, WRONG_MARKET,
        MARKET_NOT_OPEN.
    """
    require_owner(state, op.account, op.sender)
    market = require_market(state, op.market)
    require(market.kind == MarketKind.PERP, ErrorCode.WRONG_MARKET)
    require(market.status == MarketStatus.OPEN, ErrorCode.MARKET_NOT_OPEN)
    work = PendingWork(
        account=op.account,
        market=op.market,
        attributes=OpKind.FORCED_CLOSE,
        market_filter=op.market,
    )
    forced.begin(state, log, work)


def forced_cancel(state: State, op: ForcedCancel, log: EventLog) -> None:
    """Apply a FORCED_CANCEL.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, NOT_SAME_OWNER, FUND_ACCOUNT.
    """
    require_owner(state, op.account, op.sender)
    cancel_all.begin(state, log, op.account, Reason.FORCED, steps=MAX_STEPS)
