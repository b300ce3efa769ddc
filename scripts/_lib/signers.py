"""Who sends transactions: off local networks no test account, as everyone has its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ape
import click

from offchain.settlement.devnet import is_local
from scripts._lib.ape_client import connected_network

if TYPE_CHECKING:
    from ape.api import AccountAPI


def signer(alias: str | None) -> AccountAPI:
    """Return the account of an alias, or the first test account on a local network.

    Raises
    ------
    click.ClickException
        If the alias is unknown, or the account's key is public on a network that is not local.
    """
    network = connected_network()
    if alias is None and is_local(*network):
        return ape.accounts.test_accounts[0]
    if alias is not None:
        try:
            account = ape.accounts.load(alias)
        except KeyError as error:
            raise click.ClickException(f"{error}; see `ape accounts list`") from error
        if is_local(*network) or account.address not in ape.accounts.test_accounts:
            return account
    raise click.ClickException(
        f"refusing to pay with a test account on network '{network[0]}' (chain id {network[1]}): "
        "everyone has its key; give --account with an alias of `ape accounts list`"
    )
