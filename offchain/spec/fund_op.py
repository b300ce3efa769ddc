"""Ops of funds (docs/spec/funds.md section 2). Amounts are quote units, shares share units."""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from offchain.spec.kinds import OpKind
from offchain.spec.op import Op


@dataclass(frozen=True, slots=True, kw_only=True)
class Invest(Op):
    """Buy shares of a fund for `amount`."""

    KIND: ClassVar = OpKind.INVEST
    LAYOUT: ClassVar = Struct("<B3xIH6xQ40x")

    account: int
    fund: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem(Op):
    """Give shares back; they are paid at their value when the lock-up is over."""

    KIND: ClassVar = OpKind.REDEEM
    LAYOUT: ClassVar = Struct("<B3xIH6xQ40x")

    account: int
    fund: int
    shares: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFund(Op):
    """Found a fund, as its leader, with `amount` as its first money."""

    KIND: ClassVar = OpKind.CREATE_FUND
    LAYOUT: ClassVar = Struct("<B3x3IQ40x")

    account: int
    fee_ppm: int
    lockup_s: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminMarketWaterfall(Op):
    """Set who takes over positions after the insurance account (0: nobody), and how is deleveraged.

    `flags`: 1 for the ranked queue.
    """

    KIND: ClassVar = OpKind.ADMIN_MARKET_WATERFALL
    LAYOUT: ClassVar = Struct("<BxHIB55x")

    market: int
    account: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminFund(Op):
    """Found a fund of the protocol; `account` leads it."""

    KIND: ClassVar = OpKind.ADMIN_FUND
    LAYOUT: ClassVar = Struct("<B3x3I48x")

    account: int
    fee_ppm: int
    lockup_s: int
