"""The gateway's contracts and its model side by side: every call goes to both.

They must agree on whether a call is refused, on the code of the refusal, and on all that can be
read afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from offchain.settlement.abi import WORD_BYTES, uint_word
from offchain.settlement.messages import Envelope, Version, fact_of
from offchain.settlement.model.refusals import Refused
from offchain.settlement.model.settle import Settlement
from offchain.settlement.priority import PriorityRecord
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import WithdrawalTree
from tests.onchain.evm import DEPLOYER, Contract, Evm, Reverted
from tests.onchain.gateway_views import views
from tests.settlement.epochs import ASSETS
from tests.settlement.gateway_scene import DEPOSITORS, START_S, Places, Scene

CODE_LENGTH = 3
HATCH = b"\xa2" * 20
TREASURY = b"\xa6" * 20
ETHER = 1  # the other assets are tokens
ETHER_ADDRESS = "0x" + "ee" * 20
NATIVE_PER_UNIT = (1, 10**10, 10**10)  # of each asset: 8, 18 and 18 decimals
ETHER_KIND, TOKEN_KIND = 1, 2
UNLIMITED_UNITS = 2**80 - 1
MUCH_NATIVE = 2**200


class DisagreementError(AssertionError):
    """Contract and model differ; the message says in what."""


def hex_of(address: bytes) -> str:
    return "0x" + address.hex()


def bytes_of(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


class GatewayTwins:
    """Deployed contracts with their model. Chain `broken` has a verifier that accepts all.

    Odd chains are validiums; even ones are rollups with an oracle's feed set.
    """

    def __init__(self, chain_count: int, *, broken: int = 0) -> None:
        self.evm = evm = Evm()
        evm.set_time(START_S, 1)
        self.facts, self.broken_facts = (evm.deploy("FactSourceMock") for _ in range(2))
        self.broken_facts.call("accept_all", True)
        self.snapshots = evm.deploy("tests/onchain/Snapshots.vy")
        self.registry = evm.deploy("ChainRegistry", DEPLOYER)
        self.data = evm.deploy("DataAvailability")
        self.vault = evm.deploy("CollateralVault", DEPLOYER, DEPLOYER, hex_of(TREASURY))
        self.queue = evm.deploy("PriorityQueue", self.registry.address, evm.next_address(1))
        self.gateway = evm.deploy(
            "Gateway",
            self.vault.address,
            self.registry.address,
            self.queue.address,
            self.snapshots.address,
            self.data.address,
            hex_of(HATCH),
        )
        self.registry.call("set_gateway", self.gateway.address)
        self.vault.call("set_gateway", self.gateway.address)
        self.scene = Scene(
            0,
            broken=broken,
            places=Places(
                owner=bytes_of(DEPLOYER),
                vault=bytes_of(self.vault.address),
                hatch=HATCH,
                gateway=bytes_of(self.gateway.address),
                verifier=bytes_of(self.facts.address),
                broken_verifier=bytes_of(self.broken_facts.address),
            ),
        )
        self.model, self.state = self.scene.model, self.scene.state
        self._register_assets()
        self.publish(b"first")
        self.take_snapshot(1)
        for chain_id in range(1, chain_count + 1):
            self.register(chain_id, da_mode=(chain_id + 1) % 2, feed_set_id=(chain_id + 1) % 2)

    def _register_assets(self) -> None:
        for asset in ASSETS:
            if asset == ETHER:
                address, kind = ETHER_ADDRESS, ETHER_KIND
            else:
                decimals = 8 if NATIVE_PER_UNIT[asset] == 1 else 18
                token = self.evm.deploy("TokenMock", f"T{asset}", decimals)
                address, kind = token.address, TOKEN_KIND
                for depositor in DEPOSITORS:
                    token.call("mint", depositor, MUCH_NATIVE)
                    token.call("approve", self.vault.address, 2**256 - 1, sender=hex_of(depositor))
            limits = UNLIMITED_UNITS, 1, UNLIMITED_UNITS
            self.vault.call("register_asset", asset, (address, kind, False, *limits))
        for depositor in DEPOSITORS:
            self.evm.fund(hex_of(depositor), 10**40)

    def both(
        self,
        model_call: Callable[[], Any],
        contract: Contract,
        name: str,
        *arguments: Any,
        sender: bytes = bytes_of(DEPLOYER),
        value_wei: int = 0,
        calldata: bytes | None = None,
    ) -> str:
        """Make a call on both sides; return the code of the refusal, or "ok"."""
        try:
            model_call()
            expected = "ok"
        except Refused as refused:
            expected = refused.code.value
        found, reason = "ok", ""
        data = calldata if calldata is not None else contract.calldata(name, *arguments)
        try:
            contract.send(name, data, hex_of(sender), value_wei)
        except Reverted as reverted:
            reason = reverted.reason
            found = reason[:CODE_LENGTH] if reason[CODE_LENGTH : CODE_LENGTH + 1] == ":" else ""
        if found != expected:
            raise DisagreementError(f"{name}: the model says {expected!r}, the contract {reason!r}")
        return found

    def wait(self, seconds: int = 12, blocks: int = 1) -> None:
        self.state.now_s += seconds
        self.state.block_number += blocks
        self.evm.set_time(self.state.now_s, self.state.block_number)

    def record(self, settlement: Settlement) -> None:
        """Have every output of the other chains proven."""
        for output in settlement.outputs:
            if output.chain_id in self.state.registry and output.chain_id != self.scene.broken:
                self.prove(self.state.registry[output.chain_id].terms.version, output)

    def prove(self, version: Version, output: PublicOutput) -> None:
        fact = fact_of(version.program_id, version.parameters_id, output)
        if fact not in self.scene.facts.recorded:
            self.scene.facts.recorded.add(fact)
            self.facts.call("record", fact)

    def take_snapshot(self, feed_set_id: int) -> None:
        self.scene.oracle.take(feed_set_id, self.state.now_s)
        self.snapshots.call("take", feed_set_id)

    def publish(self, data: bytes, previous: bytes = bytes(WORD_BYTES)) -> str:
        return self.both(
            lambda: self.model.publish_chunk(previous, data),
            self.data,
            "publish_chunk",
            1,
            previous,
            data,
        )

    def register(self, chain_id: int, sender: bytes = bytes_of(DEPLOYER), **others: int) -> str:
        terms = self.scene.terms(chain_id, **others)
        return self.both(
            lambda: self.model.register_chain(sender, chain_id, terms),
            self.registry,
            "register_chain",
            chain_id,
            terms.to_tuple(),
            sender=sender,
        )

    def set_roles(self, sender: bytes, chain_id: int, operator: bytes, governance: bytes) -> str:
        return self.both(
            lambda: self.model.set_roles(sender, chain_id, operator, governance),
            self.registry,
            "set_roles",
            chain_id,
            operator,
            governance,
            sender=sender,
        )

    def schedule_upgrade(self, sender: bytes, chain_id: int, version: Version) -> str:
        return self.both(
            lambda: self.model.schedule_upgrade(sender, chain_id, version),
            self.registry,
            "schedule_upgrade",
            chain_id,
            version.to_tuple(),
            sender=sender,
        )

    def cancel_upgrade(self, sender: bytes, chain_id: int) -> str:
        return self.both(
            lambda: self.model.cancel_upgrade(sender, chain_id),
            self.registry,
            "cancel_upgrade",
            chain_id,
            sender=sender,
        )

    def activate_upgrade(self, chain_id: int) -> str:
        return self.both(
            lambda: self.model.activate_upgrade(chain_id),
            self.registry,
            "activate_upgrade",
            chain_id,
        )

    def deposit(self, chain_id: int, depositor: bytes, asset_id: int, units: int) -> str:
        """Deposit by way of the vault, at least one unit."""
        vault, native = self.scene.places.vault, units * NATIVE_PER_UNIT[asset_id]
        return self.both(
            lambda: self.model.enqueue_deposit(vault, chain_id, depositor, asset_id, units),
            self.vault,
            "deposit",
            chain_id,
            asset_id,
            native,
            sender=depositor,
            value_wei=native if asset_id == ETHER else 0,
        )

    def claim(self, tree: WithdrawalTree, index: int) -> str:
        vault, withdrawal, path = (
            self.scene.places.vault,
            tree.withdrawals[index],
            tree.path(index),
        )
        return self.both(
            lambda: self.model.consume_withdrawal(
                vault, tree.chain_id, tree.batch, index, withdrawal, path
            ),
            self.vault,
            "claim",
            tree.chain_id,
            tree.batch,
            index,
            *astuple(withdrawal),
            path,
        )

    def claim_credit(self, chain_id: int, owner: bytes, asset_id: int) -> str:
        vault = self.scene.places.vault
        return self.both(
            lambda: self.model.consume_credit(vault, chain_id, owner, asset_id),
            self.vault,
            "claim_credit",
            chain_id,
            owner,
            asset_id,
        )

    def enqueue_admin(self, sender: bytes, chain_id: int, data0: bytes, data1: bytes) -> str:
        return self.both(
            lambda: self.model.enqueue_admin(sender, chain_id, data0, data1),
            self.queue,
            "enqueue_admin",
            chain_id,
            data0,
            data1,
            sender=sender,
        )

    def enqueue_forced(
        self, sender: bytes, value_wei: int, chain_id: int, kind: int, *words: Any
    ) -> str:
        """Queue a forced operation: account, asset, amount and two words of data."""
        return self.both(
            lambda: self.model.enqueue_forced(sender, value_wei, chain_id, kind, *words),
            self.queue,
            "enqueue_forced",
            chain_id,
            kind,
            *words,
            sender=sender,
            value_wei=value_wei,
        )

    def collect_fees(self, sender: bytes, receiver: bytes) -> str:
        return self.both(
            lambda: self.model.collect_fees(sender),
            self.queue,
            "collect_fees",
            receiver,
            sender=sender,
        )

    def settle(self, settlement: Settlement) -> str:
        return self.both(
            lambda: self.model.settle(settlement),
            self.gateway,
            "settle",
            calldata=settle_calldata(self.gateway, settlement),
        )

    def freeze_overdue(self, chain_id: int) -> str:
        return self.both(
            lambda: self.model.freeze_overdue(chain_id),
            self.registry,
            "freeze_overdue",
            chain_id,
        )

    def freeze_undelivered(self, envelope: Envelope) -> str:
        return self.both(
            lambda: self.model.freeze_undelivered(envelope),
            self.registry,
            "freeze_undelivered",
            envelope.to_tuple(),
        )

    def raise_alarm(self, first: PublicOutput, second: PublicOutput) -> str:
        return self.both(
            lambda: self.model.raise_alarm(first, second),
            self.registry,
            "raise_alarm",
            first.to_tuple(),
            second.to_tuple(),
        )

    def refund_deposit(self, chain_id: int, record: PriorityRecord) -> str:
        return self.both(
            lambda: self.model.refund_deposit(chain_id, record),
            self.gateway,
            "refund_deposit",
            chain_id,
            astuple(record),
        )

    def refund_envelope(self, envelope: Envelope) -> str:
        return self.both(
            lambda: self.model.refund_envelope(envelope),
            self.gateway,
            "refund_envelope",
            envelope.to_tuple(),
        )

    def move_pledges(self, owner: int, holder: int, asset_id: int) -> str:
        return self.both(
            lambda: self.model.move_pledges(owner, holder, asset_id),
            self.gateway,
            "move_pledges",
            owner,
            holder,
            asset_id,
        )

    def credit_escape(
        self, sender: bytes, chain_id: int, owner: bytes, asset_id: int, units: int
    ) -> str:
        return self.both(
            lambda: self.model.credit_escape(sender, chain_id, owner, asset_id, units),
            self.gateway,
            "credit_escape",
            chain_id,
            owner,
            asset_id,
            units,
            sender=sender,
        )

    def check(self) -> None:
        """Compare everything that can be read, and check the ledger equation."""
        self.state.ledger.check_equation()
        for asset in ASSETS:
            booked = self.state.ledger.booked[asset]
            assert self.vault.call("ledger_units", asset).values == (booked,)
            (held,) = self.vault.call("holdings_native", asset).values
            assert held == booked * NATIVE_PER_UNIT[asset]
        for contract, name, arguments, expected in views(
            self.state, self.gateway, self.registry, self.queue
        ):
            found = contract.call(name, *arguments).values
            if found != expected:
                raise DisagreementError(f"{name}{arguments}: model {expected}, contract {found}")


def settle_calldata(gateway: Contract, settlement: Settlement) -> bytes:
    """Encode a call of `settle`; every entry is static, so a list is its length and its words."""
    selector = gateway.calldata("settle", [], [], [], [], [], [])[:4]
    lists = [settlement.outputs, *settlement.lists()]
    parts = [uint_word(len(items)) + b"".join(item.to_bytes() for item in items) for items in lists]
    starts = [WORD_BYTES * len(parts) + sum(map(len, parts[:i])) for i in range(len(parts))]
    return selector + b"".join(uint_word(start) for start in starts) + b"".join(parts)
