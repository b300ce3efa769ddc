"""The watcher: a gapless queue, whatever a node reports."""

import pytest

from offchain.settlement.watcher import PriorityWatcher, WatcherError
from tests.settlement.scene import CHAIN_ID


class EditedL1:
    """L1 as a faulty node reports it."""

    def __init__(self, logs):
        self.logs = logs

    def events(self, name, address, event, from_block=0):
        return [log for log in self.logs if log["blockNumber"] >= from_block]


@pytest.fixture
def queue_logs(system):
    system.deposit(3, 1)
    system.deposit(4, 1)
    return system.l1.events("PriorityQueue", system.deployment.queue, "PriorityQueued")


def test_watcher_reports_a_gap(queue_logs):
    watcher = PriorityWatcher(EditedL1([queue_logs[0], queue_logs[2]]), "", CHAIN_ID)
    with pytest.raises(WatcherError, match="expected record 1, L1 reported 2"):
        watcher.poll()
    watcher._l1.logs = queue_logs  # the node has recovered
    assert [record.index for record in watcher.poll()] == [0, 1, 2]
    assert watcher.poll() == []


def test_watcher_starts_where_the_engine_is(queue_logs):
    accumulator = queue_logs[1]["args"]["accumulator"]
    watcher = PriorityWatcher(EditedL1(queue_logs), "", CHAIN_ID, 2, accumulator)
    assert [record.index for record in watcher.poll()] == [2]


def test_watcher_reports_an_altered_record(queue_logs):
    altered = {**queue_logs[1], "args": {**queue_logs[1]["args"], "amount_units": 7}}
    watcher = PriorityWatcher(EditedL1([queue_logs[0], altered]), "", CHAIN_ID)
    with pytest.raises(WatcherError, match="accumulator of record 1"):
        watcher.poll()


def test_watcher_passes_over_other_chains(queue_logs):
    assert PriorityWatcher(EditedL1(queue_logs), "", CHAIN_ID + 1).poll() == []
    assert len(PriorityWatcher(EditedL1(queue_logs), "", CHAIN_ID).poll()) == 3
