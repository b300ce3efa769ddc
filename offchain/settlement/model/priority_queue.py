"""Priority queue of every chain: what it must consume, in order (specification, section 5)."""

from __future__ import annotations

from dataclasses import dataclass

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.model.refusals import Code, Refused, require
from offchain.settlement.model.storage import Storage, Table
from offchain.settlement.priority import (
    ACCUMULATOR_START,
    FORCE_EXPIRY_S,
    FORCED_KINDS,
    PriorityKind,
    PriorityRecord,
)
from offchain.settlement.public_output import PublicOutput


@dataclass(frozen=True, slots=True)
class Queued:
    """A record, when it came, and the accumulator up to it."""

    record: PriorityRecord
    enqueued_at_s: int
    accumulator: bytes
    is_refunded: bool = False


@dataclass(frozen=True, slots=True)
class BlockUse:
    """How many records users have put into a chain's queue in one L1 block."""

    block_number: int = 0
    operations: int = 0
    deposits: int = 0


class PriorityQueue:
    """The queues, account numbers and fees. Keys: chain, then index or address."""

    def __init__(self, storage: Storage) -> None:
        self._records: Table[tuple[int, int], Queued | None] = storage.table(None)
        self._length: Table[int, int] = storage.table(0)
        self._accounts: Table[tuple[int, bytes], int] = storage.table(0)
        self._account_count: Table[int, int] = storage.table(0)
        self._use: Table[int, BlockUse] = storage.table(BlockUse())
        self.fees_wei: Table[bytes, int] = storage.table(0)

    def length(self, chain_id: int) -> int:
        """Return the number of records ever queued for a chain."""
        return self._length[chain_id]

    def queued(self, chain_id: int, index: int) -> Queued:
        """Return a record that exists."""
        found = self._records[chain_id, index]
        if found is None:
            raise Refused(Code.RECORD)
        return found

    def accumulator_after(self, chain_id: int, count: int) -> bytes:
        """Return the accumulator over the first `count` records."""
        return self.queued(chain_id, count - 1).accumulator if count else ACCUMULATOR_START

    def account_of(self, chain_id: int, address: bytes) -> int:
        """Return an address's master account number; 0: none."""
        return self._accounts[chain_id, address]

    def append(
        self,
        chain_id: int,
        now_s: int,
        kind: PriorityKind,
        sender: bytes,
        *,
        account_id: int = 0,
        asset_id: int = 0,
        amount_units: int = 0,
        data0: bytes = ZERO_WORD,
        data1: bytes = ZERO_WORD,
    ) -> int:
        """Append a record; return its index."""
        index = self._length[chain_id]
        record = PriorityRecord(
            index, kind, sender, account_id, asset_id, amount_units, data0, data1
        )
        accumulator = record.accumulate(self.accumulator_after(chain_id, index))
        self._records[chain_id, index] = Queued(record, now_s, accumulator)
        self._length[chain_id] = index + 1
        return index

    def number_account(self, chain_id: int, depositor: bytes) -> int:
        """Return the depositor's account number, given out on the first deposit."""
        if not self._accounts[chain_id, depositor]:
            self._account_count[chain_id] += 1
            self._accounts[chain_id, depositor] = self._account_count[chain_id]
        return self._accounts[chain_id, depositor]

    def count_operation(
        self, chain_id: int, block_number: int, cap: int, *, is_deposit: bool
    ) -> None:
        """Count a record of a user against the cap of this block."""
        use = self._use[chain_id]
        if use.block_number != block_number:
            use = BlockUse(block_number)
        require(use.operations < cap, Code.BLOCK_FULL)
        require(not is_deposit or use.deposits < cap // 2, Code.DEPOSITS_FULL)
        self._use[chain_id] = BlockUse(
            block_number, use.operations + 1, use.deposits + int(is_deposit)
        )

    def check_forced(self, chain_id: int, kind: int, account: int, sender: bytes) -> None:
        """Refuse a kind that is not forced, and an account that is not the sender's."""
        require(kind in FORCED_KINDS, Code.NOT_FORCED_KIND)
        is_owner = account != 0 and self._accounts[chain_id, sender] == account
        require(kind == PriorityKind.SWEEP or is_owner, Code.NOT_ACCOUNT_OWNER)

    def check_range(self, consumed: int, output: PublicOutput, now_s: int) -> None:
        """Check that an output consumes records in order, unchanged and in time."""
        chain_id = output.chain_id
        length = self._length[chain_id]
        require(output.priority_first == consumed, Code.PRIORITY_START)
        require(consumed <= output.priority_next <= length, Code.PRIORITY_RANGE)
        accumulator = self.accumulator_after(chain_id, output.priority_next)
        require(output.priority_accumulator == accumulator, Code.PRIORITY_ACCUMULATOR)
        is_late = self.is_overdue(chain_id, output.priority_next, now_s)
        require(not is_late, Code.PRIORITY_EXPIRED)

    def is_overdue(self, chain_id: int, consumed: int, now_s: int) -> bool:
        """Whether the first record beyond `consumed` has waited too long."""
        if consumed >= self._length[chain_id]:
            return False
        return now_s >= self.queued(chain_id, consumed).enqueued_at_s + FORCE_EXPIRY_S

    def mark_refunded(self, chain_id: int, record: PriorityRecord, consumed: int) -> None:
        """Mark an unconsumed deposit as refunded, once."""
        require(record.kind == PriorityKind.DEPOSIT, Code.NOT_A_DEPOSIT)
        require(record.index >= consumed, Code.DEPOSIT_CONSUMED)
        queued = self.queued(chain_id, record.index)
        require(queued.record == record, Code.RECORD)
        require(not queued.is_refunded, Code.ALREADY_REFUNDED)
        self._records[chain_id, record.index] = Queued(
            record, queued.enqueued_at_s, queued.accumulator, is_refunded=True
        )
