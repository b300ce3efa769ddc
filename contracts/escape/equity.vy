# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title What an account is worth
@notice Lazy interest, funding and deleveraging applied to records. Formulas:
        docs/spec/escape.md, section 3. Rounded against the account.
@dev Fields of records and tables are below 2^64: no product here reaches
     2^210.
"""

from contracts.escape import valuation
from interfaces import IStateProofs

uses: valuation

ADL_ONE: constant(int256) = 2**48
PAID_SCALE: constant(int256) = 10**6
PERP_QUOTE_MULTIPLIER: constant(int256) = 100
# Signed fields of the table and of records are stored with this added.
SIGNED_BIAS: constant(int256) = 2**62
# Word 30 of an account record: interest index at the last touch.
QUOTE_INDEX_OFFSET: constant(uint256) = 240
WORD_BYTES: constant(uint256) = 8


@internal
@pure
def _quote_index(record: Bytes[256]) -> uint256:
    """
    @dev Little-endian. Zero: no interest is due since the quote was touched.
    """
    word: uint256 = convert(slice(record, QUOTE_INDEX_OFFSET, WORD_BYTES), uint256)
    index: uint256 = 0
    for _: uint256 in range(WORD_BYTES):
        index = index << 8 | word & 255
        word >>= 8
    return index


@internal
@view
def _with_interest(
    chain_id: uint256, units: int256, quote_index: uint256, owes: bool
) -> int256:
    """
    @dev What is earned rounds down, what is owed rounds up. The index is one
         of debts if the account owed at its last touch: of quote that has
         changed its sign since, no interest is known.
    """
    if quote_index == 0 or owes != (units < 0):
        return units
    head: uint256 = valuation._head[chain_id]
    if units >= 0:
        earned: uint256 = valuation._field(head, 0)
        return convert(convert(units, uint256) * earned // quote_index, int256)
    owed: uint256 = convert(-units, uint256) * valuation._field(head, 1)
    return -convert((owed + quote_index - 1) // quote_index, int256)


@internal
@pure
def _value(asset: uint256, units: int256) -> int256:
    """
    @dev Quote units, rounded towards minus infinity.
    """
    if units >= 0:
        return convert(valuation._value_floor(asset, convert(units, uint256)), int256)
    return -convert(valuation._value_ceil(asset, convert(-units, uint256)), int256)


@internal
@view
def _worth(chain_id: uint256, position: IStateProofs.Position) -> int256:
    """
    @dev What a position adds to its owner's equity.
    """
    worth: int256 = -position.cost_units
    if position.size_lots != 0:
        worth += self._proceeds(
            position, valuation._market_words(chain_id, position.market_id)
        )
    if position.mode == 0:
        return worth
    # An isolated position cannot lose more than its margin.
    return max(worth, -max(position.isolated_margin_units, 0))


@internal
@pure
def _proceeds(
    position: IStateProofs.Position, market: uint256[valuation.MARKET_WORDS]
) -> int256:
    """
    @dev Value at the mark of what deleveraging has left, less what the
         position has paid since it was touched. A position of an epoch that
         has ended has nothing left.
    """
    mark_price: int256 = self._signed(valuation._field(market[valuation.PRICES], 1))
    side: uint256 = market[valuation.LONGS]
    if position.size_lots < 0:
        side = market[valuation.SHORTS]
    keep: int256 = 0
    base: int256 = ADL_ONE - position.adl_index
    index: int256 = self._signed(valuation._field(side, 3))
    if position.adl_epoch == valuation._field(side, 0):
        keep = ADL_ONE - self._signed(valuation._field(side, 1))
        index = self._signed(valuation._field(side, 2))
    assert (
        position.adl_index >= 0 and base > 0 and keep >= 0 and keep <= base
    ), "X15: ADL index is out of range"
    paid: int256 = (index - SIGNED_BIAS - position.funding_index) * ADL_ONE
    value: int256 = keep * mark_price * PERP_QUOTE_MULTIPLIER * PAID_SCALE
    return self._floor_div(position.size_lots * (value - paid), base * PAID_SCALE)


@internal
@pure
def _signed(field: uint256) -> int256:
    return convert(field, int256)


@internal
@pure
def _floor_div(numerator: int256, divisor: int256) -> int256:
    """
    @dev Vyper rounds towards zero; the divisor is positive.
    """
    quotient: int256 = numerator // divisor
    if numerator % divisor < 0:
        quotient -= 1
    return quotient
