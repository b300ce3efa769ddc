"""What the sequencer must do next, read from the records of a core."""

import pytest

from offchain.engine.state_view import StateView
from offchain.spec.book_records import Duty
from offchain.spec.constants import LEAF_BYTES
from offchain.spec.header import Header
from offchain.spec.kinds import DutyKind, Subtree

NOW_S = 1_000


class Records:
    """A core that has a header and the first leaf of duties."""

    def __init__(self, header: Header, duties: bytes = b"") -> None:
        self._leaves = {
            Subtree.HEADER: header.to_bytes(),
            Subtree.DUTIES: duties.ljust(LEAF_BYTES, b"\0"),
        }

    def leaf(self, subtree: Subtree, number: int) -> bytes:
        assert number == 0
        return self._leaves[subtree]


@pytest.mark.parametrize(
    ("due_s", "trigger_market", "must_run"),
    [
        (None, 0, False),
        (NOW_S + 1, 0, False),
        (NOW_S, 0, True),
        (None, 1, True),
        (NOW_S + 1, 4, True),
    ],
)
def test_duties_run_when_one_is_due_or_a_trigger_is_met(due_s, trigger_market, must_run):
    header = Header(now_s=NOW_S, duty_count=int(due_s is not None), trigger_market=trigger_market)
    duties = b"" if due_s is None else Duty(due_s, DutyKind.EXPIRY, 1).to_bytes()
    assert StateView(Records(header, duties)).is_duty_due() is must_run
