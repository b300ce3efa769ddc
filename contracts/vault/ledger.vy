# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Ledger of the vault
@notice What the vault owes of each asset, on which terms that may grow, and
        how it compares with what the vault holds. Only deposits and payouts
        move the ledger: forced ether, gifts and yield are surplus, and a loss
        is a deficit of that asset alone.
"""

from contracts.common import ownable_2step
from contracts.vault import asset_registry
from contracts.vault import custody
from contracts.vault import deposit_gate
from interfaces import ICollateralVault

uses: ownable_2step
uses: deposit_gate
uses: asset_registry

# One slot per asset, in this order from the lowest bit.
struct Book:
    ledger_units: uint256
    cap_units: uint256
    min_deposit_units: uint256
    is_impaired: bool


# Exclusive bound of a cap, and so of the ledger. In native units a ledger is
# below 2^80 * 10^28 < 2^174, and 2^80 times that still fits a word.
LEDGER_BOUND: constant(uint256) = 2**80
LEDGER_MASK: constant(uint256) = LEDGER_BOUND - 1
CAP_SHIFT: constant(uint256) = 80
MIN_SHIFT: constant(uint256) = 160
MIN_MASK: constant(uint256) = asset_registry.UNITS_BOUND - 1
IMPAIRED_SHIFT: constant(uint256) = 222

_packed_books: HashMap[uint256, uint256]


@external
def set_cap(asset_id: uint256, cap_units: uint256):
    """
    @notice Move the end of deposits; for the owner only. A cap below the
            ledger takes nothing from anyone.
    @param asset_id Registered asset.
    @param cap_units Most that the ledger may reach by a deposit.
    """
    ownable_2step._check_owner()
    asset_registry._check_registered(asset_id)
    self._set_cap(asset_id, cap_units)


@external
def set_min_deposit(asset_id: uint256, min_deposit_units: uint256):
    """
    @notice Set what a deposit must at least credit; for the owner only.
    @param asset_id Registered asset.
    @param min_deposit_units Smallest credit, at least 1.
    """
    ownable_2step._check_owner()
    asset_registry._check_registered(asset_id)
    self._set_min_deposit(asset_id, min_deposit_units)


@external
def impair(asset_id: uint256):
    """
    @notice End deposits of an asset, and tell chains that it is worth
            nothing as margin; for the guardian and the owner. Claims go on.
    @param asset_id Registered asset.
    """
    deposit_gate._check_guardian()
    asset_registry._check_registered(asset_id)
    self._packed_books[asset_id] |= 1 << IMPAIRED_SHIFT
    log ICollateralVault.ImpairmentSet(asset_id=asset_id, is_impaired=True)


@external
def restore(asset_id: uint256):
    """
    @notice Take deposits of an impaired asset again; for the owner only.
    @param asset_id Registered asset.
    """
    ownable_2step._check_owner()
    asset_registry._check_registered(asset_id)
    self._packed_books[asset_id] &= ~(1 << IMPAIRED_SHIFT)
    log ICollateralVault.ImpairmentSet(asset_id=asset_id, is_impaired=False)


@external
@view
def asset(asset_id: uint256) -> ICollateralVault.Asset:
    """
    @notice Terms of an asset.
    @param asset_id Asset id.
    @return Its terms; all zero if it is not registered.
    """
    registered: asset_registry.Custody = asset_registry._custody_or_zero(asset_id)
    book: Book = self._book(asset_id)
    return ICollateralVault.Asset(
        token=registered.token,
        kind=registered.kind,
        decimals=registered.decimals,
        may_take_fee=registered.may_take_fee,
        is_impaired=book.is_impaired,
        cap_units=book.cap_units,
        min_deposit_units=book.min_deposit_units,
    )


@external
@view
def ledger_units(asset_id: uint256) -> uint256:
    """
    @notice What the vault owes of an asset: deposited and not yet paid out.
    @param asset_id Asset id.
    @return Amount in engine units.
    """
    return self._ledger_units(asset_id)


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
def _open(asset_id: uint256, cap_units: uint256, min_deposit_units: uint256):
    self._set_cap(asset_id, cap_units)
    self._set_min_deposit(asset_id, min_deposit_units)


@internal
def _set_cap(asset_id: uint256, cap_units: uint256):
    assert cap_units < LEDGER_BOUND, "V08: cap is 2^80 units or more"
    packed: uint256 = self._packed_books[asset_id] & ~(LEDGER_MASK << CAP_SHIFT)
    self._packed_books[asset_id] = packed | (cap_units << CAP_SHIFT)
    log ICollateralVault.CapSet(asset_id=asset_id, cap_units=cap_units)


@internal
def _set_min_deposit(asset_id: uint256, min_deposit_units: uint256):
    assert (
        0 < min_deposit_units and min_deposit_units <= MIN_MASK
    ), "V09: smallest deposit is zero, or 2^62 units or more"
    packed: uint256 = self._packed_books[asset_id] & ~(MIN_MASK << MIN_SHIFT)
    self._packed_books[asset_id] = packed | (min_deposit_units << MIN_SHIFT)
    log ICollateralVault.MinDepositSet(asset_id=asset_id, min_deposit_units=min_deposit_units)


@internal
@view
def _book(asset_id: uint256) -> Book:
    packed: uint256 = self._packed_books[asset_id]
    return Book(
        ledger_units=packed & LEDGER_MASK,
        cap_units=(packed >> CAP_SHIFT) & LEDGER_MASK,
        min_deposit_units=(packed >> MIN_SHIFT) & MIN_MASK,
        is_impaired=packed >> IMPAIRED_SHIFT == 1,
    )


@internal
@view
def _ledger_units(asset_id: uint256) -> uint256:
    return self._packed_books[asset_id] & LEDGER_MASK


@internal
def _credit(
    asset_id: uint256,
    asset: asset_registry.Custody,
    held_native: uint256,
    amount_units: uint256,
):
    """
    @dev `held_native` is what the vault held before the deposit: whoever
         deposits into a deficit would pay for a loss that others had.
    """
    packed: uint256 = self._packed_books[asset_id]
    ledger: uint256 = packed & LEDGER_MASK
    assert held_native >= self._native_of(
        ledger, asset.decimals
    ), "V17: asset has lost value, which a deposit would share"
    assert (
        ledger + amount_units <= (packed >> CAP_SHIFT) & LEDGER_MASK
    ), "V18: deposit exceeds the asset's cap"
    # The ledger is the lowest part of the word, and stays below 2^80.
    self._packed_books[asset_id] = packed + amount_units


@internal
def _debit(asset_id: uint256, amount_units: uint256):
    packed: uint256 = self._packed_books[asset_id]
    ledger: uint256 = (packed & LEDGER_MASK) - amount_units
    self._packed_books[asset_id] = packed & ~LEDGER_MASK | ledger


@internal
@view
def _surplus_native(asset_id: uint256, asset: asset_registry.Custody) -> uint256:
    held_native: uint256 = custody._holdings(asset)
    return held_native - min(self._owed_native(asset_id, asset.decimals), held_native)


@internal
@view
def _owed_native(asset_id: uint256, decimals: uint256) -> uint256:
    """
    @dev The whole ledger in native units.
    """
    return self._native_of(self._ledger_units(asset_id), decimals)


@internal
@pure
def _native_of(ledger: uint256, decimals: uint256) -> uint256:
    """
    @dev Rounded up. Payouts round down one by one, so this is enough for them
         in any order.
    """
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
    ledger: uint256 = self._ledger_units(asset_id)
    assert amount_units <= ledger, "V19: payout is more than the ledger"
    held_native: uint256 = custody._holdings(asset)
    if held_native >= self._owed_native(asset_id, asset.decimals):
        return asset_registry._to_native(asset.decimals, amount_units)
    assert msg.sender == owner, "V20: asset has lost value, so its owner has to ask"
    # held_native < 2^80 * 10^28 and amount_units <= ledger < 2^80.
    return held_native * amount_units // ledger
