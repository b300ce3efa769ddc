"""Contracts behind web3: views and events, whoever runs the node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eth_tester.exceptions import TransactionFailed
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractLogicError
from web3.types import EventData, TxParams

from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.l1 import ContractRevertedError, revert_reason


class Web3Contracts:
    """Reads contracts of this repository.

    Parameters
    ----------
    web3 : Web3
        Of the node.
    accounts : sequence of str
        Addresses that we hold keys of; calls come from the first one.
    """

    def __init__(self, web3: Web3, accounts: Sequence[ChecksumAddress]) -> None:
        self.web3 = web3
        self.accounts: tuple[ChecksumAddress, ...] = tuple(accounts)
        self._contracts: dict[tuple[str, str], Contract] = {}

    @property
    def chain_id(self) -> int:
        """Chain id that contracts see."""
        return self.web3.eth.chain_id

    @property
    def now_s(self) -> int:
        """Time of the latest block, seconds since the epoch."""
        return self.web3.eth.get_block("latest")["timestamp"]

    def balance_wei(self, account: str) -> int:
        """Return an account's ether in wei."""
        return self.web3.eth.get_balance(to_checksum_address(account))

    def code(self, address: str) -> bytes:
        """Return the code at an address; empty where there is none."""
        return bytes(self.web3.eth.get_code(to_checksum_address(address)))

    def contract(self, name: str, address: str) -> Contract:
        """Return a deployed contract as a web3 object.

        Parameters
        ----------
        name : str
            File stem under ``contracts/``.
        address : str
            Where it is deployed.
        """
        key = (name, address)
        if key not in self._contracts:
            abi = compiled_by_name(name).abi
            self._contracts[key] = self.web3.eth.contract(
                address=to_checksum_address(address), abi=abi
            )
        return self._contracts[key]

    def call(
        self, name: str, address: str, function: str, *args: object, sender: str | None = None
    ) -> object:
        """Read from a contract on the latest state.

        Raises
        ------
        ContractRevertedError
            With the contract's reason.
        """
        bound = self.contract(name, address).functions[function](*args)
        caller = sender or next(iter(self.accounts), None)
        params: TxParams = {"from": to_checksum_address(caller)} if caller else {}
        try:
            result: object = bound.call(params)
        except (ContractLogicError, TransactionFailed) as error:
            raise ContractRevertedError(revert_reason(error)) from error
        return result

    def events(
        self,
        name: str,
        address: str,
        event: str,
        from_block: int = 0,
        indexed: Mapping[str, object] | None = None,
    ) -> Sequence[EventData]:
        """Return a contract's events of one kind, in order.

        Parameters
        ----------
        name, address, event : str
            Contract (file stem), where it is, and the event's name.
        from_block : int
            First block to search.
        indexed : dict of str to object, optional
            Indexed arguments that the events must have.
        """
        logs = self.contract(name, address).events[event]()
        filters = dict(indexed or {})
        return list(logs.get_logs(argument_filters=filters, from_block=from_block))
