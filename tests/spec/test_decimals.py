"""Decimal strings: exact units, typed refusals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.spec.decimals import DecimalError, DecimalFault, parse_price, parse_size
from offchain.spec.kinds import MarketKind

PRICES = [
    ("1234.5", MarketKind.PERP, 5, 12_345),
    ("1234.50000", MarketKind.PERP, 5, 12_345),
    ("1234", MarketKind.PERP, 5, 12_340),
    ("0.001234", MarketKind.PERP, 0, 1_234),
    ("42", MarketKind.PERP, 6, 42),
    ("42.0", MarketKind.PERP, 6, 42),
    ("1.5", MarketKind.SPOT, 4, 15_000),
    ("0", MarketKind.SPOT, 4, 0),
    ("0007", MarketKind.SPOT, 8, 7),
    ("4294967294", MarketKind.SPOT, 8, 2**32 - 2),
]
REFUSALS = [
    ("", DecimalFault.EMPTY),
    ("1" * 41, DecimalFault.TOO_LONG),
    ("0" * 41, DecimalFault.TOO_LONG),
    ("-1", DecimalFault.SIGN),
    ("+1", DecimalFault.SIGN),
    ("-", DecimalFault.SIGN),
    ("1e5", DecimalFault.EXPONENT),
    ("1E5", DecimalFault.EXPONENT),
    (".5", DecimalFault.NOT_A_DIGIT),
    ("5.", DecimalFault.NOT_A_DIGIT),
    (".", DecimalFault.NOT_A_DIGIT),
    ("1.2.3", DecimalFault.NOT_A_DIGIT),
    (" 1", DecimalFault.NOT_A_DIGIT),
    ("1 ", DecimalFault.NOT_A_DIGIT),
    ("1_000", DecimalFault.NOT_A_DIGIT),
    ("1,5", DecimalFault.NOT_A_DIGIT),
    ("1-2", DecimalFault.NOT_A_DIGIT),
    ("0x10", DecimalFault.NOT_A_DIGIT),
    ("nan", DecimalFault.NOT_A_DIGIT),
    ("\u0661\u0662", DecimalFault.NOT_A_DIGIT),  # Arabic-Indic digits
    ("\u00b2", DecimalFault.NOT_A_DIGIT),
    ("1.23", DecimalFault.TOO_MANY_DECIMALS),
    ("429496729.5", DecimalFault.OUT_OF_RANGE),
]


@pytest.mark.parametrize(("text", "kind", "sz_decimals", "units"), PRICES)
def test_prices_are_exact(text, kind, sz_decimals, units):
    assert parse_price(text, kind, sz_decimals) == units


@pytest.mark.parametrize(("text", "fault"), REFUSALS)
def test_bad_prices_are_refused_with_their_fault(text, fault):
    with pytest.raises(DecimalError) as refusal:
        parse_price(text, MarketKind.PERP, 5)
    assert refusal.value.fault == fault


def test_sizes_are_exact_and_bounded():
    assert parse_size("0.25", 2) == 25
    assert parse_size("1099511627775", 0) == 2**40 - 1
    with pytest.raises(DecimalError) as refusal:
        parse_size("1099511627776", 0)
    assert refusal.value.fault == DecimalFault.OUT_OF_RANGE
    with pytest.raises(DecimalError) as refusal:
        parse_size("0.001", 2)
    assert refusal.value.fault == DecimalFault.TOO_MANY_DECIMALS


@given(st.integers(0, 2**32 - 2), st.integers(0, 8))
def test_a_written_price_is_read_back(units, sz_decimals):
    text = f"{Decimal(units).scaleb(sz_decimals - 8):f}"
    assert parse_price(text, MarketKind.SPOT, sz_decimals) == units


@given(st.text(max_size=45))
def test_any_text_is_a_number_or_a_typed_refusal(text):
    try:
        value = parse_size(text, 8)
    except DecimalError:
        return
    assert Decimal(text) * 10**8 == value
