"""What the owner of an account keeps of a batch: its records, and their paths to the state root.

With these an owner leaves a frozen chain whose data is not public (docs/spec/escape.md, section 1):
nobody has to be asked. Format: docs/spec/account-proofs.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from struct import unpack
from typing import Any, Final

import numpy as np

from offchain.core.binding import Core
from offchain.settlement.state_proofs import (
    BLOCK_HEIGHT,
    SUBTREE_LEVELS,
    Path,
    PositionsProof,
    RecordProof,
)
from offchain.settlement.valuation import ValuationTable
from offchain.spec.constants import GOLDILOCKS_P, POSITIONS_PER_ACCOUNT
from offchain.spec.kinds import AccountFlag, Subtree
from offchain.spec.poseidon2 import DIGEST_BYTES, Digest, digest_from_bytes, digest_to_bytes
from offchain.spec.records import Account, Position
from offchain.spec.state import SUBTREE_DEPTHS
from offchain.spec.tree import WORD_BYTES, ZERO_DIGEST, Hasher, SparseTree

FORMAT: Final = "headrace/account-proof/v1"
FILE_BYTES_MAX: Final = 2**16
PATH_LENGTH: Final = SUBTREE_DEPTHS[Subtree.ACCOUNTS] + SUBTREE_LEVELS
"""Siblings of an account's leaf, and of the common node of its positions: both stand as deep."""
ID_LIMIT: Final = 2**256
BATCH_LIMIT: Final = 2**64
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")
_FIELDS: Final = {
    "format",
    "chain_id",
    "batch",
    "state_root",
    "account_index",
    "record",
    "path",
    "positions",
    "valuation_table",
}
_POSITION_FIELDS: Final = {"slots", "records", "path"}

assert SUBTREE_DEPTHS[Subtree.POSITIONS] - BLOCK_HEIGHT == SUBTREE_DEPTHS[Subtree.ACCOUNTS]


class AccountProofFault(StrEnum):
    """Why something is no proof of an account."""

    TOO_LONG = "TOO_LONG"
    NOT_JSON = "NOT_JSON"
    FORMAT = "FORMAT"
    FIELDS = "FIELDS"
    NUMBER = "NUMBER"
    BYTES = "BYTES"
    NOT_CANONICAL = "NOT_CANONICAL"
    TABLE = "TABLE"
    POSITIONS = "POSITIONS"
    RECORD = "RECORD"
    NO_ACCOUNT = "NO_ACCOUNT"
    WRONG_ROOT = "WRONG_ROOT"


