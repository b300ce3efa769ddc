"""Reading snapshots of the oracle hub (docs/spec/l1-inputs.md section 2)."""

from offchain.spec.checks import OpError, require
from offchain.spec.constants import INDEX_ONE
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import OpKind, ReadingStatus, SnapshotTarget
from offchain.spec.l1_records import FeedEntry
from offchain.spec.ops import snapshot
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.spec.risk_op import Snapshot
from offchain.spec.state import State

_VALUE_LIMIT = 2**64
_RATE_DIVISOR = 10**6  # the hub's rates have 18 decimals
_PRICE_STATUSES = (ReadingStatus.OK,)
_RATE_STATUSES = (ReadingStatus.OK, ReadingStatus.CAPPED)


def check(state: State, taken: OracleSnapshot) -> None:
    """Refuse a snapshot whose turn has not come.

    Raises
    ------
    OpError
        ORACLE_OUT_OF_ORDER, ORACLE_AHEAD.
    """
    record = state.oracle()
    is_next = bool(record.has_feeds) and taken.index == record.next_index
    require(is_next, ErrorCode.ORACLE_OUT_OF_ORDER)
    require(taken.time_s <= state.header.now_s, ErrorCode.ORACLE_AHEAD)


def read(state: State, log: EventLog, taken: OracleSnapshot) -> None:
    """Take the prices of a snapshot whose turn has come; one that cannot be taken stays out.

    Parameters
    ----------
    state, log
        Changed and appended to.
    taken
        What :func:`check` let pass.
    """
    record = state.edit_oracle()
    record.accumulator = taken.accumulator_after(record.accumulator)
    record.next_index += 1
    log.oracle_read(index=taken.index, time_s=taken.time_s, readings=len(taken.readings))
    for number, entry in enumerate(record.entries):
        if entry is None:
            continue
        try:
            snapshot.store(state, _op_of(entry, taken), log)
        except OpError as refusal:
            kind = OpKind.SNAPSHOT
            log.rejected(account=0, op_index=number, op_kind=kind, code=refusal.code)


def _op_of(entry: FeedEntry, taken: OracleSnapshot) -> Snapshot:
    """Return the op that an entry stands for, or refuse with BAD_READING."""
    is_market = entry.target == SnapshotTarget.MARKET
    price_e8 = _value(taken, entry.price_feed, _PRICE_STATUSES)
    rate_e12 = 0 if is_market else INDEX_ONE
    if entry.rate_feed_plus_1:
        rate = _value(taken, entry.rate_feed_plus_1 - 1, _RATE_STATUSES)
        rate_e12 = rate // _RATE_DIVISOR
    return Snapshot(
        market=entry.target_id if is_market else 0,
        asset=0 if is_market else entry.target_id,
        target=entry.target,
        time_s=taken.time_s,
        price_e8=price_e8,
        rate_e12=rate_e12,
    )


def _value(taken: OracleSnapshot, feed: int, statuses: tuple[ReadingStatus, ...]) -> int:
    require(feed < len(taken.readings), ErrorCode.BAD_READING)
    value, status = taken.readings[feed]
    require(status in statuses and value < _VALUE_LIMIT, ErrorCode.BAD_READING)
    return value
