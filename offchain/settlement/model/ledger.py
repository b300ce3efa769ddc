"""Ledgers: what each chain has of each asset, in engine units (specification, section 1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from offchain.settlement.messages import AssetSum
from offchain.settlement.model.refusals import Code, require
from offchain.settlement.model.storage import Storage

WORD_LIMIT: Final = 1 << 256


class Ledger:
    """Balances per chain and asset; sums of all of them are what the vault has booked.

    Keys of the tables: (chain, asset), for pledges (owner, holder, asset), for credits
    (chain, owner's address, asset), else the asset.
    """

    def __init__(self, storage: Storage) -> None:
        self.booked = storage.table(0)  # what the vault took in and has not paid out
        self.unassigned = storage.table(0)
        self.balance = storage.table(0)
        self.pledged = storage.table(0)
        self.pledged_total = storage.table(0)
        self.in_flight = storage.table(0)
        self.claimable = storage.table(0)
        self.credits = storage.table(0)

    def check_equation(self) -> None:
        """Assert that per asset all parts add up to what the vault has booked.

        Raises
        ------
        AssertionError
            If a unit was made or lost, or a pledge has no balance behind it.
        """
        total: dict[int, int] = {}
        for table in (self.unassigned, self.balance, self.claimable, self.credits):
            for key, units in table.items():
                assert units > 0, f"{units} units at {key}"
                total[key[-1]] = total.get(key[-1], 0) + units
        for asset_id, units in self.in_flight.items():
            total[asset_id] = total.get(asset_id, 0) + units
        assert total == dict(self.booked.items()), f"{total} is not {dict(self.booked.items())}"
        pledged: dict[tuple[int, int], int] = {}
        for (owner, _, asset_id), units in self.pledged.items():
            pledged[owner, asset_id] = pledged.get((owner, asset_id), 0) + units
        assert pledged == dict(self.pledged_total.items()), "pledges differ from their sums"
        for key, units in pledged.items():
            assert units <= self.balance[key], f"{units} units pledged at {key}"

    def deposit(self, chain_id: int, asset_id: int, units: int) -> None:
        """Book a deposit that waits in a chain's queue."""
        self.booked[asset_id] += units
        self.unassigned[chain_id, asset_id] += units

    def consume_deposits(self, chain_id: int, asset_id: int, units: int) -> None:
        """Turn consumed deposits into balance."""
        require(units <= self.unassigned[chain_id, asset_id], Code.DEPOSITS_EXCEEDED)
        self.unassigned[chain_id, asset_id] -= units
        self.balance[chain_id, asset_id] += units

    def free(self, chain_id: int, asset_id: int) -> int:
        """Return the balance without what is pledged."""
        return self.balance[chain_id, asset_id] - self.pledged_total[chain_id, asset_id]

    def debit(self, chain_id: int, asset_id: int, units: int) -> None:
        """Take from what is free."""
        require(units <= self.free(chain_id, asset_id), Code.BALANCE)
        self.balance[chain_id, asset_id] -= units

    def withdraw(self, chain_id: int, asset_id: int, units: int) -> None:
        """Make a sum claimable."""
        self.debit(chain_id, asset_id, units)
        self.claimable[chain_id, asset_id] += units

    def pay_claim(self, chain_id: int, asset_id: int, units: int) -> None:
        """Pay out of what is claimable."""
        require(units <= self.claimable[chain_id, asset_id], Code.CLAIMABLE)
        self.claimable[chain_id, asset_id] -= units
        self.booked[asset_id] -= units

    def pledge(self, owner: int, holder: int, asset_id: int, units: int) -> None:
        """Add to a pledge; `check_backing` follows when all pledges have moved."""
        total = self.pledged_total[owner, asset_id] + units
        require(total < WORD_LIMIT, Code.UNNAMED)
        self.pledged_total[owner, asset_id] = total
        self.pledged[owner, holder, asset_id] += units

    def unpledge(self, owner: int, holder: int, asset_id: int, units: int) -> None:
        """Take from a pledge, what is left of it if that is less; the balance stays."""
        taken = min(units, self.pledged[owner, holder, asset_id])
        self.pledged[owner, holder, asset_id] -= taken
        self.pledged_total[owner, asset_id] -= taken

    def check_backing(self, owner: int, asset_id: int) -> None:
        """Refuse pledges of more than the balance."""
        is_backed = self.pledged_total[owner, asset_id] <= self.balance[owner, asset_id]
        require(is_backed, Code.PLEDGES_EXCEED_BALANCE)

    def take_off(self, sums: Iterable[AssetSum]) -> None:
        """Put the value of an envelope, taken from its sender already, in flight."""
        for pair in sums:
            self.in_flight[pair.asset_id] += pair.units

    def land(self, chain_id: int, sums: Iterable[AssetSum]) -> None:
        """Credit the value of an envelope in flight to a chain."""
        for pair in sums:
            self.in_flight[pair.asset_id] -= pair.units
            self.balance[chain_id, pair.asset_id] += pair.units

    def refund_deposit(self, chain_id: int, owner: bytes, asset_id: int, units: int) -> None:
        """Turn an unconsumed deposit into a credit of its sender."""
        # A broken chain may have counted it as consumed.
        require(units <= self.unassigned[chain_id, asset_id], Code.DEPOSIT_SPENT)
        self.unassigned[chain_id, asset_id] -= units
        self.credits[chain_id, owner, asset_id] += units

    def escape(self, chain_id: int, owner: bytes, asset_id: int, units: int) -> None:
        """Turn balance into a credit of an owner."""
        self.debit(chain_id, asset_id, units)
        self.credits[chain_id, owner, asset_id] += units

    def pay_credit(self, chain_id: int, owner: bytes, asset_id: int) -> int:
        """Pay a credit, whole; return its units."""
        units = self.credits[chain_id, owner, asset_id]
        require(units > 0, Code.NO_CREDIT)
        self.credits[chain_id, owner, asset_id] = 0
        self.booked[asset_id] -= units
        return units
