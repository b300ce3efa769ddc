"""An L1 behind a node's URL: reads without a key, sends with one."""

from __future__ import annotations

from typing import Any, Final, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, Web3Exception
from web3.types import TxParams, TxReceipt

from offchain.settlement.devnet import is_local
from offchain.settlement.l1 import ContractRevertedError, revert_reason
from offchain.settlement.rebuild import RescueCode, RescueError
from offchain.settlement.web3_contracts import Web3Contracts

TEST_MNEMONIC: Final = "test test test test test test test test test test test junk"
"""Seed of the accounts of Ape, Foundry and Hardhat."""
TEST_ACCOUNTS: Final = 20
LEAST_KEY: Final = 1 << 64
"""Smaller keys are guessed; embedded chains count theirs from 1."""
RECEIPT_TIMEOUT_S: Final = 600


class RpcChain(Web3Contracts):
    """A node that answers Ethereum's JSON-RPC.

    Parameters
    ----------
    url
        ``http://`` or ``https://`` address of the node.
    key
        Signs what is sent; None: reads only.

    Raises
    ------
    RescueError
        RPC_UNREACHABLE if the node does not answer.
    """

    def __init__(self, url: str, key: LocalAccount | None = None) -> None:
        web3 = Web3(HTTPProvider(url))
        if not web3.is_connected():
            raise RescueError(
                RescueCode.RPC_UNREACHABLE,
                "the node does not answer JSON-RPC; check --rpc, which begins with http:// or "
                "https://",
            )
        super().__init__(web3, [key.address] if key else [])
        self._key = key

    def transact(self, name: str, address: str, function: str, *args: object) -> TxReceipt:
        """Send a transaction and wait until it is mined.

        Raises
        ------
        ContractRevertedError
            With the contract's reason, before anything is sent where that is known.
        RescueError
            NO_KEY if there is none.
        """
        key = self._key
        if key is None:
            raise RescueError(RescueCode.NO_KEY, "no key is given, so nothing can be sent")
        bound = self.contract(name, address).functions[function](*args)
        sender = to_checksum_address(key.address)
        params: TxParams = {
            "from": sender,
            "nonce": self.web3.eth.get_transaction_count(sender, "pending"),
        }
        try:
            signed = key.sign_transaction(cast("dict[str, Any]", bound.build_transaction(params)))
        except ContractLogicError as error:
            raise ContractRevertedError(revert_reason(error)) from error
        sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, timeout=RECEIPT_TIMEOUT_S)
        if receipt["status"] != 1:
            raise ContractRevertedError("no reason")
        return receipt


def signing_key(private_key: str | bytes, network: str, l1_chain_id: int) -> LocalAccount:
    """Return the account of a private key.

    Parameters
    ----------
    private_key
        32 bytes, or 64 hexadecimal digits.
    network, l1_chain_id
        Where it is to send; on networks that are not local, keys that everyone has are refused.

    Raises
    ------
    RescueError
        NO_KEY if it is no key, PUBLIC_KEY.
    """
    try:
        account = cast("LocalAccount", Account.from_key(private_key))
    except (ValueError, Web3Exception) as error:
        raise RescueError(
            RescueCode.NO_KEY, "the private key is not 32 bytes in hexadecimal digits"
        ) from error
    if not is_local(network, l1_chain_id) and _is_public(account):
        raise RescueError(
            RescueCode.PUBLIC_KEY,
            f"refusing to send from {account.address} on network '{network}' (chain id "
            f"{l1_chain_id}): everyone has its key; give another one",
        )
    return account


def _is_public(account: LocalAccount) -> bool:
    Account.enable_unaudited_hdwallet_features()
    seeded = {
        Account.from_mnemonic(TEST_MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}").address
        for number in range(TEST_ACCOUNTS)
    }
    return account.address in seeded or int.from_bytes(account.key, "big") < LEAST_KEY
