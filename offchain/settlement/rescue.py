"""Takes owners out of a frozen chain: what each would get, and the calls that make it so.

Steps and formulas: docs/spec/escape.md. Who calls needs nothing but the rebuilt state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from eth_utils.address import to_checksum_address as _checksum

from offchain.settlement.deployment import Deployment
from offchain.settlement.escape import (
    CLAIM_WINDOW_S,
    AssetLedger,
    EscapeModel,
    EscapeRefusedError,
    Holdings,
    equity,
    open_chain,
)
from offchain.settlement.messages import Position as ChainPosition
from offchain.settlement.priority import PriorityEvent, PriorityKind, PriorityRecord
from offchain.settlement.rebuild import EventSource, RebuiltChain, RescueCode, RescueError
from offchain.settlement.state_proofs import claim_paths
from offchain.settlement.valuation import ValuationTable
from offchain.spec.constants import MASTER_BITS, SUB_ACCOUNT_BITS
from offchain.spec.kinds import Subtree
from offchain.spec.records import Position

HATCH: Final = "EscapeHatch"


class RescueL1(EventSource, Protocol):
    """What a rescue needs of L1; every `L1Client` has it."""

    @property
    def accounts(self) -> Sequence[str]:
        """Addresses that we hold keys of; the first one sends."""

    @property
    def now_s(self) -> int:
        """Time of the latest block, seconds since the epoch."""

    def call(self, name: str, address: str, function: str, *args: object) -> Any:
        """Read from a contract on the latest state."""

    def transact(self, name: str, address: str, function: str, *args: object) -> object:
        """Send a transaction and wait until it is mined."""


@dataclass(slots=True)
class Outlook:
    """What an account would get if all accounts are claimed now and all remainders after.

    Attributes
    ----------
    account_index
        Number of its leaf.
    owner
        Address that is paid, ``0x``-prefixed hex.
    is_claimed
        Whether its basket is paid already.
    equity_units
        Its worth in quote units; None if the chain has no table.
    basket_units, remainder_units
        Still to be paid per asset, in engine units: out of the basket, out of the pot.
    owed_units
        Remainder in quote units, of which `remainder_units` are paid.
    code
        With which the contract would refuse the claim; empty if it would not.
    """

    account_index: int
    owner: str
    is_claimed: bool
    equity_units: int | None = None
    basket_units: dict[int, int] = field(default_factory=dict)
    owed_units: int = 0
    remainder_units: dict[int, int] = field(default_factory=dict)
    code: str = ""


class Rescue:
    """One frozen chain.

    Parameters
    ----------
    l1
        The L1.
    deployment
        Where the contracts are.
    chain_id
        The chain.
    rebuilt
        Its last settled state.
    from_block
        First block to search for events; no later than that of the chain's registration.
    """

    def __init__(
        self,
        l1: RescueL1,
        deployment: Deployment,
        chain_id: int,
        rebuilt: RebuiltChain,
        from_block: int = 0,
    ) -> None:
        self._l1, self._deployment, self._chain_id = l1, deployment, chain_id
        self._rebuilt, self._from_block = rebuilt, from_block
        self._hatch = deployment.contracts[HATCH]
        self._proofs = deployment.contracts["StateProofs"]

    @property
    def is_frozen(self) -> bool:
        """Whether the chain is frozen."""
        return bool(self._gateway("is_frozen", self._chain_id))

    @property
    def window_ends_s(self) -> int:
        """L1 time at which the claim window ends; 0 if the chain is not open."""
        _, window_ends_s, _ = self._view("opening", self._chain_id)
        return int(window_ends_s)

    @property
    def now_s(self) -> int:
        """Time of the latest block of L1."""
        return self._l1.now_s

    @property
    def sender(self) -> bytes:
        """Address that calls, 20 bytes."""
        return bytes.fromhex(self._l1.accounts[0].removeprefix("0x"))

    @property
    def assets(self) -> list[int]:
        """Ids of the assets that the chain may pay in, ascending."""
        table = self._rebuilt.state.table
        if table:
            return [asset.asset_id for asset in ValuationTable.from_bytes(table).assets]
        held = (self.holdings(index).held(None) for index in self._rebuilt.accounts)
        return sorted({asset_id for units in held for asset_id in units})

    def accounts(self, ids: Sequence[int] = (), owners: Sequence[bytes] = ()) -> list[int]:
        """Return leaf numbers of accounts, ascending: the given, those of owners, or all.

        Parameters
        ----------
        ids
            Leaf numbers.
        owners
            Addresses, 20 bytes each.

        Raises
        ------
        RescueError
            NO_ACCOUNT if a leaf is empty or an owner has none.
        """
        existing = self._rebuilt.accounts
        absent = [f"leaf {index}" for index in ids if index not in existing]
        by_owner = {index: self.holdings(index).account.owner for index in existing}
        absent += ["0x" + owner.hex() for owner in owners if owner not in by_owner.values()]
        if absent:
            raise RescueError(
                RescueCode.NO_ACCOUNT,
                f"the settled state has no account of {', '.join(absent)}; who deposited after the "
                "last settlement is refunded by Gateway.refund_deposit",
            )
        if not ids and not owners:
            return existing
        return [index for index in existing if index in ids or by_owner[index] in owners]

    def is_everyone(self, indices: Sequence[int]) -> bool:
        """Tell whether these are the leaf numbers of all accounts of the chain."""
        return self._rebuilt.is_whole and set(indices) == set(self._rebuilt.accounts)

    def holdings(self, index: int) -> Holdings:
        """Return an account as its records say."""
        record = self._rebuilt.proofs.record(Subtree.ACCOUNTS, index).record
        records = self._rebuilt.proofs.positions(index).records
        starts = range(0, len(records), Position.SIZE)
        return Holdings.from_records(record, [records[k : k + Position.SIZE] for k in starts])

    def waiting_deposits(self) -> list[PriorityRecord]:
        """Return the deposits that the chain has not consumed, refunded or not, in order."""
        of_chain, events = {"chain_id": self._chain_id}, self._l1.events
        queue = ("PriorityQueue", self._deployment.queue, "PriorityQueued")
        position = ChainPosition.from_tuple(self._gateway("position", self._chain_id))
        return [
            PriorityRecord.from_event(cast("PriorityEvent", event["args"]))
            for event in events(*queue, self._from_block, of_chain)
            if event["args"]["kind"] == PriorityKind.DEPOSIT
            and event["args"]["index"] >= position.priority_consumed
        ]

    def refunded(self) -> set[int]:
        """Return the indices of the deposits that were refunded."""
        credits_added = ("Gateway", self._deployment.gateway, "CreditAdded")
        of_chain = {"chain_id": self._chain_id}
        found = self._l1.events(*credits_added, self._from_block, of_chain)
        return {event["args"]["priority_index"] for event in found}

    def refund(self, record: PriorityRecord) -> object:
        """Have a deposit credited to who made it."""
        fields = (record.index, int(record.kind), _checksum(record.sender), record.account_id)
        rest = (record.asset_id, record.amount_units, record.data0, record.data1)
        arguments = (self._chain_id, (*fields, *rest))
        return self._l1.transact("Gateway", self._deployment.gateway, "refund_deposit", *arguments)

    def freeze(self) -> object:
        """Freeze the chain; L1 refuses while no record of its queue is overdue."""
        arguments = ("ChainRegistry", self._deployment.registry, "freeze_overdue")
        return self._l1.transact(*arguments, self._chain_id)

    def owner(self, index: int) -> str:
        """Return the address that an account's record names, ``0x``-prefixed hex."""
        return "0x" + self.holdings(index).account.owner.hex()

    def model(self) -> EscapeModel:
        """Return the model in the state that L1 is in, or as it would be opened now."""
        position = ChainPosition.from_tuple(self._gateway("position", self._chain_id))
        window_ends_s = self.window_ends_s
        opened_at_s = window_ends_s - CLAIM_WINDOW_S if window_ends_s else self.now_s
        model = open_chain(
            self._rebuilt.state.table, position.valuation_hash, self._free(), opened_at_s
        )
        if not window_ends_s:
            return model
        for asset_id in model.ledgers:
            ledger = self._view("asset_ledger", self._chain_id, asset_id)
            model.ledgers[asset_id] = AssetLedger(*ledger)
        for index in self._rebuilt.accounts:
            if self.is_claimed(index):
                model.claimed.add(index)
                owner, units = self._view("remainder", self._chain_id, index)
                if units:
                    model.remainders[index] = bytes.fromhex(owner.removeprefix("0x")), units
        model.remainders_total = self._view("remainders_total_units", self._chain_id)
        return model

    def outlooks(self, indices: Sequence[int]) -> Iterator[Outlook]:
        """Yield what accounts would get; nothing is sent."""
        model, found = self.model(), {}
        now_s = self.now_s
        for asset_id, units in self._free().items():
            if asset_id in model.ledgers and units > model.ledgers[asset_id].held:
                model.collect(asset_id, units)
        for index in self._rebuilt.accounts:
            found[index] = self._outlook(model, index, now_s)
        paid_from_s = max(now_s, model.strangers_from_s)
        for index, outlook in found.items():
            if index in model.remainders:
                owner, outlook.owed_units = model.remainders[index]
                units_paid = model.claim_remainder(index, owner, paid_from_s)
                outlook.remainder_units = _positive(units_paid)
        yield from (found[index] for index in indices)

    def is_claimed(self, index: int) -> bool:
        """Return whether an account was claimed for."""
        return bool(self._view("is_claimed", self._chain_id, index))

    def open(self) -> object:
        """Open the chain with the table of its last settlement."""
        return self._send("open", self._chain_id, self._rebuilt.state.table)

    def claim(self, index: int) -> object:
        """Claim for an account."""
        return self._send("claim", *self.claim_arguments(index))

    def claim_arguments(self, index: int) -> tuple[object, ...]:
        """Return the arguments of ``claim``, with paths up to nodes that L1 has verified."""
        account = self._rebuilt.proofs.record(Subtree.ACCOUNTS, index)
        positions = self._rebuilt.proofs.positions(index)
        path, position_path = claim_paths(account, positions, self._is_known)
        return (
            self._chain_id,
            index,
            account.record,
            path.siblings,
            positions.slots,
            positions.records,
            position_path.siblings,
        )

    def arrived(self) -> list[int]:
        """Return the assets of which something has reached the balance since it was last seen."""
        held = {asset_id: ledger.held for asset_id, ledger in self.model().ledgers.items()}
        free = self._free()
        return [asset_id for asset_id, units in held.items() if free[asset_id] > units]

    def collect(self, asset_id: int) -> object:
        """Put what has arrived into the pot."""
        return self._send("collect", self._chain_id, asset_id)

    def claim_remainder(self, index: int) -> object:
        """Have an account's remainder paid."""
        return self._send("claim_remainder", self._chain_id, index)

    def credit_units(self, owner: str, asset_id: int) -> int:
        """Return what the vault would pay an owner, in engine units."""
        return int(self._gateway("credit_units", self._chain_id, _checksum(owner), asset_id))

    def pay(self, owner: str, asset_id: int) -> object:
        """Have the vault pay an owner's credit."""
        arguments = (self._chain_id, _checksum(owner), asset_id)
        vault = self._deployment.vault
        return self._l1.transact("CollateralVault", vault, "claim_credit", *arguments)

    def _outlook(self, model: EscapeModel, index: int, now_s: int) -> Outlook:
        """Claim in the model; its remainder is left for later."""
        holdings = self.holdings(index)
        outlook = Outlook(index, self.owner(index), index in model.claimed)
        try:
            if model.table is not None:
                outlook.equity_units = equity(holdings, model.table)
            if not outlook.is_claimed:
                outlook.basket_units = _positive(model.claim(index, holdings, now_s).paid)
        except EscapeRefusedError as refused:
            outlook.code = refused.code
        return outlook

    def _free(self) -> dict[int, int]:
        """Balance less pledges, by asset."""
        free = {}
        for asset_id in self.assets:
            balance, pledged = (
                int(self._gateway(name, self._chain_id, asset_id))
                for name in ("balance_units", "pledged_total_units")
            )
            free[asset_id] = balance - pledged
        return free

    def _is_known(self, number: int) -> bool:
        arguments = (self._rebuilt.proofs.root, number)
        found = self._l1.call("StateProofs", self._proofs, "verified_digest", *arguments)
        return any(bytes(found))

    def _view(self, function: str, *args: object) -> Any:
        return self._l1.call(HATCH, self._hatch, function, *args)

    def _gateway(self, function: str, *args: object) -> Any:
        return self._l1.call("Gateway", self._deployment.gateway, function, *args)

    def _send(self, function: str, *args: object) -> object:
        return self._l1.transact(HATCH, self._hatch, function, *args)


def account_id(index: int) -> int:
    """Return the id of the account at a leaf: the inverse of `account_index`."""
    return (index & (1 << MASTER_BITS) - 1) << SUB_ACCOUNT_BITS | index >> MASTER_BITS


def _positive(units: Mapping[int, int]) -> dict[int, int]:
    return {asset_id: amount for asset_id, amount in units.items() if amount}
