"""Our core as contender: the ``apply`` that the sequencer calls, with everything it does.

Accounts, locks, fees, settlement of both sides, owner lists, dirty leaves and events are on. The
workload's messages become ops of a spot market beforehand, as the API edge would have made them;
cancels name the order id and slot that the core told the client when the order came to rest.
"""

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.bench.harness import Contender, Run
from offchain.bench.workload import CANCEL, FILL, IOC, fill_hash
from offchain.core import op_arrays
from offchain.core.binding import Core, EventArray, U8Array
from offchain.replay.core_book import MARKET, account_id, exchange_ops
from offchain.replay.generators import MID_TICKS
from offchain.spec import constants as k
from offchain.spec import op
from offchain.spec.kinds import EventKind, MarketKind, OpKind, PlaceFlag
from offchain.spec.kinds import TimeInForce as Tif

ACCOUNTS: Final = 10_000
CHUNK_OPS: Final = 2_048  # ops per call: what a busy sequencer hands over at once
CONFIG_HASH: Final = bytes(32)
GOVERNANCE: Final = b"\x01" * 20
_SZ_DECIMALS: Final = 4
# Of each asset per account: no order of the workload is refused, and 2^16 accounts stay below the
# cap of an asset.
_FUNDS_UNITS: Final = 2**45
#: Orders that came and went before the clock starts, as in any market that has been open for a
#: while: the timed part then finds its pages mapped, as the peer does from its second run on.
PAST_ORDERS: Final = 10_000
_PAST_LEVELS: Final = 500  # per side, around the middle of the generated flow


@dataclass(frozen=True, slots=True)
class Workload:
    """Messages as ops.

    Attributes
    ----------
    ops
        uint8 (n, 64).
    order_ids
        uint64 (n,): id of the order that a message places, 0 for cancels.
    """

    ops: U8Array
    order_ids: npt.NDArray[np.uint64]

    def hash_fills(self, events: Sequence[EventArray], seconds: float) -> Run:
        """Return the run that gave these FILL events, in the form that contenders compare."""
        values = np.concatenate(events)["v"]
        rows = np.zeros(len(values), FILL)
        rows["maker"] = _message_of(self.order_ids, values[:, 1])
        rows["size"] = values[:, 3] >> 1
        rows["price_ticks"] = values[:, 2] & 0xFFFF_FFFF
        return Run(seconds, fill_hash(rows), len(rows))


@cache
def scene(accounts: int = ACCOUNTS, market_kind: MarketKind = MarketKind.SPOT) -> tuple[bytes, ...]:
    """Return the ops that open the market, fund the accounts, and place and cancel past orders."""
    ops = exchange_ops(accounts, _FUNDS_UNITS, sz_decimals=_SZ_DECIMALS, market_kind=market_kind)
    for number in range(PAST_ORDERS):
        distance = 1 + number // 2 % _PAST_LEVELS
        is_ask = number % 2
        place = op.Place(
            market=MARKET,
            account=account_id(number % accounts),
            flags=PlaceFlag.IS_ASK if is_ask else 0,
            price=MID_TICKS + distance if is_ask else MID_TICKS - distance,
            size_lots=1,
        )
        ops.append(place.to_bytes())
    for number in range(min(PAST_ORDERS, accounts)):
        cancel_all = op.CancelAll(market=MARKET, account=account_id(number))
        ops.append(cancel_all.to_bytes())
    return tuple(ops)


def new_exchange(
    accounts: int = ACCOUNTS,
    market_kind: MarketKind = MarketKind.SPOT,
    library: ctypes.CDLL | None = None,
) -> Core:
    """Return a core (of `library`, by default the native build) after `scene`.

    Its tree is up to date.
    """
    core = Core(CONFIG_HASH, GOVERNANCE, library)
    if core.apply(b"".join(scene(accounts, market_kind))).codes.any():
        raise RuntimeError("the benchmark's scene was refused")
    core.root()
    return core


