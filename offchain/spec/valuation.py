"""The valuation table at the end of a batch, out of the state (docs/spec/escape.md section 2).

It lets L1 value every account of a frozen chain. :mod:`offchain.settlement.valuation` parses it.
"""

from collections.abc import Iterator
from struct import Struct

from offchain.spec.bounds import clamp
from offchain.spec.constants import INDEX_ONE, QUOTE_ASSET, QUOTE_DECIMALS, VALUE_LIMIT
from offchain.spec.encoding import bias
from offchain.spec.risk_records import SideState
from offchain.spec.state import State

_WORD = Struct(">4Q")
_QUOTE_PRICE_E8 = 10**QUOTE_DECIMALS  # its units are worth their number


def valuation_table(state: State) -> bytes:
    """Return the table of all listed markets and assets; empty while no market is listed."""
    return b"".join(_words(state)) if state.listing().markets else b""


def _words(state: State) -> Iterator[bytes]:
    listing, credit = state.listing(), state.asset_risk(QUOTE_ASSET)
    earned = credit.earned_index_e12 or INDEX_ONE
    owed = credit.owed_index_e12 or INDEX_ONE
    yield _WORD.pack(earned, owed, len(listing.markets), len(listing.assets))
    for market_id in listing.markets:
        risk = state.market_risk(market_id)
        yield _WORD.pack(market_id, risk.mark_price, 0, 0)
        yield _side(risk.longs)
        yield _side(risk.shorts)
    for asset in listing.assets:
        yield _WORD.pack(asset, *_value_of(state, asset))


def _side(side: SideState) -> bytes:
    return _WORD.pack(side.epoch, side.taken, bias(side.paid), bias(side.ended_paid))


def _value_of(state: State, asset: int) -> tuple[int, int, int]:
    """Return price_e8, rate_e12 and what all accounts hold, in engine units."""
    record = state.assets.read(asset)
    if asset == QUOTE_ASSET:
        return _QUOTE_PRICE_E8, INDEX_ONE, _quote_supply(state)
    risk = state.asset_risk(asset)
    return risk.price_e8, risk.rate_e12, record.supply_units


def _quote_supply(state: State) -> int:
    """Return the quote units that all accounts and isolated positions hold, debtors at zero.

    Every fill credits one side with what the other still carries in its cost, and funding comes
    out of the market's pool before it has been paid; what debtors owe is that of the last lap.
    """
    total = state.assets.read(QUOTE_ASSET).total_units + state.header.negative_quote
    for market_id in state.listing().markets:
        risk = state.market_risk(market_id)
        total += risk.cost - risk.pool
    return clamp(total, 0, VALUE_LIMIT - 1)
