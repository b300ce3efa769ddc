# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Hourly outflow limit
@notice How much of an asset may leave at once. It gives time to react to a
        chain whose proof system is broken.
@dev A leaky bucket: payouts fill it, and it empties by the limit per hour.
     A fixed window would let twice the limit leave within a moment, around
     its boundary, and everyone would wait for that moment. Here at most the
     limit leaves in a moment and 1 + t times the limit in t hours. The level
     is in unit-seconds (units * 3,600), which is exact: no rounding can be
     collected by many small payouts.
"""

from contracts.common import ownable_2step
from contracts.vault import asset_registry
from interfaces import ICollateralVault

uses: ownable_2step
uses: asset_registry

WINDOW_S: constant(uint256) = 3_600
# A higher limit is known this long before it counts.
NOTICE_S: constant(uint256) = 86_400
LIMIT_BITS: constant(uint256) = 80
# 2^80 * 3,600 < 2^92.
LEVEL_BITS: constant(uint256) = 96

# limit_units | level_unit_s << 80 | updated_at_s << 176
_packed_buckets: HashMap[uint256, uint256]
# limit_units | active_from_s << 80; zero: none
_packed_schedules: HashMap[uint256, uint256]


@external
def set_outflow_limit(asset_id: uint256, limit_units: uint256):
    """
    @notice Lower the hourly limit at once, or announce a higher one; for the
            owner only. Either takes the place of what was announced before.
    @param asset_id Registered asset.
    @param limit_units Units that may leave in an hour without waiting.
    """
    ownable_2step._check_owner()
    asset_registry._check_registered(asset_id)
    self._check_limit(limit_units)
    if limit_units <= self._limit_units(asset_id):
        self._packed_schedules[asset_id] = 0
        self._set_limit(asset_id, limit_units)
        return
    active_from_s: uint256 = block.timestamp + NOTICE_S
    self._packed_schedules[asset_id] = limit_units | (active_from_s << LIMIT_BITS)
    log ICollateralVault.OutflowLimitScheduled(
        asset_id=asset_id, limit_units=limit_units, active_from_s=active_from_s
    )


@external
def activate_outflow_limit(asset_id: uint256):
    """
    @notice Make an announced limit count, a day after its announcement.
            Anyone may call.
    @param asset_id Asset with an announced limit.
    """
    packed: uint256 = self._packed_schedules[asset_id]
    assert packed != 0, "V22: no limit is announced"
    assert block.timestamp >= packed >> LIMIT_BITS, "V23: notice of the limit is not over"
    self._packed_schedules[asset_id] = 0
    self._set_limit(asset_id, packed & (2**LIMIT_BITS - 1))


@external
@view
def outflow(asset_id: uint256) -> ICollateralVault.OutflowLimit:
    """
    @notice Where the hourly limit of an asset stands.
    @param asset_id Asset.
    @return The limit, what is free of it now, and what is announced.
    """
    limit_units: uint256 = self._limit_units(asset_id)
    limit_unit_s: uint256 = limit_units * WINDOW_S
    # A limit that was lowered may be below the level.
    level_unit_s: uint256 = min(self._level_unit_s(asset_id), limit_unit_s)
    scheduled: uint256 = self._packed_schedules[asset_id]
    return ICollateralVault.OutflowLimit(
        limit_units=limit_units,
        free_units=(limit_unit_s - level_unit_s) // WINDOW_S,
        scheduled_units=scheduled & (2**LIMIT_BITS - 1),
        active_from_s=scheduled >> LIMIT_BITS,
    )


@internal
def _register(asset_id: uint256, limit_units: uint256):
    self._check_limit(limit_units)
    self._set_limit(asset_id, limit_units)


@internal
def _take(asset_id: uint256, amount_units: uint256) -> bool:
    """
    @dev Whether the payout fits; only then it counts. The amount is below
         2^80, as the ledger is.
    """
    limit_units: uint256 = self._limit_units(asset_id)
    level_unit_s: uint256 = self._level_unit_s(asset_id) + amount_units * WINDOW_S
    if level_unit_s > limit_units * WINDOW_S:
        return False
    self._store(asset_id, limit_units, level_unit_s)
    return True


@internal
@pure
def _check_limit(limit_units: uint256):
    assert limit_units < 2**LIMIT_BITS, "V21: hourly limit is 2^80 units or more"


@internal
def _set_limit(asset_id: uint256, limit_units: uint256):
    """
    @dev Until now the bucket has emptied by the old limit.
    """
    self._store(asset_id, limit_units, self._level_unit_s(asset_id))
    log ICollateralVault.OutflowLimitSet(asset_id=asset_id, limit_units=limit_units)


@internal
def _store(asset_id: uint256, limit_units: uint256, level_unit_s: uint256):
    self._packed_buckets[asset_id] = (
        limit_units
        | (level_unit_s << LIMIT_BITS)
        | (block.timestamp << (LIMIT_BITS + LEVEL_BITS))
    )


@internal
@view
def _limit_units(asset_id: uint256) -> uint256:
    return self._packed_buckets[asset_id] & (2**LIMIT_BITS - 1)


@internal
@view
def _level_unit_s(asset_id: uint256) -> uint256:
    packed: uint256 = self._packed_buckets[asset_id]
    level_unit_s: uint256 = (packed >> LIMIT_BITS) & (2**LEVEL_BITS - 1)
    elapsed_s: uint256 = block.timestamp - (packed >> (LIMIT_BITS + LEVEL_BITS))
    leaked_unit_s: uint256 = (packed & (2**LIMIT_BITS - 1)) * elapsed_s
    return level_unit_s - min(leaked_unit_s, level_unit_s)
