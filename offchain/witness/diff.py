"""The state diff that a rollup publishes for a batch (docs/spec/state-diff.md)."""

from __future__ import annotations

from offchain.core.binding import Core
from offchain.settlement.state_diff import UNPUBLISHED, Leaves, StateDiff
from offchain.spec.kinds import Subtree
from offchain.spec.poseidon2 import digest_from_bytes
from offchain.witness.format import Witness


def state_diff(witness: Witness, after: Core) -> StateDiff:
    """Return the diff to whose chunks the batch's public output commits.

    Parameters
    ----------
    witness
        Of the batch.
    after
        A core in the state after the batch; its tree is brought up to date.
    """
    after.root()
    changed: Leaves = {
        (subtree, number): new
        for subtree in Subtree
        if subtree not in UNPUBLISHED
        for number, old in witness.openings[subtree].leaves
        if (new := after.leaf(subtree, number)) != old
    }
    roots = {subtree: digest_from_bytes(after.subtree_root(subtree)) for subtree in UNPUBLISHED}
    return StateDiff(roots, changed, after.valuation_table())
