"""Merkle trees over matrices of different heights, built coset by coset.

The rule that makes a root is in :mod:`offchain.prover.multiproof`. In its terms, leaf i = j + B k
belongs to coset j < B, position k. A parent's children lie in its own coset as long as its layer
has m >= B digests, at the positions k and k + m/B: each coset is a complete subtree, whose rows can
be made, hashed and thrown away before the next one's. The same rule joins the B subtree roots.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.prover.hash_suites import DIGEST_BYTES, HashSuite
from offchain.prover.hashing import DigestArray, U64Array, leaf_digests, parent_layer
from offchain.prover.multiproof import MatrixClass, TreeArgumentError, TreeShape
from offchain.verifier.field import reversed_bits

LEAVES_WHOLE_LOG2: Final = 21
"""Below 2^21 leaves (128 MB of digests) a tree keeps all of its layers by default."""

LAYERS_DROPPED: Final = 3
"""Lowest layers that a larger tree does not keep by default: 7/8 of its digests."""

EXTENSION_DEGREE: Final = 3

IndexArray = npt.NDArray[np.int64]


class LayersDroppedError(RuntimeError):
    """An opening needs layers that the tree did not keep, and the rows to make them again."""


@dataclass(frozen=True, slots=True)
class ClassRows:
    """The rows of one class on one coset, by columns.

    Attributes
    ----------
    columns
        Each a contiguous uint64 [n_s] with elements in [0, p); a C-contiguous array [W_s][n_s] is a
        sequence of its columns.
    salts
        uint64 [n_s][2], elements in [0, p), or None for a class without salt.
    """

    columns: Sequence[U64Array] | U64Array
    salts: U64Array | None


class TreeBuilder:
    """Commit to matrices, one coset at a time.

    Different cosets may be added by different threads at the same time.

    Parameters
    ----------
    suite
        The hash suite.
    shape
        What the tree commits to.
    drop_layers
        How many of the lowest layers not to keep, at most log2 n_0; an opening then recomputes what
        it needs. By default LAYERS_DROPPED from 2^LEAVES_WHOLE_LOG2 leaves on, else 0.

    Raises
    ------
    TreeArgumentError
        If `drop_layers` is out of its range.
    """

    def __init__(self, suite: HashSuite, shape: TreeShape, drop_layers: int | None = None) -> None:
        log_n = shape.classes[0].height_log2
        if drop_layers is None:
            is_large = shape.leaves >= 1 << LEAVES_WHOLE_LOG2
            drop_layers = min(LAYERS_DROPPED, log_n) if is_large else 0
        if not 0 <= drop_layers <= log_n:
            raise TreeArgumentError(f"{drop_layers} layers cannot be dropped; at most {log_n}")
        self._suite = suite
        self._shape = shape
        self._is_added = [False] * shape.blowup
        self._layers: list[DigestArray | None] = []
        size = shape.leaves
        while size > 0:
            cosets = min(size, shape.blowup)
            is_kept = len(self._layers) >= drop_layers
            layer = np.empty((cosets, size // cosets, DIGEST_BYTES), np.uint8) if is_kept else None
            self._layers.append(layer)
            size //= 2

    def add_coset(self, coset: int, rows: Iterable[ClassRows]) -> None:
        """Hash one coset's subtree.

        Parameters
        ----------
        coset
            j in [0, B).
        rows
            The rows of all classes on this coset, in order. The next class is asked for when the
            one before is hashed, so that they may share their memory.

        Raises
        ------
        TreeArgumentError
            If the coset does not exist or was added before, or an array does not fit the shape.
        """
        if not 0 <= coset < self._shape.blowup or self._is_added[coset]:
            raise TreeArgumentError(f"coset {coset} does not exist or was added before")
        classes = _checked_classes(self._shape, rows)
        layer = self._hash_rows(next(classes), self._kept(0, coset))
        for depth in range(1, self._shape.classes[0].height_log2 + 1):
            is_entered = self._shape.class_entering(self._shape.leaves >> depth) is not None
            injected = self._hash_rows(next(classes), None) if is_entered else None
            layer = parent_layer(self._suite, layer, injected, self._kept(depth, coset))
        if next(classes, None) is not None:
            raise TreeArgumentError("rows of too many classes were given")
        self._is_added[coset] = True

    def finish(self) -> "MerkleTree":
        """Join the cosets.

        Returns
        -------
        MerkleTree
            The tree; the builder must not be used any more.

        Raises
        ------
        TreeArgumentError
            If a coset is missing.
        """
        if not all(self._is_added):
            raise TreeArgumentError(f"coset {self._is_added.index(False)} was not added")
        depth = self._shape.classes[0].height_log2
        while depth + 1 < len(self._layers):
            below, above = self._layers[depth], self._layers[depth + 1]
            assert below is not None
            assert above is not None
            parent_layer(self._suite, below[:, 0], None, above[:, 0])
            depth += 1
        return MerkleTree(self._suite, self._shape, self._layers)

    def _hash_rows(self, rows: ClassRows, out: DigestArray | None) -> DigestArray:
        return leaf_digests(self._suite, rows.columns, rows.salts, out)

    def _kept(self, depth: int, coset: int) -> DigestArray | None:
        layer = self._layers[depth]
        return None if layer is None else layer[coset]


class MerkleTree:
    """A finished tree, made by :class:`TreeBuilder`.

    Layer d has size m = N / 2^d and shape [c][m/c][32] with c = min(m, B): digest i of the layer is
    at [i mod c][i div c]. Layers that were not kept are None.
    """

    def __init__(
        self, suite: HashSuite, shape: TreeShape, layers: Sequence[DigestArray | None]
    ) -> None:
        self.suite = suite
        self.shape = shape
        self._layers = layers

    @property
    def root(self) -> bytes:
        """The commitment, 32 bytes."""
        top = self._layers[-1]
        assert top is not None
        return top.tobytes()

    def open(
        self,
        places: Sequence[int],
        rows_of_coset: Callable[[int], Iterable[ClassRows]] | None = None,
        executor: Executor | None = None,
    ) -> list[bytes]:
        """Return the siblings of a multiproof, in the order of :mod:`offchain.prover.multiproof`.

        Parameters
        ----------
        places
            Of leaves, ascending and distinct, at least one.
        rows_of_coset
            Gives the rows of a coset again, see :meth:`TreeBuilder.add_coset`; needed by a tree
            that dropped layers, and called once for each coset in which a dropped sibling lies.
            No more classes are asked for than meet in the dropped layers.
        executor
            Makes the rows of as many cosets at a time as it has workers; one by default.

        Returns
        -------
        list[bytes]
            Digests, 32 bytes each.

        Raises
        ------
        LayersDroppedError
            If the tree dropped layers and `rows_of_coset` is not given.
        TreeArgumentError
            If the places are not as described.
        """
        self.shape.require_places(places)
        missing, order = _missing_siblings(self.shape.leaves, np.array(places, np.int64))
        found = [np.empty((len(siblings), DIGEST_BYTES), np.uint8) for siblings in missing]
        dropped = 0
        for depth, siblings in enumerate(missing):
            layer = self._layers[depth]
            if layer is None:
                dropped = depth + 1
            else:
                found[depth] = layer[siblings % len(layer), siblings // len(layer)]
        blowup = self.shape.blowup
        cosets = {int(i) % blowup for siblings in missing[:dropped] for i in siblings}
        if cosets and rows_of_coset is None:
            raise LayersDroppedError(
                "the tree did not keep its lowest layers; pass rows_of_coset to open"
            )

        def recompute(coset: int) -> None:
            assert rows_of_coset is not None
            are_here = [siblings % blowup == coset for siblings in missing[:dropped]]
            positions = [s[here] // blowup for s, here in zip(missing, are_here, strict=False)]
            layers = self._recompute(rows_of_coset(coset), positions)
            for depth, digests in enumerate(layers):
                found[depth][are_here[depth]] = digests

        for _ in map(recompute, cosets) if executor is None else executor.map(recompute, cosets):
            pass
        digests = [digest.tobytes() for layer in found for digest in layer]
        return [digests[number] for number in order]

    def _recompute(
        self, rows: Iterable[ClassRows], positions: Sequence[IndexArray]
    ) -> Iterator[DigestArray]:
        """Hash the digests at some positions of a coset's lowest layers, layer by layer."""
        log_n = self.shape.classes[0].height_log2
        # What is hashed: those, and the children of what is hashed above.
        needed = [np.unique(positions[-1])]
        for depth in reversed(range(len(positions) - 1)):
            size = 1 << (log_n - depth - 1)
            needed.append(
                np.unique(np.concatenate([positions[depth], *_children(needed[-1], size)]))
            )
        needed.reverse()
        classes = _checked_classes(self.shape, rows)
        digests = self._hash_some(next(classes), needed[0])
        yield digests[np.searchsorted(needed[0], positions[0])]
        for depth in range(1, len(positions)):
            size = 1 << (log_n - depth)
            below = np.concatenate(_children(needed[depth], size))
            children = digests[np.searchsorted(needed[depth - 1], below)]
            is_entered = self.shape.class_entering(size * self.shape.blowup) is not None
            injected = self._hash_some(next(classes), needed[depth]) if is_entered else None
            digests = parent_layer(self.suite, children, injected)
            yield digests[np.searchsorted(needed[depth], positions[depth])]

    def _hash_some(self, rows: ClassRows, positions: IndexArray) -> DigestArray:
        columns = [column[positions] for column in rows.columns]
        return leaf_digests(
            self.suite, columns, None if rows.salts is None else rows.salts[positions]
        )


