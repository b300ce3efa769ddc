"""A chain in mode rollup: its diffs are public before it settles, and rebuild its state."""

import pytest

from offchain.settlement import state_diff
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.rebuild import RescueCode, RescueError, rebuild
from offchain.settlement.state_diff import RebuiltState
from offchain.spec.kinds import Subtree
from tests.settlement.scene import CHAIN_ID, UNITS_PER_ETHER, withdraw


def rebuilt(system):
    return rebuild(system.l1, system.deployment, CHAIN_ID)


def published(system):
    data = system.deployment.contracts["DataAvailability"]
    return system.l1.events("DataAvailability", data, "ChunkPublished")


def trade(rollup):
    """Two settlements: deposits, then withdrawals."""
    for who in (3, 4):
        rollup.deposit(who, 2)
    rollup.service.feed_priority()
    rollup.seal_and_settle()
    withdraw(rollup, 3, 32, UNITS_PER_ETHER)
    return rollup.seal_and_settle()


def test_state_is_rebuilt_from_events_alone(rollup):
    last = trade(rollup)
    chain = rebuilt(rollup)
    assert chain.proofs.root == last.output.new_root == rollup.service.settled_root()
    core = rollup.sequencer._core
    leaves = chain.state.leaves
    assert len([number for subtree, number in leaves if subtree == Subtree.ACCOUNTS]) == 4
    assert all(data == core.leaf(subtree, number) for (subtree, number), data in leaves.items())


def test_output_commits_to_what_was_published(rollup):
    last = trade(rollup)
    events = published(rollup)
    assert len(events) == 2
    assert last.output.da_mode == 1
    assert last.output.da_commitment == bytes(events[-1]["args"]["commitment"])
    assert {event["args"]["chain_id"] for event in events} == {CHAIN_ID}


def test_backlog_has_one_diff(rollup):
    """Leaves of the earlier batches that the last one leaves alone are in it."""
    rollup.deposit(3, 2)
    rollup.service.feed_priority()
    rollup.sequencer.seal()
    rollup.deposit(4, 1)
    rollup.service.feed_priority()
    rollup.sequencer.seal()
    rollup.service.settle(rollup.service.unsettled())
    assert len(published(rollup)) == 1
    assert rebuilt(rollup).proofs.root == rollup.sequencer.open_batch_root


def test_diff_in_several_chunks(rollup, monkeypatch):
    monkeypatch.setattr(state_diff, "CHUNK_BYTES", 200)
    trade(rollup)
    assert len(published(rollup)) > 4
    assert rebuilt(rollup).proofs.root == rollup.sequencer.open_batch_root


def test_restart_publishes_nothing_twice(rollup, monkeypatch):
    """The process ends between publication and settlement."""
    last = trade(rollup)
    withdraw(rollup, 4, 64, UNITS_PER_ETHER)
    batch = rollup.sequencer.seal()
    with monkeypatch.context() as patch:
        patch.setattr(type(rollup.service._facts), "establish", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            rollup.service.settle([batch])
    count = len(published(rollup))
    again = rollup.restarted()
    assert again.service.settlements()[-1].output == last.output
    again.service.settle(again.service.unsettled())
    assert len(published(rollup)) == count
    assert rebuilt(rollup).proofs.root == again.sequencer.open_batch_root


def test_l1_settles_nothing_that_is_not_public(rollup, monkeypatch):
    batch = rollup.sequencer.seal()
    with monkeypatch.context() as patch:
        patch.setattr(type(rollup.service._publisher), "publish", lambda *_: None)
        with pytest.raises(ContractRevertedError, match="E26: state diff not published"):
            rollup.service.settle([batch])
    rollup.service.settle([batch])


def test_validium_publishes_nothing(system):
    output = system.seal_and_settle().output
    assert (output.da_mode, output.da_commitment) == (0, bytes(32))
    assert published(system) == []
    with pytest.raises(RescueError) as error:
        rebuilt(system)
    assert error.value.code == RescueCode.NOT_A_ROLLUP


def test_a_diff_of_other_leaves_is_told(rollup, monkeypatch):
    """What rebuilds checks the root itself, whoever stated the commitment."""
    trade(rollup)
    monkeypatch.setattr(RebuiltState, "apply", lambda *_: None)
    with pytest.raises(RescueError, match="rebuilt root is"):
        rebuilt(rollup)
