"""The contracts of this repository as a network has them, but for the proofs, on a bare EVM.

Vault, gateway, registry, queue and oracle hub are real. A stand-in of the verifier holds true what
it is told, so that one chain can withdraw whatever it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from offchain.settlement.abi import keccak256, uint_word
from offchain.settlement.messages import ChainTerms, Flow, Position, Version, fact_of, flows_root
from offchain.settlement.model.settle import Settlement
from offchain.settlement.oracle_feeds import SELECTOR_BYTES, Feed, Reading, Status, selector
from offchain.settlement.oracle_hub import FeedSet
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from tests.onchain.evm import DEPLOYER, Contract, Evm, Outcome, Reverted
from tests.onchain.gateway_twins import bytes_of, settle_calldata
from tests.onchain.vault_scene import (
    DEPOSITOR,
    GUARDIAN,
    RECEIVER,
    START_S,
    STRANGER,
    TOKEN,
    TREASURY,
    UNLIMITED,
)

CHAIN = 7
L1_CHAIN_ID = 1
HATCH = "0x" + "a7" * 20  # nothing escapes here
BLOCK_S = 12
INTERVAL_S = 60
MUCH_WEI = 10**30
ALLOWANCE = 2**255
WEI_PER_UNIT = 10**10  # of a token with 18 decimals
VERSION = (keccak256(b"program"), keccak256(b"parameters"), keccak256(b"config"))

Claim = tuple[Any, ...]


class System:
    """The contracts; the deployer owns them."""

    def __init__(self) -> None:
        self.evm = evm = Evm()
        self.set_time(START_S)
        self.facts = evm.deploy("FactSourceMock")
        self.registry = evm.deploy("ChainRegistry", DEPLOYER)
        self.data = evm.deploy("DataAvailability")
        self.hub = evm.deploy("OracleHub", DEPLOYER)
        self.vault = evm.deploy("CollateralVault", DEPLOYER, GUARDIAN, TREASURY)
        self.queue = evm.deploy("PriorityQueue", self.registry.address, evm.next_address(1))
        others = (self.vault, self.registry, self.queue, self.hub, self.data)
        self.gateway = evm.deploy("Gateway", *(c.address for c in others), HATCH)
        self.registry.call("set_gateway", self.gateway.address)
        self.vault.call("set_gateway", self.gateway.address)
        self.registry.call("register_chain", CHAIN, self.terms(CHAIN).to_tuple())
        for account in (DEPOSITOR, RECEIVER, STRANGER):
            evm.fund(account, MUCH_WEI)

    def terms(self, chain_id: int) -> ChainTerms:
        """Terms of a validium without prices."""
        return ChainTerms(
            version=Version(bytes_of(self.facts.address), *VERSION),
            operator=bytes_of(STRANGER),
            governance=bytes_of(STRANGER),
            genesis_root=keccak256(uint_word(chain_id)),
            da_mode=0,
            feed_set_id=0,
            forced_fee_wei=0,
            operations_per_block=255,
        )

    def set_time(self, time_s: int) -> None:
        """Set time and number of the block."""
        self.now_s = time_s
        self.evm.set_time(time_s, time_s // BLOCK_S)

    def wait(self, seconds: int = BLOCK_S) -> None:
        """Let time pass."""
        self.set_time(self.now_s + seconds)

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Undo at the end whatever happens in between, and go back in time."""
        before_s = self.now_s
        try:
            with self.evm.rolled_back():
                yield
        finally:
            self.set_time(before_s)

    def register(
        self, asset_id: int, token: Contract | str, kind: int = TOKEN, **terms: Any
    ) -> None:
        """Register an asset without limits but those given."""
        self.vault.call("register_asset", *registration(asset_id, token, kind, **terms))

    def approve(self, token: Contract, holder: str = DEPOSITOR) -> None:
        """Give the vault an allowance to all of a holder's tokens."""
        token.call("approve", self.vault.address, ALLOWANCE, sender=holder)

    def deposit(
        self, asset_id: int, amount: int, sender: str = DEPOSITOR, value_wei: int = 0
    ) -> dict[str, Any]:
        """Deposit, and return what the event says of it."""
        arguments = (CHAIN, asset_id, amount)
        outcome = self.vault.call("deposit", *arguments, sender=sender, value_wei=value_wei)
        [(name, event)] = outcome.events
        assert name == "Deposited"
        return event

    def withdraw(self, owner: str, asset_id: int, units: int) -> Claim:
        """Settle a withdrawal of what was deposited; return the arguments of its claim."""
        (words,) = self.gateway.call("position", CHAIN).values
        position = Position.from_tuple(words)
        batch = position.last_batch + 1
        tree = WithdrawalTree(CHAIN, batch, [Withdrawal(bytes_of(owner), asset_id, units)])
        (deposited_units,) = self.gateway.call("unassigned_units", CHAIN, asset_id).values
        flow = Flow(CHAIN, asset_id, deposited_units, units)
        (records,) = self.queue.call("queue_length", CHAIN).values
        output = PublicOutput(
            l1_chain_id=L1_CHAIN_ID,
            gateway=bytes_of(self.gateway.address),
            chain_id=CHAIN,
            config_hash=VERSION[2],
            old_root=position.state_root,
            new_root=keccak256(position.state_root),
            first_batch=batch,
            last_batch=batch,
            first_time_s=self.now_s,
            last_time_s=self.now_s,
            first_slot=position.last_slot,
            last_slot=position.last_slot,
            priority_first=position.priority_consumed,
            priority_next=records,
            priority_accumulator=self.queue.call("accumulator_after", CHAIN, records).values[0],
            withdrawals_root=tree.root,
            flows_root=flows_root([flow]),
        )
        self.facts.call("record", fact_of(VERSION[0], VERSION[1], output))
        settlement = Settlement(outputs=(output,), flows=(flow,))
        self.gateway.send("settle", settle_calldata(self.gateway, settlement), STRANGER)
        return (CHAIN, batch, 0, owner, asset_id, units, tree.path(0))

    def claim(self, claim: Claim, sender: str = STRANGER) -> dict[str, Any]:
        """Claim, and return what the event says of it."""
        outcome = self.vault.call("claim", *claim, sender=sender)
        [(_, event)] = outcome.events
        return event

    def view(self, name: str, *arguments: Any) -> Any:
        """Return a view of the vault."""
        return self.vault.call(name, *arguments).values[0]

    def check_solvent(self, asset_id: int) -> None:
        """Check that the vault holds what its ledger says, and the gateway has what it says."""
        assert self.view("deficit_native", asset_id) == 0
        booked = sum(
            self.gateway.call(name, CHAIN, asset_id).values[0]
            for name in ("balance_units", "unassigned_units", "claimable_units")
        )
        assert booked == self.view("ledger_units", asset_id)

    def register_feeds(self, set_id: int, *feeds: Feed) -> None:
        """Register a feed set."""
        arguments = FeedSet(INTERVAL_S, feeds).arguments()
        self.hub.call("register_feed_set", set_id, *arguments)

    def readings(self, set_id: int) -> list[Reading]:
        """Take a snapshot in the next interval, and return what it read."""
        self.wait(INTERVAL_S)
        return readings_of(self.hub.call("snapshot", set_id, sender=STRANGER), self.hub)


def registration(
    asset_id: int, token: Contract | str, kind: int = TOKEN, **terms: Any
) -> tuple[int, tuple[Any, ...]]:
    """Arguments of `register_asset`, without limits but those given."""
    full = {
        "may_take_fee": False,
        "cap_units": UNLIMITED,
        "min_deposit_units": 1,
        "hourly_outflow_units": UNLIMITED,
    } | terms
    return asset_id, (token if isinstance(token, str) else token.address, kind, *full.values())


def readings_of(outcome: Outcome, hub: Contract) -> list[Reading]:
    """Readings of the snapshot that a call has taken, whoever called the hub."""
    [(name, event)] = hub.events_of(outcome.logs)
    assert name == "SnapshotTaken"
    return [Reading(value, Status(status)) for value, status in event["readings"]]


def balance(token: Contract, account: str) -> int:
    """Tokens of an account."""
    return int(token.call("balanceOf", account).values[0])


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """Expect a call to be reverted with a reason that begins so."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason.startswith(reason)


@contextmanager
def refused_by(error: str) -> Iterator[None]:
    """Expect a call to be reverted with a custom error of this signature."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.output[:SELECTOR_BYTES] == selector(error)
