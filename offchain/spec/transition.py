"""The state transition: ``apply(state, op) -> events``, or :class:`OpError` and no change.

The specification takes no hints: it walks where the core is pointed (docs/spec/transition.md).
"""

from offchain.spec import condition_op, duties, fund_op, l1_op, link_op, op, op_codec, ring, risk_op
from offchain.spec.checks import OpError, require
from offchain.spec.constants import OP_BYTES
from offchain.spec.errors import ErrorCode
from offchain.spec.events import Event, EventLog
from offchain.spec.kinds import Continuation, OpKind, PlaceFlag
from offchain.spec.ops import (
    admin,
    admin_feed,
    admin_link,
    admin_risk,
    builders,
    cancel,
    cancel_all,
    create_fund,
    deposit,
    forced_ops,
    invest,
    link_notices,
    liquidate,
    market_calendar,
    market_waterfall,
    modify,
    move_margin,
    place,
    place_trigger,
    place_twap,
    pledge,
    price_report,
    redeem,
    release,
    resume,
    run_duties,
    schedule_cancel,
    seize,
    set_leverage,
    set_tier,
    signers,
    snapshot,
    sweep,
    system,
    transfer,
    withdraw,
)
from offchain.spec.state import State


def apply(state: State, data: bytes) -> list[Event]:
    """Apply one op to the state, in place.

    Parameters
    ----------
    state
        Changed when the op is accepted, untouched when it is refused.
    data
        64 bytes.

    Returns
    -------
    list[Event]
        What the op did, in order; may be empty.

    Raises
    ------
    OpError
        With the code of the first check that fails.
    ValueError
        If `data` is not 64 bytes long: a caller's error, which no op can cause.
    """
    if len(data) != OP_BYTES:
        raise ValueError(f"an op has {OP_BYTES} bytes, not {len(data)}")
    kind = data[0]
    require(kind in op_codec.OP_TYPES, ErrorCode.UNKNOWN_OP)
    _check_gates(state, data)
    log = EventLog(state.header)
    decoded = op_codec.decode(data)
    _dispatch(state, decoded, log)
    return log.events


# What a late sweep lets pass, besides CONTINUE, reduce-only orders and what comes from L1.
_KINDS_WHILE_SWEEP_IS_LATE = frozenset(
    (
        OpKind.CANCEL,
        OpKind.CANCEL_BY_CLIENT_ID,
        OpKind.CANCEL_ALL,
        OpKind.SCHEDULE_CANCEL,
        OpKind.ADVANCE_TIME,
        OpKind.RUN_DUTIES,
        OpKind.SEAL_BATCH,
        OpKind.SNAPSHOT,
        OpKind.PRICE_REPORT,
        OpKind.LIQUIDATE,
        OpKind.SWEEP,
        OpKind.SEIZE,
    )
)

_NEW_ORDERS = (OpKind.PLACE, OpKind.PLACE_TRIGGER, OpKind.PLACE_TWAP)


def _check_gates(state: State, data: bytes) -> None:
    """Let only CONTINUE pass during a continuation, then only duties while one is due.

    A trigger that is met counts as one.

    While the sweep is late no op may take new risk.
    """
    kind, flags = data[:2]
    is_pending = state.header.pending.kind != Continuation.NONE
    if kind == OpKind.CONTINUE:
        require(is_pending, ErrorCode.NOTHING_TO_CONTINUE)
        return
    require(not is_pending, ErrorCode.CONTINUATION_PENDING)
    must_run = duties.must_run(state)
    if kind == OpKind.RUN_DUTIES:
        require(must_run, ErrorCode.NO_DUTY_DUE)
    else:
        # The end of a batch may come at any time, so that no number of duties has to fit in one.
        require(not must_run or kind == OpKind.SEAL_BATCH, ErrorCode.DUTY_PENDING)
    if ring.is_late(state):
        reduces = kind in _NEW_ORDERS and bool(flags & PlaceFlag.REDUCE_ONLY)
        may_pass = reduces or kind >= OpKind.DEPOSIT or kind in _KINDS_WHILE_SWEEP_IS_LATE
        require(may_pass, ErrorCode.SWEEP_LATE)


def _dispatch(state: State, decoded: op.Op, log: EventLog) -> None:
    match decoded:
        case op.Place():
            place.place(state, decoded, log)
        case op.Modify():
            modify.modify(state, decoded, log)
        case op.Cancel():
            cancel.cancel(state, decoded, log)
        case op.CancelByClientId():
            cancel.cancel_by_client_id(state, decoded, log)
        case op.CancelAll():
            cancel_all.cancel_all(state, decoded, log)
        case condition_op.PlaceTrigger():
            place_trigger.place_trigger(state, decoded, log)
        case condition_op.PlaceTwap():
            place_twap.place_twap(state, decoded, log)
        case op.ScheduleCancel():
            schedule_cancel.schedule_cancel(state, decoded, log)
        case op.Continue():
            resume.resume(state, log)
        case op.RunDuties():
            run_duties.run_duties(state, log)
        case op.Transfer():
            transfer.transfer(state, decoded, log)
        case op.Withdraw():
            withdraw.withdraw(state, decoded, log)
        case op.Deposit():
            deposit.deposit(state, decoded, log)
        case op.AdvanceTime():
            system.advance_time(state, decoded, log)
        case op.SealBatch():
            system.seal_batch(state, log)
        case _:
            _dispatch_settings(state, decoded, log)


