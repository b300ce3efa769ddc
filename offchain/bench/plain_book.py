"""Order book in plain Python: one dict of open sizes, one heap of order keys per side.

It is in the benchmark for scale (most books that Python users install are slower) and in the tests
as an independent opinion on the peer's fills.
"""

from __future__ import annotations

import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from offchain.bench.harness import Contender, Run
from offchain.bench.workload import ADD, CANCEL, FILL, fill_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: kind, is_bid, order_ref, price_ticks, size
Message = tuple[int, int, int, int, int]
#: maker message index, size, price_ticks
Fill = tuple[int, int, int]


def match(messages: Iterable[Message]) -> Iterator[Fill]:
    """Match messages by price, then by arrival.

    Parameters
    ----------
    messages
        Fields as in ``workload.MESSAGE``; the id of an order is its position in the iterable.

    Yields
    ------
    Fill
        Each fill, in order of execution.

    Raises
    ------
    KeyError
        If a cancel names an order that does not rest.
    """
    # Heap keys rise with priority: bids hold the negated price, and ids grow with time. Entries
    # of cancelled orders stay until they reach the top.
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    open_size: dict[int, int] = {}
    for order_id, (kind, is_bid, order_ref, price_ticks, order_size) in enumerate(messages):
        if kind == CANCEL:
            del open_size[order_ref]
            continue
        own, other, sign = (bids, asks, 1) if is_bid else (asks, bids, -1)
        limit_key = sign * price_ticks
        size = order_size
        while size and other and other[0][0] <= limit_key:
            maker_key, maker = other[0]
            maker_size = open_size.get(maker, 0)
            if maker_size > size:
                open_size[maker] = maker_size - size
                yield maker, size, sign * maker_key
                size = 0
                break
            heappop(other)
            if maker_size:
                del open_size[maker]
                yield maker, maker_size, sign * maker_key
                size -= maker_size
        if size and kind == ADD:
            open_size[order_id] = size
            heappush(own, (-limit_key, order_id))


def plain_book(messages: npt.NDArray[np.void]) -> Contender:
    """Return the contender that matches an array of ``workload.MESSAGE`` in plain Python."""
    fields = ["kind", "is_bid", "order_ref", "price_ticks", "size"]
    rows: list[Message] = messages[fields].tolist()

    def run() -> Run:
        start_s = time.perf_counter()
        fills = list(match(rows))
        elapsed_s = time.perf_counter() - start_s
        return Run(elapsed_s, fill_hash(np.array(fills, FILL)), len(fills))

    return run
