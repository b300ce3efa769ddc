"""Traders of the demo and their money: deposits through the vault on L1."""

from __future__ import annotations

import hashlib
from typing import Final, Protocol, cast

from offchain.demo.client import Progress, Trader
from offchain.demo.exchange import ROLE_COUNT, Exchange
from offchain.demo.flow import DemoFlow
from offchain.demo.perpetual import STAKED_UNITS, extra_quote_units
from offchain.engine.signing import SigningKey
from offchain.settlement.deployment import Deployment
from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET, QUOTE_DECIMALS, STAKED_ASSET
from offchain.settlement.l1 import L1Client
from offchain.settlement.priority import SUB_ACCOUNTS_PER_MASTER
from offchain.spec.constants import QUOTE_DECIMALS as UNIT_DECIMALS

_AGENT_OF_EVERY: Final = 5  # so many traders, one lets an agent's key trade
WEI_PER_UNIT: Final = 10 ** (18 - UNIT_DECIMALS)


def fund_traders(exchange: Exchange, flow: DemoFlow, progress: Progress) -> list[Trader]:
    """Deposit for every account of the flow; return the traders in their order.

    Ether deposits carry a few wei that no unit can express, so that the vault ends with a surplus.
    """
    traders: list[Trader] = []
    quote_units, base_units = flow.needs()
    for number in range(flow.n_accounts):
        address = exchange.l1.accounts[ROLE_COUNT + number]
        need_units = int(quote_units[number]) + extra_quote_units(number)
        whole_usdc = need_units // 10**UNIT_DECIMALS + 1
        deposit(exchange, address, QUOTE_ASSET, whole_usdc * 10**QUOTE_DECIMALS)
        surplus_wei = number + 1
        ether_wei = (int(base_units[number]) + 1) * WEI_PER_UNIT + surplus_wei
        deposit(exchange, address, ETHER_ASSET, ether_wei)
        if number in STAKED_UNITS:
            deposit(exchange, address, STAKED_ASSET, STAKED_UNITS[number] * WEI_PER_UNIT)
        has_agent = number % _AGENT_OF_EVERY == 0
        traders.append(_trader(exchange, address, has_agent=has_agent))
        progress(number + 1, flow.n_accounts)
    return traders


class OnL1(Protocol):
    """A chain whose contracts stand on an L1."""

    @property
    def l1(self) -> L1Client:
        """L1."""

    @property
    def deployment(self) -> Deployment:
        """Where the contracts are."""


def deposit(exchange: OnL1, depositor: str, asset_id: int, amount_native: int) -> None:
    """Deposit wei or token base units; the depositor makes and approves tokens first."""
    l1, deployment = exchange.l1, exchange.deployment
    token, vault = deployment.assets[asset_id], deployment.vault
    if asset_id == QUOTE_ASSET:
        l1.transact("TokenMock", token, "mint", depositor, amount_native)
        l1.transact("TokenMock", token, "approve", vault, amount_native, sender=depositor)
    elif asset_id == STAKED_ASSET:
        pool = ("StEthMock", deployment.contracts["StEthMock"])
        l1.transact(*pool, "mint_shares", depositor, amount_native)
        l1.transact(*pool, "approve", token, amount_native, sender=depositor)
        l1.transact("WstEthMock", token, "wrap_shares", amount_native, sender=depositor)
        l1.transact("WstEthMock", token, "approve", vault, amount_native, sender=depositor)
    l1.transact(
        "CollateralVault",
        vault,
        "deposit",
        deployment.chain_id,
        asset_id,
        amount_native,
        sender=depositor,
        value_wei=amount_native if asset_id == ETHER_ASSET else 0,
    )


def _trader(exchange: Exchange, address: str, *, has_agent: bool) -> Trader:
    l1, deployment = exchange.l1, exchange.deployment
    master = l1.call("PriorityQueue", deployment.queue, "account_of", deployment.chain_id, address)
    owner_key = l1.private_key(address)
    # A demo key that needs no storage of its own; real agents draw theirs at random.
    agent_key = hashlib.sha256(b"demo agent" + owner_key).digest()
    return Trader(
        address=address,
        account_id=cast("int", master) * SUB_ACCOUNTS_PER_MASTER,
        owner=SigningKey(owner_key),
        agent=SigningKey(agent_key) if has_agent else None,
        next_nonce=exchange.clock.now_ms(),
    )
