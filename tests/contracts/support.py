"""What the contract tests share: error strings, and a driver of the deployed system."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
from eth_utils.address import to_checksum_address

from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.messages import (
    AssetSum,
    ChainTerms,
    ChannelEntry,
    Envelope,
    Flow,
    Pledge,
    Version,
    channels_root,
    fact_of,
    flows_root,
    pad_sums,
    pledges_root,
)
from offchain.settlement.priority import PriorityRecord
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
ERROR_PATTERN = re.compile(r'"([A-Z]\d\d): ([^"]+)"')

CHAIN_ID = 7
PEER = 8
THIRD = 9
CONFIG_HASH = b"\x11" * 32
GENESIS_ROOT = b"\x22" * 32
PROGRAM_ID = b"\x55" * 32
PARAMETERS_ID = b"\x66" * 32
FORCED_FEE_WEI = 10**15
OPERATIONS_PER_BLOCK = 8
FORCE_EXPIRY_S = 3 * 86_400
ANY_TIME_S = 600  # between an envelope's sending and its expiry
ETHER_WEI = 10**18
UNITS_PER_TOKEN = 10**8

VERIFIER = sorted(
    [
        *(CONTRACTS / "verifier").rglob("*.vy"),
        *(
            CONTRACTS / f"{name}.vy"
            for name in (
                *("StarkVerifier", "OpeningsVerifier", "FriVerifier"),
                *("ConstraintEvaluator", "CoreTables", "HashTables"),
            )
        ),
    ]
)
"""Sources of the proof verifier, whose errors are reasons without codes."""


def error_sites() -> list[tuple[str, str]]:
    """Every error of the deployable contracts, as (code, whole string), one per site."""
    sources = [p for p in sorted(CONTRACTS.rglob("*.vy")) if "mocks" not in p.parts]
    return [
        (code, f"{code}: {text}")
        for path in sources
        for code, text in ERROR_PATTERN.findall(path.read_text())
    ]


ERRORS = dict(error_sites())


def reverts(code: str) -> AbstractContextManager[Any]:
    """Expect a revert with exactly the string of this error code."""
    return ape.reverts(ERRORS[code])


def address_bytes(address: object) -> bytes:
    return bytes.fromhex(str(address)[2:])


@dataclasses.dataclass(frozen=True)
class Settlement:
    """Arguments of one `settle`: lists in the order of the chains."""

    outputs: tuple[PublicOutput, ...]
    flows: tuple[Flow, ...] = ()
    channels: tuple[ChannelEntry, ...] = ()
    sent: tuple[Envelope, ...] = ()
    received: tuple[Envelope, ...] = ()
    pledges: tuple[Pledge, ...] = ()

    def arguments(self) -> list[list[Any]]:
        """As ape takes them."""
        return [
            [contract_argument(item.to_tuple()) for item in getattr(self, field.name)]
            for field in dataclasses.fields(self)
        ]


@dataclasses.dataclass
class System:
    """The deployed contracts and the roles around them."""

    vault: Any
    gateway: Any
    registry: Any
    queue: Any
    data: Any
    hub: Any
    facts: Any
    quote: Any
    owner: Any
    operator: Any
    governance: Any
    hatch: Any
    chain_id: int = CHAIN_ID

    def version(self, **changes: bytes) -> Version:
        version = Version(address_bytes(self.facts.address), PROGRAM_ID, PARAMETERS_ID, CONFIG_HASH)
        return dataclasses.replace(version, **changes)

    def terms(self, **changes: Any) -> Any:
        """Terms of a chain as ape takes them, with changes."""
        terms = ChainTerms(
            version=self.version(),
            operator=address_bytes(self.operator),
            governance=address_bytes(self.governance),
            genesis_root=GENESIS_ROOT,
            da_mode=0,
            feed_set_id=0,
            forced_fee_wei=FORCED_FEE_WEI,
            operations_per_block=OPERATIONS_PER_BLOCK,
        )
        return contract_argument(dataclasses.replace(terms, **changes).to_tuple())

    def register(self, chain_id: int, **changes: Any) -> Any:
        return self.registry.register_chain(chain_id, self.terms(**changes), sender=self.owner)

    def deposit_ether(
        self, depositor: Any, amount_wei: int = ETHER_WEI, chain_id: int = CHAIN_ID
    ) -> Any:
        return self.vault.deposit(
            chain_id, ETHER_ASSET, amount_wei, sender=depositor, value=amount_wei
        )

    def deposit_quote(self, depositor: Any, amount_native: int, chain_id: int = CHAIN_ID) -> Any:
        self.quote.mint(depositor, amount_native, sender=depositor)
        self.quote.approve(self.vault, amount_native, sender=depositor)
        return self.vault.deposit(chain_id, QUOTE_ASSET, amount_native, sender=depositor)

    def fund(self, depositor: Any, *chain_ids: int) -> None:
        """Give each chain one ether in its settled balance."""
        for chain_id in chain_ids:
            self.deposit_ether(depositor, chain_id=chain_id)
        flows = [Flow(chain_id, ETHER_ASSET, UNITS_PER_TOKEN, 0) for chain_id in chain_ids]
        self.settle(self.settlement(*chain_ids, flows=flows))

    def next_output(self, chain_id: int = CHAIN_ID, **changes: Any) -> PublicOutput:
        """The output that settles one batch and consumes the whole queue, with changes."""
        position = self.gateway.position(chain_id)
        priority_next = changes.get("priority_next", self.queue.queue_length(chain_id))
        batch, now_s = position.last_batch + 1, ape.chain.blocks.head.timestamp
        output = PublicOutput(
            l1_chain_id=ape.chain.chain_id,
            gateway=address_bytes(self.gateway.address),
            chain_id=chain_id,
            config_hash=CONFIG_HASH,
            old_root=bytes(position.state_root),
            new_root=batch.to_bytes(32, "big"),
            first_batch=batch,
            last_batch=batch,
            first_time_s=max(now_s - 10, position.last_time_s),
            last_time_s=max(now_s, position.last_time_s),
            first_slot=position.last_slot + 1,
            last_slot=position.last_slot + 5,
            priority_first=position.priority_consumed,
            priority_next=priority_next,
            priority_accumulator=bytes(self.queue.accumulator_after(chain_id, priority_next)),
            inputs_commitment=b"\x33" * 32,
            receipts_head=b"\x44" * 32,
        )
        return dataclasses.replace(output, **changes)

    def settlement(
        self,
        *chain_ids: int,
        flows: Sequence[Flow] = (),
        channels: Sequence[ChannelEntry] = (),
        sent: Sequence[Envelope] = (),
        received: Sequence[Envelope] = (),
        pledges: Sequence[Pledge] = (),
        **changes: Any,
    ) -> Settlement:
        """A settlement of one batch of each chain, with the lists' roots in the outputs."""

        def of(items: Sequence[Any], chain_id: int) -> list[Any]:
            return [item for item in items if item.chain_id == chain_id]

        outputs = tuple(
            self.next_output(
                chain_id,
                **{
                    "flows_root": flows_root(of(flows, chain_id)),
                    "channels_root": channels_root(of(channels, chain_id)),
                    "reservations_root": pledges_root(of(pledges, chain_id)),
                }
                | changes,
            )
            for chain_id in chain_ids or (CHAIN_ID,)
        )
        lists = (flows, channels, sent, received, pledges)
        return Settlement(outputs, *(tuple(each) for each in lists))

    def record(self, *outputs: PublicOutput) -> None:
        """Make facts of public outputs."""
        for output in outputs:
            fact = fact_of(PROGRAM_ID, PARAMETERS_ID, output)
            self.facts.record(fact, sender=self.operator)

    def settle(self, settlement: Settlement | None = None, *, sender: Any = None) -> Any:
        settlement = settlement or self.settlement()
        self.record(*settlement.outputs)
        return self.gateway.settle(*settlement.arguments(), sender=sender or self.operator)

    def settle_withdrawals(self, withdrawals: Sequence[Withdrawal]) -> WithdrawalTree:
        """Settle one batch that consumes all deposits and pays these withdrawals."""
        batch = self.gateway.position(self.chain_id).last_batch + 1
        tree = WithdrawalTree(self.chain_id, batch, withdrawals)
        flows = [
            Flow(
                self.chain_id,
                asset_id,
                self.gateway.unassigned_units(self.chain_id, asset_id),
                sum(each.amount_units for each in withdrawals if each.asset_id == asset_id),
            )
            for asset_id in (QUOTE_ASSET, ETHER_ASSET)
        ]
        self.settle(self.settlement(flows=flows, withdrawals_root=tree.root))
        return tree

    def claim(self, tree: WithdrawalTree, position: int, /, sender: Any, **changes: Any) -> Any:
        """Claim one withdrawal of a settled tree, with changed arguments."""
        withdrawal = tree.withdrawals[position]
        arguments = {
            "chain_id": self.chain_id,
            "batch": tree.batch,
            "index": position,
            "owner": to_checksum_address(withdrawal.owner),
            "asset_id": withdrawal.asset_id,
            "amount_units": withdrawal.amount_units,
            "path": tree.path(position),
        } | changes
        return self.vault.claim(*arguments.values(), sender=sender)

    def freeze(self, chain_id: int = CHAIN_ID) -> None:
        """Freeze a chain by a record that it leaves for 3 days."""
        self.queue.enqueue_admin(chain_id, b"", b"", sender=self.governance)
        pass_time(FORCE_EXPIRY_S)
        self.registry.freeze_overdue(chain_id, sender=self.operator)

    def queued_records(self, chain_id: int = CHAIN_ID) -> list[PriorityRecord]:
        """A chain's priority records, rebuilt from events alone."""
        return [
            PriorityRecord.from_event(log.event_arguments)
            for log in self.queue.PriorityQueued.range(0, ape.chain.blocks.height + 1)
            if log.chain_id == chain_id
        ]


