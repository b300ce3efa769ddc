"""Pinned gas figures and their tolerance of one per cent."""

from pathlib import Path

from offchain.tools import gas_snapshot

PINNED = {"deposit": 100_000, "claim": 50_000}


def test_figures_within_one_per_cent_do_not_differ() -> None:
    assert gas_snapshot.differences(PINNED, {"deposit": 101_000, "claim": 49_500}) == ""


def test_figures_beyond_one_per_cent_are_shown() -> None:
    shown = gas_snapshot.differences(PINNED, {"deposit": 101_001, "claim": 49_499})
    rows = [row.split() for row in shown.splitlines()[2:]]
    assert rows == [
        ["deposit", "100,000", "101,001", "+1.00", "%"],
        ["claim", "50,000", "49,499", "-1.00", "%"],
    ]


def test_figures_on_one_side_only_are_shown() -> None:
    shown = gas_snapshot.differences(PINNED, {"deposit": 100_000, "settle": 7})
    rows = [row.split() for row in shown.splitlines()[2:]]
    assert rows == [["claim", "50,000", "-", "gone"], ["settle", "-", "7", "new"]]


def test_written_figures_are_pinned(tmp_path: Path) -> None:
    path = tmp_path / "gas.json"
    assert gas_snapshot.read(path) == {}
    gas_snapshot.write(path, PINNED)
    assert gas_snapshot.read(path) == PINNED