def _dispatch_settings(state: State, decoded: op.Op, log: EventLog) -> None:
    match decoded:
        case op.SetTier():
            set_tier.set_tier(state, decoded, log)
        case op.ApproveBuilder():
            builders.approve_builder(state, decoded, log)
        case op.RegisterBuilder():
            builders.register_builder(state, decoded, log)
        case op.SetAgent():
            signers.set_agent(state, decoded, log)
        case op.SetOwnerKey():
            signers.set_owner_key(state, decoded, log)
        case op.AdminAsset():
            admin.admin_asset(state, decoded, log)
        case op.AdminMarket():
            admin.admin_market(state, decoded, log)
        case op.AdminFeeTier():
            admin.admin_fee_tier(state, decoded, log)
        case _:
            _dispatch_risk(state, decoded, log)


def _dispatch_risk(state: State, decoded: op.Op, log: EventLog) -> None:
    match decoded:
        case risk_op.SetLeverage():
            set_leverage.set_leverage(state, decoded, log)
        case risk_op.MoveMargin():
            move_margin.move_margin(state, decoded, log)
        case risk_op.Liquidate():
            liquidate.liquidate(state, decoded, log)
        case risk_op.Sweep():
            sweep.sweep(state, log)
        case risk_op.Snapshot():
            snapshot.snapshot(state, decoded, log)
        case risk_op.PriceReport():
            price_report.price_report(state, decoded, log)
        case risk_op.AdminMarketPrices():
            admin_risk.admin_market_prices(state, decoded, log)
        case risk_op.AdminMarketRisk():
            admin_risk.admin_market_risk(state, decoded, log)
        case risk_op.AdminAssetRisk():
            admin_risk.admin_asset_risk(state, decoded, log)
        case risk_op.AdminCredit():
            admin_risk.admin_credit(state, decoded, log)
        case risk_op.AdminMarketCalendar():
            market_calendar.admin_market_calendar(state, decoded, log)
        case _:
            _dispatch_funds(state, decoded, log)


def _dispatch_funds(state: State, decoded: op.Op, log: EventLog) -> None:
    match decoded:
        case fund_op.Invest():
            invest.invest(state, decoded, log)
        case fund_op.Redeem():
            redeem.redeem(state, decoded, log)
        case fund_op.CreateFund():
            create_fund.create_fund(state, decoded, log)
        case fund_op.AdminFund():
            create_fund.admin_fund(state, decoded, log)
        case fund_op.AdminMarketWaterfall():
            market_waterfall.admin_market_waterfall(state, decoded, log)
        case _:
            _dispatch_l1(state, decoded, log)


def _dispatch_l1(state: State, decoded: op.Op, log: EventLog) -> None:
    match decoded:
        case l1_op.AdminFeed():
            admin_feed.admin_feed(state, decoded, log)
        case l1_op.ForcedWithdraw():
            forced_ops.forced_withdraw(state, decoded, log)
        case l1_op.ForcedClose():
            forced_ops.forced_close(state, decoded, log)
        case l1_op.ForcedCancel():
            forced_ops.forced_cancel(state, decoded, log)
        case l1_op.ForcedSweep():
            liquidate.liquidate(state, decoded, log)
        case l1_op.Notice():
            log.priority_noted(kind=decoded.kind)
        case l1_op.ForcedUnlink():
            link_notices.forced_unlink(state, decoded, log)
        case l1_op.PledgesMoved():
            link_notices.pledges_moved(state, decoded, log)
        case _:
            _dispatch_links(state, decoded, log)


def _dispatch_links(state: State, decoded: op.Op, log: EventLog) -> None:
    match decoded:
        case link_op.Pledge():
            pledge.pledge(state, decoded, log)
        case link_op.Release():
            release.release(state, decoded, log)
        case link_op.Seize():
            seize.seize(state, decoded, log)
        case link_op.AdminChannel():
            admin_link.admin_channel(state, decoded, log)
        case link_op.AdminLink():
            admin_link.admin_link(state, decoded, log)
        case link_op.AdminVoid():
            admin_link.admin_void(state, decoded, log)
        case _:
            raise OpError(ErrorCode.UNKNOWN_OP)
