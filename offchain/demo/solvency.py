"""The demo's verdict: vault, sequencer and the state rebuilt from L1 alone tell the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from offchain.demo.exchange import CHAIN_ID, Exchange
from offchain.demo.listing import ASSET_SYMBOLS, WITHDRAW_STEPS
from offchain.demo.traders import WEI_PER_UNIT
from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.rebuild import RebuiltChain, rebuild
from offchain.spec.constants import FEE_ACCOUNT, INSURANCE_ACCOUNT, MAX_MARKETS
from offchain.spec.kinds import Subtree
from offchain.spec.records import Account, Position
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import account_index


@dataclass(frozen=True, slots=True)
class AssetCheck:
    """One asset at the end of the demo.

    Attributes
    ----------
    symbol : str
        Ticker.
    vault_native : int
        What the vault holds: wei or token base units.
    owed_native : int
        What the engine still owes (fees, dust), converted by the vault's own rule.
    surplus_native : int
        Deposited amounts below one engine unit, which belong to nobody.
    vault_ledger_units, owed_units, accounts_units : int
        The vault's ledger, the sequencer's total, and the sum over the accounts, positions and
        funding pools that events of L1 rebuild.
    fee_units : int
        Part of it that the accounts of fees and insurance earned.
    """

    symbol: str
    vault_native: int
    owed_native: int
    surplus_native: int
    vault_ledger_units: int
    owed_units: int
    accounts_units: int
    fee_units: int

    @property
    def is_equal(self) -> bool:
        """Whether all three ledgers and the holdings agree exactly."""
        return (
            self.vault_native == self.owed_native + self.surplus_native
            and self.vault_ledger_units == self.owed_units == self.accounts_units
        )


def rebuilt_chain(exchange: Exchange) -> RebuiltChain:
    """Return the state that events of L1 alone give."""
    return rebuild(exchange.l1, exchange.deployment, CHAIN_ID)


def is_rebuilt_equal(exchange: Exchange, chain: RebuiltChain) -> bool:
    """Return whether it is the sequencer's: the root, and every account and position."""
    view = exchange.sequencer.state
    return chain.proofs.root == exchange.sequencer.open_batch_root and all(
        data == view.leaf(subtree, number)
        for (subtree, number), data in chain.state.leaves.items()
        if subtree in (Subtree.ACCOUNTS, Subtree.POSITIONS)
    )


def check_assets(exchange: Exchange, chain: RebuiltChain) -> list[AssetCheck]:
    """Compare vault, sequencer and rebuilt state for every asset.

    Parameters
    ----------
    exchange : Exchange
        All batches settled, all withdrawals claimed.
    chain : RebuiltChain
        See `rebuilt_chain`.
    """
    return [_check_asset(exchange, chain, asset_id) for asset_id in ASSET_SYMBOLS]


def count_unwithdrawn(exchange: Exchange, account_ids: list[int]) -> int:
    """Return how many balances of these accounts L1 could still pay, at least in part."""
    state = exchange.sequencer.state
    return sum(
        balance_units(state.account(account_id), asset_id) >= step
        for account_id in account_ids
        for asset_id, step in WITHDRAW_STEPS.items()
    )


def balance_units(account: Account, asset_id: int) -> int:
    """Return an account's free and locked units of an asset."""
    if asset_id + 1 not in account.asset_ids:
        return 0
    slot = account.asset_ids.index(asset_id + 1)
    return account.free[slot] + account.locked[slot]


def _units(chain: RebuiltChain, asset_id: int) -> int:
    """Sum what belongs to anyone; of the quote also what is in positions and funding pools."""
    units = 0
    for (subtree, number), data in chain.state.leaves.items():
        if subtree == Subtree.ACCOUNTS:
            units += balance_units(Account.from_bytes(data), asset_id)
        elif asset_id == QUOTE_ASSET and subtree == Subtree.POSITIONS:
            position = Position.from_bytes(data)
            units += position.isolated_margin - position.cost
        elif asset_id == QUOTE_ASSET and subtree == Subtree.RISK and number < MAX_MARKETS:
            units += MarketRisk.from_bytes(data).pool
    return units


def _check_asset(exchange: Exchange, chain: RebuiltChain, asset_id: int) -> AssetCheck:
    l1, deployment = exchange.l1, exchange.deployment
    vault = deployment.vault

    def read(function: str, *args: object) -> int:
        return cast("int", l1.call("CollateralVault", vault, function, *args))

    surplus_native = 0
    if asset_id == ETHER_ASSET:
        vault_native = l1.balance_wei(vault)
        surplus_native = sum(
            log["args"]["received_native"] - log["args"]["amount_units"] * WEI_PER_UNIT
            for log in l1.events("CollateralVault", vault, "Deposited")
            if log["args"]["asset_id"] == asset_id
        )
    else:
        # Every token answers this as the mock does.
        held = l1.call("TokenMock", deployment.assets[asset_id], "balanceOf", vault)
        vault_native = cast("int", held)
    earners = (
        Account.from_bytes(chain.state.leaves[Subtree.ACCOUNTS, account_index(number)])
        for number in (FEE_ACCOUNT, INSURANCE_ACCOUNT)
    )
    owed_units = exchange.sequencer.state.asset(asset_id).total_units
    return AssetCheck(
        symbol=ASSET_SYMBOLS[asset_id],
        vault_native=vault_native,
        owed_native=read("to_native", asset_id, owed_units),
        surplus_native=surplus_native,
        vault_ledger_units=read("ledger_units", asset_id),
        owed_units=owed_units,
        accounts_units=_units(chain, asset_id),
        fee_units=sum(balance_units(account, asset_id) for account in earners),
    )
