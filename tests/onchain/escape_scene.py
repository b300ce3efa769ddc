"""Gateway, registry, queue and escape hatch on a bare EVM, with one chain to freeze and a peer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from offchain.settlement.deployer import contract_address
from offchain.settlement.messages import (
    ChainTerms,
    Flow,
    Pledge,
    Version,
    fact_of,
    flows_root,
    pledges_root,
)
from offchain.settlement.public_output import PublicOutput
from offchain.spec.records import Account, Position
from tests.onchain.evm import Contract, Evm, Outcome

CHAIN, PEER = 7, 8
START_S = 1_700_000_000
L1_CHAIN_ID = 1
OWNER, OPERATOR, RESCUER, DEPOSITOR = ("0x" + byte * 20 for byte in ("a1", "a2", "a3", "a4"))
GATEWAY_CREATOR, VAULT = "0x" + "a5" * 20, "0x" + "a6" * 20
PROGRAM_ID, PARAMETERS_ID, CONFIG_HASH = b"\x55" * 32, b"\x66" * 32, b"\x11" * 32
GENESIS_ROOT = b"\x22" * 32
ROOT = b"\x01" * 32
DA_VALIDIUM, DA_ROLLUP = 0, 1


class EscapeScene:
    """The contracts; the vault is a stand-in that only calls.

    `emitted` collects the events of registry, gateway, data availability and hatch.
    """

    def __init__(
        self,
        state_proofs: str = "StateProofsMock",
        da_mode: int = DA_VALIDIUM,
        genesis_root: bytes = GENESIS_ROOT,
    ) -> None:
        self.evm = Evm()
        self.time_s = START_S
        self.evm.set_time(START_S)
        self.emitted: list[tuple[str, dict[str, Any]]] = []
        self.registry = self.evm.deploy("ChainRegistry", OWNER)
        self.data = self.evm.deploy("DataAvailability")
        self.facts = self.evm.deploy("FactSourceMock")
        self.proofs = self.evm.deploy(state_proofs)
        hub = self.evm.deploy("OracleHub", OWNER)
        # The gateway asks for code; then the address must be able to send.
        self.evm.plant_code(VAULT, b"\x00")
        gateway_address, hatch_address = (contract_address(GATEWAY_CREATOR, n) for n in (0, 1))
        self.queue = self.evm.deploy("PriorityQueue", self.registry.address, gateway_address)
        self.gateway = self.evm.deploy(
            "Gateway",
            VAULT,
            self.registry.address,
            self.queue.address,
            hub.address,
            self.data.address,
            hatch_address,
            sender=GATEWAY_CREATOR,
        )
        self.hatch = self.evm.deploy(
            "EscapeHatch", self.gateway.address, self.proofs.address, sender=GATEWAY_CREATOR
        )
        assert self.gateway.call("escape_hatch").values[0] == self.hatch.address.lower()
        self.evm.plant_code(VAULT, b"")
        self.registry.call("set_gateway", self.gateway.address, sender=OWNER)
        for chain_id in (CHAIN, PEER):
            terms = self._terms(da_mode, genesis_root).to_tuple()
            self.call(self.registry, "register_chain", chain_id, terms, sender=OWNER)

    def call(self, contract: Contract, name: str, *arguments: Any, **options: Any) -> Outcome:
        """Call and keep the events."""
        outcome = contract.call(name, *arguments, **options)
        self.emitted += outcome.events
        return outcome

    def view(self, name: str, *arguments: Any) -> Any:
        """Value of a view of the hatch."""
        return self.hatch.call(name, *arguments).values[0]

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.time_s += seconds
        self.evm.set_time(self.time_s)

    def deposit(self, units: Mapping[int, int], chain_id: int = CHAIN) -> None:
        """Deposit these units per asset, each in a block of its own."""
        for asset_id, amount in units.items():
            if amount:
                arguments = (chain_id, DEPOSITOR, asset_id, amount)
                self.gateway.call("enqueue_deposit", *arguments, sender=VAULT)

    def settle(
        self,
        root: bytes = ROOT,
        *,
        chain_id: int = CHAIN,
        deposited: Mapping[int, int] | None = None,
        withdrawn: Mapping[int, int] | None = None,
        pledges: Sequence[Pledge] = (),
        **words: Any,
    ) -> None:
        """Settle one batch of one chain that consumes all deposits."""
        deposited, withdrawn = deposited or {}, withdrawn or {}
        asset_ids = sorted({*deposited, *withdrawn})
        flows = [
            Flow(chain_id, a, deposited.get(a, 0), withdrawn.get(a, 0))
            for a in asset_ids
            if deposited.get(a, 0) or withdrawn.get(a, 0)
        ]
        output = self.output(
            root,
            chain_id,
            flows_root=flows_root(flows),
            reservations_root=pledges_root(pledges),
            **words,
        )
        self.facts.call("record", fact_of(PROGRAM_ID, PARAMETERS_ID, output))
        lists = ([flow.to_tuple() for flow in flows], [], [], [], [p.to_tuple() for p in pledges])
        self.call(self.gateway, "settle", [_argument(output)], *lists)

    def output(self, root: bytes, chain_id: int = CHAIN, **words: Any) -> PublicOutput:
        """Public output of the next batch."""
        old_root, batch, time_s, slot, consumed, *_ = self.gateway.call(
            "position", chain_id
        ).values[0]
        length = self.queue.call("queue_length", chain_id).values[0]
        values = {
            "l1_chain_id": L1_CHAIN_ID,
            "gateway": bytes.fromhex(self.gateway.address[2:]),
            "chain_id": chain_id,
            "config_hash": CONFIG_HASH,
            "old_root": old_root,
            "new_root": root,
            "first_batch": batch + 1,
            "last_batch": batch + 1,
            "first_time_s": max(time_s, self.time_s),
            "last_time_s": max(time_s, self.time_s),
            "first_slot": slot,
            "last_slot": slot,
            "priority_first": consumed,
            "priority_next": length,
            "priority_accumulator": self.queue.call("accumulator_after", chain_id, length).values[
                0
            ],
        }
        return PublicOutput(**(values | words))

    def publish(self, chunks: Iterable[bytes], chain_id: int = CHAIN) -> bytes:
        """Publish chunks of a state diff; returns their commitment."""
        commitment = bytes(32)
        for chunk in chunks:
            arguments = (chain_id, commitment, chunk)
            commitment = self.call(self.data, "publish_chunk", *arguments).values[0]
        return commitment

    def freeze(self, chain_id: int = CHAIN) -> None:
        """Freeze a chain by two facts that contradict each other."""
        outputs = [self.output(bytes([n]) * 32, chain_id) for n in (1, 2)]
        for output in outputs:
            self.facts.call("record", fact_of(PROGRAM_ID, PARAMETERS_ID, output))
        self.registry.call("raise_alarm", *(_argument(output) for output in outputs))

    def open(self, table: bytes, chain_id: int = CHAIN) -> Outcome:
        """Open a frozen chain."""
        return self.call(self.hatch, "open", chain_id, table, sender=RESCUER)

    def tell_leaf(
        self,
        account_index: int,
        account: Account,
        positions: Iterable[Position] = (),
        root: bytes = ROOT,
    ) -> None:
        """Have the mock of the state proofs hold this of a leaf."""
        told = [position_values(k, p) for k, p in enumerate(positions)]
        self.proofs.call("set_leaf", root, account_index, account_values(account), told)

    def claim(self, account_index: int, record: bytes, chain_id: int = CHAIN) -> Outcome:
        """Claim for an account of which the mock was told."""
        return self.call(
            self.hatch, "claim", chain_id, account_index, record, [], 0, b"", [], sender=RESCUER
        )

    def claim_remainder(self, account_index: int, caller: bytes, chain_id: int = CHAIN) -> Outcome:
        """Claim what an account is owed beyond its basket."""
        sender = "0x" + caller.hex()
        return self.call(self.hatch, "claim_remainder", chain_id, account_index, sender=sender)

    def collect(self, asset_id: int, chain_id: int = CHAIN) -> Outcome:
        """Put what has arrived into the pot."""
        return self.call(self.hatch, "collect", chain_id, asset_id, sender=RESCUER)

    def free_units(self, asset_id: int, chain_id: int = CHAIN) -> int:
        """Balance of a chain less its pledges."""
        balance, pledged = (
            self.gateway.call(name, chain_id, asset_id).values[0]
            for name in ("balance_units", "pledged_total_units")
        )
        return int(balance - pledged)

    def credit_units(self, owner: bytes, asset_id: int, chain_id: int = CHAIN) -> int:
        """Credit of an owner."""
        arguments = (chain_id, "0x" + owner.hex(), asset_id)
        return int(self.gateway.call("credit_units", *arguments).values[0])

    def _terms(self, da_mode: int, genesis_root: bytes) -> ChainTerms:
        verifier = bytes.fromhex(self.facts.address[2:])
        return ChainTerms(
            version=Version(verifier, PROGRAM_ID, PARAMETERS_ID, CONFIG_HASH),
            operator=bytes.fromhex(OPERATOR[2:]),
            governance=bytes.fromhex(OWNER[2:]),
            genesis_root=genesis_root,
            da_mode=da_mode,
            feed_set_id=0,
            forced_fee_wei=0,
            operations_per_block=255,
        )


def account_values(account: Account) -> tuple[Any, ...]:
    """An account as `IStateProofs.Account`."""
    slots = zip(account.asset_ids, account.free, account.locked, strict=True)
    balances = [(entry - 1, free, locked) for entry, free, locked in slots if entry]
    owner = "0x" + account.owner.hex()
    return owner, account.flags, account.order_count, account.positions_used, balances


def position_values(slot: int, position: Position) -> tuple[int, ...]:
    """A position as `IStateProofs.Position`."""
    return (
        slot,
        position.market_plus_1 - 1,
        position.mode,
        position.leverage,
        position.size_lots,
        position.cost,
        position.funding_index,
        position.adl_index,
        position.adl_epoch,
        position.isolated_margin,
        position.open_bid_lots,
        position.open_ask_lots,
    )


def _argument(output: PublicOutput) -> tuple[Any, ...]:
    return tuple(
        "0x" + value.hex() if isinstance(value, bytes) and len(value) == 20 else value
        for value in output.to_tuple()
    )
