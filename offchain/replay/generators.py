"""Seeded generators of order flow for benchmarks, tests and the demo.

Both match their own flow in a plain Python book while they write it, since a cancel may only name
an order that still rests. All randomness is drawn from one NumPy PCG64 stream before the loop, so
a flow depends on (parameters, n, seed) alone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offchain.replay.book import ReferenceBook
from offchain.replay.flow import FLOW_DTYPE, FlowKind, other_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offchain.replay.feed import StructArray

MID_TICKS = 100_000
NEWEST_ORDERS = 256

# kind, is_bid, account, offset_ticks, add size, IOC size, choice of an order, is it a new one
_Draw = tuple[int, int, int, int, int, int, int, bool]
# The fields of FLOW_DTYPE.
_Row = tuple[int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class FlowProfile:
    """Shape of a generated flow.

    Parameters
    ----------
    shares : dict
        Probability of each kind; they add up to 1.
    n_accounts : int
        Accounts, dealt at random.
    mean_offset_ticks, max_offset_ticks : int
        A passive price lies 1 + offset ticks from the middle `MID_TICKS`, the offset being
        exponential with this mean, rounded down and capped.
    through_ticks : int
        An IOC's limit lies this far beyond the best opposite price.
    max_add_size : int
        Sizes of adds are uniform on 1 … max_add_size.
    ioc_sizes : tuple of int
        Sizes of IOC orders are uniform on this closed interval.
    newest_share : float
        Share of cancels that name one of the `NEWEST_ORDERS` latest adds (if one still rests).
    live_target : int
        If positive, the flow starts with this many adds, and IOC sizes grow and shrink in
        proportion to the resting orders, so that their number stays near it.
    """

    shares: dict[FlowKind, float]
    n_accounts: int
    mean_offset_ticks: int = 20
    max_offset_ticks: int = 500
    through_ticks: int = 10
    max_add_size: int = 100
    ioc_sizes: tuple[int, int] = (50, 450)
    newest_share: float = 0.5
    live_target: int = 0


# Workload W1M: 60 % passive adds, 35 % cancels, 5 % aggressive IOC orders.
PROFILE_60_35_5 = FlowProfile(
    shares={FlowKind.ADD: 0.60, FlowKind.CANCEL: 0.35, FlowKind.IOC: 0.05}, n_accounts=10_000
)
# The mix of exchange-core's published test: 1,000 accounts, about 1,000 resting orders, and four
# fifths of all messages move an order to another price.
PROFILE_EXCHANGE_CORE = FlowProfile(
    shares={
        FlowKind.ADD: 0.09, FlowKind.IOC: 0.03, FlowKind.CANCEL: 0.06, FlowKind.MODIFY: 0.82
    },
    n_accounts=1_000,
    ioc_sizes=(1, 100),
    newest_share=0.0,
    live_target=1_000,
)  # fmt: skip


class _LiveOrders:
    """Resting orders with O(1) removal and uniform choice, plus a ring of the latest adds."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self._slots: dict[int, int] = {}
        self._newest = [-1] * NEWEST_ORDERS
        self._adds = 0

    def add(self, order: int) -> None:
        self._slots[order] = len(self.ids)
        self.ids.append(order)
        self._newest[self._adds % NEWEST_ORDERS] = order
        self._adds += 1

    def remove(self, order: int) -> None:
        slot = self._slots.pop(order)
        last = self.ids.pop()
        if last != order:
            self.ids[slot] = last
            self._slots[last] = slot

    def choose(self, draw: int, is_newest: bool) -> int:
        """Pick an order by a 63-bit draw; seven of its bytes are tries among the newest."""
        if is_newest:
            for shift in range(0, 56, 8):
                order = self._newest[(draw >> shift) % NEWEST_ORDERS]
                if order in self._slots:
                    return order
        return self.ids[draw % len(self.ids)]


