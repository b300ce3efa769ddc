"""Sums of field elements, at the edges where they wrap; other kernels: test_kernels.py."""

import numpy as np

from offchain.prover import polynomials
from offchain.prover.reference import P


def test_add_elements():
    edges = [0, 1, 2**32 - 2, 2**32 - 1, 2**63, P - 2**32, P - 1]
    pairs = [(a, b) for a in edges for b in edges]
    left, right = (np.array(side, np.uint64) for side in zip(*pairs, strict=True))
    assert polynomials.add_elements(left, right).tolist() == [(a + b) % P for a, b in pairs]
