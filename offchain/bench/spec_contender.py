"""The executable specification as contender, on the same ops as the core: for scale only."""

import time

import numpy as np

from offchain.bench.core_contender import CONFIG_HASH, GOVERNANCE, Workload, scene
from offchain.bench.harness import Contender, Run
from offchain.core.binding import EVENT_DTYPE
from offchain.spec import state, transition
from offchain.spec.events import Event
from offchain.spec.kinds import EventKind


def spec_contender(workload: Workload) -> Contender:
    """Return the contender that applies the ops in Python, a few thousand times slower.

    The clock runs around all calls of ``transition.apply``; a refused op ends the run with OpError.
    """
    ops = [op.tobytes() for op in workload.ops]

    def run() -> Run:
        chain = state.genesis(CONFIG_HASH, GOVERNANCE)
        for op in scene():
            transition.apply(chain, op)
        fills: list[Event] = []
        begin_s = time.perf_counter()
        for op in ops:
            fills += [e for e in transition.apply(chain, op) if e.kind == EventKind.FILL]
        elapsed_s = time.perf_counter() - begin_s
        raw = b"".join(event.to_bytes() for event in fills)
        return workload.hash_fills([np.frombuffer(raw, EVENT_DTYPE)], elapsed_s)

    return run
