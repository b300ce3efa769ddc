"""The demo's perpetual: positions, a payment of funding, a fall of the price, one liquidation.

A maker quotes both sides. Three others trade with it: one long with an isolated margin that the
fall eats up, one long with all of its account behind it, and one short from a sub-account that
holds staked ether alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from offchain.demo.client import DemoClients, Trader
from offchain.demo.exchange import Exchange
from offchain.demo.listing import PERPETUAL, SOURCES
from offchain.demo.oracle import Oracle
from offchain.settlement.devnet import STAKED_ASSET
from offchain.spec import op
from offchain.spec.constants import QUOTE_DECIMALS
from offchain.spec.kinds import EventKind, MarginMode, PlaceFlag, TimeInForce
from offchain.spec.risk_op import MoveMargin, PriceReport, SetLeverage

MIN_TRADERS: Final = 4
MAKER, VICTIM, SHORT, LONG = range(MIN_TRADERS)
STAKED_UNITS: Final = {SHORT: 2 * 10**8}  # wstETH that traders bring
_QUOTE: Final = 10**QUOTE_DECIMALS
_EXTRA_QUOTE_UNITS: Final = {MAKER: 5_000 * _QUOTE, VICTIM: 300 * _QUOTE, LONG: 2_000 * _QUOTE}
_MARGIN_UNITS: Final = 152 * _QUOTE  # of the victim's position
_LEVERAGE: Final = 20
# Price units are 0.01 USDC per ether, lots 0.0001 ether.
START_PRICE: Final = 250_000
FALLEN_PRICE: Final = 240_000
PRICE_E8_PER_UNIT: Final = 10**6
_LEVELS: Final = 4
_LEVEL_STEP: Final = 20
_LEVEL_LOTS: Final = 20_000
_SLIPPAGE: Final = 100  # how far an IOC order reaches beyond the index
_POSITION_LOTS: Final = {VICTIM: 10_000, LONG: 10_000, SHORT: -15_000}


def extra_quote_units(trader: int) -> int:
    """Return what a trader needs for the perpetual besides the flow's orders, in quote units."""
    return _EXTRA_QUOTE_UNITS.get(trader, 0)


@dataclass(slots=True)
class Perpetual:
    """The market's story, step by step.

    Attributes
    ----------
    exchange : Exchange
    oracle : Oracle
    clients : DemoClients
    traders : list of Trader
        The first four have the parts.
    orders : int
        Orders placed so far.
    liquidated : set of int
        Accounts that were liquidated.
    """

    exchange: Exchange
    oracle: Oracle
    clients: DemoClients
    traders: list[Trader]
    orders: int = 0
    liquidated: set[int] = field(default_factory=set)

    def report(self, price: int) -> None:
        """Let a second pass and set the price: on L1 first, then the index."""
        self.oracle.snapshot(price * PRICE_E8_PER_UNIT)
        report = PriceReport(
            market=PERPETUAL,
            index_price=price,
            external_mark=price,
            time_s=self.exchange.clock.now_s,
            sources=SOURCES,
        )
        events = self.exchange.sequencer.report_price(report).events
        self.liquidated |= set(events[events["kind"] == EventKind.LIQUIDATED]["account"].tolist())

    def open(self) -> None:
        """Quote, and let the three others take their positions."""
        self._quote(START_PRICE)
        victim, short = (self.traders[number].account_id for number in (VICTIM, SHORT))
        self._send(
            VICTIM,
            SetLeverage(
                market=PERPETUAL, account=victim, leverage=_LEVERAGE, mode=MarginMode.ISOLATED
            ),
            MoveMargin(market=PERPETUAL, account=victim, amount=_MARGIN_UNITS),
            self._taker(VICTIM, START_PRICE, _POSITION_LOTS[VICTIM]),
        )
        collateral = op.Transfer(
            account=short,
            to_account=self._account(SHORT),
            asset=STAKED_ASSET,
            amount=STAKED_UNITS[SHORT],
        )
        self._send(SHORT, collateral, self._taker(SHORT, START_PRICE, _POSITION_LOTS[SHORT]))
        self._send(LONG, self._taker(LONG, START_PRICE, _POSITION_LOTS[LONG]))

    def fall(self) -> None:
        """Let the price fall: the maker moves its quotes first, then the exchange liquidates."""
        self._quote(FALLEN_PRICE)
        self.report(FALLEN_PRICE)

    def close(self) -> None:
        """Let the three others close what they still have."""
        for number in (VICTIM, SHORT, LONG):
            size_lots = self.exchange.sequencer.state.position(
                self._account(number), PERPETUAL
            ).size_lots
            if size_lots:
                order = self._taker(number, FALLEN_PRICE, -size_lots, PlaceFlag.REDUCE_ONLY)
                self._send(number, order)

    def accounts(self) -> list[int]:
        """Return the sub-accounts that the story has opened."""
        return [self._account(SHORT)]

    def _account(self, number: int) -> int:
        return self.traders[number].account_id + (number == SHORT)

    def _taker(self, number: int, price: int, size_lots: int, flags: int = 0) -> op.Place:
        is_ask = size_lots < 0
        return op.Place(
            flags=flags | (PlaceFlag.IS_ASK if is_ask else 0),
            market=PERPETUAL,
            account=self._account(number),
            time_in_force=TimeInForce.IOC,
            price=price - _SLIPPAGE if is_ask else price + _SLIPPAGE,
            size_lots=abs(size_lots),
        )

    def _quote(self, price: int) -> None:
        maker = self.traders[MAKER]
        account = maker.account_id
        quotes: list[op.Op] = [
            op.Place(
                flags=PlaceFlag.IS_ASK if is_ask else 0,
                market=PERPETUAL,
                account=account,
                price=price + (_LEVEL_STEP if is_ask else -_LEVEL_STEP) * level,
                size_lots=_LEVEL_LOTS,
            )
            for level in range(1, _LEVELS + 1)
            for is_ask in (False, True)
        ]
        cancel = op.CancelAll(market=PERPETUAL, account=account)
        self.clients.send_behind(cancel, maker, maker.trading_slot, quotes)
        self.orders += len(quotes)

    def _send(self, number: int, *ops: op.Op) -> None:
        trader = self.traders[number]
        self.clients.send_all(trader, trader.trading_slot, list(ops))
        self.orders += sum(isinstance(each, op.Place) for each in ops)
