"""Settled withdrawals: roots, and what is paid already."""

from __future__ import annotations

from collections.abc import Sequence

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.model.refusals import Code, require
from offchain.settlement.model.storage import Storage, Table
from offchain.settlement.withdrawals import Withdrawal, verify_path


class Withdrawals:
    """Roots by (chain, last batch) and marks by (chain, last batch, index)."""

    def __init__(self, storage: Storage) -> None:
        self.roots: Table[tuple[int, int], bytes] = storage.table(ZERO_WORD)
        self._is_consumed: Table[tuple[int, int, int], bool] = storage.table(default=False)

    def is_consumed(self, chain_id: int, batch: int, index: int) -> bool:
        """Whether a withdrawal is paid."""
        return self._is_consumed[chain_id, batch, index]

    def consume(
        self,
        chain_id: int,
        batch: int,
        index: int,
        withdrawal: Withdrawal,
        path: Sequence[bytes],
    ) -> None:
        """Check a withdrawal's path and mark it as paid."""
        root = self.roots[chain_id, batch]
        require(root != ZERO_WORD, Code.NO_WITHDRAWALS)
        require(index < 1 << len(path), Code.PATH_INDEX)
        require(not self._is_consumed[chain_id, batch, index], Code.ALREADY_CLAIMED)
        leaf = withdrawal.leaf(chain_id, batch, index)
        require(verify_path(leaf, index, path, root), Code.PATH)
        self._is_consumed[chain_id, batch, index] = True
