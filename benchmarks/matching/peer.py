"""Time the C++ peer on a generated order flow, and the plain Python book on a prefix of it.

Usage: python benchmarks/matching/peer.py [--json] [--messages N] [--rounds N] [--core N]

The peer is compiled with the pinned zig, and where g++ is installed with that too: its hash tables
come from the compiler's C++ library, and libstdc++ serves them faster than zig's libc++.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from offchain.bench.harness import Contender, compare
from offchain.bench.peers import (
    CORE_FLAGS,
    PEER_NAME,
    ZIG_CXX,
    build_peer,
    fetch_sdist,
    peer_contender,
)
from offchain.bench.plain_book import plain_book
from offchain.bench.workload import messages_from_flow
from offchain.replay.generators import flow_60_35_5

ROOT = Path(__file__).resolve().parents[2]
CACHE_DIR = ROOT / ".cache" / "bench"
GCC_FLAGS = ("-O3", "-DNDEBUG")
PREFIX_MESSAGES = 50_000
# A round of the peer takes 0.1 s; on a shared machine five of them seldom meet a quiet moment.
DEFAULT_ROUNDS = 15


def main() -> None:
    """Run both comparisons and print them."""
    parser = argparse.ArgumentParser(description="Time the C++ peer of the matching benchmark.")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS)
    parser.add_argument("--core", type=int)
    options = parser.parse_args()

    messages = messages_from_flow(flow_60_35_5(options.messages, options.seed))
    sdist = fetch_sdist(ROOT / "requirements" / "bench.txt", CACHE_DIR)
    library = build_peer(sdist, CACHE_DIR / "zig", ZIG_CXX, CORE_FLAGS)
    contenders: dict[str, Contender] = {PEER_NAME: peer_contender(library, messages)}
    if shutil.which("g++"):
        library_gcc = build_peer(sdist, CACHE_DIR / "g++", ("g++",), GCC_FLAGS)
        contenders[f"{PEER_NAME}, g++"] = peer_contender(library_gcc, messages)
    prefix = messages[:PREFIX_MESSAGES]
    prefix_contenders = {
        PEER_NAME: peer_contender(library, prefix),
        "plain Python": plain_book(prefix),
    }
    comparisons = [
        compare(name, len(array), group, PEER_NAME, rounds=options.rounds, core=options.core)
        for name, array, group in (
            ("60/35/5", messages, contenders),
            ("60/35/5, prefix", prefix, prefix_contenders),
        )
    ]
    if options.json:
        print(json.dumps([comparison.to_fields() for comparison in comparisons]))
    else:
        print("\n\n".join(comparison.to_text() for comparison in comparisons))


if __name__ == "__main__":
    main()
