"""The record of a fund (docs/spec/funds.md section 1)."""

from dataclasses import astuple, dataclass
from struct import Struct
from typing import ClassVar, Self


@dataclass(slots=True)
class Fund:
    """A fund. Flags: :class:`FundFlag`.

    `leader` is an account; shares are units of the fund's share asset. `high_water_e8` is the
    highest price at which the fee was taken, in quote units of 10^8 shares.
    """

    SIZE: ClassVar[int] = 128
    _LAYOUT: ClassVar[Struct] = Struct("<Q4I3Q80x")

    flags: int = 0
    leader: int = 0
    fee_ppm: int = 0  # of the rise above the high-water mark
    lockup_s: int = 0  # from a redemption's request to its payment
    buckets: int = 0  # sub-accounts, all that may exist have a lower number
    total_shares: int = 0
    queued_shares: int = 0  # of these, that wait for their payment
    high_water_e8: int = 0

    def to_bytes(self) -> bytes:
        """Return the 128-byte record."""
        return self._LAYOUT.pack(*astuple(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 128-byte record."""
        return cls(*cls._LAYOUT.unpack(data))
