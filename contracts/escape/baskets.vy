# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Baskets and pots of opened chains
@notice Which part of a frozen chain's balance belongs to the baskets of its
        accounts, which to its pot, and what is paid of both:
        docs/spec/escape.md, section 4.
@dev What is left for baskets and what the pot still has add up to what is
     held, and that is at most the chain's free balance: a frozen chain is
     debited by this contract alone.
"""

from interfaces import IEscapeHatch
from interfaces import IGateway

HALF_BITS: constant(uint256) = 128
HALF: constant(uint256) = 2**128 - 1

GATEWAY: immutable(address)

# chain id -> asset id -> backed << 128 | left.
_assigned: HashMap[uint256, HashMap[uint256, uint256]]
# chain id -> asset id -> pot << 128 | held.
_gathered: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__(gateway_: address):
    assert gateway_.is_contract, "X01: gateway has no code"
    GATEWAY = gateway_


@external
@view
def gateway() -> address:
    """
    @notice The gateway whose frozen chains are paid out.
    @return Address of the gateway.
    """
    return GATEWAY


@external
@view
def asset_ledger(chain_id: uint256, asset_id: uint256) -> IEscapeHatch.AssetLedger:
    """
    @notice What an opened chain has of an asset.
    @param chain_id Chain.
    @param asset_id Asset.
    @return Engine units; zeros before the opening.
    """
    assigned: uint256 = self._assigned[chain_id][asset_id]
    gathered: uint256 = self._gathered[chain_id][asset_id]
    return IEscapeHatch.AssetLedger(
        backed_units=assigned >> HALF_BITS,
        left_units=assigned & HALF,
        pot_units=gathered >> HALF_BITS,
        held_units=gathered & HALF,
    )


@internal
def _assign(chain_id: uint256, asset_id: uint256, supply_units: uint256):
    """
    @dev At the opening. What no basket claims is the pot's.
    """
    free: uint256 = self._free(chain_id, asset_id)
    backed: uint256 = min(free, supply_units)
    self._assigned[chain_id][asset_id] = backed << HALF_BITS | backed
    self._gathered[chain_id][asset_id] = self._grown(chain_id, asset_id, free - backed) | free


@internal
def _take(
    chain_id: uint256, asset_id: uint256, supply_units: uint256, units: uint256
) -> uint256:
    """
    @dev Takes the backed part of a basket off what is left. A table whose
         supply is too low makes the last ones short, but nobody stuck.
    """
    if units == 0 or supply_units == 0:
        return 0
    assigned: uint256 = self._assigned[chain_id][asset_id]
    backed: uint256 = min(units * (assigned >> HALF_BITS) // supply_units, assigned & HALF)
    self._assigned[chain_id][asset_id] = assigned - backed
    return backed


@internal
def _settle(
    chain_id: uint256, owner: address, asset_id: uint256, paid: uint256, withheld: uint256
):
    """
    @dev Pays a part, and puts another into the pot.
    """
    gathered: uint256 = self._gathered[chain_id][asset_id]
    self._gathered[chain_id][asset_id] = (
        gathered - paid + self._grown(chain_id, asset_id, withheld)
    )
    self._credit(chain_id, owner, asset_id, paid)


@internal
def _collect(chain_id: uint256, asset_id: uint256):
    """
    @dev What has reached the balance since is the pot's.
    """
    free: uint256 = self._free(chain_id, asset_id)
    gathered: uint256 = self._gathered[chain_id][asset_id]
    held: uint256 = gathered & HALF
    assert free > held, "X19: nothing has arrived"
    arrived: uint256 = free - held
    self._gathered[chain_id][asset_id] = (
        gathered + arrived + self._grown(chain_id, asset_id, arrived)
    )


@internal
def _credit(chain_id: uint256, owner: address, asset_id: uint256, units: uint256):
    if units != 0:
        extcall IGateway(GATEWAY).credit_escape(chain_id, owner, asset_id, units)


@internal
@view
def _pot(chain_id: uint256, asset_id: uint256) -> uint256:
    return self._gathered[chain_id][asset_id] >> HALF_BITS


@internal
def _grown(chain_id: uint256, asset_id: uint256, units: uint256) -> uint256:
    """
    @dev What a grown pot adds to the word of an asset.
    """
    if units != 0:
        log IEscapeHatch.PotGrown(chain_id=chain_id, asset_id=asset_id, units=units)
    return units << HALF_BITS


@internal
@view
def _free(chain_id: uint256, asset_id: uint256) -> uint256:
    """
    @dev Balances stay below 2^126, so two of them fit into a word.
    """
    source: IGateway = IGateway(GATEWAY)
    balance: uint256 = staticcall source.balance_units(chain_id, asset_id)
    return balance - staticcall source.pledged_total_units(chain_id, asset_id)
