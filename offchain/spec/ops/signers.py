"""SET_AGENT and SET_OWNER_KEY: which keys may trade for a master."""

from offchain.spec.checks import require
from offchain.spec.constants import SIGNERS_PER_MASTER
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AccountFlag, SignerFlag
from offchain.spec.op import SetAgent, SetOwnerKey
from offchain.spec.order_checks import require_master
from offchain.spec.records import NO_ADDRESS, Signer
from offchain.spec.state import State, signer_index


def set_agent(state: State, op: SetAgent, log: EventLog) -> None:
    """Apply a SET_AGENT: replace the key of an agent slot, or revoke it.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, WRONG_ACCOUNT, INVALID_AGENT_SLOT, INVALID_AGENT.
    """
    require_master(state, op.account)
    require(1 <= op.slot < SIGNERS_PER_MASTER, ErrorCode.INVALID_AGENT_SLOT)
    is_revoked = op.address == NO_ADDRESS
    require(is_revoked == (op.expiry_s == 0), ErrorCode.INVALID_AGENT)
    require(is_revoked or op.expiry_s > state.header.now_s, ErrorCode.INVALID_AGENT)
    index = signer_index(op.account, op.slot)
    if is_revoked:
        state.signers.clear(index)
    else:
        agent = Signer(address=op.address, expiry_s=op.expiry_s, flags=SignerFlag.EXISTS)
        state.signers.replace(index, agent)
    log.agent_set(account=op.account, slot=op.slot, expiry_s=op.expiry_s, address=op.address)


def set_owner_key(state: State, op: SetOwnerKey, log: EventLog) -> None:
    """Apply a SET_OWNER_KEY.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, WRONG_ACCOUNT.
    """
    require_master(state, op.account)
    account = state.edit_account(op.account)
    if op.is_on:
        account.flags |= AccountFlag.OWNER_KEY_TRADES
    else:
        account.flags &= ~AccountFlag.OWNER_KEY_TRADES
    log.owner_key_set(account=op.account, is_on=op.is_on)
