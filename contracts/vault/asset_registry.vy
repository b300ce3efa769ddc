# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Asset registry of the vault
@notice Assets by id: what they are, which never changes, and the conversion
        between native amounts and engine units (10^-8).
@dev A token must not be registered under two of its own addresses (some
     tokens have a second entry point): its holdings would count twice.
"""

from ethereum.ercs import IERC20Detailed

from interfaces import ICollateralVault

# What an asset is, in one slot: token, then these from bit 160.
struct Custody:
    token: address
    kind: uint256
    decimals: uint256
    may_take_fee: bool


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

KIND_SHIFT: constant(uint256) = 160
DECIMALS_SHIFT: constant(uint256) = 168
FEE_SHIFT: constant(uint256) = 176

_packed_custody: HashMap[uint256, uint256]
_is_token_registered: HashMap[address, bool]


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
    assert (
        KIND_ETHER <= terms.kind and terms.kind <= KIND_ATOKEN
    ), "V04: unknown kind of custody"
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


@internal
@view
def _check_registered(asset_id: uint256):
    self._custody(asset_id)


@internal
@view
def _custody(asset_id: uint256) -> Custody:
    packed: uint256 = self._packed_custody[asset_id]
    assert packed != 0, "V10: asset is not registered"
    return self._unpacked(packed)


@internal
@view
def _custody_or_zero(asset_id: uint256) -> Custody:
    return self._unpacked(self._packed_custody[asset_id])


@internal
@pure
def _unpacked(packed: uint256) -> Custody:
    return Custody(
        token=convert(convert(packed & (2**160 - 1), uint160), address),
        kind=(packed >> KIND_SHIFT) & 255,
        decimals=(packed >> DECIMALS_SHIFT) & 255,
        may_take_fee=(packed >> FEE_SHIFT) & 1 == 1,
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
