"""Priority records: what L1 puts into the queue of a chain, as eight ABI words."""

from dataclasses import astuple, dataclass
from typing import Self

from offchain.spec.constants import FUND_LIMIT, MASTER_BITS, SUB_ACCOUNT_BITS, VALUE_LIMIT
from offchain.spec.encoding import ADDRESS_BYTES
from offchain.spec.kinds import PriorityKind
from offchain.spec.l1_op import (
    CHAIN_ID_LIMIT,
    ForcedCancel,
    ForcedClose,
    ForcedSweep,
    ForcedUnlink,
    ForcedWithdraw,
    Notice,
    PledgesMoved,
)
from offchain.spec.op import NO_ACCOUNT, Deposit, Op

_WORD_BYTES = 32
_ADDRESS_LIMIT = 2 ** (8 * ADDRESS_BYTES)
_NUMBER_LIMIT = 2**64  # a word above it is no number
_ASSET_LIMIT = 2**16
_MARKET_LIMIT = 2**16
_ADMIN_KINDS = range(65, 80)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityRecord:
    """One entry of the L1 queue; each field is a 256-bit number.

    `account` is a master number. `data0` and `data1` together are the op of an ADMIN record.
    """

    index: int
    kind: int
    sender: int = 0
    account: int = 0
    asset: int = 0
    amount: int = 0
    data0: int = 0
    data1: int = 0

    def to_bytes(self) -> bytes:
        """Return eight big-endian words, 256 bytes."""
        return b"".join(word.to_bytes(_WORD_BYTES, "big") for word in astuple(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse 256 bytes; any content is a record."""
        index, kind, sender, account, asset, amount, data0, data1 = (
            int.from_bytes(data[start : start + _WORD_BYTES], "big")
            for start in range(0, len(data), _WORD_BYTES)
        )
        return cls(
            index=index,
            kind=kind,
            sender=sender,
            account=account,
            asset=asset,
            amount=amount,
            data0=data0,
            data1=data1,
        )

    def op(self) -> bytes | None:
        """Return the 64-byte op that the record stands for, None when a field is out of range."""
        if self.kind == PriorityKind.DEPOSIT:
            return self._deposit()
        if self.kind == PriorityKind.ADMIN:
            return self._admin_op()
        return self._forced_op()

    def _deposit(self) -> bytes | None:
        is_in_range = (
            self.account < _NUMBER_LIMIT
            and self.asset < _ASSET_LIMIT
            and 1 <= self.amount < VALUE_LIMIT
            and self.sender < _ADDRESS_LIMIT
            and self.data0 == 0
            and self.data1 == 0
        )
        if not is_in_range:
            return None
        # The highest masters are those of funds.
        has_room = self.account < (1 << MASTER_BITS) - FUND_LIMIT
        return Deposit(
            account=self.account << SUB_ACCOUNT_BITS if has_room else NO_ACCOUNT,
            owner=self.sender.to_bytes(ADDRESS_BYTES, "big"),
            asset=self.asset,
            amount=self.amount,
        ).to_bytes()

    def _admin_op(self) -> bytes | None:
        data = self.data0.to_bytes(_WORD_BYTES, "big") + self.data1.to_bytes(_WORD_BYTES, "big")
        has_no_amount = self.account == 0 and self.asset == 0 and self.amount == 0
        return data if has_no_amount and data[0] in _ADMIN_KINDS else None

    def _forced_op(self) -> bytes | None:
        """Return the op of a forced operation or a notice."""
        if self.kind == PriorityKind.REFUND:
            is_bare = not any((self.account, self.asset, self.amount, self.data1))
            return Notice(kind=self.kind).to_bytes() if is_bare else None
        if self.kind == PriorityKind.PLEDGES_MOVED:
            return self._pledges_moved()
        is_in_range = (
            self.account < 1 << MASTER_BITS
            and self.data0 < 1 << SUB_ACCOUNT_BITS
            and self.sender < _ADDRESS_LIMIT
        )
        op = self._owners_op() if is_in_range else None
        return None if op is None else op.to_bytes()

    def _pledges_moved(self) -> bytes | None:
        is_in_range = (
            self.account == 0
            and self.asset < _ASSET_LIMIT
            and self.amount < VALUE_LIMIT
            and self.data0 < CHAIN_ID_LIMIT
            and self.data1 <= 1
        )
        if not is_in_range:
            return None
        return PledgesMoved(
            asset=self.asset,
            is_holder=self.data1,
            peer_chain_id=self.data0,
            units=self.amount,
        ).to_bytes()

    def _owners_op(self) -> Op | None:
        """Return the op of kinds 3 to 7, with account and sender in range."""
        account = self.account << SUB_ACCOUNT_BITS | self.data0
        sender = self.sender.to_bytes(ADDRESS_BYTES, "big")
        if self.kind == PriorityKind.FORCED_WITHDRAW:
            is_valid = self.data1 == 0 and self.asset < _ASSET_LIMIT
            if not is_valid or not 0 < self.amount < VALUE_LIMIT:
                return None
            return ForcedWithdraw(
                account=account, asset=self.asset, amount=self.amount, sender=sender
            )
        if self.asset or self.amount:
            return None
        if self.kind == PriorityKind.FORCED_CLOSE and self.data1 < _MARKET_LIMIT:
            return ForcedClose(market=self.data1, account=account, sender=sender)
        if self.kind == PriorityKind.UNLINK and self.data1 < CHAIN_ID_LIMIT:
            return ForcedUnlink(account=account, peer_chain_id=self.data1, sender=sender)
        if self.kind == PriorityKind.CANCEL_ALL and self.data1 == 0:
            return ForcedCancel(account=account, sender=sender)
        if self.kind == PriorityKind.SWEEP and self.data1 == 0:
            return ForcedSweep(account=account)
        return None


def admin_record(index: int, op: bytes) -> PriorityRecord:
    """Return the record that carries a 64-byte admin op."""
    data0 = int.from_bytes(op[:_WORD_BYTES], "big")
    data1 = int.from_bytes(op[_WORD_BYTES:], "big")
    return PriorityRecord(index=index, kind=PriorityKind.ADMIN, data0=data0, data1=data1)
