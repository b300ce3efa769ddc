"""Specification = native core = batch program, natively and as a guest, on random batches."""

import pytest

from offchain.witness.format import ExitCode, Witness
from offchain.witness.native import run_witness
from tests.witness.batches import (
    Batch,
    random_batches,
    risk_batches,
    run_guest,
    spec_roots,
)


def assert_all_equal(batches: list[Batch], program) -> None:
    assert [batch.sealed.new_root for batch in batches] == spec_roots(batches)
    for batch in batches:
        tape = batch.witness.to_bytes()
        assert Witness.from_bytes(tape) == batch.witness
        native = run_witness(tape)
        assert (native.exit_code, native.unread_words) == (ExitCode.OK, 0)
        assert native.output == batch.output
        assert run_guest(program, tape) == (0, batch.output)


@pytest.mark.parametrize("seed", range(6))
def test_random_batches(seed: int, program) -> None:
    assert_all_equal(random_batches(seed, length=120, batch_envelopes=30), program)


@pytest.mark.parametrize("seed", range(4))
def test_random_batches_in_margined_markets(seed: int, program) -> None:
    batches = risk_batches(seed, length=150, batch_envelopes=40)
    assert len(batches) > 2
    assert_all_equal(batches, program)


def test_batch_of_one_envelope(program) -> None:
    batches = random_batches(seed=3, length=5, batch_envelopes=1)
    assert all(len(batch.sealed.envelopes) <= 2 for batch in batches)
    for batch in batches[-4:]:
        assert run_guest(program, batch.witness.to_bytes()) == (0, batch.output)


def test_random_batches_contain_what_the_output_is_about() -> None:
    batches = [each for seed in range(6) for each in random_batches(seed, 120, 30)]
    assert sum(len(each.sealed.withdrawals) for each in batches) > 5
    assert any(w.code for each in batches for w in each.sealed.withdrawals)
    assert any(each.sealed.priority_next == each.sealed.priority_first for each in batches)
