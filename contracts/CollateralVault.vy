# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title CollateralVault: custody of ether and tokens on L1
@license Apache-2.0
@notice Holds what users deposit and pays what the gateway's settled
        withdrawals say. One ledger per asset: a loss of one asset reaches
        nobody who has none of it. Which chain may be debited by how much is
        the gateway's business.
@dev Every function is locked against re-entrancy, views too: during a call
     of a token or a receiver, ledger and holdings may not fit each other.
     Parts of a native amount below one engine unit stay here as surplus.
@custom:kill None. Owner and guardian can end deposits; nobody can stop
        claims, move what is owed, or change what an asset is.
@custom:invariant Per asset, the native value of the ledger is at most what
        the vault holds, unless the token itself took from the vault.
"""

from contracts.common import ownable_2step
from contracts.vault import asset_registry
from contracts.vault import custody
from contracts.vault import deposit_gate
from contracts.vault import ledger
from contracts.vault import outflow_limit
from contracts.vault import payout_queue
from interfaces import ICollateralVault
from interfaces import IGateway

implements: ICollateralVault

initializes: ownable_2step
initializes: deposit_gate[ownable_2step := ownable_2step]
initializes: asset_registry
initializes: ledger[
    ownable_2step := ownable_2step,
    deposit_gate := deposit_gate,
    asset_registry := asset_registry
]
initializes: outflow_limit[ownable_2step := ownable_2step, asset_registry := asset_registry]
initializes: payout_queue

exports: (
    # roles
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    deposit_gate.guardian,
    deposit_gate.set_guardian,
    # gate
    deposit_gate.gateway,
    deposit_gate.set_gateway,
    deposit_gate.is_paused,
    deposit_gate.pause,
    deposit_gate.resume,
    # assets
    asset_registry.to_units,
    asset_registry.to_native,
    # ledger
    ledger.set_cap,
    ledger.set_min_deposit,
    ledger.impair,
    ledger.restore,
    ledger.asset,
    ledger.ledger_units,
    ledger.holdings_native,
    ledger.surplus_native,
    ledger.deficit_native,
    # outflow
    outflow_limit.set_outflow_limit,
    outflow_limit.activate_outflow_limit,
    outflow_limit.outflow,
    payout_queue.payout_count,
    payout_queue.queued_payout,
)

# Payout id of what is paid without waiting.
NOT_QUEUED: constant(uint256) = max_value(uint256)

# @notice Receiver of surplus.
treasury: public(address)


@deploy
def __init__(owner: address, guardian: address, treasury: address):
    """
    @notice Create an empty vault.
    @param owner Registers assets and, once, the gateway; sets limits.
    @param guardian May pause deposits; zero: nobody.
    @param treasury Receiver of surplus.
    """
    ownable_2step.__init__(owner)
    deposit_gate.__init__(guardian)
    self._set_treasury(treasury)


@external
def set_treasury(treasury: address):
    """
    @notice Send surplus elsewhere from now on; owner only.
    @param treasury Receiver of surplus.
    """
    ownable_2step._check_owner()
    self._set_treasury(treasury)


@external
def register_asset(asset_id: uint256, terms: ICollateralVault.AssetTerms):
    """
    @notice Give an asset its id and its first limits; owner only.
    @param asset_id Free id, as the engine uses it (0 is the quote).
    @param terms What the asset is, for good, and its first limits.
    """
    ownable_2step._check_owner()
    asset_registry._register(asset_id, terms)
    ledger._open(asset_id, terms.cap_units, terms.min_deposit_units)
    outflow_limit._register(asset_id, terms.hourly_outflow_units)


@external
@payable
def deposit(chain_id: uint256, asset_id: uint256, amount_native: uint256) -> uint256:
    """
    @notice Move an asset into custody and queue the credit to the caller's
            account on a chain.
    @dev What arrived is known only after the token was called; ledger and
         queue are written after that, under the lock.
    @param chain_id Registered chain.
    @param asset_id Registered asset.
    @param amount_native Amount in native units, and of an aToken in its
           balance. For ether it equals the value sent; tokens need an
           allowance to the vault.
    @return Index of the deposit in the chain's priority queue.
    """
    gateway: address = deposit_gate._open_gateway()
    asset: asset_registry.Custody = asset_registry._custody(asset_id)
    book: ledger.Book = ledger._book(asset_id)
    assert not book.is_impaired, "V30: asset is impaired"
    held_native: uint256 = 0
    received_native: uint256 = 0
    held_native, received_native = custody._receive(asset, msg.sender, amount_native)
    amount_units: uint256 = asset_registry._to_units(asset.decimals, received_native)
    assert amount_units >= book.min_deposit_units, "V31: deposit is below the smallest one"
    assert amount_units < asset_registry.UNITS_BOUND, "V32: deposited units are 2^62 or more"
    ledger._credit(asset_id, asset, held_native, amount_units)
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
def claim(
    chain_id: uint256,
    batch: uint256,
    index: uint256,
    owner: address,
    asset_id: uint256,
    amount_units: uint256,
    path: DynArray[bytes32, 20],
):
    """
    @notice Pay a settled withdrawal to its owner, or queue it if it is
            beyond the hourly limit. Anyone may call (only the owner, while
            the asset has a deficit), nobody can stop it, and it pays once.
    @param chain_id Chain that withdrew.
    @param batch Last batch of the settlement that carries the withdrawal.
    @param index Position of the withdrawal in that settlement.
    @param owner Address that is paid.
    @param asset_id Registered asset.
    @param amount_units Amount in engine units.
    @param path Sibling hashes from the leaf up to the root.
    """
    extcall IGateway(deposit_gate._gateway()).consume_withdrawal(
        chain_id, batch, index, owner, asset_id, amount_units, path
    )
    self._pay_or_queue(chain_id, owner, asset_id, amount_units)


@external
def claim_credit(chain_id: uint256, owner: address, asset_id: uint256):
    """
    @notice Pay to its owner what a frozen chain owes by a refund or an
            escape. Who may call is as for a claim.
    @param chain_id Frozen chain.
    @param owner Address that is paid.
    @param asset_id Registered asset.
    """
    amount_units: uint256 = extcall IGateway(deposit_gate._gateway()).consume_credit(
        chain_id, owner, asset_id
    )
    self._pay_or_queue(chain_id, owner, asset_id, amount_units)


@external
def pay_queued(payout_id: uint256):
    """
    @notice Pay a payout that has waited three hours, whatever the limit.
            Who may call is as for a claim.
    @param payout_id Number of the payout.
    """
    payout: ICollateralVault.QueuedPayout = payout_queue._remove_ready(payout_id)
    asset: asset_registry.Custody = asset_registry._custody(payout.asset_id)
    amount_native: uint256 = ledger._payout_native(
        payout.asset_id, asset, payout.owner, payout.amount_units
    )
    self._pay(
        payout.asset_id, asset, payout.owner, payout.amount_units, amount_native, payout_id
    )


@external
def skim(asset_id: uint256) -> uint256:
    """
    @notice Send to the treasury what the vault holds of an asset above its
            ledger; for treasury and owner, so that nobody else can choose a
            moment at which a token shows too much.
    @param asset_id Registered asset.
    @return Amount in native units.
    """
    treasury: address = self.treasury
    assert (
        msg.sender == treasury or msg.sender == ownable_2step.owner
    ), "V34: caller is neither treasury nor owner"
    asset: asset_registry.Custody = asset_registry._custody(asset_id)
    amount_native: uint256 = ledger._surplus_native(asset_id, asset)
    assert amount_native > 0, "V35: there is no surplus"
    log ICollateralVault.Skimmed(
        asset_id=asset_id, treasury=treasury, amount_native=amount_native
    )
    custody._send(asset, treasury, amount_native)
    return amount_native


@internal
def _set_treasury(treasury: address):
    assert treasury != empty(address), "V33: treasury is the zero address"
    self.treasury = treasury
    log ICollateralVault.TreasurySet(treasury=treasury)


@internal
def _pay_or_queue(
    chain_id: uint256, owner: address, asset_id: uint256, amount_units: uint256
):
    """
    @dev A frozen chain's payouts neither wait nor fill the bucket: what it
         can still pay is settled, and users of other chains go on as usual.
    """
    asset: asset_registry.Custody = asset_registry._custody(asset_id)
    amount_native: uint256 = ledger._payout_native(asset_id, asset, owner, amount_units)
    is_unlimited: bool = staticcall IGateway(deposit_gate._gateway()).is_frozen(chain_id)
    if is_unlimited or outflow_limit._take(asset_id, amount_units):
        self._pay(asset_id, asset, owner, amount_units, amount_native, NOT_QUEUED)
    else:
        payout_queue._append(owner, asset_id, amount_units)


@internal
def _pay(
    asset_id: uint256,
    asset: asset_registry.Custody,
    owner: address,
    amount_units: uint256,
    amount_native: uint256,
    payout_id: uint256,
):
    ledger._debit(asset_id, amount_units)
    log ICollateralVault.PaidOut(
        owner=owner,
        asset_id=asset_id,
        payout_id=payout_id,
        amount_units=amount_units,
        amount_native=amount_native,
    )
    # Less than one native unit is nothing, and some tokens refuse nothing.
    if amount_native > 0:
        custody._send(asset, owner, amount_native)
