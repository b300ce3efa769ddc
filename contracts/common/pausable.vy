# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Pause, by a guardian
@notice An address that can act faster than the owner, and only towards less
        risk: it pauses, the owner alone resumes.
"""

from contracts.common import ownable_2step

uses: ownable_2step

# @notice The guardian; zero: none.
guardian: public(address)
# @notice Whether new risk is refused.
is_paused: public(bool)

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
def pause():
    """
    @notice Refuse new risk; for the guardian and the owner.
    """
    self._check_guardian()
    assert not self.is_paused, "G02: already paused"
    self.is_paused = True
    log Paused(account=msg.sender)


@external
def resume():
    """
    @notice Take new risk again; for the owner only.
    """
    ownable_2step._check_owner()
    assert self.is_paused, "G03: not paused"
    self.is_paused = False
    log Resumed()


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
def _check_not_paused():
    assert not self.is_paused, "G04: deposits are paused"
