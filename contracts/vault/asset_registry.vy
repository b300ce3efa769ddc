# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Asset registry of the vault
@notice Assets by id: what they are, which never changes, and on which terms
        deposits of them are taken; and the conversion between native amounts
        and engine units (10^-8).
@dev A token must not be registered under two of its own addresses (some
     tokens have a second entry point): its holdings would count twice.
"""

from ethereum.ercs import IERC20Detailed

from contracts.common import ownable_2step
from contracts.common import pausable
from interfaces import ICollateralVault

uses: ownable_2step
uses: pausable

# What an asset is, in one slot: token, then these from bit 160.
struct Custody:
    token: address
    kind: uint256
    decimals: uint256
    may_take_fee: bool


# On which terms deposits are taken, in one slot.
struct DepositTerms:
    cap_units: uint256
    min_deposit_units: uint256
    is_impaired: bool


# Stands for ether where a token address is expected.
NATIVE_ETHER: constant(address) = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE
KIND_ETHER: constant(uint256) = 1
KIND_TOKEN: constant(uint256) = 2
KIND_STETH: constant(uint256) = 3
KIND_ATOKEN: constant(uint256) = 4
ETHER_DECIMALS: constant(uint256) = 18
UNIT_DECIMALS: constant(uint256) = 8
DECIMALS_MAX: constant(uint256) = 36
# The engine writes asset ids in 16 bits.
ASSET_IDS_BOUND: constant(uint256) = 2**16
# Exclusive bound of one deposit (i64 with head-room).
UNITS_BOUND: constant(uint256) = 2**62
# Exclusive bound of a cap, and so of the ledger. In native units a ledger is
# below 2^80 * 10^28 < 2^174, and 2^80 times that still fits a word.
LEDGER_BOUND: constant(uint256) = 2**80

KIND_SHIFT: constant(uint256) = 160
DECIMALS_SHIFT: constant(uint256) = 168
FEE_SHIFT: constant(uint256) = 176
MIN_SHIFT: constant(uint256) = 80
IMPAIRED_SHIFT: constant(uint256) = 144

_packed_custody: HashMap[uint256, uint256]
_packed_deposit_terms: HashMap[uint256, uint256]
_is_token_registered: HashMap[address, bool]


@external
def set_cap(asset_id: uint256, cap_units: uint256):
    """
    @notice Move the end of deposits; for the owner only. A cap below the
            ledger takes nothing from anyone.
    @param asset_id Registered asset.
    @param cap_units Most that the ledger may reach by a deposit.
    """
    ownable_2step._check_owner()
    self._check_registered(asset_id)
    self._set_cap(asset_id, cap_units)


@external
def set_min_deposit(asset_id: uint256, min_deposit_units: uint256):
    """
    @notice Set what a deposit must at least credit; for the owner only.
    @param asset_id Registered asset.
    @param min_deposit_units Smallest credit, at least 1.
    """
    ownable_2step._check_owner()
    self._check_registered(asset_id)
    self._set_min_deposit(asset_id, min_deposit_units)


@external
def impair(asset_id: uint256):
    """
    @notice End deposits of an asset, and tell chains that it is worth
            nothing as margin; for the guardian and the owner. Claims go on.
    @param asset_id Registered asset.
    """
    pausable._check_guardian()
    self._check_registered(asset_id)
    self._packed_deposit_terms[asset_id] |= 1 << IMPAIRED_SHIFT
    log ICollateralVault.ImpairmentSet(asset_id=asset_id, is_impaired=True)


@external
def restore(asset_id: uint256):
    """
    @notice Take deposits of an impaired asset again; for the owner only.
    @param asset_id Registered asset.
    """
    ownable_2step._check_owner()
    self._check_registered(asset_id)
    self._packed_deposit_terms[asset_id] &= ~(1 << IMPAIRED_SHIFT)
    log ICollateralVault.ImpairmentSet(asset_id=asset_id, is_impaired=False)


@external
@view
def asset(asset_id: uint256) -> ICollateralVault.Asset:
    """
    @notice Terms of an asset.
    @param asset_id Asset id.
    @return Its terms; all zero if it is not registered.
    """
    custody: Custody = self._unpack_custody(self._packed_custody[asset_id])
    terms: DepositTerms = self._deposit_terms(asset_id)
    return ICollateralVault.Asset(
        token=custody.token,
        kind=custody.kind,
        decimals=custody.decimals,
        may_take_fee=custody.may_take_fee,
        is_impaired=terms.is_impaired,
        cap_units=terms.cap_units,
        min_deposit_units=terms.min_deposit_units,
    )


@external
@view
def to_units(asset_id: uint256, amount_native: uint256) -> uint256:
    """
    @notice Engine units credited for a native amount, rounded down.
    @param asset_id Registered asset.
    @param amount_native Amount in native units.
    @return Amount in engine units; 2^62 or more cannot be deposited.
    """
    return self._to_units(self._custody(asset_id).decimals, amount_native)


@external
@view
def to_native(asset_id: uint256, amount_units: uint256) -> uint256:
    """
    @notice Native amount of engine units, rounded down: what a payout sends
            while the vault holds what its ledger says.
    @param asset_id Registered asset.
    @param amount_units Amount in engine units.
    @return Amount in native units.
    """
    return self._to_native(self._custody(asset_id).decimals, amount_units)


@internal
def _register(asset_id: uint256, terms: ICollateralVault.AssetTerms):
    assert asset_id < ASSET_IDS_BOUND, "V01: asset id is 2^16 or more"
    assert self._packed_custody[asset_id] == 0, "V02: asset id is already registered"
    assert not self._is_token_registered[terms.token], "V03: token is already registered"
    assert KIND_ETHER <= terms.kind and terms.kind <= KIND_ATOKEN, "V04: unknown kind of custody"
    is_ether: bool = terms.token == NATIVE_ETHER
    assert is_ether == (terms.kind == KIND_ETHER), "V05: kind and token disagree about ether"
    decimals: uint256 = ETHER_DECIMALS
    if not is_ether:
        assert terms.token.is_contract, "V06: token is not a contract"
        # Read once and kept, so that a claim converts as its deposit did.
        decimals = convert(staticcall IERC20Detailed(terms.token).decimals(), uint256)
    assert decimals <= DECIMALS_MAX, "V07: token has more than 36 decimals"
    self._packed_custody[asset_id] = (
        convert(terms.token, uint256)
        | (terms.kind << KIND_SHIFT)
        | (decimals << DECIMALS_SHIFT)
        | (convert(terms.may_take_fee, uint256) << FEE_SHIFT)
    )
    self._is_token_registered[terms.token] = True
    log ICollateralVault.AssetRegistered(
        asset_id=asset_id,
        token=terms.token,
        kind=terms.kind,
        decimals=decimals,
        may_take_fee=terms.may_take_fee,
    )
    self._set_cap(asset_id, terms.cap_units)
    self._set_min_deposit(asset_id, terms.min_deposit_units)


@internal
def _set_cap(asset_id: uint256, cap_units: uint256):
    assert cap_units < LEDGER_BOUND, "V08: cap is 2^80 units or more"
    packed: uint256 = self._packed_deposit_terms[asset_id]
    self._packed_deposit_terms[asset_id] = (packed & ~(LEDGER_BOUND - 1)) | cap_units
    log ICollateralVault.CapSet(asset_id=asset_id, cap_units=cap_units)


@internal
def _set_min_deposit(asset_id: uint256, min_deposit_units: uint256):
    assert (
        0 < min_deposit_units and min_deposit_units < UNITS_BOUND
    ), "V09: smallest deposit is zero, or 2^62 units or more"
    packed: uint256 = self._packed_deposit_terms[asset_id]
    self._packed_deposit_terms[asset_id] = (
        packed & ~((UNITS_BOUND - 1) << MIN_SHIFT)
    ) | (min_deposit_units << MIN_SHIFT)
    log ICollateralVault.MinDepositSet(asset_id=asset_id, min_deposit_units=min_deposit_units)


@internal
@view
def _check_registered(asset_id: uint256):
    assert self._packed_custody[asset_id] != 0, "V10: asset is not registered"


@internal
@view
def _custody(asset_id: uint256) -> Custody:
    self._check_registered(asset_id)
    return self._unpack_custody(self._packed_custody[asset_id])


@internal
@pure
def _unpack_custody(packed: uint256) -> Custody:
    return Custody(
        token=convert(convert(packed & (2**160 - 1), uint160), address),
        kind=(packed >> KIND_SHIFT) & 255,
        decimals=(packed >> DECIMALS_SHIFT) & 255,
        may_take_fee=(packed >> FEE_SHIFT) & 1 == 1,
    )


@internal
@view
def _deposit_terms(asset_id: uint256) -> DepositTerms:
    packed: uint256 = self._packed_deposit_terms[asset_id]
    return DepositTerms(
        cap_units=packed & (LEDGER_BOUND - 1),
        min_deposit_units=(packed >> MIN_SHIFT) & (UNITS_BOUND - 1),
        is_impaired=packed >> IMPAIRED_SHIFT == 1,
    )


@internal
@pure
def _to_units(decimals: uint256, amount_native: uint256) -> uint256:
    if decimals > UNIT_DECIMALS:
        return amount_native // 10 ** (decimals - UNIT_DECIMALS)
    # The minimum keeps the product below 2^62 * 10^8 < 2^89, and every
    # amount cut by it still shows as out of bounds to the caller.
    return min(amount_native, UNITS_BOUND) * 10 ** (UNIT_DECIMALS - decimals)


@internal
@pure
def _to_native(decimals: uint256, amount_units: uint256) -> uint256:
    if decimals > UNIT_DECIMALS:
        return amount_units * 10 ** (decimals - UNIT_DECIMALS)
    return amount_units // 10 ** (UNIT_DECIMALS - decimals)
