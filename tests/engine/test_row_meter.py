"""The row meter: what fills a batch up, with and without a state diff."""

import numpy as np
import pytest

from offchain.core.binding import EVENT_DTYPE
from offchain.engine.row_meter import BatchLimits, RowMeter
from offchain.spec import op
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import EnvelopeKind, EventKind

HUGE = 10**9


def envelope(account=32, kind=EnvelopeKind.USER, ops=1):
    payload = op.CancelAll(account=account).to_bytes() * ops
    return Envelope(kind=kind, account=account, arrival_ms=1, payload=payload).to_bytes()


def events(*accounts, kind=EventKind.CANCELLED):
    made = np.zeros(len(accounts), EVENT_DTYPE)
    made["account"], made["kind"] = accounts, kind
    return made


def metered(*batch, has_diff=False):
    meter = RowMeter(BatchLimits(HUGE, HUGE, has_diff))
    for each in batch:
        meter.add(*each)
    return meter


def test_ops_and_events_cost_more():
    plain, longer, louder = (
        metered(batch).cycles
        for batch in (
            (envelope(), events(32)),
            (envelope(ops=3), events(32)),
            (envelope(), events(32, 32, 32)),
        )
    )
    assert plain < longer < louder


def test_what_l1_hashes_is_counted():
    plain = metered((envelope(), events(32))).keccak_calls
    assert metered((envelope(ops=3), events(32, 32, 32))).keccak_calls == plain
    for kind in (EnvelopeKind.PRIORITY, EnvelopeKind.MESSAGE, EnvelopeKind.ORACLE):
        assert metered((envelope(kind=kind), events(32))).keccak_calls > plain


def test_ops_of_the_machine_and_withdrawals_cost_more():
    plain = metered((envelope(), events(32)))
    system = metered((envelope(kind=EnvelopeKind.SYSTEM), events(32)))
    paid = metered((envelope(), events(32, kind=EventKind.WITHDRAWAL)))
    assert plain.cycles < min(system.cycles, paid.cycles)
    assert paid.keccak_calls > plain.keccak_calls


def test_a_diff_counts_each_account_once():
    one = [(envelope(), events(32))]
    two = [*one, (envelope(64), events(64))]
    again = [*one, *one]
    plain, diff = (
        [metered(*batch, has_diff=has).keccak_calls for batch in (one, two, again)]
        for has in (False, True)
    )
    extra = [after - before for before, after in zip(plain, diff, strict=True)]
    assert 0 < extra[0] == extra[2] < extra[1]


@pytest.mark.parametrize("limits", [BatchLimits(20, HUGE), BatchLimits(HUGE, 120_000)])
def test_full_at_either_limit_and_empty_again(limits):
    meter = RowMeter(limits)
    while not meter.is_full:
        meter.add(envelope(ops=10), events(*[32] * 10))
    assert meter.keccak_calls >= limits.keccak_calls or meter.cycles >= limits.cycles
    meter.reset()
    assert not meter.is_full
