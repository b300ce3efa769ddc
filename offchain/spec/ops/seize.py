"""SEIZE: what liquidations took of a pledge is asked for on the chain that keeps it."""

from offchain.spec import channels, pledges
from offchain.spec.checks import require
from offchain.spec.constants import RESERVATIONS_PER_MASTER
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import MessageFlag, ReservationRole
from offchain.spec.link_op import Seize
from offchain.spec.order_checks import require_account
from offchain.spec.state import State


def seize(state: State, op: Seize, log: EventLog) -> None:
    """Apply a SEIZE.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, NOTHING_TO_SEIZE; of a frozen peer also INSUFFICIENT_CHAIN_LIQUIDITY,
        UNKNOWN_ASSET, BALANCES_FULL, BALANCE_TOO_LARGE.
    """
    require_account(state, op.account)
    require(op.number < RESERVATIONS_PER_MASTER, ErrorCode.NOTHING_TO_SEIZE)
    index = pledges.reservation_index(op.account, op.number)
    record = state.reservations.read(index)
    is_held = record.role == ReservationRole.HELD and record.account == op.account
    units = record.claimed_units
    require(is_held and units > 0, ErrorCode.NOTHING_TO_SEIZE)
    channel = record.channel_plus_1 - 1
    if state.channels.read(channel).is_severed:
        pledges.redeem_claim(state, log, index)
        return
    pledges.change(state, index, claimed_units=-units, asked_units=units)
    log.seize_requested(
        account=op.account,
        channel=channel,
        asset=record.asset,
        units=units,
        peer_account=record.peer_account,
    )
    channels.send(state, log, channel, flags=MessageFlag.ATOMIC)
