"""State diffs: what a chain in mode rollup publishes, and the state that is rebuilt from it.

Format: docs/spec/state-diff.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from struct import unpack
from typing import Final

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.byte_reader import NUMBER_BYTES, ByteReader
from offchain.settlement.state_proofs import StateProofs
from offchain.settlement.valuation import ValuationTable
from offchain.spec.constants import GOLDILOCKS_P, LEAF_BYTES, RISK_LEAF_BYTES, TIERS_PER_TABLE
from offchain.spec.fund_records import Fund
from offchain.spec.kinds import Subtree
from offchain.spec.poseidon2 import DIGEST_BYTES, Digest, digest_from_bytes, digest_to_bytes
from offchain.spec.records import Account, Asset, FeeTier, Market
from offchain.spec.state import SUBTREE_DEPTHS
from offchain.spec.tree import WORD_BYTES, Hasher

DIFF_TAG: Final = b"HRdiff05"
DIFF_BYTES_MAX: Final = 2**24
CHUNK_BYTES: Final = 100_000
CONFIG_BYTES: Final = 64
CHANNEL_BYTES: Final = 256
RESERVATION_BYTES: Final = 64
UNPUBLISHED: Final = (
    Subtree.HEADER,
    Subtree.SIGNERS,
    Subtree.ORDERS,
    Subtree.LEVELS,
    Subtree.DUTIES,
)
"""Subtrees of which only the root is published: nobody needs them to leave a frozen chain."""
LEAF_SIZES: Final = {
    Subtree.CONFIG: CONFIG_BYTES,
    Subtree.ASSETS: Asset.SIZE,
    Subtree.MARKETS: Market.SIZE,
    Subtree.FEE_TABLES: FeeTier.SIZE * TIERS_PER_TABLE,
    Subtree.ACCOUNTS: Account.SIZE,
    Subtree.POSITIONS: LEAF_BYTES,
    Subtree.RISK: RISK_LEAF_BYTES,
    Subtree.CHANNELS: CHANNEL_BYTES,
    Subtree.RESERVATIONS: RESERVATION_BYTES,
    Subtree.FUNDS: Fund.SIZE,
    Subtree.BUILDERS: LEAF_BYTES,
}
"""Bytes of a leaf of the subtrees whose leaves are published."""

Leaves = dict[tuple[Subtree, int], bytes]


class StateDiffError(Exception):
    """Bytes are no state diff, or diffs do not lead to the settled root; the message says why."""


@dataclass(frozen=True, slots=True)
class StateDiff:
    """What a settlement changed.

    Attributes
    ----------
    roots
        Digest of the root of each of :data:`UNPUBLISHED`.
    leaves
        New bytes of every changed leaf, by subtree and number.
    table
        Encoded valuation table; empty without.
    """

    roots: dict[Subtree, Digest]
    leaves: Leaves
    table: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the encoding.

        Raises
        ------
        StateDiffError
            If it would not decode.
        """
        parts = [DIFF_TAG, *(digest_to_bytes(self.roots[subtree]) for subtree in UNPUBLISHED)]
        parts += [_number(len(self.table)), self.table]
        for subtree, group in groupby(sorted(self.leaves.items()), key=lambda item: item[0][0]):
            entries = list(group)
            parts += [bytes([subtree]), _number(len(entries))]
            for (_, number), data in entries:
                used = -(-len(data.rstrip(b"\0")) // WORD_BYTES)
                parts += [_number(number), bytes([used]), data[: used * WORD_BYTES]]
        encoded = b"".join(parts)
        if StateDiff.from_bytes(encoded) != self:
            raise StateDiffError("a leaf has another length than its subtree's leaves")
        return encoded

    def followed_by(self, later: StateDiff) -> StateDiff:
        """Return the diff over this one and the next; a leaf that changed back stays in it."""
        return StateDiff(later.roots, self.leaves | later.leaves, later.table)

    @classmethod
    def from_bytes(cls, data: bytes) -> StateDiff:
        """Parse an encoding.

        Raises
        ------
        StateDiffError
            If the bytes are not what :meth:`to_bytes` gives for some diff.
        """
        if len(data) > DIFF_BYTES_MAX:
            raise StateDiffError(f"more than {DIFF_BYTES_MAX} bytes")
        reader = ByteReader(data, "big", StateDiffError("the diff ends too early"))
        if reader.take(len(DIFF_TAG)) != DIFF_TAG:
            raise StateDiffError(f"tag is not {DIFF_TAG.decode()}")
        try:
            roots = {s: digest_from_bytes(reader.take(DIGEST_BYTES)) for s in UNPUBLISHED}
            table = reader.take(reader.number())
            if table:
                ValuationTable.from_bytes(table)
        except ValueError as error:
            raise StateDiffError(str(error)) from error
        return cls(roots, dict(_leaves(reader)), table)

    def chunks(self) -> list[bytes]:
        """Return the pieces in which it is published."""
        data = self.to_bytes()
        return [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]


@dataclass(slots=True)
class RebuiltState:
    """State of a chain as far as diffs tell it.

    Attributes
    ----------
    leaves
        Leaves that are not zero.
    roots
        Roots of the subtrees that are not published.
    table
        Valuation table of the last settlement; empty without.
    """

    leaves: Leaves
    roots: dict[Subtree, Digest] = field(default_factory=dict)
    table: bytes = b""

    @classmethod
    def from_genesis(cls, leaves: Iterable[tuple[Subtree, int, bytes]]) -> RebuiltState:
        """Begin with all leaves of a known state."""
        return cls({(subtree, number): data for subtree, number, data in leaves})

    def apply(self, diff: StateDiff) -> None:
        """Replace what a diff has changed."""
        for subtree in UNPUBLISHED:
            for place in [place for place in self.leaves if place[0] == subtree]:
                del self.leaves[place]
        for place, data in diff.leaves.items():
            if any(data):
                self.leaves[place] = data
            else:
                self.leaves.pop(place, None)
        self.roots, self.table = diff.roots, diff.table

    def proofs(self, hasher: Hasher | None = None) -> StateProofs:
        """Return the state tree, of which records can be proven."""
        leaves = ((subtree, number, data) for (subtree, number), data in self.leaves.items())
        return StateProofs(leaves, hasher, self.roots)

    def settle(
        self,
        commitment: bytes,
        new_root: bytes,
        published: Mapping[bytes, tuple[bytes, bytes]],
        hasher: Hasher | None = None,
    ) -> StateProofs:
        """Apply the diff of a settlement and check its root.

        Parameters
        ----------
        commitment
            `da_commitment` of the settlement.
        new_root
            Its new state root, 32 bytes.
        published
            Previous commitment and data of every chunk, by commitment.
        hasher
            Hash of the state tree; the specification's own by default.

        Raises
        ------
        StateDiffError
            If a chunk is missing, the diff is malformed or the root differs.
        """
        self.apply(StateDiff.from_bytes(joined_chunks(commitment, published)))
        proofs = self.proofs(hasher)
        if proofs.root != new_root:
            raise StateDiffError(f"rebuilt root is {proofs.root.hex()}, not {new_root.hex()}")
        return proofs


def joined_chunks(commitment: bytes, published: Mapping[bytes, tuple[bytes, bytes]]) -> bytes:
    """Return the bytes that were published up to a commitment.

    Raises
    ------
    StateDiffError
        If a chunk is missing, or they are too many for a diff.
    """
    parts: list[bytes] = []
    total = 0
    while commitment != ZERO_WORD:
        if commitment not in published:
            raise StateDiffError(f"no chunk is published under {commitment.hex()}")
        commitment, data = published[commitment]
        total += len(data)
        if total > DIFF_BYTES_MAX:
            raise StateDiffError(f"more than {DIFF_BYTES_MAX} bytes are published")
        parts.append(data)
    return b"".join(reversed(parts))


def _leaves(reader: ByteReader) -> Iterator[tuple[tuple[Subtree, int], bytes]]:
    last_subtree = -1
    while not reader.is_done:
        (subtree_number,) = reader.take(1)
        if subtree_number <= last_subtree:
            raise StateDiffError("subtrees do not ascend")
        if subtree_number not in LEAF_SIZES:
            raise StateDiffError(f"leaves of subtree {subtree_number} are not published")
        subtree = Subtree(subtree_number)
        count, last_number = reader.number(), -1
        if not count:
            raise StateDiffError("a subtree without leaves")
        for _ in range(count):
            number = reader.number()
            if not last_number < number < 1 << SUBTREE_DEPTHS[subtree]:
                raise StateDiffError("leaves do not ascend within their subtree")
            yield (subtree, number), _leaf(reader, LEAF_SIZES[subtree])
            last_number = number
        last_subtree = subtree


def _leaf(reader: ByteReader, size: int) -> bytes:
    (used,) = reader.take(1)
    data = reader.take(used * WORD_BYTES)
    words = unpack(f"<{used}Q", data)
    if len(data) > size:
        raise StateDiffError("a leaf is longer than its subtree's leaves")
    if words and words[-1] == 0:
        raise StateDiffError("a leaf ends with zeros")
    if max(words, default=0) >= GOLDILOCKS_P:
        raise StateDiffError("a word is not below the field's modulus")
    return data.ljust(size, b"\0")


def _number(value: int) -> bytes:
    return value.to_bytes(NUMBER_BYTES, "big")
