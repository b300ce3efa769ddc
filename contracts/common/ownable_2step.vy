# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Two-step ownership
@notice One owner; a successor becomes owner only by accepting, so that a
        mistyped address can never take or lose the role.
"""

# @notice The owner.
owner: public(address)
# @notice Who may accept the ownership; zero: nobody.
pending_owner: public(address)

# @notice The owner has offered the ownership, or withdrawn the offer.
# @param owner Owner, as before.
# @param pending_owner Who may accept; zero: nobody any more.
event OwnershipOffered:
    owner: indexed(address)
    pending_owner: indexed(address)

# @notice The contract has a new owner.
# @param previous_owner Owner before; zero at the creation.
# @param owner Owner from now on.
event OwnershipTransferred:
    previous_owner: indexed(address)
    owner: indexed(address)


@deploy
def __init__(owner: address):
    """
    @notice Set the first owner.
    @param owner First owner, not the zero address.
    """
    assert owner != empty(address), "O01: first owner is the zero address"
    self.owner = owner
    log OwnershipTransferred(previous_owner=empty(address), owner=owner)


@external
@nonreentrant
def transfer_ownership(new_owner: address):
    """
    @notice Offer the ownership; the zero address withdraws an open offer.
    @param new_owner Address that may accept.
    """
    self._check_owner()
    self.pending_owner = new_owner
    log OwnershipOffered(owner=self.owner, pending_owner=new_owner)


@external
@nonreentrant
def accept_ownership():
    """
    @notice Take over an offered ownership.
    """
    assert msg.sender == self.pending_owner, "O02: caller is not the pending owner"
    previous_owner: address = self.owner
    self.owner = msg.sender
    self.pending_owner = empty(address)
    log OwnershipTransferred(previous_owner=previous_owner, owner=msg.sender)


@internal
@view
def _check_owner():
    assert msg.sender == self.owner, "O03: caller is not the owner"
