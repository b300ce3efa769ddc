"""Messages of the matching benchmark and the hash that every contender must reproduce.

The dtypes mirror ``benchmarks/matching/workload.h`` field by field.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

ADD: Final = 0
CANCEL: Final = 1
IOC: Final = 2

MESSAGE: Final = np.dtype(
    [
        ("kind", "u1"),
        ("is_bid", "u1"),
        ("reserved0", "<u2"),
        ("account", "<u4"),
        ("order_ref", "<u4"),
        ("price_ticks", "<u4"),
        ("size", "<u4"),
        ("reserved1", "<u4"),
    ]
)
FILL: Final = np.dtype([("maker", "<u4"), ("size", "<u4"), ("price_ticks", "<u4")])

_FLOW_FIELDS: Final = ("kind", "is_bid", "account", "order_ref", "price_ticks", "size")
_FNV1A_64_OFFSET: Final = 0xCBF2_9CE4_8422_2325
_FNV1A_64_PRIME: Final = 0x100_0000_01B3
_MASK_64: Final = (1 << 64) - 1


def messages_from_flow(flow: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Lay out a generated order flow as benchmark messages.

    Parameters
    ----------
    flow
        Structured array, shape ``(n,)``, with the fields ``kind`` (`ADD`, `CANCEL` or `IOC`),
        ``is_bid`` (0 or 1), ``account``, ``order_ref`` (index of the message whose order a cancel
        removes), ``price_ticks`` and ``size`` (both 1 to 2^32 - 1 but for a cancel).

    Returns
    -------
    numpy.ndarray
        Contiguous array of `MESSAGE`, shape ``(n,)``.

    Raises
    ------
    ValueError
        If there is another kind, an order has no size or price, or a cancel names a message that is
        not an earlier `ADD`. Whether the named order still rests is left to the contenders.
    """
    kind = flow["kind"]
    if np.any(kind > IOC):
        raise ValueError("the benchmark has no message kind but add, cancel and IOC")
    is_order = kind != CANCEL
    if np.any(flow["size"][is_order] == 0) or np.any(flow["price_ticks"][is_order] == 0):
        raise ValueError("an order needs a size and a price of at least 1")
    cancel_index = np.flatnonzero(~is_order)
    order_ref = flow["order_ref"][cancel_index]
    if np.any(order_ref >= cancel_index) or np.any(kind[order_ref] != ADD):
        raise ValueError("a cancel names no earlier resting order")
    messages = np.zeros(len(flow), MESSAGE)
    for field in _FLOW_FIELDS:
        messages[field] = flow[field]
    return messages


def fill_hash(fills: npt.NDArray[np.void]) -> int:
    """Hash fills in order of execution.

    Parameters
    ----------
    fills
        Contiguous array of `FILL`: maker message index, size, maker price in ticks.

    Returns
    -------
    int
        64-bit FNV-1a over the little-endian bytes, equal to ``hr_bench_fill_hash``. Takes about
        a second per million fills: hash outside the timed part.

    Raises
    ------
    ValueError
        If the dtype is another one.
    """
    if fills.dtype != FILL:
        raise ValueError("fills must have the dtype FILL")
    return fnv1a_64(fills.tobytes())


def fnv1a_64(data: bytes) -> int:
    """Return the 64-bit FNV-1a hash of `data`. Source: RFC 9923."""
    state = _FNV1A_64_OFFSET
    for byte in data:
        state = ((state ^ byte) * _FNV1A_64_PRIME) & _MASK_64
    return state
