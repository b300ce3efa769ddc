"""Commitments give the same bytes whatever of them stays in memory."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from offchain.prover import commitment, memory
from offchain.prover.commitment import Commitment
from offchain.prover.hash_suites import HashSuite
from offchain.spec.constants import GOLDILOCKS_P as P

SIZES = ((3, 64), (2, 64), (5, 16))  # of the tables
BLOWUP, LOG_DOMAIN = 4, 8
TREE_BYTES = 2 * 32 * BLOWUP * 64
COSET_BYTES = 8 * (3 * 64 + 2 * 64 + 5 * 16)
PLACES = [0, 1, 17, 18, 90, 200, 255]


def committed(spare_bytes, executor):
    rng = np.random.default_rng(1)
    columns = {t: rng.integers(P, size=size, dtype="u8") for t, size in enumerate(SIZES)}
    result = Commitment(
        columns, HashSuite.KECCAK256, BLOWUP, bytes(32), 1, (0, 1, 2, 3), {1: [1]}, spare_bytes
    )
    result.commit(executor)
    return result


@pytest.mark.parametrize("rows_per_extension", [1, 1_000])
@pytest.mark.parametrize(
    ("spare_bytes", "kept"),
    [
        (0, 0),
        (TREE_BYTES // 8 + 2 * COSET_BYTES, 2),
        (TREE_BYTES, 0),
        (TREE_BYTES + COSET_BYTES, 1),
        (TREE_BYTES + 4 * COSET_BYTES - 1, 3),
        (TREE_BYTES + 9 * COSET_BYTES, 4),
    ],
)
def test_what_fits_is_kept_and_the_rest_made_again(
    monkeypatch, spare_bytes, kept, rows_per_extension
):
    monkeypatch.setattr(commitment, "ROWS_PER_EXTENSION", rows_per_extension)
    with ThreadPoolExecutor(2) as executor:
        whole, lean = (committed(spare, executor) for spare in (None, spare_bytes))
        assert lean.root == whole.root
        assert lean.open(PLACES, LOG_DOMAIN, executor) == whole.open(PLACES, LOG_DOMAIN, executor)
    assert sum(lean.holds(coset) for coset in range(BLOWUP)) == kept
    for coset in range(BLOWUP):
        for table in range(len(SIZES)):
            assert np.array_equal(lean.values(coset, table), whole.values(coset, table))


def test_free_memory_is_what_the_system_says(monkeypatch, tmp_path):
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_CGROUP", group)
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:    5000 kB\n")
    assert memory.free_memory_bytes() == 5_120_000
    group.mkdir()
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("1000\n")
    assert memory.free_memory_bytes() == 5_120_000
    (group / "memory.max").write_text("4000\n")
    assert memory.free_memory_bytes() == 3_000
    (group / "memory.current").write_text("4001\n")
    assert memory.free_memory_bytes() == 0


def test_free_memory_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    monkeypatch.setattr(memory.os, "sysconf", {"SC_AVPHYS_PAGES": 7, "SC_PAGE_SIZE": 4096}.get)
    assert memory.free_memory_bytes() == 7 * 4096

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(memory.os, "sysconf", unknown)
    assert memory.free_memory_bytes() == 1 << 32
