"""Commitments to columns: low-degree extension by cosets, and a Merkle tree of mixed height."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from offchain.prover.domain import coset_shift, domain_point
from offchain.prover.hash_suites import DIGEST_BYTES, SALT_WORDS, HashSuite
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import coset_ntt, random_fill
from offchain.prover.merkle import LAYERS_DROPPED, ClassRows, MerkleTree, TreeBuilder
from offchain.prover.multiproof import MatrixClass, TreeShape
from offchain.prover.polynomials import evaluate_base
from offchain.verifier.field import reversed_bits

ROWS_PER_EXTENSION = 16
"""Rows of one coset from which on extending it is cheaper than evaluating polynomials there."""

SALT_STREAM = 1 << 32
"""Random streams of salts start here; those below are for blinding rows and masks."""


@dataclass
class Commitment:
    """Columns of one phase, of tables of different heights, under one root.

    Attributes
    ----------
    coefficients : dict of int to array
        [columns][height] by table number, in table order.
    suite : HashSuite
    blowup : int
        Points of the evaluation domain per row.
    salt_key : bytes or None
        Key of the salts' random streams; None for a commitment that hides nothing.
    salt_stream : int
        Distinguishes the commitments of one proof.
    kept_cosets : tuple of int
        Cosets whose values should stay in memory, for the quotient and for openings.
    opened_later : dict of int to sequence of int
        By table number the columns that are opened one row later, too.
    spare_bytes : int or None
        What may stay in memory beside the coefficients; without bound if None. The tree comes
        first: it drops its lowest layers, which an opening then makes again from all columns,
        unless it fits whole. Then come as many of `kept_cosets` as fit; the values of the others
        are computed whenever they are needed.
    """

    coefficients: Mapping[int, U64Array]
    suite: HashSuite
    blowup: int
    salt_key: bytes | None
    salt_stream: int
    kept_cosets: tuple[int, ...]
    opened_later: Mapping[int, Sequence[int]] = field(default_factory=dict)
    spare_bytes: int | None = None
    _kept: dict[int, dict[int, U64Array]] = field(default_factory=dict)
    _tree: MerkleTree | None = None

    @property
    def heights(self) -> list[int]:
        """Distinct heights, descending: the classes of the tree."""
        return sorted({c.shape[1] for c in self.coefficients.values()}, reverse=True)

    def columns_of(self, height: int) -> list[tuple[int, int]]:
        """Tables and columns of a class's row in order: first those opened one row later, too."""
        tables = self.tables_of(height)
        first = [(t, i) for t in tables for i in self.opened_later.get(t, ())]
        every = [(t, i) for t in tables for i in range(len(self.coefficients[t]))]
        return first + [column for column in every if column not in first]

    @property
    def root(self) -> bytes:
        """The commitment; there is none before `commit`."""
        return self._finished_tree.root

    @property
    def _finished_tree(self) -> MerkleTree:
        assert self._tree is not None, "commit first"
        return self._tree

    def tables_of(self, height: int) -> list[int]:
        """Numbers of the tables of one class, in order."""
        return [t for t, c in self.coefficients.items() if c.shape[1] == height]

    def commit(self, executor: Executor) -> bytes:
        """Extend all columns coset by coset, hash them and return the root."""
        classes = tuple(
            MatrixClass(
                height.bit_length() - 1,
                sum(len(self.coefficients[t]) for t in self.tables_of(height)),
                self.salt_key is not None,
            )
            for height in self.heights
        )
        shape = TreeShape(self.blowup, classes)
        kept, is_tree_whole = self._affordable(2 * DIGEST_BYTES * shape.leaves)
        dropped = 0 if is_tree_whole else min(LAYERS_DROPPED, classes[0].height_log2)
        builder = TreeBuilder(self.suite, shape, drop_layers=dropped)
        # What is not kept is hashed at once, so that a thread needs room for one class only. It is
        # the same for all: new memory costs as much as a quarter of the transforms.
        room = threading.local()
        room_words = max(classes_.columns << classes_.height_log2 for classes_ in classes)

        def extend(coset: int, height: int) -> dict[int, U64Array]:
            if coset in kept:
                values = self._extend(coset, height)
                self._kept.setdefault(coset, {}).update(values)
                return values
            if not hasattr(room, "words"):
                room.words = np.empty(room_words, np.uint64)
            return self._extend(coset, height, room.words)

        def add(coset: int) -> None:
            builder.add_coset(coset, self._classes(coset, extend))

        for _ in executor.map(add, range(self.blowup)):
            pass
        self._tree = builder.finish()
        return self.root

    def holds(self, coset: int) -> bool:
        """Whether the values of a coset are in memory."""
        return coset in self._kept

    def values(self, coset: int, table: int) -> U64Array:
        """Values [columns][height] of a table on one coset."""
        if coset in self._kept:
            return self._kept[coset][table]
        coefficients = self.coefficients[table]
        height = coefficients.shape[1]
        return coset_ntt(coefficients, height, coset_shift(height, self.blowup, coset))

    def open(self, places: Iterable[int], log_domain: int, executor: Executor) -> bytes:
        """Rows and siblings at places of a domain of 2^log_domain points, as the proof has them."""
        rows: dict[int, list[int]] = {}
        wanted: dict[tuple[int, int], list[int]] = {}
        for height in self.heights:
            log_rows = (self.blowup * height).bit_length() - 1
            opened = sorted({place >> log_domain - log_rows for place in places})
            rows[height] = [reversed_bits(place, log_rows) for place in opened]
            for row in rows[height]:
                wanted.setdefault((row % self.blowup, height), []).append(row)
        found: dict[tuple[int, int], bytes] = {}

        def extend(coset: int, height: int) -> dict[int, U64Array]:
            values = {t: self.values(coset, t) for t in self.tables_of(height)}
            read(coset, height, values)
            return values

        def read(coset: int, height: int, values: Mapping[int, U64Array] | None = None) -> None:
            of_coset = wanted.get((coset, height), [])
            for row, data in self._open_rows(height, coset, of_coset, values).items():
                found[height, row] = data

        log_leaves = (self.blowup * self.heights[0]).bit_length() - 1
        leaves = sorted({place >> log_domain - log_leaves for place in places})
        siblings = self._finished_tree.open(leaves, lambda j: self._classes(j, extend), executor)
        left = [key for key, of_coset in wanted.items() if (key[1], of_coset[0]) not in found]
        for _ in executor.map(lambda key: read(*key), left):
            pass
        opened_rows = [found[height, row] for height in self.heights for row in rows[height]]
        return b"".join(opened_rows + siblings)

    def _affordable(self, tree_bytes: int) -> tuple[frozenset[int], bool]:
        """Cosets to be kept, and whether the tree is kept whole."""
        if self.spare_bytes is None:
            return frozenset(self.kept_cosets), True
        is_tree_whole = tree_bytes <= self.spare_bytes
        left = self.spare_bytes - (tree_bytes if is_tree_whole else tree_bytes >> LAYERS_DROPPED)
        coset_bytes = sum(columns.nbytes for columns in self.coefficients.values())
        return frozenset(self.kept_cosets[: max(0, left // coset_bytes)]), is_tree_whole

    def _extend(self, coset: int, height: int, room: U64Array | None = None) -> dict[int, U64Array]:
        """Values of one class on one coset, in `room` if it is given."""
        values = {}
        shift, first = coset_shift(height, self.blowup, coset), 0
        for t in self.tables_of(height):
            columns = self.coefficients[t]
            out = None
            if room is not None:
                out = room[first : first + columns.size].reshape(columns.shape)
            values[t] = coset_ntt(columns, height, shift, out)
            first += columns.size
        return values

    def _classes(
        self, coset: int, extend: Callable[[int, int], Mapping[int, U64Array]]
    ) -> Iterator[ClassRows]:
        """Rows by class; `extend` gives the values of a coset's class when its turn comes."""
        for height in self.heights:
            values = extend(coset, height)
            columns = [values[t][i] for t, i in self.columns_of(height)]
            yield ClassRows(columns, self._salts(height, coset))

    def _salts(self, height: int, coset: int) -> U64Array | None:
        if self.salt_key is None:
            return None
        salts = np.empty((height, SALT_WORDS), np.uint64)
        stream = SALT_STREAM * (1 + self.salt_stream) + coset * 64 + height.bit_length()
        random_fill(salts, self.salt_key, stream)
        return salts

    def _open_rows(
        self,
        height: int,
        coset: int,
        rows: Sequence[int],
        values: Mapping[int, U64Array] | None,
    ) -> dict[int, bytes]:
        """Salt and values of rows of one class that lie in one coset; `values` if at hand."""
        if not rows:
            return {}
        salts = self._salts(height, coset)
        if values is None and (coset in self._kept or len(rows) >= ROWS_PER_EXTENSION):
            values = {t: self.values(coset, t) for t in self.tables_of(height)}
        found = {}
        for row in rows:
            k = row // self.blowup
            if values is None:
                point = domain_point(height, self.blowup, row)
                here = {
                    t: evaluate_base(self.coefficients[t], point) for t in self.tables_of(height)
                }
            else:
                here = {t: columns[:, k] for t, columns in values.items()}
            parts = [] if salts is None else [salts[k]]
            parts.append(np.array([here[t][i] for t, i in self.columns_of(height)], np.uint64))
            found[row] = np.concatenate(parts).astype(">u8").tobytes()
        return found
