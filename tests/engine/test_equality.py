"""What follows the batches of the suite (tests/equality.py) finds every kind of difference."""

from contextlib import nullcontext
from dataclasses import replace
from unittest.mock import Mock

import pytest

from offchain.engine.batch import BatchCollector
from offchain.witness.format import WitnessError, WitnessFault
from tests.engine.scene import funded_scene, limit
from tests.equality import Coverage, Follower, Recorder


@pytest.fixture
def recorder():
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch.setattr)
        yield recorder


def sealed(scene, price):
    scene.send(0, [limit(0, price, 5, is_ask=True)])
    return scene.sequencer.seal()


def test_batches_of_a_chain_are_followed(recorder) -> None:
    scene = funded_scene()
    batches = [sealed(scene, price) for price in (10_000, 10_001)]
    recorder.check()
    envelopes = sum(len(batch.envelopes) for batch in batches)
    assert recorder.coverage == Coverage(batches=2, envelopes=envelopes)
    recorder.check()
    assert recorder.coverage.batches == 2


def test_chain_that_forks(recorder) -> None:
    first, second = funded_scene(), funded_scene()
    for scene, price in ((first, 10_000), (second, 10_000), (first, 10_001), (second, 10_002)):
        sealed(scene, price)
    recorder.check()
    assert recorder.coverage.batches == 3  # both began alike


def test_chain_that_does_not_begin_at_genesis(recorder) -> None:
    scene = funded_scene()
    core = scene.sequencer._core
    scene.sequencer._collector = BatchCollector(core, bytes(32))
    sealed(scene, 10_000)
    recorder.check()
    assert recorder.coverage == Coverage(not_from_genesis=1)


def test_batch_that_the_program_refuses(recorder, monkeypatch) -> None:
    sealed(funded_scene(), 10_000)
    for name, is_raised in (("LIMIT", False), ("MISSING_LEAF", True)):
        error = WitnessError(WitnessFault.NO_RUN, f"the batch program ends with {name}")
        monkeypatch.setattr(Follower, "follow", Mock(side_effect=error))
        batch = recorder._new[0]
        with pytest.raises(WitnessError) if is_raised else nullcontext():
            recorder.check()
        recorder._new = [batch]
    assert recorder.coverage.beyond_a_settlement == 1


@pytest.mark.parametrize("word", ["new_root", "receipts_head", "inputs_commitment", "last_time_s"])
def test_differences_are_found(word: str, recorder) -> None:
    batch = sealed(funded_scene(), 10_000)
    value = getattr(batch, word)
    other = value + 1 if isinstance(value, int) else bytes(32)
    recorder.discard()
    ((values),) = recorder._geneses.values()
    Follower(*values).follow(batch, Coverage())
    with pytest.raises(AssertionError):
        Follower(*values).follow(replace(batch, **{word: other}), Coverage())
