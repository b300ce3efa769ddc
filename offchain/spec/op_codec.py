"""Parsing of ops: from 64 bytes to the dataclass of their kind."""

from offchain.spec import condition_op, fund_op, l1_op, link_op, op, risk_op
from offchain.spec.checks import OpError, require
from offchain.spec.errors import ErrorCode

OP_TYPES: dict[int, type[op.Op]] = {
    op_type.KIND: op_type
    for op_type in (
        op.Place,
        op.Modify,
        op.Cancel,
        op.CancelByClientId,
        op.CancelAll,
        op.ScheduleCancel,
        condition_op.PlaceTrigger,
        condition_op.PlaceTwap,
        op.Transfer,
        op.Withdraw,
        op.SetTier,
        op.ApproveBuilder,
        op.RegisterBuilder,
        op.SetAgent,
        op.SetOwnerKey,
        op.AdvanceTime,
        op.Continue,
        op.RunDuties,
        op.SealBatch,
        op.Deposit,
        op.AdminAsset,
        op.AdminMarket,
        op.AdminFeeTier,
        risk_op.SetLeverage,
        risk_op.MoveMargin,
        risk_op.Snapshot,
        risk_op.PriceReport,
        risk_op.Liquidate,
        risk_op.Sweep,
        risk_op.AdminMarketPrices,
        risk_op.AdminMarketRisk,
        risk_op.AdminAssetRisk,
        risk_op.AdminCredit,
        risk_op.AdminMarketCalendar,
        fund_op.Invest,
        fund_op.Redeem,
        fund_op.CreateFund,
        fund_op.AdminMarketWaterfall,
        fund_op.AdminFund,
        link_op.Pledge,
        link_op.Release,
        link_op.Seize,
        link_op.AdminChannel,
        link_op.AdminLink,
        link_op.AdminVoid,
        l1_op.AdminFeed,
        l1_op.ForcedWithdraw,
        l1_op.ForcedClose,
        l1_op.ForcedCancel,
        l1_op.ForcedUnlink,
        l1_op.ForcedSweep,
        l1_op.Notice,
        l1_op.PledgesMoved,
    )
}


def decode(data: bytes) -> op.Op:
    """Parse an op.

    Parameters
    ----------
    data
        64 bytes.

    Returns
    -------
    Op
        The dataclass of its kind.

    Raises
    ------
    OpError
        UNKNOWN_OP; MALFORMED_OP when a reserved byte is set or an enumeration is out of range.
    """
    op_type = OP_TYPES.get(data[0])
    if op_type is None:
        raise OpError(ErrorCode.UNKNOWN_OP)
    decoded = op_type.from_bytes(data)
    # Writing the fields again puts zeros into the reserved bytes: a difference is a set one.
    is_well_formed = decoded.to_bytes() == data and decoded.is_well_formed()
    require(is_well_formed, ErrorCode.MALFORMED_OP)
    return decoded