class AccountProofError(ValueError):
    """Something is no proof of an account; the message says what to do.

    Attributes
    ----------
    fault
        Which of the reasons.
    """

    def __init__(self, fault: AccountProofFault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class AccountProof:
    """An account in the state after a batch.

    Attributes
    ----------
    chain_id
        Below 2^256.
    batch
        Last batch that the state has seen, below 2^64.
    state_root
        Root of that state, 32 bytes.
    account
        The account's record and its path.
    positions
        Its positions; None if its record counts none, which says the same.
    table
        Encoded valuation table of that state; empty if the chain has none.
    """

    chain_id: int
    batch: int
    state_root: bytes
    account: RecordProof
    positions: PositionsProof | None
    table: bytes = b""

    def check(self, settled_root: bytes, hasher: Hasher | None = None) -> None:
        """Compare with a state root that L1 has settled.

        Parameters
        ----------
        settled_root
            32 bytes, as ``Gateway.position`` and the event ``Settled`` tell it.
        hasher
            Hash of the state tree; the specification's own by default.

        Raises
        ------
        AccountProofError
            WRONG_ROOT if a record or a path does not lead there.
        """
        hasher = hasher or Hasher()
        leaf = hasher.leaf(Subtree.ACCOUNTS, self.account.record)
        roots = {self.state_root, _root(leaf, self.account.path, hasher)}
        if self.positions is not None:
            block = _block(self.positions, hasher)
            roots.add(_root(block, self.positions.path, hasher))
        if roots != {settled_root}:
            raise AccountProofError(
                AccountProofFault.WRONG_ROOT,
                "the records are not of the settled state; ask the operator for the proof of the "
                "batch that L1 settled last",
            )

    def to_json(self) -> str:
        """Return the text of the file that an owner keeps.

        Raises
        ------
        AccountProofError
            If it would not be read back.
        """
        fields: dict[str, object] = {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "batch": self.batch,
            "state_root": self.state_root.hex(),
            "account_index": self.account.index,
            "record": self.account.record.hex(),
            "path": [digest.hex() for digest in self.account.path.siblings],
            "positions": None,
            "valuation_table": self.table.hex(),
        }
        if self.positions is not None:
            fields["positions"] = {
                "slots": self.positions.slots,
                "records": self.positions.records.hex(),
                "path": [digest.hex() for digest in self.positions.path.siblings],
            }
        text = json.dumps(fields)
        if AccountProof.from_json(text) != self:
            raise AccountProofError(AccountProofFault.FIELDS, "index and path do not fit")
        return text

    @classmethod
    def from_json(cls, text: str) -> AccountProof:
        """Parse a file; whether it is right, :meth:`check` tells.

        Raises
        ------
        AccountProofError
            If fields are missing, unknown or out of range.
        """
        if len(text) > FILE_BYTES_MAX:
            raise AccountProofError(
                AccountProofFault.TOO_LONG, f"a proof has at most {FILE_BYTES_MAX} characters"
            )
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise AccountProofError(AccountProofFault.NOT_JSON, f"no JSON: {error}") from error
        _require_fields(fields, _FIELDS)
        if fields["format"] != FORMAT:
            raise AccountProofError(AccountProofFault.FORMAT, f"the format is not {FORMAT}")
        index = _number(fields, "account_index", 1 << SUBTREE_DEPTHS[Subtree.ACCOUNTS])
        record = _elements(_bytes(fields["record"], "record", Account.SIZE))
        path = _path(fields["path"], Subtree.ACCOUNTS, index)
        proof = cls(
            _number(fields, "chain_id", ID_LIMIT),
            _number(fields, "batch", BATCH_LIMIT),
            _elements(_bytes(fields["state_root"], "state_root", DIGEST_BYTES)),
            RecordProof(index, record, path),
            _positions(fields["positions"], index),
            _table(fields["valuation_table"]),
        )
        _require_account(proof)
        return proof


class AccountProver:
    """Proves accounts of the state that a core is in when this is made.

    Parameters
    ----------
    core
        In the state after a sealed batch; its tree is brought up to date. No op may be applied to
        it while this is used.
    chain_id
        Of the chain.
    """

    def __init__(self, core: Core, chain_id: int) -> None:
        self._core = core
        self._chain_id = chain_id
        self._table = core.valuation_table()
        self._root = core.root()
        header = core.leaf(Subtree.HEADER, 0)
        self._batch = int.from_bytes(header[:WORD_BYTES], "little")
        self._top = SparseTree(SUBTREE_LEVELS, Hasher())
        self._top.update((s, digest_from_bytes(core.subtree_root(s))) for s in Subtree)

    def prove(self, account_index: int) -> AccountProof:
        """Prove an account.

        Parameters
        ----------
        account_index
            Number of the account's leaf.

        Raises
        ------
        AccountProofError
            NO_ACCOUNT if the leaf is empty.
        IndexError
            If there is no such leaf.
        """
        record = self._core.leaf(Subtree.ACCOUNTS, account_index)
        account = Account.from_bytes(record)
        if not account.flags & AccountFlag.EXISTS:
            raise _no_account(account_index)
        proof = RecordProof(account_index, record, self._path(Subtree.ACCOUNTS, account_index, 1))
        positions = self._positions(account_index) if account.positions_used else None
        return AccountProof(self._chain_id, self._batch, self._root, proof, positions, self._table)

    def _positions(self, account_index: int) -> PositionsProof:
        first = account_index * POSITIONS_PER_ACCOUNT
        records = [
            self._core.leaf(Subtree.POSITIONS, first + slot)
            for slot in range(POSITIONS_PER_ACCOUNT)
        ]
        slots = sum(1 << slot for slot, record in enumerate(records) if any(record))
        path = self._path(Subtree.POSITIONS, account_index, POSITIONS_PER_ACCOUNT)
        held = b"".join(record for record in records if any(record))
        return PositionsProof(account_index, slots, held, path)

    def _path(self, subtree: Subtree, account_index: int, leaves: int) -> Path:
        """Path from the common node of an account's leaves; it alone has siblings outside."""
        first = account_index * leaves
        below = self._core.siblings(subtree, np.arange(first, first + leaves, dtype=np.uint32))
        above = [
            digest_to_bytes(self._top.node(height, subtree >> height ^ 1))
            for height in range(SUBTREE_LEVELS)
        ]
        return Path(_node(subtree, account_index), (*below, *above))


def _node(subtree: Subtree, account_index: int) -> int:
    """Return the number, in the whole tree, of an account's leaf or of its positions' node."""
    depth = SUBTREE_DEPTHS[Subtree.ACCOUNTS]
    return (1 << SUBTREE_LEVELS | subtree) << depth | account_index


def _root(digest: Digest, path: Path, hasher: Hasher) -> bytes:
    number = path.number
    for sibling in path.siblings:
        pair = (digest, digest_from_bytes(sibling))
        digest = hasher.compress(*(reversed(pair) if number & 1 else pair))
        number >>= 1
    return digest_to_bytes(digest)


def _block(positions: PositionsProof, hasher: Hasher) -> Digest:
    """Digest of the common node of an account's sixteen positions."""
    row, taken = [ZERO_DIGEST] * POSITIONS_PER_ACCOUNT, 0
    for slot in range(POSITIONS_PER_ACCOUNT):
        if positions.slots >> slot & 1:
            record = positions.records[taken : taken + Position.SIZE]
            row[slot] = hasher.leaf(Subtree.POSITIONS, record)
            taken += Position.SIZE
    while len(row) > 1:
        row = [hasher.compress(*pair) for pair in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def _no_account(account_index: int) -> AccountProofError:
    return AccountProofError(
        AccountProofFault.NO_ACCOUNT, f"there is no account at leaf {account_index}"
    )


def _require_fields(fields: Any, names: set[str]) -> None:
    if not isinstance(fields, dict) or fields.keys() != names:
        raise AccountProofError(
            AccountProofFault.FIELDS, f"expected the fields {', '.join(sorted(names))}"
        )


def _number(fields: dict[str, Any], name: str, limit: int) -> int:
    value = fields[name]
    if type(value) is not int or not 0 <= value < limit:  # a bool is no number here
        raise AccountProofError(AccountProofFault.NUMBER, f"{name} is not from 0 to {limit - 1}")
    return value


def _bytes(value: Any, name: str, length: int | None = None) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise AccountProofError(AccountProofFault.BYTES, f"{name}: lower-case hexadecimal digits")
    data = bytes.fromhex(value)
    if length is not None and len(data) != length:
        raise AccountProofError(AccountProofFault.BYTES, f"{name} has {length} bytes")
    return data


def _elements(data: bytes) -> bytes:
    if any(word >= GOLDILOCKS_P for word in unpack(f"<{len(data) // WORD_BYTES}Q", data)):
        raise AccountProofError(
            AccountProofFault.NOT_CANONICAL, "a word is not below the field's modulus"
        )
    return data


def _path(values: Any, subtree: Subtree, account_index: int) -> Path:
    if not isinstance(values, list) or len(values) != PATH_LENGTH:
        raise AccountProofError(AccountProofFault.FIELDS, f"a path has {PATH_LENGTH} digests")
    digests = [_elements(_bytes(value, "path", DIGEST_BYTES)) for value in values]
    return Path(_node(subtree, account_index), tuple(digests))


def _positions(fields: Any, account_index: int) -> PositionsProof | None:
    if fields is None:
        return None
    _require_fields(fields, _POSITION_FIELDS)
    slots = _number(fields, "slots", 1 << POSITIONS_PER_ACCOUNT)
    data = _bytes(fields["records"], "records", slots.bit_count() * Position.SIZE)
    path = _path(fields["path"], Subtree.POSITIONS, account_index)
    return PositionsProof(account_index, slots, _elements(data), path)


def _table(value: Any) -> bytes:
    table = _bytes(value, "valuation_table")
    if table:
        try:
            ValuationTable.from_bytes(table)
        except ValueError as error:
            raise AccountProofError(AccountProofFault.TABLE, str(error)) from error
    return table


def _require_account(proof: AccountProof) -> None:
    """Refuse an empty leaf, and positions that the account does not count."""
    try:
        account = Account.from_bytes(proof.account.record)
    except OverflowError as error:
        raise AccountProofError(AccountProofFault.RECORD, f"no account record: {error}") from error
    if not account.flags & AccountFlag.EXISTS:
        raise _no_account(proof.account.index)
    used = 0 if proof.positions is None else proof.positions.slots.bit_count()
    if used != account.positions_used or (proof.positions is not None and not used):
        raise AccountProofError(
            AccountProofFault.POSITIONS,
            f"{account.positions_used} positions are in use, {used} are given",
        )
