"""The demo's verdict: the vault holds exactly what the engine says it owes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from offchain.demo.exchange import ASSET_SYMBOLS, WEI_PER_UNIT, Exchange
from offchain.settlement.devnet import ETHER_ASSET
from offchain.spec.constants import FEE_ACCOUNT, INSURANCE_ACCOUNT
from offchain.spec.records import Account


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
        The vault's ledger, the engine's total, and the sum over its accounts.
    fee_units : int
        Part of it that the fee account earned.
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


def check_assets(exchange: Exchange, account_ids: list[int]) -> list[AssetCheck]:
    """Compare vault and engine for every asset.

    Parameters
    ----------
    exchange : Exchange
        All batches settled, all withdrawals claimed.
    account_ids : list of int
        All accounts but those of fees and insurance.
    """
    every_id = [*account_ids, FEE_ACCOUNT, INSURANCE_ACCOUNT]
    accounts = [exchange.sequencer.state.account(account_id) for account_id in every_id]
    fees = exchange.sequencer.state.account(FEE_ACCOUNT)
    return [_check_asset(exchange, asset_id, accounts, fees) for asset_id in ASSET_SYMBOLS]


def count_unwithdrawn(exchange: Exchange, account_ids: list[int]) -> int:
    """Return how many balances of these accounts L1 could still pay, at least in part."""
    state = exchange.sequencer.state
    steps = {asset_id: state.asset(asset_id).withdraw_step_units for asset_id in ASSET_SYMBOLS}
    return sum(
        balance_units(state.account(account_id), asset_id) >= step
        for account_id in account_ids
        for asset_id, step in steps.items()
    )


def balance_units(account: Account, asset_id: int) -> int:
    """Return an account's free and locked units of an asset."""
    if asset_id + 1 not in account.asset_ids:
        return 0
    slot = account.asset_ids.index(asset_id + 1)
    return account.free[slot] + account.locked[slot]


def _check_asset(
    exchange: Exchange, asset_id: int, accounts: list[Account], fees: Account
) -> AssetCheck:
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
        held = l1.call("TokenMock", deployment.assets[asset_id], "balanceOf", vault)
        vault_native = cast("int", held)
    owed_units = exchange.sequencer.state.asset(asset_id).total_units
    return AssetCheck(
        symbol=ASSET_SYMBOLS[asset_id],
        vault_native=vault_native,
        owed_native=read("to_native", asset_id, owed_units),
        surplus_native=surplus_native,
        vault_ledger_units=read("ledger_units", asset_id),
        owed_units=owed_units,
        accounts_units=sum(balance_units(account, asset_id) for account in accounts),
        fee_units=balance_units(fees, asset_id),
    )
