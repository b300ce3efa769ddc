"""Plot of the demo's book and trades."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # no display needed

import numpy as np
from matplotlib import pyplot as plt

from offchain.demo.report import LOTS_PER_ETHER, PRICE_UNITS_PER_USDC
from offchain.demo.run import DemoResult
from offchain.engine.state_view import PriceLevel

_BID, _ASK = "#2a7f62", "#b3413a"


def write_plot(result: DemoResult, path: Path) -> None:
    """Write a PNG with the trades over time and the book at the end of trading.

    Parameters
    ----------
    result : DemoResult
        Result of a run.
    path : Path
        Where to write, as PNG whatever its suffix; folders are made.
    """
    figure, (trades, book) = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
    for is_ask, color, label in ((False, _BID, "buyer took"), (True, _ASK, "seller took")):
        rows = [trade for trade in result.trades if trade.is_taker_ask == is_ask]
        prices = np.array([trade.price for trade in rows]) / PRICE_UNITS_PER_USDC
        sizes = np.array([trade.size_lots for trade in rows]) / LOTS_PER_ETHER
        messages = [trade.message for trade in rows]
        trades.scatter(messages, prices, s=4 + 10 * sizes, c=color, alpha=0.6, label=label)
    trades.set_title(f"{len(result.trades):,} trades ({result.source})")
    trades.set_xlabel("message")
    trades.set_ylabel("price, USDC per ether")
    trades.legend()
    _draw_depth(book, result.bids, _BID, "bids")
    _draw_depth(book, result.asks, _ASK, "asks")
    book.set_title(f"book at the end, mode {result.mode}")
    book.set_xlabel("price, USDC per ether")
    book.set_ylabel("cumulative size, ether")
    book.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=110)
    plt.close(figure)


def _draw_depth(axes: plt.Axes, levels: list[PriceLevel], color: str, label: str) -> None:
    prices = np.array([level.price for level in levels]) / PRICE_UNITS_PER_USDC
    sizes = np.cumsum([level.total_lots for level in levels]) / LOTS_PER_ETHER
    axes.step(prices, sizes, where="post", color=color, label=label)
    axes.fill_between(prices, sizes, step="post", color=color, alpha=0.25)
