"""The row meter counts at least the leaves that an op really changes."""

import ctypes

from offchain.spec.kinds import Subtree
from tests.core.pair import Pair, native_hasher
from tests.risk_strategies import random_risk_sequence


def leaves(state):
    """All leaves but the header, which every op changes."""
    return {
        (subtree, number): data
        for subtree, number, data in state.leaves()
        if subtree != Subtree.HEADER
    }


def test_meter_counts_every_changed_leaf(hash_library: ctypes.CDLL) -> None:
    pair = Pair(native_hasher(hash_library))
    before = leaves(pair.state)
    for data in random_risk_sequence(3, 60):
        metered = pair.core.touched_leaves()
        pair.op(data)
        metered = pair.core.touched_leaves() - metered
        after = leaves(pair.state)
        changed = sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())
        assert metered >= changed
        before = after
