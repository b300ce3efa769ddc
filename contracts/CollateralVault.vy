# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title CollateralVault: custody of ether and ERC-20 tokens on L1
@license Apache-2.0
@notice Holds what users deposit and pays what the gateway's settled
        withdrawals say. It keeps one balance per (chain, asset), so that a
        chain can lose only what was deposited to it.
@dev Deposits are credited by what arrived. Parts of a native amount below
     one engine unit stay in the vault as surplus.
@custom:kill None. The owner registers assets and can neither stop claims
        nor move funds.
@custom:invariant Per asset, the native value of the balances of all chains
        is at most what the vault holds.
"""

from contracts.common import ownable_2step
from contracts.vault import asset_registry
from contracts.vault import transfers
from interfaces import ICollateralVault
from interfaces import IGateway

implements: ICollateralVault

initializes: ownable_2step
initializes: asset_registry[ownable_2step := ownable_2step]

exports: (
    # roles
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    # assets
    asset_registry.register_asset,
    asset_registry.asset,
    asset_registry.to_units,
    asset_registry.to_native,
)

# @notice Gateway that queues the vault's deposits and checks its claims;
#         zero: not set yet.
gateway: public(address)
# @notice Engine units deposited to a chain and not yet claimed.
# @param arg0 Chain id.
# @param arg1 Asset id.
chain_balance_units: public(HashMap[uint256, HashMap[uint16, uint256]])


@deploy
def __init__(owner: address):
    """
    @notice Create an empty vault.
    @param owner Registers assets and, once, the gateway.
    """
    ownable_2step.__init__(owner)


@external
@nonreentrant
def set_gateway(gateway: address):
    """
    @notice Bind the vault to its gateway, once and for good; owner only.
    @param gateway Gateway that was created for this vault.
    """
    ownable_2step._check_owner()
    assert self.gateway == empty(address), "V13: gateway is already set"
    assert gateway.is_contract, "V14: gateway is not a contract"
    assert staticcall IGateway(gateway).vault() == self, "V15: gateway serves another vault"
    self.gateway = gateway
    log ICollateralVault.GatewaySet(gateway=gateway)


@external
@payable
@nonreentrant
def deposit(chain_id: uint256, asset_id: uint16, amount_native: uint256) -> uint256:
    """
    @notice Move ether or tokens into custody and queue the credit to the
            caller's account on a chain.
    @param chain_id Registered chain.
    @param asset_id Registered asset.
    @param amount_native Amount in the token's own base units. For ether it
           equals the value sent; tokens need an allowance to the vault.
    @return Index of the deposit in the chain's priority queue.
    """
    gateway: address = self.gateway
    assert gateway != empty(address), "V16: gateway is not set"
    asset: ICollateralVault.Asset = asset_registry._asset(asset_id)
    received_native: uint256 = transfers._receive(asset.token, msg.sender, amount_native)
    amount_units: uint256 = asset_registry._to_units(asset.decimals, received_native)
    assert amount_units > 0, "V17: less than one unit arrived"
    assert amount_units < asset_registry.UNITS_BOUND, "V18: deposited units are 2^62 or more"
    self.chain_balance_units[chain_id][asset_id] += amount_units
    priority_index: uint256 = extcall IGateway(gateway).enqueue_deposit(
        chain_id, msg.sender, asset_id, amount_units
    )
    log ICollateralVault.Deposited(
        chain_id=chain_id,
        depositor=msg.sender,
        asset_id=asset_id,
        received_native=received_native,
        amount_units=amount_units,
        priority_index=priority_index,
    )
    return priority_index


@external
@nonreentrant
def claim(
    chain_id: uint256,
    batch: uint256,
    index: uint256,
    owner: address,
    asset_id: uint16,
    amount_units: uint256,
    path: DynArray[bytes32, 20],
):
    """
    @notice Pay a settled withdrawal to its owner. Anyone may call, nobody
            can stop it, and it pays once.
    @param chain_id Chain that withdrew.
    @param batch Last batch of the settlement that carries the withdrawal.
    @param index Position of the withdrawal in that settlement.
    @param owner Address that is paid.
    @param asset_id Registered asset.
    @param amount_units Amount in engine units.
    @param path Sibling hashes from the leaf up to the root.
    """
    extcall IGateway(self.gateway).consume_withdrawal(
        chain_id, batch, index, owner, asset_id, amount_units, path
    )
    asset: ICollateralVault.Asset = asset_registry._asset(asset_id)
    amount_native: uint256 = asset_registry._to_native(asset.decimals, amount_units)
    balance_units: uint256 = self.chain_balance_units[chain_id][asset_id]
    assert amount_units <= balance_units, "V19: chain's balance is too small"
    self.chain_balance_units[chain_id][asset_id] = balance_units - amount_units
    log ICollateralVault.Claimed(
        chain_id=chain_id,
        owner=owner,
        asset_id=asset_id,
        batch=batch,
        index=index,
        amount_units=amount_units,
        amount_native=amount_native,
    )
    transfers._send(asset.token, owner, amount_native)
