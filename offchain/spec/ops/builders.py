"""APPROVE_BUILDER and REGISTER_BUILDER: builder codes and who may charge whom."""

from offchain.spec.checks import OpError, require
from offchain.spec.constants import MAX_BUILDER_FEE_SPOT, MAX_BUILDERS
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.op import ApproveBuilder, RegisterBuilder
from offchain.spec.order_checks import require_master, require_no_fund
from offchain.spec.state import State

_BUILDER_MASK = 0xFFFF
_MAX_FEE_SHIFT = 16


def approved_fee(approvals: list[int], builder: int) -> int | None:
    """Return the highest fee (0.1 bp) a builder may charge, None without approval."""
    for approval in approvals:
        if approval & _BUILDER_MASK == builder:
            return approval >> _MAX_FEE_SHIFT
    return None


def approve_builder(state: State, op: ApproveBuilder, log: EventLog) -> None:
    """Apply an APPROVE_BUILDER; a fee of 0 revokes.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, WRONG_ACCOUNT, UNKNOWN_BUILDER, BUILDER_FEE_TOO_HIGH, APPROVALS_FULL.
    """
    require_master(state, op.account)
    require(1 <= op.builder <= state.header.builder_count, ErrorCode.UNKNOWN_BUILDER)
    require(op.max_fee <= MAX_BUILDER_FEE_SPOT, ErrorCode.BUILDER_FEE_TOO_HIGH)
    approvals = state.account(op.account).approvals
    builders = [approval & _BUILDER_MASK for approval in approvals]
    # An entry of this builder is overwritten; a new one takes the lowest free place (0).
    wanted = op.builder if op.builder in builders else 0
    if op.max_fee:
        if wanted not in builders:
            raise OpError(ErrorCode.APPROVALS_FULL)
        entry = op.builder | op.max_fee << _MAX_FEE_SHIFT
        state.edit_account(op.account).approvals[builders.index(wanted)] = entry
    elif wanted:
        state.edit_account(op.account).approvals[builders.index(wanted)] = 0
    log.builder_approved(account=op.account, builder=op.builder, max_fee=op.max_fee)


def register_builder(state: State, op: RegisterBuilder, log: EventLog) -> None:
    """Apply a REGISTER_BUILDER.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, WRONG_ACCOUNT, FUND_ACCOUNT, BUILDER_ALREADY_REGISTERED, BUILDERS_FULL.
    """
    require_master(state, op.account)
    require_no_fund(state, op.account)
    is_new = state.account(op.account).builder == 0
    require(is_new, ErrorCode.BUILDER_ALREADY_REGISTERED)
    require(state.header.builder_count < MAX_BUILDERS - 1, ErrorCode.BUILDERS_FULL)
    state.header.builder_count += 1
    builder = state.header.builder_count
    state.builders.edit(builder).account = op.account
    state.edit_account(op.account).builder = builder
    log.builder_registered(account=op.account, builder=builder)
