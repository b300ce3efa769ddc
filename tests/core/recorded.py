"""Runs of the native core with the hints that they used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak

from offchain.core import guest_tape
from offchain.core.binding import Core
from offchain.core.guest_tape import GuestOutput, Mode
from tests.strategies import CONFIG_HASH, GOVERNANCE

HINT_CAPACITY = 100_000
Hints = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Recorded:
    """A run from genesis: what went in, what came out, and the hints in between."""

    mode: Mode
    items: tuple[bytes, ...]
    hints: Hints
    output: GuestOutput

    def tape(self, hints: Hints) -> bytes:
        """Return the guest's tape of this run with other hints."""
        return guest_tape.encode(
            self.mode, self.items, hints, config_hash=CONFIG_HASH, governance=GOVERNANCE
        )


def record(mode: Mode, items: Sequence[bytes]) -> Recorded:
    core = Core(CONFIG_HASH, GOVERNANCE)
    core.record_hints(HINT_CAPACITY)
    output = run(core, mode, items)
    return Recorded(mode, tuple(items), core.recorded_hints(), output)


def replay(recorded: Recorded, hints: Hints) -> GuestOutput:
    """Run again with hints from a tape; raises TrapError when one is wrong."""
    core = Core(CONFIG_HASH, GOVERNANCE)
    core.take_hints_from(hints)
    return run(core, recorded.mode, recorded.items)


def run(core: Core, mode: Mode, items: Sequence[bytes]) -> GuestOutput:
    if mode == Mode.OPS:
        applied = core.apply(list(items))
        codes, events = tuple(applied.codes.tolist()), applied.events.tobytes()
    else:
        results = [core.apply_envelope(item) for item in items]
        codes = tuple(int(code) for code, _ in results)
        events = b"".join(part.tobytes() for _, part in results)
    return GuestOutput(codes, keccak(events), core.root())