def envelope(
    system: System,
    from_chain: int = CHAIN_ID,
    to_chain: int = PEER,
    units: int = 10,
    asset_id: int = ETHER_ASSET,
    **changes: Any,
) -> Envelope:
    """The next envelope of a channel, with ether in it."""
    sent, *_ = system.gateway.channel(from_chain, to_chain)
    slot = system.gateway.position(from_chain).last_slot + 1
    expires_at_s = ape.chain.blocks.head.timestamp + ANY_TIME_S
    made = Envelope(
        from_chain,
        to_chain,
        sent + 1,
        slot,
        expires_at_s,
        sums=pad_sums([AssetSum(asset_id, units)]),
    )
    return dataclasses.replace(made, **changes)


def entry(
    system: System,
    chain_id: int,
    peer: int,
    sent: Sequence[Envelope] = (),
    received: Sequence[Envelope] = (),
) -> ChannelEntry:
    """The totals of a chain's two channels with a peer after these envelopes."""
    sent_count, sent_accumulator, *_ = system.gateway.channel(chain_id, peer)
    *_, received_count, received_accumulator = system.gateway.channel(peer, chain_id)
    for each in sent:
        sent_accumulator = each.accumulate(bytes(sent_accumulator))
    for each in received:
        received_accumulator = each.accumulate(bytes(received_accumulator))
    return ChannelEntry(
        chain_id,
        peer,
        sent_count + len(sent),
        bytes(sent_accumulator),
        received_count + len(received),
        bytes(received_accumulator),
    )


def pass_time(seconds: int) -> None:
    """Mine a block that much later."""
    ape.chain.mine(timestamp=ape.chain.blocks.head.timestamp + seconds)


def contract_argument(value: Any) -> Any:
    """A tree of tuples as ape takes a struct: addresses as hex."""
    if isinstance(value, tuple):
        return tuple(contract_argument(item) for item in value)
    is_address = isinstance(value, bytes) and len(value) == 20
    return to_checksum_address(value) if is_address else value
