# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Ledger of the vault
@notice What the vault owes of each asset, and how that compares with what it
        holds. Only deposits and payouts move the ledger: forced ether, gifts
        and yield are surplus, and a loss is a deficit of that asset alone.
"""

from contracts.vault import asset_registry
from contracts.vault import custody

uses: asset_registry

# @notice Engine units deposited and not yet paid out.
# @param arg0 Asset id.
ledger_units: public(HashMap[uint256, uint256])


@external
@view
def holdings_native(asset_id: uint256) -> uint256:
    """
    @notice What the vault holds of an asset.
    @param asset_id Registered asset.
    @return Amount in native units.
    """
    return custody._holdings(asset_registry._custody(asset_id))


@external
@view
def surplus_native(asset_id: uint256) -> uint256:
    """
    @notice By how much the vault holds more than its ledger says.
    @param asset_id Registered asset.
    @return Amount in native units; 0 in a deficit.
    """
    return self._surplus_native(asset_id, asset_registry._custody(asset_id))


@external
@view
def deficit_native(asset_id: uint256) -> uint256:
    """
    @notice By how much the vault holds less than its ledger says. While this
            is above zero, payouts are scaled by holdings / ledger, and only
            their owner may ask for them.
    @param asset_id Registered asset.
    @return Amount in native units.
    """
    asset: asset_registry.Custody = asset_registry._custody(asset_id)
    held_native: uint256 = custody._holdings(asset)
    return max(self._owed_native(asset_id, asset.decimals), held_native) - held_native


@internal
def _credit(
    asset_id: uint256,
    decimals: uint256,
    held_native: uint256,
    amount_units: uint256,
    cap_units: uint256,
):
    """
    @dev `held_native` is what the vault held before the deposit: whoever
         deposits into a deficit would pay for a loss that others had.
    """
    assert held_native >= self._owed_native(
        asset_id, decimals
    ), "V17: asset has lost value: a deposit would share the loss"
    ledger: uint256 = self.ledger_units[asset_id] + amount_units
    assert ledger <= cap_units, "V18: deposit exceeds the asset's cap"
    self.ledger_units[asset_id] = ledger


@internal
@view
def _surplus_native(asset_id: uint256, asset: asset_registry.Custody) -> uint256:
    held_native: uint256 = custody._holdings(asset)
    return held_native - min(self._owed_native(asset_id, asset.decimals), held_native)


@internal
@view
def _owed_native(asset_id: uint256, decimals: uint256) -> uint256:
    """
    @dev The whole ledger, rounded up. Payouts round down one by one, so this
         is enough for them in any order.
    """
    ledger: uint256 = self.ledger_units[asset_id]
    if decimals >= asset_registry.UNIT_DECIMALS:
        return asset_registry._to_native(decimals, ledger)
    units_per_native: uint256 = 10 ** (asset_registry.UNIT_DECIMALS - decimals)
    return (ledger + units_per_native - 1) // units_per_native


@internal
@view
def _payout_native(
    asset_id: uint256, asset: asset_registry.Custody, owner: address, amount_units: uint256
) -> uint256:
    """
    @dev What a payout sends now. An asset that has lost something pays
         everyone the same share. Only the owner can decide to take it rather
         than to wait for the loss to be made good.
    """
    ledger: uint256 = self.ledger_units[asset_id]
    assert amount_units <= ledger, "V19: payout is more than the ledger"
    held_native: uint256 = custody._holdings(asset)
    if held_native >= self._owed_native(asset_id, asset.decimals):
        return asset_registry._to_native(asset.decimals, amount_units)
    assert msg.sender == owner, "V20: asset has lost value: only the owner may ask"
    # held_native < 2^80 * 10^28 and amount_units <= ledger < 2^80.
    return held_native * amount_units // ledger
