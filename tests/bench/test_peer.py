"""The C++ peer and the plain Python book give the same fills."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from offchain.bench.harness import compare
from offchain.bench.peers import (
    CORE_FLAGS,
    PEER_NAME,
    ZIG_CXX,
    PeerUnavailableError,
    build_peer,
    fetch_sdist,
    peer_contender,
)
from offchain.bench.plain_book import plain_book
from offchain.bench.workload import ADD, CANCEL, FILL, IOC, MESSAGE, fill_hash, messages_from_flow
from offchain.replay.generators import flow_60_35_5

ROOT = Path(__file__).resolve().parents[2]
CACHE_DIR = ROOT / ".cache" / "bench"
REQUIREMENTS = ROOT / "requirements" / "bench.txt"


@pytest.fixture(scope="module")
def peer_library() -> Path:
    """Compiled peer; its tests are skipped where it cannot be had."""
    try:
        sdist = fetch_sdist(REQUIREMENTS, CACHE_DIR)
    except PeerUnavailableError as error:
        pytest.skip(f"the source archive of orderly-chaos cannot be fetched: {error}")
    # The fills do not depend on the compiler, and zig builds its C++ library first.
    cxx = ("g++",) if shutil.which("g++") else ZIG_CXX
    flags = ("-O2",) if shutil.which("g++") else CORE_FLAGS
    return build_peer(sdist, CACHE_DIR / "test", cxx, flags)


def test_peer_and_plain_book_agree_on_20_000_messages(peer_library: Path) -> None:
    messages = messages_from_flow(flow_60_35_5(20_000, seed=1))
    comparison = compare(
        "20k",
        len(messages),
        {PEER_NAME: peer_contender(peer_library, messages), "plain": plain_book(messages)},
        PEER_NAME,
    )
    assert comparison.fills > 1_000


def test_peer_keeps_price_then_time_priority_and_the_ioc_limit(peer_library: Path) -> None:
    messages = np.zeros(7, MESSAGE)
    messages["kind"] = [ADD, ADD, ADD, ADD, IOC, CANCEL, IOC]
    messages["is_bid"] = [0, 0, 0, 0, 1, 0, 1]
    messages["price_ticks"] = [102, 101, 101, 104, 103, 0, 200]
    messages["size"] = [5, 7, 3, 9, 100, 0, 1]
    messages["order_ref"][5] = 3
    expected = np.array([(1, 7, 101), (2, 3, 101), (0, 5, 102)], FILL)

    run = peer_contender(peer_library, messages)()

    assert run.fills == len(expected)
    assert run.fill_hash == fill_hash(expected)
    assert plain_book(messages)()[1:] == run[1:]


def test_peer_refuses_cancel_of_filled_order(peer_library: Path) -> None:
    messages = np.zeros(3, MESSAGE)
    messages["kind"] = [ADD, IOC, CANCEL]
    messages["is_bid"] = [0, 1, 0]
    messages["price_ticks"] = 100
    messages["size"] = 1
    with pytest.raises(ValueError, match="refused"):
        peer_contender(peer_library, messages)()
    with pytest.raises(KeyError):
        plain_book(messages)()


def test_archive_with_another_hash_is_not_used(tmp_path: Path) -> None:
    requirements = tmp_path / "bench.txt"
    requirements.write_text(f"--no-index\norderly-chaos==0.2.0 --hash=sha256:{'0' * 64}\n")
    (tmp_path / "orderly_chaos-0.2.0.tar.gz").write_bytes(b"not the pinned archive")
    with pytest.raises(PeerUnavailableError):
        fetch_sdist(requirements, tmp_path)
