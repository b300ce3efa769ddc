"""Sparse Merkle tree of one subtree: digests of touched leaves and of their ancestors."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from struct import unpack

from offchain.spec import poseidon2
from offchain.spec.poseidon2 import Digest

ZERO_DIGEST: Digest = (0, 0, 0, 0)
LEAF_DOMAIN = 0x4852_0000  # plus the subtree's number
WORD_BYTES = 8


@dataclass(frozen=True)
class Hasher:
    """The two modes of the tree hash.

    The default is the executable specification. A test that needs many roots may pass a faster
    implementation that was checked against it.
    """

    compress: Callable[[Digest, Digest], Digest] = poseidon2.compress
    hash_words: Callable[[int, Sequence[int]], Digest] = poseidon2.hash_words

    def leaf(self, subtree: int, data: bytes) -> Digest:
        """Return the digest of a leaf: zero for zero bytes, else the sponge over its words.

        Raises
        ------
        ValueError
            If a word is not below p, which the record layouts rule out.
        """
        if not any(data):
            return ZERO_DIGEST
        words = unpack(f"<{len(data) // WORD_BYTES}Q", data)
        return self.hash_words(LEAF_DOMAIN + subtree, words)


class SparseTree:
    """Binary tree with 2^depth leaves, nearly all of them zero.

    Parameters
    ----------
    depth
        Number of levels below the root.
    hasher
        Hash of the inner nodes.
    """

    def __init__(self, depth: int, hasher: Hasher) -> None:
        self._depth = depth
        self._compress = hasher.compress
        self._nodes: list[dict[int, Digest]] = [{} for _ in range(depth + 1)]  # by height
        self._zeros = [ZERO_DIGEST]
        for _ in range(depth):
            self._zeros.append(hasher.compress(self._zeros[-1], self._zeros[-1]))

    @property
    def root(self) -> Digest:
        """Digest of the root after the last :meth:`update`."""
        return self._nodes[self._depth].get(0, self._zeros[self._depth])

    def node(self, height: int, number: int) -> Digest:
        """Return the digest of node `number` of a height (leaves: 0), as of the last update."""
        return self._nodes[height].get(number, self._zeros[height])

    def update(self, leaves: Iterable[tuple[int, Digest]]) -> None:
        """Set leaf digests by number and recompute their ancestors."""
        dirty = set()
        for number, digest in leaves:
            if self._nodes[0].get(number, ZERO_DIGEST) != digest:
                self._nodes[0][number] = digest
                dirty.add(number)
        if not dirty:
            return
        for height in range(self._depth):
            below = self._nodes[height]
            zero = self._zeros[height]
            dirty = {number >> 1 for number in dirty}
            for number in dirty:
                left = below.get(2 * number, zero)
                right = below.get(2 * number + 1, zero)
                self._nodes[height + 1][number] = self._compress(left, right)
