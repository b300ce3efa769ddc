"""Proofs of records against a state root, as the contract ``StateProofs`` takes them.

Nodes are numbered over the whole state tree: 1 is the root, 2 n and 2 n + 1 are the children of n.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from offchain.spec.constants import POSITIONS_PER_ACCOUNT
from offchain.spec.header import Header
from offchain.spec.kinds import Subtree
from offchain.spec.poseidon2 import Digest, digest_to_bytes
from offchain.spec.records import Account, Asset, Market, Position
from offchain.spec.state import SUBTREE_DEPTHS
from offchain.spec.tree import Hasher, SparseTree

SUBTREE_LEVELS: Final = 4
"""Levels between the state root and the roots of the sixteen subtrees."""
BLOCK_HEIGHT: Final = 4
"""Of the common node of an account's sixteen positions."""
BESIDE_LEVEL: Final = 3
"""Level below the root of the node beside a path that the contract knows for a transaction."""
RECORD_BYTES: Final = {
    Subtree.HEADER: Header.SIZE,
    Subtree.ASSETS: Asset.SIZE,
    Subtree.MARKETS: Market.SIZE,
    Subtree.ACCOUNTS: Account.SIZE,
}
"""Subtrees whose records the contract reads one by one."""


@dataclass(frozen=True, slots=True)
class Path:
    """Way from a node up to the root, or to a node that is known.

    Attributes
    ----------
    number
        Number of the node where it starts.
    siblings
        Digests of 32 bytes, from below.
    """

    number: int
    siblings: tuple[bytes, ...]

    def up_to(self, is_known: Callable[[int], bool]) -> Path:
        """Return the path as far as the first node above its start that is known.

        Parameters
        ----------
        is_known
            Whether the contract's ``verified_digest`` of a node number is not zero.
        """
        for length in range(1, len(self.siblings)):
            if is_known(self.number >> length):
                return replace(self, siblings=self.siblings[:length])
        return self

    @property
    def node_beside(self) -> int | None:
        """Number of the node beside the path that the rest of a transaction may end its paths at.

        None of a path that does not reach the root.
        """
        if self.number >> len(self.siblings) != 1:
            return None
        return self.number >> len(self.siblings) - BESIDE_LEVEL ^ 1


@dataclass(frozen=True, slots=True)
class RecordProof:
    """A record and its path; all zero bytes for one that was never written."""

    index: int
    record: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class PositionsProof:
    """All positions of an account.

    Attributes
    ----------
    account_index
        Number of the account's leaf.
    slots
        Bit k: position k is in use.
    records
        64 bytes for each position in use, ascending.
    path
        From the common node of the account's sixteen positions.
    """

    account_index: int
    slots: int
    records: bytes
    path: Path


class StateProofs:
    """The state tree over given leaves, of which any record can be proven.

    Parameters
    ----------
    leaves
        Subtree, number and bytes of every leaf that is not zero, as
        :meth:`offchain.spec.state.State.leaves` yields them.
    hasher
        Hash of the state tree; the specification's own by default.
    roots
        Roots of subtrees whose leaves are not known; no record of these can be proven.
    """

    def __init__(
        self,
        leaves: Iterable[tuple[Subtree, int, bytes]],
        hasher: Hasher | None = None,
        roots: Mapping[Subtree, Digest] | None = None,
    ) -> None:
        hasher = hasher or Hasher()
        self._leaves = {(subtree, number): data for subtree, number, data in leaves}
        digests: dict[Subtree, list[tuple[int, Digest]]] = {subtree: [] for subtree in Subtree}
        for (subtree, number), data in self._leaves.items():
            digests[subtree].append((number, hasher.leaf(subtree, data)))
        self._trees: dict[Subtree, SparseTree] = {}
        for subtree, depth in SUBTREE_DEPTHS.items():
            self._trees[subtree] = SparseTree(depth, hasher)
            self._trees[subtree].update(digests[subtree])
        self._top = SparseTree(SUBTREE_LEVELS, hasher)
        known = {subtree: tree.root for subtree, tree in self._trees.items()}
        self._top.update((known | dict(roots or {})).items())

    @property
    def root(self) -> bytes:
        """State root, 32 bytes."""
        return digest_to_bytes(self._top.root)

    def subtree_root(self, subtree: Subtree) -> Digest:
        """Return the digest of a subtree's root."""
        return self._top.node(0, subtree)

    def record(self, subtree: Subtree, index: int) -> RecordProof:
        """Prove one record.

        Parameters
        ----------
        subtree
            One of :data:`RECORD_BYTES`.
        index
            Number of its leaf; of an account, :func:`offchain.spec.state.account_index`.

        Raises
        ------
        ValueError
            If the contract reads no such records, or the index is outside the subtree.
        """
        if subtree not in RECORD_BYTES:
            raise ValueError(f"records of {subtree.name} are not proven one by one")
        record = self._leaves.get((subtree, index), bytes(RECORD_BYTES[subtree]))
        return RecordProof(index, record, self._path(subtree, 0, index))

    def positions(self, account_index: int) -> PositionsProof:
        """Prove all positions of an account.

        Parameters
        ----------
        account_index
            Number of the account's leaf.

        Raises
        ------
        ValueError
            If the index is outside the subtree.
        """
        path = self._path(Subtree.POSITIONS, BLOCK_HEIGHT, account_index)
        first = account_index * POSITIONS_PER_ACCOUNT
        found = {
            slot: self._leaves[Subtree.POSITIONS, first + slot]
            for slot in range(POSITIONS_PER_ACCOUNT)
            if (Subtree.POSITIONS, first + slot) in self._leaves
        }
        assert all(len(record) == Position.SIZE for record in found.values())
        slots = sum(1 << slot for slot in found)
        return PositionsProof(account_index, slots, b"".join(found.values()), path)

    def _path(self, subtree: Subtree, height: int, index: int) -> Path:
        depth = SUBTREE_DEPTHS[subtree] - height
        if not 0 <= index < 1 << depth:
            raise ValueError(f"{index} is outside a subtree of depth {depth}")
        tree = self._trees[subtree]
        inside = [tree.node(height + k, index >> k ^ 1) for k in range(depth)]
        above = [self._top.node(k, subtree >> k ^ 1) for k in range(SUBTREE_LEVELS)]
        number = ((1 << SUBTREE_LEVELS | subtree) << depth) | index
        return Path(number, tuple(digest_to_bytes(digest) for digest in (*inside, *above)))


def claim_paths(
    account: RecordProof, positions: PositionsProof, is_known: Callable[[int], bool]
) -> tuple[Path, Path]:
    """Return the paths of an account and of its positions, as far as one claim needs them.

    Parameters
    ----------
    account, positions
        Proofs of the same account.
    is_known
        Whether the contract's ``verified_digest`` of a node number is not zero.
    """
    path = account.path.up_to(is_known)
    beside = path.node_beside
    return path, positions.path.up_to(lambda number: number == beside or is_known(number))
