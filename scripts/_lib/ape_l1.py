"""Ape's connected network as the L1 of settlement and demo."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ape
from ape.exceptions import ContractLogicError
from eth_tester.exceptions import TransactionFailed
from web3.exceptions import ContractLogicError as Web3ContractLogicError
from web3.types import EventData

from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.l1 import ContractRevertedError, revert_reason
from scripts._lib.ape_client import ApeClient

if TYPE_CHECKING:
    from ape.api import AccountAPI


class ApeL1(ApeClient):
    """Ape's accounts on the connected network, with gas accounting.

    Transactions go through Ape. Reads and logs go through the provider's web3, which needs no
    data frames.

    Parameters
    ----------
    signers : sequence of AccountAPI
        The first one deploys and pays where no sender is given.

    Attributes
    ----------
    accounts : list of str
        Checksum addresses.
    gas_used : dict of str to list of int
        Gas of every transaction, in order, by function or deployed contract.
    """

    def __init__(self, signers: Sequence[AccountAPI]) -> None:
        super().__init__(signers[0])
        self._signers = {signer.address: signer for signer in signers}
        self.accounts = list(self._signers)
        self.gas_used: defaultdict[str, list[int]] = defaultdict(list)

    @classmethod
    def with_test_accounts(cls, count: int) -> ApeL1:
        """Use the first of Ape's test accounts, which have ether on local networks alone."""
        return cls([ape.accounts.test_accounts[index] for index in range(count)])

    @property
    def now_s(self) -> int:
        """Time of the latest block, seconds since the epoch."""
        return int(ape.chain.provider.web3.eth.get_block("latest")["timestamp"])

    def advance_time(self, seconds: int) -> None:
        """Mine a block `seconds` after the latest one; at least 1."""
        ape.chain.provider.set_timestamp(self.now_s + seconds)
        ape.chain.mine()

    def private_key(self, account: str) -> bytes:
        """Return the key of a test account, 32 bytes."""
        return bytes.fromhex(self._signers[account].private_key.removeprefix("0x"))

    def balance_wei(self, account: str) -> int:
        """Return an address's ether in wei."""
        return int(ape.chain.provider.get_balance(account))

    def deploy(self, name: str, *args: object) -> str:
        """Deploy the contract with this file stem and return its address."""
        factory = getattr(ape.project, name)
        contract = factory.deploy(*args, sender=self._signers[self.accounts[0]])
        self.gas_used[name].append(contract.creation_metadata.receipt.gas_used)
        return str(contract.address)

    def transact(
        self,
        name: str,
        address: str,
        function: str,
        *args: object,
        sender: str | None = None,
        value_wei: int = 0,
    ) -> object:
        """Send a transaction and wait until it is mined; ContractRevertedError if it reverts."""
        method = getattr(getattr(ape.project, name).at(address), function)
        signer = self._signers[sender or self.accounts[0]]
        try:
            receipt = method(*args, sender=signer, value=value_wei)
        except ContractLogicError as error:
            raise ContractRevertedError(error.revert_message) from error
        self.gas_used[function].append(receipt.gas_used)
        return receipt

    def call(self, name: str, address: str, function: str, *args: object) -> object:
        """Read from a contract on the latest state; ContractRevertedError if it reverts."""
        try:
            return self._contract(name, address).functions[function](*args).call()
        except (Web3ContractLogicError, TransactionFailed) as error:
            raise ContractRevertedError(revert_reason(error)) from error

    def events(
        self,
        name: str,
        address: str,
        event: str,
        from_block: int = 0,
        indexed: Mapping[str, object] | None = None,
    ) -> Sequence[EventData]:
        """Return a contract's events of one kind, in order."""
        logs = self._contract(name, address).events[event]()
        filters = dict(indexed or {})
        return list(logs.get_logs(argument_filters=filters, from_block=from_block))

    def _contract(self, name: str, address: str) -> Any:
        return ape.chain.provider.web3.eth.contract(address=address, abi=compiled_by_name(name).abi)
