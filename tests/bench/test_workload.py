"""Conversion of order flow and the fill hash."""

from __future__ import annotations

import numpy as np
import pytest

from offchain.bench.plain_book import match
from offchain.bench.workload import (
    ADD,
    CANCEL,
    FILL,
    IOC,
    MESSAGE,
    fill_hash,
    fnv1a_64,
    messages_from_flow,
)
from offchain.replay.flow import FLOW_DTYPE


def test_flow_keeps_every_field_and_clears_the_padding() -> None:
    flow = np.array([(ADD, 1, 7, 9, 0, 100, 5), (CANCEL, 0, 7, 8, 0, 0, 0)], FLOW_DTYPE)
    messages = messages_from_flow(flow)
    assert messages.dtype == MESSAGE
    assert messages.tobytes() == bytes.fromhex(
        "00010000" "09000000" "00000000" "64000000" "05000000" "00000000"
        "01000000" "08000000" "00000000" "00000000" "00000000" "00000000"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(3, 1, 0, 0, 0, 100, 5)], "kind"),
        ([(ADD, 1, 0, 0, 0, 0, 5)], "price"),
        ([(IOC, 1, 0, 0, 0, 100, 0)], "size"),
        ([(CANCEL, 1, 0, 0, 0, 0, 0)], "no earlier"),
        ([(IOC, 1, 0, 0, 0, 100, 5), (CANCEL, 1, 0, 0, 0, 0, 0)], "no earlier"),
        ([(ADD, 1, 0, 0, 0, 100, 5), (CANCEL, 1, 0, 0, 7, 0, 0)], "no earlier"),
    ],
)
def test_malformed_flow_is_refused(rows: list[tuple[int, ...]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        messages_from_flow(np.array(rows, FLOW_DTYPE))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xCBF29CE484222325),
        (b"a", 0xAF63DC4C8601EC8C),
        (b"foobar", 0x85944171F73967E8),
    ],
)
def test_fnv1a_64_published_vectors(data: bytes, expected: int) -> None:
    assert fnv1a_64(data) == expected


def test_fill_hash_reads_little_endian_words_in_order() -> None:
    fills = np.array([(0x64636261, 0x68676665, 0x6C6B6A69)], FILL)
    assert fill_hash(fills) == fnv1a_64(b"abcdefghijkl")
    with pytest.raises(ValueError, match="FILL"):
        fill_hash(np.zeros(1, MESSAGE))


def test_plain_book_partial_fills_leave_the_maker_in_place() -> None:
    rows = [(ADD, 1, 0, 50, 10), (ADD, 1, 0, 50, 10), (IOC, 0, 0, 50, 4), (ADD, 0, 0, 49, 9)]
    assert list(match(rows)) == [(0, 4, 50), (0, 6, 50), (1, 3, 50)]
