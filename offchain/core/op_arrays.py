"""Ops as NumPy arrays: the layouts of ``docs/spec/transition.md`` section 2 for bulk building."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from offchain.spec.kinds import OpKind

_HEADER: Final[list[tuple[str, str, int]]] = [
    ("kind", "u1", 0),
    ("flags", "u1", 1),
    ("market", "<u2", 2),
    ("account", "<u4", 4),
]


def _op_dtype(fields: list[tuple[str, Any, int]]) -> np.dtype[Any]:
    """Return a 64-byte dtype from (name, format, offset)."""
    names, formats, offsets = zip(*_HEADER, *fields, strict=True)
    return np.dtype(
        {"names": list(names), "formats": list(formats), "offsets": list(offsets), "itemsize": 64}
    )


PLACE_DTYPE: Final = _op_dtype(
    [
        ("tif", "u1", 8),
        ("self_trade", "u1", 9),
        ("builder", "<u2", 10),
        ("price", "<u4", 12),
        ("size_lots", "<u8", 16),
        ("client_id_low", "<u8", 24),
        ("client_id_high", "<u8", 32),
        ("expiry_s", "<u4", 40),
        ("builder_fee", "<u2", 44),
    ]
)
MODIFY_DTYPE: Final = _op_dtype(
    [
        ("order_id", "<u8", 8),
        ("size_lots", "<u8", 16),
        ("price", "<u4", 24),
        ("slot", "<u4", 28),
        ("self_trade", "u1", 32),
        ("tif", "u1", 33),
    ]
)
CANCEL_DTYPE: Final = _op_dtype([("order_id", "<u8", 8), ("slot", "<u4", 16)])
LIQUIDATE_DTYPE: Final = _op_dtype([])
CLIENT_ID_DTYPE: Final = _op_dtype([("client_id_low", "<u8", 8), ("client_id_high", "<u8", 16)])

OpArray = npt.NDArray[np.void]


def op_array(dtype: np.dtype[Any], kind: OpKind, n: int) -> OpArray:
    """Return n zeroed ops of one kind."""
    ops = np.zeros(n, dtype)
    ops["kind"] = kind
    return ops
