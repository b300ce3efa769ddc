"""Commitments to columns: low-degree extension by cosets, and a Merkle tree of mixed height."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from offchain.prover.domain import coset_shift, domain_point
from offchain.prover.hash_suites import SALT_WORDS, HashSuite
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import coset_ntt, random_fill
from offchain.prover.merkle import CosetRows, MerkleTree, TreeBuilder
from offchain.prover.multiproof import MatrixClass, TreeShape
from offchain.prover.polynomials import evaluate_base
from offchain.verifier.field import reversed_bits

WHOLE_TREE_LEAVES_MAX = 1 << 23
"""Trees of more leaves drop their lowest layers and hash them again for an opening."""

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
    kept_cosets : frozenset of int
        Cosets whose values stay in memory, for the quotient and for openings.
    opened_later : dict of int to sequence of int
        By table number the columns that are opened one row later, too.
    """

    coefficients: Mapping[int, U64Array]
    suite: HashSuite
    blowup: int
    salt_key: bytes | None
    salt_stream: int
    kept_cosets: frozenset[int]
    opened_later: Mapping[int, Sequence[int]] = field(default_factory=dict)
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
        keeps_all = shape.leaves <= WHOLE_TREE_LEAVES_MAX
        builder = TreeBuilder(self.suite, shape, drop_layers=0 if keeps_all else None)

        def add(coset: int) -> None:
            values = self._extend(coset)
            builder.add_coset(coset, self._rows(coset, values))
            if coset in self.kept_cosets:
                self._kept[coset] = values

        for _ in executor.map(add, range(self.blowup)):
            pass
        self._tree = builder.finish()
        return self.root

    def values(self, coset: int, table: int) -> U64Array:
        """Values [columns][height] of a table on one coset."""
        if coset in self._kept:
            return self._kept[coset][table]
        coefficients = self.coefficients[table]
        height = coefficients.shape[1]
        return coset_ntt(coefficients, height, coset_shift(height, self.blowup, coset))

    def open(self, places: Iterable[int], log_domain: int, executor: Executor) -> bytes:
        """Rows and siblings at places of a domain of 2^log_domain points, as the proof has them."""
        parts: list[bytes] = []
        for height in self.heights:
            log_rows = (self.blowup * height).bit_length() - 1
            opened = sorted({place >> log_domain - log_rows for place in places})
            rows = [reversed_bits(place, log_rows) for place in opened]
            by_coset: dict[int, list[int]] = {}
            for row in rows:
                by_coset.setdefault(row % self.blowup, []).append(row)
            read = executor.map(
                partial(self._open_rows, height), *zip(*by_coset.items(), strict=True)
            )
            found = {row: data for each in read for row, data in each.items()}
            parts += [found[row] for row in rows]
        log_leaves = (self.blowup * self.heights[0]).bit_length() - 1
        leaves = sorted({place >> log_domain - log_leaves for place in places})
        parts += self._finished_tree.open(
            leaves, lambda j: self._rows(j, self._extend(j)), executor
        )
        return b"".join(parts)

    def _extend(self, coset: int) -> dict[int, U64Array]:
        return {
            t: coset_ntt(c, c.shape[1], coset_shift(c.shape[1], self.blowup, coset))
            for t, c in self.coefficients.items()
        }

    def _rows(self, coset: int, values: Mapping[int, U64Array]) -> CosetRows:
        columns: list[Sequence[U64Array]] = []
        salts: list[U64Array | None] = []
        for height in self.heights:
            columns.append([values[t][i] for t, i in self.columns_of(height)])
            salts.append(self._salts(height, coset))
        return CosetRows(columns, salts)

    def _salts(self, height: int, coset: int) -> U64Array | None:
        if self.salt_key is None:
            return None
        salts = np.empty((height, SALT_WORDS), np.uint64)
        stream = SALT_STREAM * (1 + self.salt_stream) + coset * 64 + height.bit_length()
        random_fill(salts, self.salt_key, stream)
        return salts

    def _open_rows(self, height: int, coset: int, rows: Sequence[int]) -> dict[int, bytes]:
        """Salt and values of rows of one class that lie in one coset."""
        salts = self._salts(height, coset)
        values = None
        if coset in self._kept or len(rows) >= ROWS_PER_EXTENSION:
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
