# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Gate of deposits
@notice Where deposits go, and whether any are taken. The guardian can act
        faster than the owner, and only towards less risk: it pauses, the
        owner alone resumes.
@dev Gateway and pause share a word, as every deposit asks for both.
"""

from contracts.common import ownable_2step
from interfaces import ICollateralVault
from interfaces import IGateway

uses: ownable_2step

PAUSED: constant(uint256) = 2**160

# @notice The guardian; zero: none.
guardian: public(address)
# Gateway that queues the vault's deposits and checks its claims, zero: not set
# yet; then `PAUSED`.
_gate: uint256

# @notice The guardian is another address.
# @param guardian Guardian from now on; zero: none.
event GuardianSet:
    guardian: indexed(address)

# @notice New risk is refused from now on.
# @param account Guardian or owner, who paused.
event Paused:
    account: indexed(address)

# @notice New risk is taken again.
event Resumed:
    pass


@deploy
def __init__(guardian: address):
    """
    @notice Set the first guardian.
    @param guardian First guardian; zero: none.
    """
    self._set_guardian(guardian)


@external
def set_guardian(guardian: address):
    """
    @notice Appoint another guardian; for the owner only.
    @param guardian Guardian from now on; zero: none.
    """
    ownable_2step._check_owner()
    self._set_guardian(guardian)


@external
def set_gateway(gateway: address):
    """
    @notice Bind the vault to its gateway, once and for good; owner only.
    @param gateway Gateway that was created for this vault.
    """
    ownable_2step._check_owner()
    assert self._gateway() == empty(address), "V26: gateway is already set"
    assert gateway.is_contract, "V27: gateway is not a contract"
    assert staticcall IGateway(gateway).vault() == self, "V28: gateway serves another vault"
    self._gate |= convert(gateway, uint256)
    log ICollateralVault.GatewaySet(gateway=gateway)


@external
def pause():
    """
    @notice Refuse new risk; for the guardian and the owner.
    """
    self._check_guardian()
    assert not self._is_paused(), "G02: already paused"
    self._gate |= PAUSED
    log Paused(account=msg.sender)


@external
def resume():
    """
    @notice Take new risk again; for the owner only.
    """
    ownable_2step._check_owner()
    assert self._is_paused(), "G03: not paused"
    self._gate ^= PAUSED
    log Resumed()


@external
@view
def gateway() -> address:
    """
    @notice Gateway that queues the vault's deposits and checks its claims.
    @return Its address; zero: not set yet.
    """
    return self._gateway()


@external
@view
def is_paused() -> bool:
    """
    @notice Whether deposits are refused.
    @return True if they are.
    """
    return self._is_paused()


@internal
def _set_guardian(guardian: address):
    self.guardian = guardian
    log GuardianSet(guardian=guardian)


@internal
@view
def _check_guardian():
    """
    @dev The owner may do all that the guardian may.
    """
    assert (
        msg.sender == self.guardian or msg.sender == ownable_2step.owner
    ), "G01: caller is neither guardian nor owner"


@internal
@view
def _gateway() -> address:
    return convert(convert(self._gate & (PAUSED - 1), uint160), address)


@internal
@view
def _is_paused() -> bool:
    return self._gate & PAUSED != 0


@internal
@view
def _open_gateway() -> address:
    """
    @dev Where a deposit goes now.
    """
    gate: uint256 = self._gate
    assert gate & PAUSED == 0, "G04: deposits are paused"
    assert gate != 0, "V29: gateway is not set"
    return convert(convert(gate, uint160), address)
