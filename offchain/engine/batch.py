"""Sealed batches: what one run of envelopes did, as settlement needs it.

The inputs commitment covers all that may influence a batch's new root and output:
``keccak256(tag | config_hash | old_root | count | chain)`` where the tag is ``headrace/inputs/v1``
padded with zero bytes to 32, `count` is the number of envelopes as a 32-byte big-endian word and
`chain` is that of their hashes (:func:`offchain.spec.receipts.inputs_after`). Time, L1 records and
the sealing itself travel in envelopes of their own; hints and siblings are left out, since they
change nothing.

Several batches that are settled at once have ``keccak256(tag | c_1 | c_2 | ...)`` with the tag
``headrace/range/v1`` and c_i the commitment of the i-th batch; a single batch keeps its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from offchain.core.binding import Core, EventArray
from offchain.engine.mail import Mail, MailCollector
from offchain.engine.state_view import StateView
from offchain.spec.encoding import address_from_words
from offchain.spec.errors import ErrorCode
from offchain.spec.header import Header
from offchain.spec.kinds import EventKind

_INPUTS_TAG: Final = b"headrace/inputs/v1".ljust(32, b"\x00")
_RANGE_TAG: Final = b"headrace/range/v1".ljust(32, b"\x00")
_WORD_BYTES: Final = 32
# Leaves of L1's withdrawal tree (depth 20): a batch with more could never be settled.
BATCH_WITHDRAWALS_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WithdrawalEvent:
    """What L1 owes after a batch.

    Attributes
    ----------
    account : int
        Account that withdrew, or that a refused deposit was for.
    owner : bytes
        L1 address that is paid, 20 bytes.
    asset : int
        Asset id.
    amount_units : int
        Engine units.
    code : ErrorCode
        OK for a withdrawal, else why a deposit goes back.
    """

    account: int
    owner: bytes
    asset: int
    amount_units: int
    code: ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """One batch. Roots and hashes have 32 bytes.

    Attributes
    ----------
    number : int
        From 1.
    old_root, new_root : bytes
        State roots before its first and after its last envelope.
    first_time_s, last_time_s : int
        Time of the state before and after, in seconds; 0 at genesis.
    priority_first, priority_next : int
        L1 records that it consumed: [priority_first, priority_next).
    priority_accumulator, receipts_head, inputs_commitment : bytes
        After the batch; see the module for the last.
    first_slot, last_slot : int
        Slots of messages before and after, in milliseconds.
    oracle_first, oracle_next : int
        Snapshots of L1 that it consumed: [oracle_first, oracle_next).
    oracle_accumulator : bytes
        After the batch; these three are zero on a chain without feeds.
    valuation_table : bytes
        What its accounts are valued with should the chain freeze now; empty: nothing is listed.
    withdrawals : tuple of WithdrawalEvent
        In the order of their events.
    mail : Mail
        What it told other chains and took from them.
    event_counts : dict
        Number of events by kind.
    envelopes : tuple of bytes
        Everything that was applied, in order.
    """

    number: int
    old_root: bytes
    new_root: bytes
    first_time_s: int
    last_time_s: int
    priority_first: int
    priority_next: int
    priority_accumulator: bytes
    receipts_head: bytes
    inputs_commitment: bytes
    first_slot: int
    last_slot: int
    oracle_first: int
    oracle_next: int
    oracle_accumulator: bytes
    valuation_table: bytes
    withdrawals: tuple[WithdrawalEvent, ...]
    mail: Mail
    event_counts: dict[EventKind, int]
    envelopes: tuple[bytes, ...]


def inputs_commitment(config_hash: bytes, old_root: bytes, count: int, chain: bytes) -> bytes:
    """Return the 32-byte commitment that the module describes."""
    number = count.to_bytes(_WORD_BYTES, "big")
    return keccak(_INPUTS_TAG + config_hash + old_root + number + chain)


def range_commitment(batches: Sequence[SealedBatch]) -> bytes:
    """Return the 32-byte inputs commitment of batches that are settled at once, at least one."""
    if len(batches) == 1:
        return batches[0].inputs_commitment
    return keccak(_RANGE_TAG + b"".join(batch.inputs_commitment for batch in batches))


class BatchCollector:
    """Collects envelopes and their events until the batch is sealed.

    Parameters
    ----------
    core : Core
        The core that applies the envelopes, at genesis.
    config_hash : bytes
        32 bytes.

    Attributes
    ----------
    old_root : bytes
        State root before the open batch, 32 bytes.
    mail : MailCollector
        Messages of the open batch.
    """

    _inputs: bytes  # hash chain over the open batch's envelopes

    def __init__(self, core: Core, config_hash: bytes) -> None:
        self._core = core
        self._state = StateView(core)
        self._config_hash = config_hash
        self.mail = MailCollector(self._state)
        self._open(core.root())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was applied since the last batch was sealed."""
        return not self._envelopes

    @property
    def withdrawal_count(self) -> int:
        """Withdrawals in the open batch."""
        return len(self._withdrawals)

    def add(self, envelope: bytes, events: EventArray) -> SealedBatch | None:
        """Take an applied envelope; return the batch if this one sealed it."""
        self._envelopes.append(envelope)
        self._inputs = self._core.inputs_after(self._inputs, envelope)
        kinds: list[int] = events["kind"].tolist()
        self._kinds.update(kinds)
        self.mail.add(envelope, events)
        if EventKind.WITHDRAWAL in kinds:
            self._withdrawals += _withdrawals(events)
        return self._seal() if EventKind.BATCH_SEALED in kinds else None

    def _open(self, root: bytes) -> None:
        self.old_root = root
        self._before: Header = self._state.header()
        self._oracle_first = self._state.oracle().next_index
        self._envelopes: list[bytes] = []
        self._inputs = bytes(_WORD_BYTES)
        self._kinds: Counter[int] = Counter()
        self._withdrawals: list[WithdrawalEvent] = []

    def _seal(self) -> SealedBatch:
        after, before = self._state.header(), self._before
        oracle = self._state.oracle()
        batch = SealedBatch(
            number=after.batch_number,
            old_root=self.old_root,
            new_root=self._core.root(),
            first_time_s=before.now_s,
            last_time_s=after.now_s,
            priority_first=before.next_priority_index,
            priority_next=after.next_priority_index,
            priority_accumulator=after.priority_accumulator,
            receipts_head=after.receipts_head,
            inputs_commitment=inputs_commitment(
                self._config_hash, self.old_root, len(self._envelopes), self._inputs
            ),
            first_slot=before.last_slot,
            last_slot=after.last_slot,
            oracle_first=self._oracle_first,
            oracle_next=oracle.next_index,
            oracle_accumulator=oracle.accumulator,
            valuation_table=self._core.valuation_table(),
            withdrawals=tuple(self._withdrawals),
            mail=self.mail.close(),
            event_counts={EventKind(kind): n for kind, n in sorted(self._kinds.items())},
            envelopes=tuple(self._envelopes),
        )
        self._open(batch.new_root)
        return batch


def _withdrawals(events: EventArray) -> list[WithdrawalEvent]:
    rows = events[events["kind"] == EventKind.WITHDRAWAL]
    return [
        WithdrawalEvent(account, address_from_words(*words), asset, amount, ErrorCode(code))
        for account, (asset, amount, *words, code) in zip(
            rows["account"].tolist(), rows["v"].tolist(), strict=True
        )
    ]