def _draws(profile: FlowProfile, n: int, seed: int) -> Iterator[_Draw]:
    """Draw everything that `n` messages may need, as Python scalars."""
    rng = np.random.default_rng(seed)
    kinds = list(profile.shares)
    offset = rng.exponential(profile.mean_offset_ticks, n).astype(np.int64)
    columns = (
        np.array(kinds)[rng.choice(len(kinds), n, p=list(profile.shares.values()))],
        rng.integers(0, 2, n),
        rng.integers(0, profile.n_accounts, n),
        np.minimum(offset, profile.max_offset_ticks),
        rng.integers(1, profile.max_add_size + 1, n),
        rng.integers(profile.ioc_sizes[0], profile.ioc_sizes[1] + 1, n),
        rng.integers(0, 1 << 63, n),
        rng.random(n) < profile.newest_share,
    )
    return zip(*(column.tolist() for column in columns), strict=True)


def generate_flow(profile: FlowProfile, n: int, seed: int) -> StructArray:
    """Generate a flow.

    A cancel or modify that comes while no order rests is written as an add.

    Parameters
    ----------
    profile : FlowProfile
        Shape of the flow.
    n : int
        Messages, including the `live_target` adds at the start.
    seed : int
        Seed of the random stream.

    Returns
    -------
    array of FLOW_DTYPE, shape (n,)
        The flow; no self-trades unless an IOC's makers cover every account.
    """
    simulation = _Simulation(profile)
    rows = itertools.starmap(simulation.step, enumerate(_draws(profile, n, seed)))
    return np.fromiter(rows, dtype=FLOW_DTYPE, count=n)


class _Simulation:
    """The book and the resting orders behind a flow."""

    def __init__(self, profile: FlowProfile) -> None:
        self._profile = profile
        self._book = ReferenceBook()
        self._live = _LiveOrders()
        self._account_of: dict[int, int] = {}

    def step(self, index: int, draw: _Draw) -> _Row:
        """Play one message and return its row of FLOW_DTYPE."""
        kind, is_bid, account, offset, add_size, ioc_size, choice, is_newest = draw
        live, target = self._live.ids, self._profile.live_target
        distance = 1 + offset
        if kind == FlowKind.ADD or index < target or (kind != FlowKind.IOC and not live):
            price_ticks = MID_TICKS - distance if is_bid else MID_TICKS + distance
            self._book.place(index, bool(is_bid), price_ticks, add_size)
            self._live.add(index)
            self._account_of[index] = account
            return (FlowKind.ADD, is_bid, 0, account, index, price_ticks, add_size)
        if kind == FlowKind.IOC:
            size = max(1, ioc_size * len(live) // target) if target else ioc_size
            return self._ioc(index, is_bid, account, size)
        order_id = self._live.choose(choice, is_newest)
        order = self._book.orders[order_id]
        account = self._account_of[order_id]
        if kind == FlowKind.CANCEL:
            self._book.cancel(order_id)
            self._live.remove(order_id)
            return (FlowKind.CANCEL, order.is_bid, 0, account, order_id, 0, 0)
        price_ticks = MID_TICKS - distance if order.is_bid else MID_TICKS + distance
        size = order.size
        self._book.modify(order_id, price_ticks, size)
        return (FlowKind.MODIFY, order.is_bid, 0, account, order_id, price_ticks, size)

    def _ioc(self, index: int, is_bid: int, account: int, size: int) -> _Row:
        best_ticks = self._book.best_ticks(not is_bid)
        through = self._profile.through_ticks
        limit_ticks = (best_ticks or MID_TICKS) + (through if is_bid else -through)
        fills = self._book.aggress(index, bool(is_bid), limit_ticks, size)
        makers = set()
        for fill in fills:
            makers.add(self._account_of[fill.maker_feed_order_id])
            if fill.maker_feed_order_id not in self._book.orders:
                self._live.remove(fill.maker_feed_order_id)
        account = other_account(account, makers, self._profile.n_accounts)
        return (FlowKind.IOC, is_bid, 0, account, index, limit_ticks, size)


def flow_60_35_5(n: int, seed: int) -> StructArray:
    """Generate workload W1M's mix; see `PROFILE_60_35_5` and `generate_flow`."""
    return generate_flow(PROFILE_60_35_5, n, seed)


def flow_exchange_core(n: int, seed: int) -> StructArray:
    """Generate exchange-core's mix; see `PROFILE_EXCHANGE_CORE` and `generate_flow`."""
    return generate_flow(PROFILE_EXCHANGE_CORE, n, seed)
