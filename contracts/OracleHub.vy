# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title OracleHub: snapshots of prices and rates for execution chains
@license Apache-2.0
@notice Reads sets of feeds, at most once per interval and for anyone who
        asks, and keeps a hash over all that was ever read. A chain consumes
        the snapshots of one set in order.
@dev Holds no money. Sources are foreign: they are read with bounded gas and
     bounded return data, and a bad one has a status instead of a value, so
     that it stops neither the others nor the snapshot.
@custom:kill None. The owner registers feed sets and can neither change nor
        stop a registered one, nor touch a snapshot.
@custom:invariant The accumulator after n snapshots of a set is a function of
        their readings, times and indices, and never changes.
"""

from contracts.common import ownable_2step
from contracts.oracle import feed_sets
from contracts.oracle import redemption_rate
from contracts.oracle import snapshots
from interfaces import IOracleHub

implements: IOracleHub

initializes: ownable_2step
initializes: redemption_rate
initializes: feed_sets[ownable_2step := ownable_2step, redemption_rate := redemption_rate]
initializes: snapshots[feed_sets := feed_sets, redemption_rate := redemption_rate]

exports: (
    # roles
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    # feed sets
    feed_sets.register_feed_set,
    feed_sets.interval_s,
    feed_sets.feed_count,
    feed_sets.feed_set_hash,
    # snapshots
    snapshots.snapshot,
    snapshots.snapshot_count,
    snapshots.accumulator_after,
    snapshots.snapshot_time_s,
)


@deploy
def __init__(owner: address):
    """
    @notice Create a hub without feed sets.
    @param owner Registers feed sets.
    """
    ownable_2step.__init__(owner)
