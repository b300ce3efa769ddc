"""The gateway as a model: its functions, one by one (specification, section 7).

Every method is one call: it returns what the contract returns, or raises `Refused` and changes
nothing. The caller sets the block (`state.now_s`, `state.block_number`) and says who calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.messages import ChainTerms, Envelope, Version, data_commitment
from offchain.settlement.model import freeze, pledges
from offchain.settlement.model.refusals import Code, require
from offchain.settlement.model.settle import Settlement, settle
from offchain.settlement.model.state import Deployment, State
from offchain.settlement.priority import PriorityKind, PriorityRecord
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal

P = ParamSpec("P")
R = TypeVar("R")


def _call(
    function: Callable[Concatenate[GatewayModel, P], R],
) -> Callable[Concatenate[GatewayModel, P], R]:
    @wraps(function)
    def whole_or_nothing(self: GatewayModel, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.state.storage.call():
            return function(self, *args, **kwargs)

    return whole_or_nothing


class GatewayModel:
    """Executable specification of the gateway and of the contracts beside it.

    Parameters
    ----------
    deployment : Deployment
        Where it stands and whom it knows. Addresses have 20 bytes, here and in every method.

    Attributes
    ----------
    state : State
        Ledgers, chains, queues, channels; and the present block.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.state = State(deployment)

    @_call
    def register_chain(self, sender: bytes, chain_id: int, terms: ChainTerms) -> None:
        """Register a chain, for good; for the owner."""
        require(sender == self.state.deployment.owner, Code.NOT_OWNER)
        self.state.registry.register(chain_id, terms)

    @_call
    def set_roles(self, sender: bytes, chain_id: int, operator: bytes, governance: bytes) -> None:
        """Replace operator and governance; for the chain's governance."""
        self.state.registry.set_roles(sender, chain_id, operator, governance)

    @_call
    def schedule_upgrade(self, sender: bytes, chain_id: int, version: Version) -> None:
        """Announce a version; for the chain's governance."""
        self.state.registry.schedule_upgrade(sender, chain_id, version, self.state.now_s)

    @_call
    def cancel_upgrade(self, sender: bytes, chain_id: int) -> None:
        """Withdraw an announced version; for the chain's governance."""
        self.state.registry.cancel_upgrade(sender, chain_id)

    @_call
    def activate_upgrade(self, chain_id: int) -> None:
        """Make an announced version the chain's, after its notice."""
        self.state.registry.activate_upgrade(chain_id, self.state.now_s)

    @_call
    def enqueue_deposit(
        self, sender: bytes, chain_id: int, depositor: bytes, asset_id: int, amount_units: int
    ) -> int:
        """Queue a deposit that the vault has taken in; return its index."""
        state = self.state
        require(sender == state.deployment.vault, Code.NOT_VAULT)
        cap = state.registry.live(chain_id).terms.operations_per_block
        state.queue.count_operation(chain_id, state.block_number, cap, is_deposit=True)
        state.ledger.deposit(chain_id, asset_id, amount_units)
        return state.queue.append(
            chain_id,
            state.now_s,
            PriorityKind.DEPOSIT,
            depositor,
            account_id=state.queue.number_account(chain_id, depositor),
            asset_id=asset_id,
            amount_units=amount_units,
        )

    @_call
    def enqueue_admin(self, sender: bytes, chain_id: int, data0: bytes, data1: bytes) -> int:
        """Queue an admin operation; for the chain's governance; return its index."""
        state = self.state
        governance = state.registry.live(chain_id).terms.governance
        require(sender == governance, Code.ADMIN_NOT_GOVERNANCE)
        return state.queue.append(
            chain_id, state.now_s, PriorityKind.ADMIN, sender, data0=data0, data1=data1
        )

    @_call
    def enqueue_forced(
        self,
        sender: bytes,
        value_wei: int,
        chain_id: int,
        kind: int,
        account_id: int,
        asset_id: int = 0,
        amount_units: int = 0,
        data0: bytes = ZERO_WORD,
        data1: bytes = ZERO_WORD,
    ) -> int:
        """Queue a forced operation for its fee; return its index."""
        state = self.state
        terms = state.registry.live(chain_id).terms
        state.queue.check_forced(chain_id, kind, account_id, sender)
        require(value_wei == terms.forced_fee_wei, Code.FEE)
        cap = terms.operations_per_block
        state.queue.count_operation(chain_id, state.block_number, cap, is_deposit=False)
        state.queue.fees_wei[terms.operator] += value_wei
        return state.queue.append(
            chain_id,
            state.now_s,
            PriorityKind(kind),
            sender,
            account_id=account_id,
            asset_id=asset_id,
            amount_units=amount_units,
            data0=data0,
            data1=data1,
        )

    @_call
    def collect_fees(self, sender: bytes) -> int:
        """Pay the caller's fees; return their wei."""
        amount_wei = self.state.queue.fees_wei[sender]
        require(amount_wei > 0, Code.NO_FEES)
        self.state.queue.fees_wei[sender] = 0
        return amount_wei

    @_call
    def publish_chunk(self, previous: bytes, data: bytes) -> bytes:
        """Make a chunk public; return the commitment up to it."""
        require(len(data) > 0, Code.CHUNK_EMPTY)
        is_known = previous == ZERO_WORD or self.state.published[previous]
        require(is_known, Code.CHUNK_PREVIOUS)
        commitment = data_commitment([data], previous)
        self.state.published[commitment] = True
        return commitment

    @_call
    def settle(self, settlement: Settlement) -> None:
        """Advance one to eight chains, all or none."""
        settle(self.state, settlement)

    @_call
    def consume_withdrawal(
        self,
        sender: bytes,
        chain_id: int,
        batch: int,
        index: int,
        withdrawal: Withdrawal,
        path: Sequence[bytes],
    ) -> None:
        """Check a withdrawal and mark it as paid; for the vault, which pays it."""
        require(sender == self.state.deployment.vault, Code.CLAIM_NOT_VAULT)
        self.state.withdrawals.consume(chain_id, batch, index, withdrawal, path)
        self.state.ledger.pay_claim(chain_id, withdrawal.asset_id, withdrawal.amount_units)

    @_call
    def consume_credit(self, sender: bytes, chain_id: int, owner: bytes, asset_id: int) -> int:
        """Take a credit, whole; for the vault, which pays it; return its units."""
        require(sender == self.state.deployment.vault, Code.CREDIT_NOT_VAULT)
        return self.state.ledger.pay_credit(chain_id, owner, asset_id)

    @_call
    def freeze_overdue(self, chain_id: int) -> None:
        """Freeze a chain that left a priority record unconsumed for too long."""
        freeze.freeze_overdue(self.state, chain_id)

    @_call
    def freeze_undelivered(self, envelope: Envelope) -> None:
        """Freeze the receiver of an envelope that it left alone for too long."""
        freeze.freeze_undelivered(self.state, envelope)

    @_call
    def raise_alarm(self, first: PublicOutput, second: PublicOutput) -> None:
        """Freeze a chain of which two proven outputs contradict each other."""
        freeze.raise_alarm(self.state, first, second)

    @_call
    def refund_deposit(self, chain_id: int, record: PriorityRecord) -> None:
        """Credit an unconsumed deposit of a frozen chain to its sender."""
        freeze.refund_deposit(self.state, chain_id, record)

    @_call
    def refund_envelope(self, envelope: Envelope) -> None:
        """Return the oldest envelope of a channel to a frozen chain to its sender."""
        freeze.refund_envelope(self.state, envelope)

    @_call
    def move_pledges(self, owner: int, holder: int, asset_id: int) -> None:
        """Make a pledge the holder's balance, when one of the two is frozen."""
        pledges.move_pledges(self.state, owner, holder, asset_id)

    @_call
    def credit_escape(
        self, sender: bytes, chain_id: int, owner: bytes, asset_id: int, units: int
    ) -> None:
        """Credit an owner out of a frozen chain's balance; for the escape hatch."""
        require(sender == self.state.deployment.escape_hatch, Code.NOT_HATCH)
        self.state.registry.frozen(chain_id)
        self.state.ledger.escape(chain_id, owner, asset_id, units)
