"""An embedded L1 for demo, benchmark and tests: py-evm behind web3, in process.

Every transaction is mined at once in a block of its own; one takes about
12 ms. Nothing listens on a socket. Rules are those of Prague with the limit
that Osaka sets to a transaction's gas.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.prague import PragueVM
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils.address import to_checksum_address
from web3 import EthereumTesterProvider, Web3
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.exceptions import ContractLogicError
from web3.types import TxParams, TxReceipt, Wei

from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.l1 import MAX_TRANSACTION_GAS, ContractRevertedError, revert_reason
from offchain.settlement.web3_contracts import Web3Contracts

ACCOUNT_BALANCE_WEI: Final = 10**24
MAX_FEE_PER_GAS_WEI: Final = 10**10


class LocalChain(Web3Contracts):
    """Embedded chain with funded accounts and gas accounting.

    Parameters
    ----------
    account_count : int
        Number of funded accounts, 10^6 ether each.
    charges_calldata_floor : bool
        False: rules of Cancun, without the floor of EIP-7623, so that gas
        tells what execution costs.

    Attributes
    ----------
    web3 : Web3
        For whatever this class does not cover.
    accounts : tuple of str
        Checksum addresses of the funded accounts; the first one deploys.
    gas_used : dict of str to list of int
        Gas of every transaction, in order, by function name; deployments are
        under the contract's name.
    """

    network_name: Final = "local"

    def __init__(self, account_count: int = 10, *, charges_calldata_floor: bool = True) -> None:
        genesis = PyEVMBackend.generate_genesis_state(
            num_accounts=account_count, overrides={"balance": ACCOUNT_BALANCE_WEI}
        )
        rules = PragueVM if charges_calldata_floor else CancunVM
        self._backend = PyEVMBackend(genesis_state=genesis, vm_configuration=((0, rules),))
        self._tester = EthereumTester(self._backend)
        web3 = Web3(EthereumTesterProvider(self._tester))
        super().__init__(web3, web3.eth.accounts)
        self.gas_used: defaultdict[str, list[int]] = defaultdict(list)

    @property
    def deployer(self) -> str:
        """The first account, which deploys and pays where no sender is given."""
        return self.accounts[0]

    @property
    def deployer_nonce(self) -> int:
        """Nonce of the first account's next transaction."""
        return self.web3.eth.get_transaction_count(self.accounts[0])

    def advance_time(self, seconds: int) -> None:
        """Mine a block `seconds` after the latest one; at least 1."""
        # eth-tester mines one second before the time that it is given.
        self._tester.time_travel(self.now_s + seconds + 1)

    def private_key(self, account: str) -> bytes:
        """Return the key of a funded account, 32 bytes; for signing attestations.

        Raises
        ------
        KeyError
            If the account is not one of `accounts`.
        """
        if account not in self.accounts:
            raise KeyError(f"{account} is not an account of this chain")
        key: bytes = self._backend.account_keys[self.accounts.index(account)].to_bytes()
        return key

    def deploy(self, name: str, *args: object, sender: str | None = None) -> str:
        """Deploy a contract.

        Parameters
        ----------
        name : str
            File stem under ``contracts/``.
        *args : object
            Constructor arguments.
        sender : str, optional
            Deployer; the first account by default.

        Returns
        -------
        str
            Checksum address of the contract.

        Raises
        ------
        ContractRevertedError
            If the constructor reverts.
        """
        compiled = compiled_by_name(name)
        factory = self.web3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode)
        receipt = self._send(factory.constructor(*args), name, sender, 0)
        address = receipt["contractAddress"]
        assert address is not None  # a mined deployment has an address
        return address

    def transact(
        self,
        name: str,
        address: str,
        function: str,
        *args: object,
        sender: str | None = None,
        value_wei: int = 0,
    ) -> TxReceipt:
        """Send a transaction to a contract and mine it.

        Parameters
        ----------
        name, address, function : str
            Contract (file stem), where it is, and which function.
        *args : object
            Its arguments.
        sender : str, optional
            A funded account; the first one by default.
        value_wei : int
            Ether sent along.

        Returns
        -------
        TxReceipt
            Mined and successful.

        Raises
        ------
        ContractRevertedError
            With the contract's reason; the state is unchanged.
        """
        bound = self.contract(name, address).functions[function](*args)
        return self._send(bound, function, sender, value_wei)

    def _send(
        self,
        bound: ContractFunction | ContractConstructor,
        label: str,
        sender: str | None,
        value_wei: int,
    ) -> TxReceipt:
        params: TxParams = {
            "from": to_checksum_address(sender or self.accounts[0]),
            "value": Wei(value_wei),
            "gas": MAX_TRANSACTION_GAS,  # an estimate would run every transaction twice
            "maxFeePerGas": Wei(MAX_FEE_PER_GAS_WEI),
            "maxPriorityFeePerGas": Wei(0),
        }
        receipt = self.web3.eth.get_transaction_receipt(bound.transact(params))
        if receipt["status"] != 1:
            if receipt["gasUsed"] == MAX_TRANSACTION_GAS:
                raise ContractRevertedError(f"out of gas: more than {MAX_TRANSACTION_GAS:,}")
            # A receipt carries no reason. The state is that before the
            # transaction, so running it again tells the reason.
            try:
                self.web3.eth.call(bound.build_transaction(params))
            except (ContractLogicError, TransactionFailed) as error:
                raise ContractRevertedError(revert_reason(error)) from error
            raise ContractRevertedError("no reason")
        self.gas_used[label].append(receipt["gasUsed"])
        return receipt
