"""What the roles of the model share: storage, ledgers, and what L1 tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from offchain.settlement.model.channels import Channels
from offchain.settlement.model.ledger import Ledger
from offchain.settlement.model.priority_queue import PriorityQueue
from offchain.settlement.model.registry import Registry
from offchain.settlement.model.storage import Storage
from offchain.settlement.model.withdrawals import Withdrawals


class OracleSource(Protocol):
    """What the gateway asks the oracle hub."""

    def snapshot_count(self, feed_set_id: int) -> int:
        """Return the number of snapshots of a feed set."""
        ...

    def accumulator_after(self, feed_set_id: int, count: int) -> bytes:
        """Return the accumulator over the first `count` snapshots."""
        ...

    def snapshot_time_s(self, feed_set_id: int, index: int) -> int:
        """Return L1's time at a snapshot."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where a gateway stands and whom it knows; addresses have 20 bytes.

    Attributes
    ----------
    l1_chain_id : int
        Chain id of L1.
    gateway, vault, escape_hatch, owner : bytes
        The gateway itself, and who may call it.
    is_fact : callable
        Whether a verifier (address) holds a fact (32 bytes) true.
    has_code : callable
        Whether an address is a contract.
    oracle : OracleSource
        The oracle hub.
    """

    l1_chain_id: int
    gateway: bytes
    vault: bytes
    escape_hatch: bytes
    owner: bytes
    is_fact: Callable[[bytes, bytes], bool]
    has_code: Callable[[bytes], bool]
    oracle: OracleSource


class State:
    """Everything that a call can change, and the block that it is in."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.now_s = 0
        self.block_number = 0
        self.storage = Storage()
        self.ledger = Ledger(self.storage)
        self.registry = Registry(self.storage, deployment.has_code)
        self.queue = PriorityQueue(self.storage)
        self.channels = Channels(self.storage)
        self.withdrawals = Withdrawals(self.storage)
        self.published = self.storage.table(default=False)  # data commitments
