"""SET_TIER: a master chooses one of the self-service fee tiers."""

from offchain.spec.checks import require
from offchain.spec.constants import TIER_COOLDOWN_S, TIERS_PER_TABLE
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import TierFlag
from offchain.spec.op import SetTier
from offchain.spec.order_checks import require_master
from offchain.spec.state import State

_CHOICE_TABLE = 0  # the table whose flags say which tiers exist and may be chosen


def set_tier(state: State, op: SetTier, log: EventLog) -> None:
    """Apply a SET_TIER.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, WRONG_ACCOUNT, UNKNOWN_TIER, TIER_NOT_SELF_SERVICE, TIER_COOLDOWN.
    """
    require_master(state, op.account)
    require(op.tier < TIERS_PER_TABLE, ErrorCode.UNKNOWN_TIER)
    flags = state.fee_tiers.read(_CHOICE_TABLE * TIERS_PER_TABLE + op.tier).flags
    require(bool(flags & TierFlag.EXISTS), ErrorCode.UNKNOWN_TIER)
    require(bool(flags & TierFlag.SELF_SERVICE), ErrorCode.TIER_NOT_SELF_SERVICE)
    now_s = state.header.now_s
    changed_s = state.account(op.account).tier_changed_s
    has_cooled_down = changed_s == 0 or now_s >= changed_s + TIER_COOLDOWN_S
    require(has_cooled_down, ErrorCode.TIER_COOLDOWN)
    account = state.edit_account(op.account)
    account.tier = op.tier
    account.tier_changed_s = now_s
    log.tier_set(account=op.account, tier=op.tier)
