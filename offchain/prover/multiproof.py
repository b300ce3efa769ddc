"""The shape of a Merkle tree over matrices of different heights, and the check of an opening.

A tree commits to classes of matrices. All have the blow-up B in common; class s has n_s trace rows
and N_s = B n_s rows on its low-degree extension, N = N_0 being the largest (all are powers of two).
Under leaf index i lies the row i mod N_s of every class:

- the layer of size N holds the digests of class 0's rows;
- in a layer of size m < N, parent k is the hash of the children k and k + m below it and, if some
  class has N_s = m, of the digest of that class's row k;
- the layer of size 1 holds the root.

The place of row i in a layer of size m is i with its log2 m bits in reverse order. By place,
children are neighbours: those of the parent at place q are at 2q and 2q + 1.

A multiproof opens leaves at a sorted set of distinct places. Its verifier hashes everything below a
node before the node, on the left before on the right. In this order of their parents the multiproof
holds the children under which no leaf is opened and whose parents have one that is. Digests of
opened rows are never sent: the verifier recomputes them.
Plain Python; :mod:`offchain.prover.merkle` makes trees and multiproofs.
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offchain.prover.hash_suites import (
    DIGEST_BYTES,
    SALT_WORDS,
    HashSuite,
    leaf_digest,
    node_digest,
)


class TreeArgumentError(ValueError):
    """A shape, an index or an array of rows that no such tree has."""


class MultiproofShapeError(ValueError):
    """Rows, words of a row, salts or siblings are missing or left over, or not whole."""


class RootMismatchError(ValueError):
    """The opened rows and siblings do not hash to the committed root."""


@dataclass(frozen=True, slots=True)
class MatrixClass:
    """The matrices of one height, side by side.

    Attributes
    ----------
    height_log2
        log2 n_s, of the trace rows.
    columns
        Words per row, at least 1.
    is_salted
        Whether each row is hashed with a salt of 2 words.
    """

    height_log2: int
    columns: int
    is_salted: bool


@dataclass(frozen=True, slots=True)
class TreeShape:
    """What a tree commits to.

    Attributes
    ----------
    blowup
        B, a power of two; 1 for a tree of plain rows.
    classes
        At least one, heights strictly descending.

    Raises
    ------
    TreeArgumentError
        If the blow-up is no power of two, the heights do not descend strictly to 0 or more, or a
        class has no column.
    """

    blowup: int
    classes: tuple[MatrixClass, ...]

    def __post_init__(self) -> None:
        if self.blowup < 1 or self.blowup & (self.blowup - 1):
            raise TreeArgumentError(f"the blow-up {self.blowup} is no power of two")
        heights = [matrices.height_log2 for matrices in self.classes]
        if not heights or heights != sorted(set(heights), reverse=True) or heights[-1] < 0:
            raise TreeArgumentError(
                f"the heights 2^{heights} do not descend strictly to 2^0 or more"
            )
        if any(matrices.columns < 1 for matrices in self.classes):
            raise TreeArgumentError("a class takes at least one column")

    @property
    def leaves(self) -> int:
        """N, the number of rows of class 0."""
        return self.rows(0)

    def rows(self, s: int) -> int:
        """Return N_s, the number of rows of class s."""
        return self.blowup << self.classes[s].height_log2

    def class_entering(self, size: int) -> int | None:
        """Return the class s > 0 with N_s = size, whose rows enter the layer of that size."""
        for s in range(1, len(self.classes)):
            if self.rows(s) == size:
                return s
        return None

    def opened(self, s: int, places: Sequence[int]) -> list[int]:
        """Return the places of the rows of class s above leaves, ascending and distinct."""
        level = self.classes[0].height_log2 - self.classes[s].height_log2
        return sorted({place >> level for place in places})

    def require_places(self, places: Sequence[int]) -> None:
        """Raise TreeArgumentError unless there are places: distinct, ascending and in [0, N)."""
        is_ascending = all(a < b for a, b in itertools.pairwise(places))
        if not places or not is_ascending or places[0] < 0 or places[-1] >= self.leaves:
            raise TreeArgumentError(f"places must be distinct, ascending and in [0, {self.leaves})")


def verify_multiproof(
    suite: HashSuite,
    shape: TreeShape,
    root: bytes,
    places: Sequence[int],
    rows: Sequence[Sequence[Sequence[int]]],
    salts: Sequence[Sequence[Sequence[int]]],
    siblings: Sequence[bytes],
) -> None:
    """Check opened rows against a root.

    Parameters
    ----------
    suite, shape, root
        Hash suite, shape and commitment of the tree.
    places
        Of leaves, ascending and distinct, at least one; the verifier derives them itself.
    rows
        For each class s the rows ``shape.opened(s, places)``, each a list of words.
    salts
        For each class one salt of two words per opened row; an empty list for a class without salt.
    siblings
        What :meth:`offchain.prover.merkle.MerkleTree.open` returned.

    Raises
    ------
    MultiproofShapeError
        If rows, words of a row, salts or siblings are missing or left over.
    NonCanonicalWordError
        If a word of a row or salt, or with Poseidon2 of a sibling, is p or more.
    RootMismatchError
        If the root is another one.
    TreeArgumentError
        If the places are not as described.
    """
    shape.require_places(places)
    if not len(rows) == len(salts) == len(shape.classes):
        raise MultiproofShapeError(f"rows and salts must be given for {len(shape.classes)} classes")
    row_digests = [
        _row_digests(suite, shape.classes[s], shape.opened(s, places), rows[s], salts[s])
        for s in range(len(shape.classes))
    ]
    unread = iter(siblings)

    def node(size: int, leaves: Sequence[int]) -> bytes:
        """Digest of the node of the layer of this size above some of the opened leaves."""
        if size == shape.leaves:
            return row_digests[0][leaves[0]]
        below = shape.leaves // size
        middle = bisect_left(leaves, leaves[0] - leaves[0] % below + below // 2)
        halves = (leaves[:middle], leaves[middle:])
        known = [node(2 * size, half) if half else b"" for half in halves]
        left, right = (digest or _next_sibling(unread) for digest in known)
        entering = shape.class_entering(size)
        injected = b"" if entering is None else row_digests[entering][leaves[0] // below]
        return node_digest(suite, left, right, injected)

    found = node(1, places)
    if next(unread, None) is not None:
        raise MultiproofShapeError("siblings are left over after the root was reached")
    if found != root:
        raise RootMismatchError("the opened rows and siblings do not hash to the committed root")


def _next_sibling(unread: Iterator[bytes]) -> bytes:
    sibling = next(unread, None)
    if sibling is None:
        raise MultiproofShapeError("the siblings end before the root is reached")
    if len(sibling) != DIGEST_BYTES:
        raise MultiproofShapeError(f"a sibling has {len(sibling)} bytes, not {DIGEST_BYTES}")
    return sibling


def _row_digests(
    suite: HashSuite,
    matrices: MatrixClass,
    positions: Sequence[int],
    rows: Sequence[Sequence[int]],
    salts: Sequence[Sequence[int]],
) -> dict[int, bytes]:
    if len(rows) != len(positions) or len(salts) != (len(rows) if matrices.is_salted else 0):
        raise MultiproofShapeError(
            f"{len(positions)} rows are opened; the proof has {len(rows)} and {len(salts)} salts"
        )
    if any(len(row) != matrices.columns for row in rows):
        raise MultiproofShapeError(f"a row of height 2^{matrices.height_log2} has a wrong width")
    if any(len(salt) != SALT_WORDS for salt in salts):
        raise MultiproofShapeError(f"a salt has not {SALT_WORDS} words")
    row_salts = salts if matrices.is_salted else [()] * len(rows)
    return {
        position: leaf_digest(suite, row, salt)
        for position, row, salt in zip(positions, rows, row_salts, strict=True)
    }
