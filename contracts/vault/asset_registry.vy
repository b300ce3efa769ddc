# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Asset registry of the vault
@notice Assets by id, and the conversion between native amounts (wei, token
        base units) and engine units (10^-8 of a token). Entries are written
        once and never changed: a claim converts as its deposit did.
"""

from ethereum.ercs import IERC20Detailed

from contracts.common import ownable_2step
from interfaces import ICollateralVault

uses: ownable_2step

# Stands for ether where a token address is expected.
NATIVE_ETHER: constant(address) = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE
ETHER_DECIMALS: constant(uint256) = 18
UNIT_DECIMALS: constant(uint256) = 8
# 10^(36 - 8) times the largest credit (2^62) stays below 2^156.
DECIMALS_MAX: constant(uint256) = 36
# Exclusive bound of every amount in engine units (i64 with head-room).
UNITS_BOUND: constant(uint256) = 2**62

_assets: HashMap[uint16, ICollateralVault.Asset]
_is_token_registered: HashMap[address, bool]


@external
@nonreentrant
def register_asset(asset_id: uint16, token: address):
    """
    @notice Give a token its asset id, for good; for the owner only.
    @dev The decimals are read from the token once and then kept.
    @param asset_id Free id, as the engine uses it (0 is the quote).
    @param token ERC-20 contract, or 0xEeee...EEeE for ether.
    """
    ownable_2step._check_owner()
    assert self._assets[asset_id].token == empty(address), "V01: asset id is already registered"
    assert not self._is_token_registered[token], "V02: token is already registered"
    decimals: uint256 = ETHER_DECIMALS
    if token != NATIVE_ETHER:
        assert token.is_contract, "V03: token is not a contract"
        decimals = convert(staticcall IERC20Detailed(token).decimals(), uint256)
    assert decimals <= DECIMALS_MAX, "V04: token has more than 36 decimals"
    self._assets[asset_id] = ICollateralVault.Asset(token=token, decimals=decimals)
    self._is_token_registered[token] = True
    log ICollateralVault.AssetRegistered(asset_id=asset_id, token=token, decimals=decimals)


@external
@view
def asset(asset_id: uint16) -> ICollateralVault.Asset:
    """
    @notice Registered token and decimals.
    @param asset_id Asset id.
    @return token (zero if unregistered) and native decimals.
    """
    return self._assets[asset_id]


@external
@view
def to_units(asset_id: uint16, amount_native: uint256) -> uint256:
    """
    @notice Engine units credited for a native amount, rounded down.
    @param asset_id Registered asset id.
    @param amount_native Amount in the token's own base units.
    @return Amount in 10^-8 tokens; 2^62 or more cannot be deposited.
    """
    return self._to_units(self._asset(asset_id).decimals, amount_native)


@external
@view
def to_native(asset_id: uint16, amount_units: uint256) -> uint256:
    """
    @notice Native amount paid for engine units.
    @param asset_id Registered asset id.
    @param amount_units Amount in 10^-8 tokens, a multiple of the native step.
    @return Amount in the token's own base units.
    """
    return self._to_native(self._asset(asset_id).decimals, amount_units)


@internal
@view
def _asset(asset_id: uint16) -> ICollateralVault.Asset:
    found: ICollateralVault.Asset = self._assets[asset_id]
    assert found.token != empty(address), "V05: asset is not registered"
    return found


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
    assert amount_units < UNITS_BOUND, "V06: claimed units are 2^62 or more"
    if decimals > UNIT_DECIMALS:
        return amount_units * 10 ** (decimals - UNIT_DECIMALS)
    units_per_native: uint256 = 10 ** (UNIT_DECIMALS - decimals)
    # The engine withdraws whole native steps only; rounding here would take
    # from the owner or from the chain.
    assert amount_units % units_per_native == 0, "V07: units are not a whole native amount"
    return amount_units // units_per_native
