"""FRI: commit to the foldings of a codeword, and open them at the queries."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from offchain.prover.domain import coset_shift, shift_of
from offchain.prover.hash_suites import HashSuite
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import coset_intt, coset_ntt, fri_fold
from offchain.prover.merkle import MerkleTree, codeword_columns, commit_columns
from offchain.prover.reference import P
from offchain.prover.transcript import ProverTranscript
from offchain.verifier.field import reversed_bits


@dataclass
class Layer:
    """One committed codeword, grouped by what one folding combines."""

    codeword: U64Array
    fold_log: int
    tree: MerkleTree

    @property
    def leaves(self) -> int:
        """Number of groups."""
        return int(self.codeword.shape[1] >> self.fold_log)

    def leaf(self, place: int) -> bytes:
        """Bytes of the group at a place: its entries, too, by place."""
        log_leaves = self.leaves.bit_length() - 1
        group = self.codeword[:, reversed_bits(place, log_leaves) :: self.leaves].T
        order = [reversed_bits(entry, self.fold_log) for entry in range(1 << self.fold_log)]
        return group[order].astype(">u8").tobytes()


def extend(coefficients: U64Array, blowup: int, executor: Executor) -> U64Array:
    """Codeword [3][blowup * n] of a polynomial [3][n] on the evaluation domain."""
    n = coefficients.shape[1]
    codeword = np.empty((3, blowup * n), np.uint64)

    def add(coset: int) -> None:
        codeword[:, coset::blowup] = coset_ntt(coefficients, n, coset_shift(n, blowup, coset))

    for _ in executor.map(add, range(blowup)):
        pass
    return codeword


def commit_layers(
    codeword: U64Array,
    degree_bound: int,
    fold_logs: Iterable[int],
    suite: HashSuite,
    transcript: ProverTranscript,
) -> tuple[list[Layer], list[bytes], U64Array]:
    """Commit and fold; returns layers, their roots and the final coefficients [3][bound]."""
    layers: list[Layer] = []
    shift = shift_of(degree_bound)
    for fold_log in fold_logs:
        tree = commit_columns(suite, codeword_columns(codeword, 1 << fold_log))
        layers.append(Layer(codeword, fold_log, tree))
        transcript.absorb("fri", tree.root)
        beta = transcript.draw_element("fold")
        codeword = fri_fold(codeword, fold_log, beta, shift)
        shift = pow(shift, 1 << fold_log, P)
        degree_bound >>= fold_log
    coefficients = coset_intt(codeword, shift)
    assert not coefficients[:, degree_bound:].any(), "the codeword is of low degree"
    roots = [layer.tree.root for layer in layers]
    return layers, roots, np.ascontiguousarray(coefficients[:, :degree_bound])


def open_layers(layers: Iterable[Layer], places: Iterable[int]) -> bytes:
    """Leaves of every layer under the queried places, each layer's followed by the siblings."""
    parts: list[bytes] = []
    for layer in layers:
        places = sorted({place >> layer.fold_log for place in places})
        parts += [layer.leaf(place) for place in places]
        parts += layer.tree.open(places)
    return b"".join(parts)
