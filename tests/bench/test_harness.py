"""The harness interleaves contenders, takes the best round, gives no ratio for unequal fills."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

from offchain.bench.harness import (
    MIN_ROUNDS,
    Contender,
    OutputMismatchError,
    Run,
    compare,
    pinned_to_core,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def scripted(name: str, calls: list[str], seconds: list[float], fill_hash: int = 7) -> Contender:
    """Return a contender that reports the given times in turn."""
    times: Iterator[float] = iter(seconds)

    def run() -> Run:
        calls.append(name)
        return Run(next(times), fill_hash, 3)

    return run


def test_ratio_of_best_rounds_and_order_of_turns() -> None:
    calls: list[str] = []
    comparison = compare(
        "scripted",
        1_000,
        {
            "ours": scripted("ours", calls, [4e-6, 2e-6, 3e-6, 5e-6, 9e-6]),
            "theirs": scripted("theirs", calls, [9e-6, 9e-6, 9e-6, 8e-6, 9e-6]),
        },
        reference="theirs",
    )
    assert calls == ["ours", "theirs"] * MIN_ROUNDS
    ours, theirs = comparison.timings
    assert (ours.name, ours.ratio, theirs.ratio) == ("ours", pytest.approx(0.25), 1.0)
    assert ours.ns_per_message == pytest.approx(2.0)
    assert comparison.to_fields()["fill_hash"] == "0000000000000007"
    table = comparison.to_text().splitlines()
    assert table[1].split() == ["0.25", "2.0", "ours"]


def test_unequal_fills_give_no_result() -> None:
    calls: list[str] = []
    contenders = {
        "ours": scripted("ours", calls, [1e-6] * MIN_ROUNDS),
        "theirs": scripted("theirs", calls, [1e-6] * MIN_ROUNDS, fill_hash=8),
    }
    with pytest.raises(OutputMismatchError, match="theirs: 3 fills, hash 0000000000000008"):
        compare("scripted", 1, contenders, "theirs")
    assert calls == ["ours", "theirs"]


def test_unstable_contender_is_refused() -> None:
    hashes = iter([7, 7, 8])
    with pytest.raises(OutputMismatchError):
        compare("scripted", 1, {"ours": lambda: Run(1e-6, next(hashes), 3)}, "ours")


def test_bad_arguments() -> None:
    contenders = {"ours": scripted("ours", [], [])}
    with pytest.raises(ValueError, match="no contender"):
        compare("scripted", 1, contenders, "theirs")
    with pytest.raises(ValueError, match="rounds"):
        compare("scripted", 1, contenders, "ours", rounds=MIN_ROUNDS - 1)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity call here")
def test_pinning_and_collector_are_restored() -> None:
    allowed = os.sched_getaffinity(0)
    with pinned_to_core(min(allowed)) as core:
        assert os.sched_getaffinity(0) == {core}
        assert not gc.isenabled()
    assert os.sched_getaffinity(0) == allowed
    assert gc.isenabled()
