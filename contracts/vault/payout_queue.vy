# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Queue of payouts beyond the hourly limit
@notice Each waits three hours and can then be paid whatever else waits.
        Nobody can remove one.
"""

from interfaces import ICollateralVault

DELAY_S: constant(uint256) = 3 * 3_600
READY_SHIFT: constant(uint256) = 160
ASSET_SHIFT: constant(uint256) = 224

# @notice Number of payouts ever queued.
payout_count: public(uint256)
# owner | ready_at_s << 160 | asset_id << 224; zero: none
_packed_payouts: HashMap[uint256, uint256]
_amounts_units: HashMap[uint256, uint256]


@external
@view
def queued_payout(payout_id: uint256) -> ICollateralVault.QueuedPayout:
    """
    @notice A payout that waits.
    @param payout_id Number of the payout.
    @return Owner, asset, units and the time from which it can be paid; all
            zero if it is paid or was never queued.
    """
    return self._payout(payout_id)


@internal
def _append(owner: address, asset_id: uint256, amount_units: uint256):
    payout_id: uint256 = self.payout_count
    ready_at_s: uint256 = block.timestamp + DELAY_S
    self.payout_count = payout_id + 1
    self._packed_payouts[payout_id] = (
        convert(owner, uint256) | (ready_at_s << READY_SHIFT) | (asset_id << ASSET_SHIFT)
    )
    self._amounts_units[payout_id] = amount_units
    log ICollateralVault.PayoutQueued(
        payout_id=payout_id,
        owner=owner,
        asset_id=asset_id,
        amount_units=amount_units,
        ready_at_s=ready_at_s,
    )


@internal
def _remove_ready(payout_id: uint256) -> ICollateralVault.QueuedPayout:
    payout: ICollateralVault.QueuedPayout = self._payout(payout_id)
    assert payout.ready_at_s != 0, "V24: no such payout is queued"
    assert block.timestamp >= payout.ready_at_s, "V25: payout still waits"
    self._packed_payouts[payout_id] = 0
    self._amounts_units[payout_id] = 0
    return payout


@internal
@view
def _payout(payout_id: uint256) -> ICollateralVault.QueuedPayout:
    packed: uint256 = self._packed_payouts[payout_id]
    return ICollateralVault.QueuedPayout(
        owner=convert(convert(packed & (2**160 - 1), uint160), address),
        asset_id=packed >> ASSET_SHIFT,
        amount_units=self._amounts_units[payout_id],
        ready_at_s=(packed >> READY_SHIFT) & (2**64 - 1),
    )
