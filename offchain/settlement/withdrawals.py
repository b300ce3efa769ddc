"""Withdrawals of a settlement as a keccak Merkle tree.

The twin of `contracts/gateway/withdrawals.vy`:
leaf = keccak(0x00 | chain, batch, index, owner, asset, amount as words),
node = keccak(0x01 | left | right), zero words up to the next power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from offchain.settlement.abi import ZERO_WORD, address_word, keccak256, uint_word

PATH_DEPTH_MAX: Final = 20
ASSET_BITS: Final = 16
UNITS_BITS: Final = 62  # amounts in engine units are below 2^62
LEAF_TAG: Final = b"\x00"
NODE_TAG: Final = b"\x01"
EMPTY_ROOT: Final = ZERO_WORD  # root of a settlement without withdrawals


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What one settlement pays to one owner in one asset.

    Attributes
    ----------
    owner : bytes
        L1 address that is paid, 20 bytes.
    asset_id : int
        Asset, below 2^16.
    amount_units : int
        Amount in 10^-8 tokens, below 2^62.
    """

    owner: bytes
    asset_id: int
    amount_units: int

    def leaf(self, chain_id: int, batch: int, index: int) -> bytes:
        """Return the leaf hash, 32 bytes.

        Parameters
        ----------
        chain_id : int
            Chain that withdrew.
        batch : int
            Last batch of the settlement.
        index : int
            Position among the settlement's withdrawals, below 2^20.

        Raises
        ------
        ValueError
            If a field is outside of its range.
        """
        return keccak256(
            LEAF_TAG
            + uint_word(chain_id)
            + uint_word(batch)
            + uint_word(index, PATH_DEPTH_MAX)
            + address_word(self.owner)
            + uint_word(self.asset_id, ASSET_BITS)
            + uint_word(self.amount_units, UNITS_BITS)
        )


class WithdrawalTree:
    """Merkle tree over the withdrawals of one settlement.

    Parameters
    ----------
    chain_id : int
        Chain that withdrew.
    batch : int
        Last batch of the settlement.
    withdrawals : sequence of Withdrawal
        In the order of their indices, at most 2^20.

    Raises
    ------
    ValueError
        If there are too many withdrawals or a field is out of range.
    """

    def __init__(self, chain_id: int, batch: int, withdrawals: Sequence[Withdrawal]) -> None:
        if len(withdrawals) > 1 << PATH_DEPTH_MAX:
            raise ValueError(f"{len(withdrawals)} withdrawals exceed 2^{PATH_DEPTH_MAX}")
        self.chain_id = chain_id
        self.batch = batch
        self.withdrawals = tuple(withdrawals)
        # Levels from the leaves to the root, each padded to its power of two.
        self._levels: list[list[bytes]] = []
        if withdrawals:
            self._levels = _build_levels(
                [w.leaf(chain_id, batch, index) for index, w in enumerate(self.withdrawals)]
            )

    @property
    def root(self) -> bytes:
        """Root that the public output carries, 32 bytes; zero if empty."""
        return self._levels[-1][0] if self._levels else EMPTY_ROOT

    def path(self, index: int) -> list[bytes]:
        """Return the sibling hashes of one withdrawal, from leaf to root.

        Parameters
        ----------
        index : int
            Position of the withdrawal.

        Raises
        ------
        IndexError
            If there is no such withdrawal.
        """
        if not 0 <= index < len(self.withdrawals):
            raise IndexError(f"no withdrawal {index} among {len(self.withdrawals)}")
        return [level[(index >> depth) ^ 1] for depth, level in enumerate(self._levels[:-1])]


def verify_path(leaf: bytes, index: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether `path` leads from a leaf to the root, as L1 decides it.

    Parameters
    ----------
    leaf : bytes
        Leaf hash, 32 bytes.
    index : int
        Position of the leaf.
    path : sequence of bytes
        Sibling hashes from the leaf upwards, at most 20.
    root : bytes
        Root of the settlement, 32 bytes; the zero root accepts nothing.
    """
    if root == EMPTY_ROOT or len(path) > PATH_DEPTH_MAX or not 0 <= index < 1 << len(path):
        return False
    node = leaf
    for depth, sibling in enumerate(path):
        is_right = index >> depth & 1
        node = _hash_node(sibling, node) if is_right else _hash_node(node, sibling)
    return node == root


def _hash_node(left: bytes, right: bytes) -> bytes:
    return keccak256(NODE_TAG + left + right)


def _build_levels(leaves: list[bytes]) -> list[list[bytes]]:
    width = 1 << (len(leaves) - 1).bit_length()
    levels = [leaves + [ZERO_WORD] * (width - len(leaves))]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([_hash_node(below[i], below[i + 1]) for i in range(0, len(below), 2)])
    return levels
