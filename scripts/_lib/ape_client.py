"""Ape's connected network as the deployer's chain client."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ape

if TYPE_CHECKING:
    from ape.api import AccountAPI

# ape finds the compiler by PATH, which an environment that is called by its
# path (.venv/bin/ape) does not extend.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))


def connected_network() -> tuple[str, int]:
    """Name (``local`` in process) and chain id of the network that ape is connected to.

    The id is the node's own answer: under ``ethereum:local`` Ape's ``chain_id`` is a setting, which
    a live node behind that name does not change.
    """
    provider = ape.chain.provider
    return str(provider.network.name), int(provider.web3.eth.chain_id)


class ApeClient:
    """Sends every transaction from one account.

    Parameters
    ----------
    account : AccountAPI
        Deployer.
    """

    def __init__(self, account: AccountAPI) -> None:
        self._account = account

    @property
    def network_name(self) -> str:
        """Name of the network, without its ecosystem; ``local`` in process."""
        return connected_network()[0]

    @property
    def chain_id(self) -> int:
        """Chain id of L1."""
        return connected_network()[1]

    @property
    def deployer(self) -> str:
        """Address that deploys."""
        return str(self._account.address)

    @property
    def deployer_nonce(self) -> int:
        """Nonce of its next transaction."""
        return int(self._account.nonce)

    def deploy(self, name: str, *args: object) -> str:
        """Deploy the contract with this file stem and return its address."""
        factory = getattr(ape.project, name)
        return str(factory.deploy(*args, sender=self._account).address)

    def code(self, address: str) -> bytes:
        """Return the code at an address; empty where there is none."""
        return bytes(ape.chain.provider.web3.eth.get_code(address))

    def transact(self, name: str, address: str, function: str, *args: object) -> object:
        """Send a transaction and wait until it is mined."""
        contract = getattr(ape.project, name).at(address)
        return getattr(contract, function)(*args, sender=self._account)

    def call(self, name: str, address: str, function: str, *args: object) -> object:
        """Read from a contract on the latest state."""
        return getattr(getattr(ape.project, name).at(address), function)(*args)