def build_ops(
    messages: npt.NDArray[np.void],
    accounts: int = ACCOUNTS,
    market_kind: MarketKind = MarketKind.SPOT,
) -> Workload:
    """Turn messages (``workload.MESSAGE``) into ops for `new_exchange` of the same arguments.

    A first run with cancels by client id learns the slots, which do not depend on how a cancel
    names its order.
    """
    n = len(messages)
    rows = np.flatnonzero(messages["kind"] == CANCEL)
    placed_by = messages["order_ref"][rows].astype(np.intp)
    places = _place_ops(messages, accounts)
    owners = places["account"][placed_by]
    order_ids = _order_ids(messages)

    by_client = op_arrays.op_array(op_arrays.CLIENT_ID_DTYPE, OpKind.CANCEL_BY_CLIENT_ID, len(rows))
    by_client["account"] = owners
    by_client["client_id_low"] = placed_by + 1
    learning = _place_ops(messages, accounts)
    learning["client_id_low"] = np.arange(1, n + 1)
    learner = new_exchange(accounts, market_kind)
    events = learner.apply(_with_cancels(learning, rows, by_client)).events
    rested = events["v"][events["kind"] == EventKind.RESTED]
    slot_of = np.zeros(n, np.uint32)
    slot_of[_message_of(order_ids, rested[:, 0])] = rested[:, 1]

    cancels = op_arrays.op_array(op_arrays.CANCEL_DTYPE, OpKind.CANCEL, len(rows))
    cancels["market"] = MARKET
    cancels["account"] = owners
    cancels["order_id"] = order_ids[placed_by]
    cancels["slot"] = slot_of[placed_by]
    return Workload(_with_cancels(places, rows, cancels), order_ids)


def core_contender(workload: Workload, *, with_journal: bool) -> Contender:
    """Return our contender; `with_journal` writes a CRC32C record of each op as well.

    A timed run applies the ops and does nothing else, as the peer's loop does. Its fills are those
    of a run that reads the events, made once: both end in the same state root, else
    `RuntimeError`.
    """
    expected_root, fills = _read_run(workload)

    def run() -> Run:
        core = new_exchange()
        runner = core.chunk_runner(workload.ops, CHUNK_OPS, with_journal=with_journal)
        begin_ns = time.perf_counter_ns()
        done = sum(call() for call, _ in runner.calls)
        seconds = (time.perf_counter_ns() - begin_ns) / 1e9
        if done != len(workload.ops) or core.root() != expected_root:
            raise RuntimeError("the timed run did not end in the state of the run that was read")
        return fills._replace(seconds=seconds)

    return run


def _read_run(workload: Workload) -> tuple[bytes, Run]:
    """Apply the workload and read its events; return state root and fills (seconds 0)."""
    core = new_exchange()
    applied = core.apply(workload.ops)
    if applied.codes.any():
        raise RuntimeError(f"{np.count_nonzero(applied.codes)} ops of the workload were refused")
    fills = applied.events[applied.events["kind"] == EventKind.FILL]
    return core.root(), workload.hash_fills([fills], 0.0)


def _place_ops(messages: npt.NDArray[np.void], accounts: int) -> op_arrays.OpArray:
    """Return a PLACE for each message; rows of cancels are overwritten later."""
    ops = op_arrays.op_array(op_arrays.PLACE_DTYPE, OpKind.PLACE, len(messages))
    ops["flags"] = np.where(messages["is_bid"] == 1, 0, PlaceFlag.IS_ASK)
    ops["market"] = MARKET
    ops["account"] = (messages["account"] % accounts + 1) << k.SUB_ACCOUNT_BITS  # account_id
    ops["tif"] = np.where(messages["kind"] == IOC, Tif.IOC, Tif.GTC)
    ops["price"] = messages["price_ticks"]
    ops["size_lots"] = messages["size"]
    return ops


def _with_cancels(
    places: op_arrays.OpArray, rows: npt.NDArray[np.intp], cancels: op_arrays.OpArray
) -> U8Array:
    raw = places.view(np.uint8).reshape(-1, k.OP_BYTES).copy()
    raw[rows] = cancels.view(np.uint8).reshape(-1, k.OP_BYTES)
    return raw


def _order_ids(messages: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """Return the order id that each placing message gets (0 for cancels)."""
    is_order = messages["kind"] != CANCEL
    sequence = PAST_ORDERS + np.cumsum(is_order).astype(np.uint64)
    ids = sequence << np.uint64(k.MARKET_BITS) | np.uint64(MARKET)
    return np.where(is_order, ids, np.uint64(0))


def _message_of(
    order_ids: npt.NDArray[np.uint64], wanted: npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """Return the message index of each order id."""
    messages = np.flatnonzero(order_ids)
    return messages[np.searchsorted(order_ids[messages], wanted.astype(np.uint64))]
