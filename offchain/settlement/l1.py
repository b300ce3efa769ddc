"""What settlement needs of L1; `LocalChain` is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from web3.types import EventData

from offchain.settlement.deployer import ChainClient
from offchain.settlement.error_meanings import explained

MAX_TRANSACTION_GAS: Final = 1 << 24
"""EIP-7825: no transaction may ask for more."""


class ContractRevertedError(Exception):
    """A transaction or call reverted; the message is the contract's reason, and what to do.

    Attributes
    ----------
    reason : str
        The contract's alone, such as ``E01: chain is frozen``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(explained(reason))
        self.reason = reason


def revert_reason(error: Exception) -> str:
    """Return the contract's reason from what web3 or eth-tester raise at a revert."""
    message = str(error.args[0]) if error.args else ""
    reason = message.removeprefix("execution reverted").removeprefix(": ")
    return "no reason" if reason in {"", str(b"")} else reason


class L1Client(ChainClient, Protocol):
    """A chain with accounts that we hold the keys of, and gas accounting."""

    @property
    def accounts(self) -> Sequence[str]:
        """Checksum addresses; the first one sends where no sender is given."""

    @property
    def gas_used(self) -> Mapping[str, list[int]]:
        """Gas of every transaction, in order, by function or deployed contract."""

    @property
    def now_s(self) -> int:
        """Time of the latest block, seconds since the epoch."""

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
        self,
        name: str,
        address: str,
        event: str,
        from_block: int = 0,
        indexed: Mapping[str, object] | None = None,
    ) -> Sequence[EventData]:
        """Return a contract's events of one kind, in order.

        `indexed` are arguments that they must have, by name.
        """
