"""Priority records: what L1 puts into the queue of a chain, as eight ABI words."""

from dataclasses import astuple, dataclass
from typing import Self

from offchain.spec.constants import FUND_LIMIT, MASTER_BITS, SUB_ACCOUNT_BITS, VALUE_LIMIT
from offchain.spec.encoding import ADDRESS_BYTES
from offchain.spec.kinds import PriorityKind
from offchain.spec.op import NO_ACCOUNT, Deposit

_WORD_BYTES = 32
_ADDRESS_LIMIT = 2 ** (8 * ADDRESS_BYTES)
_NUMBER_LIMIT = 2**64  # a word above it is no number
_ASSET_LIMIT = 2**16
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
        return None

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


def admin_record(index: int, op: bytes) -> PriorityRecord:
    """Return the record that carries a 64-byte admin op."""
    data0 = int.from_bytes(op[:_WORD_BYTES], "big")
    data1 = int.from_bytes(op[_WORD_BYTES:], "big")
    return PriorityRecord(index=index, kind=PriorityKind.ADMIN, data0=data0, data1=data1)
