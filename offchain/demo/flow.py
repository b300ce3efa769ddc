"""Order flow of the demo, generated or recorded, in the units of its market."""

from __future__ import annotations

import contextlib
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.replay.driver import load_recording
from offchain.replay.flow import (
    FLOW_DTYPE,
    FlowKind,
    FlowRecorder,
    account_of_order,
    flow_from_feed,
)
from offchain.replay.generators import PROFILE_60_35_5, generate_flow
from offchain.spec.constants import MAX_FEE_PPM, PPM, SPOT_PRICE_DECIMALS

SZ_DECIMALS: Final = 4  # a lot is 0.0001 ether, a price unit 0.0001 USDC per ether
LOTS_PER_SIZE: Final = 100  # one unit of size in a flow is 0.01 ether
BASE_UNITS_PER_LOT: Final = 10 ** (SPOT_PRICE_DECIMALS - SZ_DECIMALS)
# Generated flows trade around 100,000 ticks: 2,500.000 USDC at 0.025 USDC per tick.
GENERATED_TICK_PRICE_UNITS: Final = 250
_PRICE_UNIT_E9: Final = 10 ** (9 - (SPOT_PRICE_DECIMALS - SZ_DECIMALS))
_ORDER_SHARE: Final = 0.65  # adds and IOC orders among the messages of the 60/35/5 mix
_SPARE: Final = 1.1
# What a trader has to say is sent together, about so many messages at a time.
_MESSAGES_TOGETHER: Final = 10

Flow = npt.NDArray[np.void]
Units = npt.NDArray[np.int64]
_Row = tuple[int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class DemoFlow:
    """A flow and how it becomes orders of the market.

    Attributes
    ----------
    rows : array of FLOW_DTYPE
        Messages in order; accounts are 0 to n_accounts - 1.
    n_accounts : int
        Accounts that send them.
    tick_price_units : int
        Price units of one tick.
    source : str
        Where it comes from, for the report.
    """

    rows: Flow
    n_accounts: int
    tick_price_units: int
    source: str

    @property
    def orders(self) -> int:
        """Number of orders: adds and IOC orders."""
        return int(np.count_nonzero(_is_order(self.rows)))

    def parts(self, n: int) -> list[Flow]:
        """Cut the flow into n parts of about equal length."""
        return np.array_split(self.rows, n)

    def needs(self) -> tuple[Units, Units]:
        """Return what each account must own so that no order is refused for lack of funds.

        The bound locks every order that an account ever sends at once.

        Returns
        -------
        tuple of int64 (n_accounts,)
            Quote units and base units.
        """
        rows = self.rows[self.rows["kind"] != FlowKind.CANCEL]
        lots = rows["size"].astype(np.int64) * LOTS_PER_SIZE
        price = rows["price_ticks"].astype(np.int64) * self.tick_price_units
        is_bid = rows["is_bid"] == 1
        quote, base = (np.zeros(self.n_accounts, np.int64) for _ in range(2))
        lock_per_lot = price + price * MAX_FEE_PPM // PPM + 1
        np.add.at(quote, rows["account"][is_bid], (lots * lock_per_lot)[is_bid])
        np.add.at(base, rows["account"][~is_bid], (lots * BASE_UNITS_PER_LOT)[~is_bid])
        return quote, base


def generated_flow(orders: int, n_accounts: int, seed: int) -> DemoFlow:
    """Return a flow of 60 % adds, 35 % cancels and 5 % IOC with exactly `orders` orders.

    Traders take turns, each with several messages; cancels of what has traded meanwhile drop out.
    """
    messages = int(orders / _ORDER_SHARE * _SPARE) + 100
    profile = replace(PROFILE_60_35_5, n_accounts=n_accounts)
    rows = generate_flow(profile, messages, seed)
    last = np.flatnonzero(_is_order(rows))[orders - 1]
    gathered = _gathered(rows[: last + 1], n_accounts)
    return DemoFlow(gathered, n_accounts, GENERATED_TICK_PRICE_UNITS, f"generated, seed {seed}")


def _gathered(rows: Flow, n_accounts: int) -> Flow:
    """Deal orders to accounts anew and let each account's messages of a while follow each other.

    Cancels of orders of the same while come in a second turn, when their slots are known; IOC
    orders come last.
    """
    recorder, together = FlowRecorder(n_accounts), _MESSAGES_TOGETHER * n_accounts
    for start in range(0, len(rows), together):
        part: list[_Row] = rows[start : start + together].tolist()
        new = {row[4] for row in part if row[0] == FlowKind.ADD}

        def turn(row: _Row, new: Container[int] = new) -> tuple[bool, bool, int]:
            is_late = row[0] in (FlowKind.CANCEL, FlowKind.MODIFY) and row[4] in new
            return row[0] == FlowKind.IOC, is_late, account_of_order(row[4], n_accounts)

        for kind, is_bid, _, _, ref, price_ticks, size in sorted(part, key=turn):
            if kind == FlowKind.ADD:
                recorder.place(ref, bool(is_bid), price_ticks, size)
            elif kind == FlowKind.IOC:
                recorder.aggress(ref, bool(is_bid), price_ticks, size)
            else:
                with contextlib.suppress(KeyError):  # it has traded in the new order of things
                    if kind == FlowKind.MODIFY:
                        recorder.modify(ref, price_ticks, size)
                    else:
                        recorder.cancel(ref)
    return np.array(recorder.rows, dtype=FLOW_DTYPE)


def recorded_flow(path: Path, n_accounts: int, messages: int | None = None) -> DemoFlow:
    """Return the orders behind a recorded feed, dealt to accounts by a hash of their ids.

    Part of a feed is taken from around its first trades, and traders take turns in it; an order
    from before enters with its first change.

    Parameters
    ----------
    path : Path
        Recording.
    n_accounts : int
        Accounts to deal to.
    messages : int, optional
        How many messages of the flow to take; all by default.

    Raises
    ------
    FeedError
        If the file cannot be read.
    ValueError
        If a price is not positive.
    """
    recording = load_recording(path)
    tick_price_units = max(1, recording.tick_e9 // _PRICE_UNIT_E9)
    rows = flow_from_feed(recording, n_accounts)
    if messages is not None:
        rows = _gathered(_excerpt(rows, messages), n_accounts)
    return DemoFlow(rows, n_accounts, tick_price_units, f"{path.name} ({recording.symbol})")


def _excerpt(rows: Flow, messages: int) -> Flow:
    """Return messages of which about half come before the first trade."""
    first_trade = int(np.argmax(rows["kind"] == FlowKind.IOC))
    taken: list[_Row] = []
    known: set[int] = set()
    for row in rows[max(0, first_trade - messages // 2) :].tolist():
        kind, ref = row[0], row[4]
        if ref not in known and kind == FlowKind.MODIFY:
            kind = FlowKind.ADD
        if ref in known or kind in (FlowKind.ADD, FlowKind.IOC):
            known.add(ref)
            taken.append((kind, *row[1:]))
        if len(taken) == messages:
            break
    return np.array(taken, dtype=FLOW_DTYPE)


def _is_order(rows: Flow) -> npt.NDArray[np.bool_]:
    return np.isin(rows["kind"], [FlowKind.ADD, FlowKind.IOC])
