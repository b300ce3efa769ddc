# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Ledgers of the chains
@notice What each chain has of each asset, in engine units. No rule of a
        chain can move another chain's balance: a chain is debited only by
        its own settlements, and never below what it has pledged.
@dev Sums stay below 2^62 * 2^64: an asset's ledger is capped by the vault.
     Vyper's arithmetic is checked besides.
"""

from interfaces import IGateway

# @notice A chain's balance of an asset, pledges included.
# @param arg0 Chain id.
# @param arg1 Asset id.
balance_units: public(HashMap[uint256, HashMap[uint256, uint256]])
# @notice Deposits of a chain that wait in its priority queue.
# @param arg0 Chain id.
# @param arg1 Asset id.
unassigned_units: public(HashMap[uint256, HashMap[uint256, uint256]])
# @notice Settled withdrawals of a chain that are not claimed yet.
# @param arg0 Chain id.
# @param arg1 Asset id.
claimable_units: public(HashMap[uint256, HashMap[uint256, uint256]])
# @notice What a chain has pledged to a holder.
# @param arg0 Chain id.
# @param arg1 Holder's chain id.
# @param arg2 Asset id.
pledged_units: public(HashMap[uint256, HashMap[uint256, HashMap[uint256, uint256]]])
# @notice What a chain has pledged to all holders.
# @param arg0 Chain id.
# @param arg1 Asset id.
pledged_total_units: public(HashMap[uint256, HashMap[uint256, uint256]])
# @notice Value of all envelopes that are sent and neither received nor
#         refunded.
# @param arg0 Asset id.
in_flight_units: public(HashMap[uint256, uint256])
# @notice What an owner may withdraw from a frozen chain.
# @param arg0 Chain id.
# @param arg1 Owner.
# @param arg2 Asset id.
credit_units: public(HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]])

# Of an event: credit of an escape, not of a deposit.
NO_PRIORITY_INDEX: constant(uint256) = max_value(uint256)


@internal
def _assign(chain_id: uint256, asset_id: uint256, units: uint256):
    """
    @dev Consumed deposits become the chain's balance.
    """
    unassigned: uint256 = self.unassigned_units[chain_id][asset_id]
    assert units <= unassigned, "E39: deposits exceed the queued"
    self.unassigned_units[chain_id][asset_id] = unassigned - units
    self.balance_units[chain_id][asset_id] += units


@internal
def _debit(chain_id: uint256, asset_id: uint256, units: uint256):
    """
    @dev Takes from what is free. A balance is never below its pledges.
    """
    balance: uint256 = self.balance_units[chain_id][asset_id]
    pledged: uint256 = self.pledged_total_units[chain_id][asset_id]
    assert units <= balance - pledged, "E21: free balance is too small"
    self.balance_units[chain_id][asset_id] = balance - units


@internal
def _make_claimable(chain_id: uint256, asset_id: uint256, units: uint256):
    self._debit(chain_id, asset_id, units)
    self.claimable_units[chain_id][asset_id] += units


@internal
def _consume_claimable(chain_id: uint256, asset_id: uint256, units: uint256):
    """
    @dev A withdrawals root can promise more than the settlement's flows; what
         is paid cannot.
    """
    claimable: uint256 = self.claimable_units[chain_id][asset_id]
    assert units <= claimable, "N05: more than is claimable"
    self.claimable_units[chain_id][asset_id] = claimable - units


@internal
def _pledge(chain_id: uint256, holder: uint256, asset_id: uint256, units: uint256):
    """
    @dev The caller asks for the backing when all pledges have moved.
    """
    self.pledged_total_units[chain_id][asset_id] += units
    self._set_pledge(
        chain_id, holder, asset_id, self.pledged_units[chain_id][holder][asset_id] + units
    )


@internal
def _unpledge(chain_id: uint256, holder: uint256, asset_id: uint256, units: uint256):
    """
    @dev For a release, a seizure, or the holder's balance. Takes what is left
         if that is less: the other chain may have settled first, and what is
         proven must not become void by that.
    """
    pledged: uint256 = self.pledged_units[chain_id][holder][asset_id]
    taken: uint256 = min(units, pledged)
    self.pledged_total_units[chain_id][asset_id] -= taken
    self._set_pledge(chain_id, holder, asset_id, pledged - taken)


@internal
@view
def _check_backing(chain_id: uint256, asset_id: uint256):
    assert (
        self.pledged_total_units[chain_id][asset_id]
        <= self.balance_units[chain_id][asset_id]
    ), "E40: pledges exceed the balance"


@internal
def _set_pledge(chain_id: uint256, holder: uint256, asset_id: uint256, units: uint256):
    self.pledged_units[chain_id][holder][asset_id] = units
    log IGateway.PledgeSet(chain_id=chain_id, holder=holder, asset_id=asset_id, units=units)


@internal
def _add_credit(
    chain_id: uint256,
    owner: address,
    asset_id: uint256,
    units: uint256,
    priority_index: uint256,
):
    self.credit_units[chain_id][owner][asset_id] += units
    log IGateway.CreditAdded(
        chain_id=chain_id,
        owner=owner,
        asset_id=asset_id,
        units=units,
        priority_index=priority_index,
    )


@internal
def _consume_credit(chain_id: uint256, owner: address, asset_id: uint256) -> uint256:
    units: uint256 = self.credit_units[chain_id][owner][asset_id]
    assert units != 0, "N06: no credit of this asset"
    self.credit_units[chain_id][owner][asset_id] = 0
    log IGateway.CreditConsumed(chain_id=chain_id, owner=owner, asset_id=asset_id, units=units)
    return units
