"""Priority records: what L1 queues for a chain, and their accumulator.

The twin of `contracts/PriorityQueue.vy`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypedDict

from eth_utils.address import to_canonical_address

from offchain.settlement.abi import (
    ZERO_WORD,
    address_word,
    bytes32_word,
    keccak256,
    read_address,
    read_uint,
    split_words,
    uint_word,
)

RECORD_WORDS: Final = 8
RECORD_BYTES: Final = 256
SUB_ACCOUNTS_PER_MASTER: Final = 32
FORCE_EXPIRY_S: Final = 3 * 86_400  # a record that waited this long must be consumed
ACCUMULATOR_START: Final = ZERO_WORD


class PriorityKind(IntEnum):
    """Kind of a priority record (docs/spec/settlement.md, section 5)."""

    DEPOSIT = 1
    ADMIN = 2
    FORCED_WITHDRAW = 3
    FORCED_CLOSE = 4
    CANCEL_ALL = 5
    UNLINK = 6
    SWEEP = 7
    REFUND = 8
    PLEDGES_MOVED = 9


FORCED_KINDS: Final = frozenset(range(PriorityKind.FORCED_WITHDRAW, PriorityKind.REFUND))


class PriorityEvent(TypedDict):
    """Arguments of the gateway's `PriorityQueued` event, as web3 and ape decode them."""

    chain_id: int
    index: int
    kind: int
    sender: str
    account_id: int
    asset_id: int
    amount_units: int
    data0: bytes
    data1: bytes
    accumulator: bytes


@dataclass(frozen=True, slots=True)
class PriorityRecord:
    """One record of a chain's priority queue.

    Attributes
    ----------
    index : int
        Position in the queue, from 0.
    kind : PriorityKind
        What it asks for; which of the words below it uses depends on it.
    sender : bytes
        Who caused it, 20 bytes.
    account_id : int
        Master account number that L1 gave out, from 1; 0: none.
    asset_id : int
        Asset; 0: none. Any word may come from L1: the engine takes what it cannot hold as void.
    amount_units : int
        Amount in 10^-8 tokens; 0: none.
    data0, data1 : bytes
        Data of the kind, halves of the 64-byte operation for an admin one.
    """

    index: int
    kind: PriorityKind
    sender: bytes
    account_id: int
    asset_id: int
    amount_units: int
    data0: bytes = ZERO_WORD
    data1: bytes = ZERO_WORD

    @property
    def engine_account_id(self) -> int:
        """Account that a deposit credits: the first one of its master."""
        return self.account_id * SUB_ACCOUNTS_PER_MASTER

    def to_bytes(self) -> bytes:
        """Encode as the 256 bytes that L1 accumulates.

        Raises
        ------
        ValueError
            If a field is outside of its range.
        """
        return b"".join(
            (
                uint_word(self.index),
                uint_word(self.kind),
                address_word(self.sender),
                uint_word(self.account_id),
                uint_word(self.asset_id),
                uint_word(self.amount_units),
                bytes32_word(self.data0),
                bytes32_word(self.data1),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> PriorityRecord:
        """Decode 256 bytes; the inverse of `to_bytes`.

        Raises
        ------
        ValueError
            If the length, the kind, a padding or a range is wrong.
        """
        words = split_words(data, RECORD_WORDS)
        return cls(
            index=read_uint(words[0]),
            kind=PriorityKind(read_uint(words[1])),
            sender=read_address(words[2]),
            account_id=read_uint(words[3]),
            asset_id=read_uint(words[4]),
            amount_units=read_uint(words[5]),
            data0=words[6],
            data1=words[7],
        )

    @classmethod
    def from_event(cls, event: PriorityEvent) -> PriorityRecord:
        """Rebuild the record from the arguments of a `PriorityQueued` event.

        Raises
        ------
        ValueError
            If the kind is unknown.
        """
        return cls(
            index=event["index"],
            kind=PriorityKind(event["kind"]),
            sender=to_canonical_address(event["sender"]),
            account_id=event["account_id"],
            asset_id=event["asset_id"],
            amount_units=event["amount_units"],
            data0=bytes(event["data0"]),
            data1=bytes(event["data1"]),
        )

    def accumulate(self, accumulator: bytes) -> bytes:
        """Return the accumulator after this record, from the one before it.

        Parameters
        ----------
        accumulator : bytes
            32 bytes; `ACCUMULATOR_START` before record 0.
        """
        return keccak256(bytes32_word(accumulator) + self.to_bytes())


def accumulate_all(
    records: Iterable[PriorityRecord], accumulator: bytes = ACCUMULATOR_START
) -> bytes:
    """Return the accumulator after all `records`, in order.

    Parameters
    ----------
    records : iterable of PriorityRecord
        Records with consecutive indices.
    accumulator : bytes
        Accumulator before the first of them, 32 bytes.
    """
    for record in records:
        accumulator = record.accumulate(accumulator)
    return accumulator
