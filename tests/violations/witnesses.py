"""Witnesses that a prover changes: what the batch program reads beside the envelopes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offchain.spec import op as ops
from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.kinds import Subtree
from offchain.witness.format import Witness
from tests.strategies import owner_of
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain
from tests.violations.world import BEST_ASK, MAKER, NEXT_ASK, QUOTE, RICH, TAKER, buy, place
from tests.witness.batches import with_opening

UNITS = 1_000_000


def busy(chain: Chain) -> Batch:
    """Fills, a new level, a cancel, a deposit and a withdrawal."""
    batch = chain.batch()
    batch.user(MAKER, place(MAKER, BEST_ASK - 3, 4, is_ask=True, client_id_low=5))
    batch.user(TAKER, buy(TAKER, NEXT_ASK, 30))
    batch.user(MAKER, ops.CancelAll(account=MAKER))
    batch.user(RICH, ops.Withdraw(account=RICH, asset=0, amount=UNITS))
    batch.deposit(owner_of(TAKER), QUOTE, UNITS)
    return batch.seal()


def outcomes(batch: Batch, witnesses: Iterator[Witness]) -> str:
    """Return what becomes of the witnesses, which must all end alike.

    A proof from another old root is one that L1 refuses with E03.
    """
    honest = batch.replay().claim
    found = set()
    for witness in witnesses:
        proving = batch.prove(witness)
        if proving.output is None:
            found.add("no proof")
        elif proving.output == honest:
            found.add("the same statement")
        else:
            assert proving.output.old_root != honest.old_root
            batch.l1.prove(proving.output)
            found.add(f"L1 refuses: {batch.l1.settle(proving.output, batch.replay().flows)}")
    return " or ".join(sorted(found))


def openings(witness: Witness) -> list[Subtree]:
    """Return what is opened; of the constants' leaf see `other_constants`."""
    opened = [subtree for subtree in Subtree if witness.openings[subtree].leaves]
    return [subtree for subtree in opened if subtree != Subtree.CONFIG]


@violation(
    rule="witness.md#1-what-a-proof-of-it-says",
    result="no proof",
    why="The transition verifies every hint that it uses, by a trap.",
)
def hint_varied(chain: Chain) -> str:
    """Point the program at another level, order or duty than the right one."""
    batch = busy(chain)
    witness = batch.witness()
    assert witness.hints

    def varied() -> Iterator[Witness]:
        for at, hint in enumerate(witness.hints):
            for value in {0, 1, 2, hint + 1, 2**32 - 1} - {hint}:
                hints = (*witness.hints[:at], value, *witness.hints[at + 1 :])
                yield replace(witness, hints=hints)

    return outcomes(batch, varied())


@violation(
    rule="witness.md#4-roots",
    result="L1 refuses: E03 or no proof",
    why="Leaves lead to the old root, or to one that L1 does not hold; some break the run before.",
)
def leaf_changed(chain: Chain) -> str:
    """Change a bit of a leaf, of every subtree that the batch opens."""
    batch = busy(chain)
    witness = batch.witness()

    def changed() -> Iterator[Witness]:
        for subtree in openings(witness):
            leaves = witness.openings[subtree].leaves
            for at, (number, data) in enumerate(leaves):
                byte = (7 * at + 8) % len(data)
                flipped = data[:byte] + bytes([data[byte] ^ 1]) + data[byte + 1 :]
                others = (*leaves[:at], (number, flipped), *leaves[at + 1 :])
                yield with_opening(witness, subtree, leaves=others)

    return outcomes(batch, changed())


@violation(
    rule="witness.md#1-what-a-proof-of-it-says",
    result="no proof",
    why="A leaf that the run reaches and the witness lacks ends the run; nothing is taken as zero.",
)
def leaf_dropped(chain: Chain) -> str:
    """Leave a leaf out, so that an order or a balance seems not to exist."""
    batch = busy(chain)
    witness = batch.witness()

    def dropped() -> Iterator[Witness]:
        for subtree in openings(witness):
            leaves = witness.openings[subtree].leaves
            for at in range(len(leaves)):
                rest = leaves[:at] + leaves[at + 1 :]
                root = b"" if rest else bytes(32)
                yield with_opening(witness, subtree, leaves=rest, root=root)

    return outcomes(batch, dropped())


@violation(
    rule="witness.md#4-roots",
    result="L1 refuses: E03",
    why="Siblings serve for the old root and the new one alike.",
)
def sibling_changed(chain: Chain) -> str:
    """Change a digest beside a path, to exchange all that lies below it."""
    batch = busy(chain)
    witness = batch.witness()

    def changed() -> Iterator[Witness]:
        for subtree in openings(witness):
            siblings = witness.openings[subtree].siblings
            for at in range(0, len(siblings), 5):
                flipped = bytes([siblings[at][0] ^ 1]) + siblings[at][1:]
                others = (*siblings[:at], flipped, *siblings[at + 1 :])
                yield with_opening(witness, subtree, siblings=others)

    return outcomes(batch, changed())


@violation(
    rule="witness.md#4-roots",
    result="L1 refuses: E03",
    why="A subtree of which nothing is opened enters both roots by its digest.",
)
def subtree_exchanged(chain: Chain) -> str:
    """Exchange a whole subtree that the batch does not open."""
    batch = busy(chain)
    witness = batch.witness()

    def exchanged() -> Iterator[Witness]:
        for subtree in Subtree:
            if root := witness.openings[subtree].root:
                yield with_opening(witness, subtree, root=bytes([root[0] ^ 1]) + root[1:])

    return outcomes(batch, exchanged())


@violation(
    rule="witness.md#2-tape",
    result="no proof: BAD_WITNESS",
    why="Leaves strictly ascend, so one has no two contents.",
)
def leaf_doubled(chain: Chain) -> str:
    """Give one leaf twice, with different balances."""
    batch = busy(chain)
    witness = batch.witness()
    leaves = witness.openings[Subtree.ACCOUNTS].leaves
    doubled = with_opening(witness, Subtree.ACCOUNTS, leaves=(leaves[0], *leaves))
    return f"no proof: {batch.prove(doubled).ending}"


@violation(
    rule="witness.md#2-tape",
    result="no proof: trap of the machine",
    why="Words of leaves and digests are below p, so each has one encoding.",
)
def word_beyond_the_field(chain: Chain) -> str:
    """Write a digest as itself plus p, which the hash would not tell apart."""
    batch = busy(chain)
    witness = batch.witness()
    siblings = witness.openings[Subtree.ACCOUNTS].siblings
    beyond = GOLDILOCKS_P.to_bytes(8, "little") + siblings[0][8:]
    changed = with_opening(witness, Subtree.ACCOUNTS, siblings=(beyond, *siblings[1:]))
    return f"no proof: {batch.prove(changed).ending}"


@violation(
    rule="witness.md#3-run",
    result="no proof: NOT_ONE_BATCH",
    why="Exactly the last envelope seals, so a batch has no tail and no second batch in it.",
)
def batch_left_open(chain: Chain) -> str:
    """Prove a batch that is not sealed, to go on with it in another way."""
    batch = busy(chain)
    witness = batch.witness()
    shorter = replace(witness, envelopes=witness.envelopes[:-1])
    longer = replace(witness, envelopes=(*witness.envelopes, witness.envelopes[-1]))
    (ending,) = {batch.prove(each).ending for each in (shorter, longer)}
    return f"no proof: {ending}"
