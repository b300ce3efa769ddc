"""Reads Databento Binary Encoding (DBN) market-by-order files into `FEED_DTYPE`.

The `databento-dbn` decoder walks the file (versions 1 to 3, metadata, other record types); the
records' bytes then become columns in one step, since an object per field would cost more than the
replay itself. Source of the record layout and of the meaning of action, side and flags:
https://databento.com/docs/schemas-and-data-formats/mbo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import databento_dbn
import numpy as np
import zstandard

from offchain.replay.feed import (
    FEED_DTYPE,
    FeedError,
    FeedRecording,
    MessageFlag,
    MessageKind,
    MessageSide,
    StructArray,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DBN_SUFFIXES = (".dbn", ".dbn.zst")
_READ_CHUNK_BYTES = 1 << 20
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_UNDEF_PRICE = np.iinfo(np.int64).max

# MBO record, 56 bytes; identical in all DBN versions.
_MBO_DTYPE = np.dtype(
    [
        ("length_words", "u1"),
        ("rtype", "u1"),
        ("publisher_id", "<u2"),
        ("instrument_id", "<u4"),
        ("ts_event", "<u8"),
        ("order_id", "<u8"),
        ("price_e9", "<i8"),
        ("size", "<u4"),
        ("flags", "u1"),
        ("channel_id", "u1"),
        ("action", "u1"),
        ("side", "u1"),
        ("ts_recv", "<u8"),
        ("ts_in_delta", "<i4"),
        ("sequence", "<u4"),
    ]
)
_KIND_BY_ACTION = {
    "A": MessageKind.ADD,
    "C": MessageKind.CANCEL,
    "M": MessageKind.MODIFY,
    "T": MessageKind.TRADE,
    "F": MessageKind.FILL,
    "R": MessageKind.CLEAR,
    "N": MessageKind.NONE,
}
_SIDE_BY_CHAR = {"B": MessageSide.BID, "A": MessageSide.ASK, "N": MessageSide.NONE}
_UNKNOWN_CODE = 255


def _code_table(codes: dict[str, MessageKind] | dict[str, MessageSide]) -> NDArray[np.uint8]:
    """Build a 256-entry lookup from an ASCII code to our enum value."""
    table = np.full(256, _UNKNOWN_CODE, dtype=np.uint8)
    for char, value in codes.items():
        table[ord(char)] = value
    return table


def _read_records(path: Path) -> tuple[StructArray, databento_dbn.Metadata]:
    decoder = databento_dbn.DBNDecoder()
    metadata: databento_dbn.Metadata | None = None
    chunks: list[bytes] = []
    with path.open("rb") as file:
        is_zstd = file.read(len(_ZSTD_MAGIC)) == _ZSTD_MAGIC
        file.seek(0)
        stream = zstandard.ZstdDecompressor().stream_reader(file) if is_zstd else file
        while chunk := stream.read(_READ_CHUNK_BYTES):
            decoder.write(chunk)
            for record in decoder.decode():
                if isinstance(record, databento_dbn.MBOMsg):
                    chunks.append(bytes(record))
                elif isinstance(record, databento_dbn.Metadata):
                    metadata = record
    if metadata is None:
        raise FeedError(f"{path.name}: no DBN metadata")
    if not chunks:
        raise FeedError(f"{path.name}: no market-by-order record")
    return np.frombuffer(b"".join(chunks), dtype=_MBO_DTYPE), metadata


def _normalise(records: StructArray, tick_e9: int) -> StructArray:
    kind = _code_table(_KIND_BY_ACTION)[records["action"]]
    side = _code_table(_SIDE_BY_CHAR)[records["side"]]
    if (kind == _UNKNOWN_CODE).any() or (side == _UNKNOWN_CODE).any():
        raise FeedError("record with an action or side that the schema does not name")
    is_priced = records["price_e9"] != _UNDEF_PRICE
    price_e9 = np.where(is_priced, records["price_e9"], 0)
    if (price_e9 % tick_e9).any():
        raise FeedError(f"price that is no multiple of the tick of {tick_e9}e-9")
    is_snapshot = (records["flags"] & databento_dbn.F_SNAPSHOT) != 0
    # Snapshot orders carry no end-of-event flag: each stands for itself.
    is_end = ((records["flags"] & databento_dbn.F_LAST) != 0) | is_snapshot
    messages = np.zeros(len(records), dtype=FEED_DTYPE)
    messages["time_ns"] = records["ts_event"]
    messages["order_id"] = records["order_id"]
    messages["price_ticks"] = price_e9 // tick_e9
    messages["size"] = records["size"]
    messages["kind"] = kind
    messages["side"] = side
    messages["flags"] = is_end * MessageFlag.END_OF_EVENT + is_snapshot * MessageFlag.SNAPSHOT
    return messages


def read_dbn(
    path: Path, instrument_id: int | None = None, tick_e9: int | None = None
) -> FeedRecording:
    """Read one instrument's market-by-order messages from a DBN file.

    Parameters
    ----------
    path : Path
        DBN file of schema ``mbo``, plain or Zstandard-compressed.
    instrument_id : int, optional
        Instrument to keep; may be left out when the file holds one only.
    tick_e9 : int, optional
        Tick in units of 1e-9. By default the greatest common divisor of all prices, which is a
        whole multiple of the true tick, so that no price is ever rounded.

    Raises
    ------
    FeedError
        If the file is not DBN, holds no such record, or mixes instruments without a choice.
    """
    try:
        records, metadata = _read_records(path)
    except (databento_dbn.DBNError, zstandard.ZstdError, ValueError) as error:
        raise FeedError(f"{path.name}: not a readable DBN file ({error})") from error
    instruments = np.unique(records["instrument_id"])
    if instrument_id is None and len(instruments) > 1:
        raise FeedError(f"{path.name}: several instruments {instruments.tolist()}, name one")
    if instrument_id is not None:
        records = records[records["instrument_id"] == instrument_id]
        if not len(records):
            raise FeedError(f"{path.name}: no record of instrument {instrument_id}")
    priced_e9 = records["price_e9"][records["price_e9"] != _UNDEF_PRICE]
    # A file of zero prices only has divisor 0; any tick then fits.
    step_e9 = tick_e9 or int(np.gcd.reduce(priced_e9, initial=0)) or 1
    symbol = metadata.symbols[0] if len(metadata.symbols) == 1 else str(records[0]["instrument_id"])
    return FeedRecording(_normalise(records, step_e9), step_e9, symbol)