def _children(positions: IndexArray, size: int) -> tuple[IndexArray, IndexArray]:
    """Left and right children, in their coset, of digests of a layer of `size` in that coset."""
    return positions, positions + size


def codeword_columns(codeword: U64Array, arity: int) -> list[U64Array]:
    """Group the values of a FRI codeword that one folding combines.

    Parameters
    ----------
    codeword
        uint64 [3][n], extension elements in natural order, C-contiguous.
    arity
        A, a power of two that divides n.

    Returns
    -------
    list[U64Array]
        3A views of length n/A: row k of these columns holds, for each t < A by place (its bits
        reversed), the three components of the value at index k + t n/A.

    Raises
    ------
    TreeArgumentError
        If the codeword has another shape or the arity does not divide n.
    """
    if codeword.shape != (EXTENSION_DEGREE, codeword.size // EXTENSION_DEGREE):
        raise TreeArgumentError(f"a codeword has the shape [3][n], not {list(codeword.shape)}")
    rows, rest = divmod(codeword.shape[1], arity)
    if rest:
        raise TreeArgumentError(f"{codeword.shape[1]} values do not group by {arity}")
    order = [reversed_bits(t, arity.bit_length() - 1) for t in range(arity)]
    return [component[t * rows : (t + 1) * rows] for t in order for component in codeword]


def commit_columns(suite: HashSuite, columns: Sequence[U64Array]) -> MerkleTree:
    """Commit to the rows of one matrix without salt: a FRI layer.

    Parameters
    ----------
    suite
        The hash suite.
    columns
        At least one contiguous uint64 [n], n a power of two, elements in [0, p).

    Returns
    -------
    MerkleTree
        A tree of blow-up 1 that keeps all layers.

    Raises
    ------
    TreeArgumentError
        If n is no power of two or a column has another type, shape or layout.
    """
    log_n = len(columns[0]).bit_length() - 1
    shape = TreeShape(1, (MatrixClass(log_n, len(columns), is_salted=False),))
    builder = TreeBuilder(suite, shape, drop_layers=0)
    builder.add_coset(0, [ClassRows(columns, None)])
    return builder.finish()


def _missing_siblings(leaves: int, places: IndexArray) -> tuple[list[IndexArray], list[int]]:
    """Return what a multiproof holds: by layer the indices, and in which order it has them all."""
    missing, keys = [], []
    log_size = leaves.bit_length() - 1
    for level in range(log_size):
        parents, counts = np.unique(np.unique(places >> level) >> 1, return_counts=True)
        alone = parents[counts == 1]
        siblings = 2 * alone + ~np.isin(2 * alone + 1, places >> level)
        missing.append(_reversed(siblings, log_size - level))
        # A node is hashed after all leaves below it, and after the nodes between.
        keys += [((int(parent) + 1) << level + 1, level) for parent in alone]
    return missing, sorted(range(len(keys)), key=keys.__getitem__)


def _reversed(places: IndexArray, bits: int) -> IndexArray:
    return np.array([reversed_bits(int(place), bits) for place in places], np.int64)


def _checked_classes(shape: TreeShape, rows: Iterable[ClassRows]) -> Iterator[ClassRows]:
    """Give the classes one after the other, each checked; one more if there are too many."""
    given = iter(rows)
    for matrices in shape.classes:
        of_class = next(given, None)
        if of_class is None:
            raise TreeArgumentError(f"rows must be given for {len(shape.classes)} classes")
        height = 1 << matrices.height_log2
        columns = of_class.columns
        if len(columns) != matrices.columns or any(len(column) != height for column in columns):
            raise TreeArgumentError(
                f"a class must have {matrices.columns} columns of {height} rows"
            )
        if (of_class.salts is not None) != matrices.is_salted:
            raise TreeArgumentError(
                f"the class of {height} rows must have salts just if it is salted"
            )
        yield of_class
    yield from given
