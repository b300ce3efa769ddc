"""Decimal strings to price units and lots, exactly.

Clients sign decimal strings; the transition counts in integers. The grammar is
``digits [ "." digits ]`` in ASCII, at most 40 characters. Digits finer than the unit must be zeros.
"""

from enum import Enum

from offchain.spec.constants import (
    PERP_PRICE_DECIMALS,
    PRICE_MAX,
    SIZE_LIMIT,
    SPOT_PRICE_DECIMALS,
)
from offchain.spec.kinds import MarketKind

MAX_DECIMAL_CHARACTERS = 40
_DIGITS = frozenset("0123456789")


class DecimalFault(Enum):
    """Why a decimal string was refused."""

    EMPTY = "The number is empty."
    TOO_LONG = "The number has more than 40 characters."
    SIGN = "The number must not have a sign."
    EXPONENT = "The number must not have an exponent; write all digits."
    NOT_A_DIGIT = "The number may contain only the digits 0 to 9 and one point between digits."
    TOO_MANY_DECIMALS = "The number has more decimals than the market allows; round it."
    OUT_OF_RANGE = "The number is larger than the largest price or size."


class DecimalError(ValueError):
    """A decimal string was refused.

    Attributes
    ----------
    fault : DecimalFault
        The reason.
    """

    def __init__(self, fault: DecimalFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def parse_price(text: str, kind: MarketKind, sz_decimals: int) -> int:
    """Parse a price.

    Parameters
    ----------
    text
        Quote per whole unit of the base, such as ``"1234.5"``.
    kind
        Kind of the market.
    sz_decimals
        Decimals of the market's lot.

    Returns
    -------
    int
        Price units of 10^-(6 - sz_decimals) (perpetual) or 10^-(8 - sz_decimals) (spot), in
        [0, PRICE_MAX]; 0 is refused later, by the transition.

    Raises
    ------
    DecimalError
        With the first fault in the order of :class:`DecimalFault`.
    """
    decimals = PERP_PRICE_DECIMALS if kind == MarketKind.PERP else SPOT_PRICE_DECIMALS
    return _parse(text, decimals - sz_decimals, PRICE_MAX)


def parse_size(text: str, sz_decimals: int) -> int:
    """Parse a size.

    Parameters
    ----------
    text
        Whole units of the base, such as ``"0.25"``.
    sz_decimals
        Decimals of the market's lot.

    Returns
    -------
    int
        Lots of 10^-sz_decimals, in [0, SIZE_LIMIT).

    Raises
    ------
    DecimalError
        With the first fault in the order of :class:`DecimalFault`.
    """
    return _parse(text, sz_decimals, SIZE_LIMIT - 1)


def _parse(text: str, decimals: int, maximum: int) -> int:
    _check_characters(text)
    whole, _, fraction = text.partition(".")
    if fraction[decimals:].strip("0"):
        raise DecimalError(DecimalFault.TOO_MANY_DECIMALS)
    value = int(whole + fraction[:decimals].ljust(decimals, "0"))
    if value > maximum:
        raise DecimalError(DecimalFault.OUT_OF_RANGE)
    return value


def _check_characters(text: str) -> None:
    if not text:
        raise DecimalError(DecimalFault.EMPTY)
    if len(text) > MAX_DECIMAL_CHARACTERS:
        raise DecimalError(DecimalFault.TOO_LONG)
    if text[0] in "+-":
        raise DecimalError(DecimalFault.SIGN)
    if "e" in text.lower():
        raise DecimalError(DecimalFault.EXPONENT)
    whole, point, fraction = text.partition(".")
    has_digits = bool(whole) and bool(fraction) == bool(point)
    if not has_digits or not _DIGITS.issuperset(whole + fraction):
        raise DecimalError(DecimalFault.NOT_A_DIGIT)
