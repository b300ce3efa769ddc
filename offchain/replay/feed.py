"""Normalised market-by-order messages and the recorded format ``.hrflow``.

Every source of order flow (an exchange's feed file, a recording of our own sequencer, a
generated flow) becomes one NumPy structured array. `FEED_DTYPE` holds what an exchange *publishes*
(orders, trades and fills); `offchain.replay.flow.FLOW_DTYPE` holds what its users *sent*.

A ``.hrflow`` file is a compressed NumPy archive (``.npz``) of two members: ``header``, one UTF-8
JSON string with ``version``, ``content`` ("feed" or "flow") and free metadata, and ``messages``,
the structured array. Archives are read with ``allow_pickle=False``: a file can carry data only.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

HRFLOW_VERSION = 1
HRFLOW_SUFFIX = ".hrflow"
CONTENT_FEED = "feed"
CONTENT_FLOW = "flow"

# A structured array: its scalar type is np.void, the field names are checked by the dtype.
StructArray = NDArray[np.void]


class FeedError(ValueError):
    """A recording cannot be read: wrong format, version or content."""


class MessageKind(IntEnum):
    """What a feed message says.

    TRADE belongs to the aggressor (its order id, the price, the size traded there), FILL to an
    order on either side of that trade. Neither changes the book: ADD, CANCEL and MODIFY do, also
    after a trade. CLEAR empties the book; NONE only carries flags.
    """

    ADD = 0
    CANCEL = 1
    MODIFY = 2
    TRADE = 3
    FILL = 4
    CLEAR = 5
    NONE = 6


class MessageSide(IntEnum):
    """Side of the order, or of the aggressor for a TRADE; NONE in an auction's trades."""

    BID = 0
    ASK = 1
    NONE = 2


class MessageFlag(IntFlag):
    """END_OF_EVENT closes a matching event; SNAPSHOT marks orders resting before the recording."""

    END_OF_EVENT = 1
    SNAPSHOT = 2


# 28 bytes, little endian. `size` is the displayed size after the message for ADD and MODIFY,
# the size removed for CANCEL, the size traded for TRADE and FILL.
FEED_DTYPE = np.dtype(
    [
        ("time_ns", "<u8"),
        ("order_id", "<u8"),
        ("price_ticks", "<i4"),
        ("size", "<u4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("flags", "u1"),
        ("reserved", "u1"),
    ]
)


@dataclass(frozen=True, slots=True)
class FeedRecording:
    """A market's feed in time order.

    Parameters
    ----------
    messages : array of FEED_DTYPE, shape (n,)
        Messages in the order in which the exchange sent them.
    tick_e9 : int
        Price of one tick in units of 1e-9 (250_000_000 for a quarter of an index point).
    symbol : str
        Name of the instrument as the source gives it.
    """

    messages: StructArray
    tick_e9: int
    symbol: str


def write_hrflow(path: Path, content: str, messages: StructArray, meta: dict[str, Any]) -> None:
    """Write a recording; the parent folder is created.

    Parameters
    ----------
    path : Path
        Target; an existing file is replaced in one step, so a reader never sees half of it.
    content : str
        ``CONTENT_FEED`` or ``CONTENT_FLOW``: which dtype `messages` has.
    messages : structured array, shape (n,)
        The messages.
    meta : dict
        JSON-serialisable metadata; may not contain ``version`` or ``content``.
    """
    header = json.dumps({**meta, "version": HRFLOW_VERSION, "content": content}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, header=np.array(header), messages=messages)
    partial.replace(path)


def read_hrflow(path: Path, content: str, dtype: np.dtype[np.void]) -> tuple[StructArray, Any]:
    """Read a recording and check its version, content and field layout.

    Returns
    -------
    tuple of (array of `dtype`, dict)
        The messages and the whole header.

    Raises
    ------
    FeedError
        If the file is no ``.hrflow`` archive or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            messages = archive["messages"]
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FeedError(f"{path.name}: not a {HRFLOW_SUFFIX} recording ({error})") from error
    if not isinstance(header, dict) or header.get("version") != HRFLOW_VERSION:
        raise FeedError(f"{path.name}: header is not of version {HRFLOW_VERSION}")
    if header.get("content") != content or messages.dtype != dtype or messages.ndim != 1:
        raise FeedError(f"{path.name}: holds {header.get('content')!r}, expected {content!r}")
    return messages, header


def save_feed(path: Path, recording: FeedRecording) -> None:
    """Write a feed recording as ``.hrflow``."""
    meta = {"tick_e9": recording.tick_e9, "symbol": recording.symbol}
    write_hrflow(path, CONTENT_FEED, recording.messages, meta)


def load_feed(path: Path) -> FeedRecording:
    """Read a feed recording written by `save_feed`.

    Raises
    ------
    FeedError
        If the file is no feed recording of this version.
    """
    messages, header = read_hrflow(path, CONTENT_FEED, FEED_DTYPE)
    try:
        return FeedRecording(messages, int(header["tick_e9"]), str(header["symbol"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FeedError(f"{path.name}: header lacks a valid {error}") from error
