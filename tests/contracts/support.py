"""What the contract tests share: error strings, and a driver of the deployed system."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
from eth_utils.address import to_checksum_address

from offchain.settlement.attestation import attest
from offchain.settlement.deployer import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.priority import PriorityRecord
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
ERROR_PATTERN = re.compile(r'"([A-Z]\d\d): ([^"]+)"')

CHAIN_ID = 7
CONFIG_HASH = b"\x11" * 32
GENESIS_ROOT = b"\x22" * 32
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


@dataclasses.dataclass
class System:
    """The deployed contracts and the roles around them."""

    vault: Any
    gateway: Any
    quote: Any
    owner: Any
    operator: Any
    governance: Any
    chain_id: int = CHAIN_ID

    def deposit_ether(self, depositor: Any, amount_wei: int = ETHER_WEI) -> Any:
        return self.vault.deposit(
            self.chain_id, ETHER_ASSET, amount_wei, sender=depositor, value=amount_wei
        )

    def deposit_quote(self, depositor: Any, amount_native: int) -> Any:
        self.quote.mint(depositor, amount_native, sender=depositor)
        self.quote.approve(self.vault, amount_native, sender=depositor)
        return self.vault.deposit(self.chain_id, QUOTE_ASSET, amount_native, sender=depositor)

    def next_output(self, **changes: Any) -> PublicOutput:
        """The output that settles one batch and consumes the whole queue, with changes."""
        state = self.gateway.chain_state(self.chain_id)
        priority_next = changes.get("priority_next", self.gateway.queue_length(self.chain_id))
        batch = state.last_batch + 1
        output = PublicOutput(
            l1_chain_id=ape.chain.chain_id,
            gateway=address_bytes(self.gateway.address),
            chain_id=self.chain_id,
            config_hash=bytes(state.config_hash),
            old_root=bytes(state.state_root),
            new_root=batch.to_bytes(32, "big"),
            first_batch=batch,
            last_batch=batch,
            first_time_s=state.last_time_s + 10,
            last_time_s=state.last_time_s + 20,
            first_slot=state.last_slot + 1,
            last_slot=state.last_slot + 5,
            priority_first=state.priority_consumed,
            priority_next=priority_next,
            priority_accumulator=bytes(
                self.gateway.accumulator_after(self.chain_id, priority_next)
            ),
            inputs_commitment=b"\x33" * 32,
            receipts_head=b"\x44" * 32,
        )
        return dataclasses.replace(output, **changes)

    def sign(self, output: PublicOutput, signer: Any = None) -> bytes:
        key = (signer or self.operator).private_key
        return attest(output, bytes.fromhex(key.removeprefix("0x")))

    def settle(self, output: PublicOutput | None = None, signature: bytes | None = None) -> Any:
        output = output or self.next_output()
        return self.gateway.settle(
            self.chain_id,
            settle_argument(output),
            signature or self.sign(output),
            sender=self.operator,
        )

    def settle_withdrawals(self, withdrawals: Sequence[Withdrawal]) -> WithdrawalTree:
        """Settle one batch that pays these withdrawals."""
        batch = self.gateway.chain_state(self.chain_id).last_batch + 1
        tree = WithdrawalTree(self.chain_id, batch, withdrawals)
        self.settle(self.next_output(withdrawals_root=tree.root))
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

    def queued_records(self) -> list[PriorityRecord]:
        """The chain's priority records, rebuilt from events alone."""
        return [
            PriorityRecord.from_event(log.event_arguments)
            for log in self.gateway.PriorityQueued.range(0, ape.chain.blocks.height + 1)
            if log.chain_id == self.chain_id
        ]


def settle_argument(output: PublicOutput) -> tuple[Any, ...]:
    """Words of an output as ape takes a struct; the address as hex."""
    return tuple(
        to_checksum_address(value) if isinstance(value, bytes) and len(value) == 20 else value
        for value in output.to_tuple()
    )
