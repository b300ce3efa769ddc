"""What settlement needs of L1; `LocalChain` is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from web3.types import EventData

from offchain.settlement.deployer import ChainClient


class ContractRevertedError(Exception):
    """A transaction or call reverted; the message is the contract's reason."""


class L1Client(ChainClient, Protocol):
    """A chain with accounts that we hold the keys of, and gas accounting."""

    @property
    def accounts(self) -> Sequence[str]:
        """Checksum addresses; the first one sends where no sender is given."""

    @property
    def gas_used(self) -> Mapping[str, list[int]]:
        """Gas of every transaction, in order, by function or deployed contract."""

    def private_key(self, account: str) -> bytes:
        """Return the key of one of `accounts`, 32 bytes."""

    def balance_wei(self, account: str) -> int:
        """Return an address's ether in wei."""

    def transact(
        self,
        name: str,
        address: str,
        function: str,
        *args: object,
        sender: str | None = None,
        value_wei: int = 0,
    ) -> object:
        """Send a transaction and wait until it is mined.

        Raises
        ------
        ContractRevertedError
            With the contract's reason; the state is unchanged.
        """

    def call(self, name: str, address: str, function: str, *args: object) -> object:
        """Read from a contract on the latest state."""

    def events(
        self, name: str, address: str, event: str, from_block: int = 0
    ) -> Sequence[EventData]:
        """Return a contract's events of one kind, in order."""
