"""Conservation and the invariants of the book, after every op of random sequences."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.spec.checks import OpError
from offchain.spec.envelope import apply_envelope
from offchain.spec.state import genesis
from offchain.spec.transition import apply
from tests.core.envelope_flow import random_envelopes
from tests.spec.invariants import check_all, check_conservation
from tests.spec.support import snapshot
from tests.strategies import CONFIG_HASH, GOVERNANCE, op_sequences, random_sequence, scene


@given(op_sequences(max_length=160))
@settings(max_examples=60)
def test_every_op_conserves_assets_and_keeps_the_book_sound(sequence):
    state = genesis(CONFIG_HASH, GOVERNANCE)
    for data in sequence:
        try:
            apply(state, data)
        except OpError:
            continue
        check_all(state)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_a_refused_op_changes_no_byte(seed):
    state = genesis(CONFIG_HASH, GOVERNANCE)
    for data in random_sequence(seed, 60):
        before = snapshot(state)
        try:
            apply(state, data)
        except OpError:
            assert snapshot(state) == before


def test_the_check_notices_a_missing_unit():
    state = genesis(CONFIG_HASH, GOVERNANCE)
    for data in scene():
        apply(state, data)
    state.edit_account(32).free[0] -= 1
    try:
        check_conservation(state)
    except AssertionError:
        return
    raise AssertionError("a lost unit went unnoticed")


def test_sequences_are_deterministic_and_hold_the_length_asked_for():
    assert random_sequence(7, 50) == random_sequence(7, 50)
    assert random_sequence(7, 50) != random_sequence(8, 50)
    assert len(random_sequence(7, 300)) == len(scene()) + 300


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_envelopes_conserve_and_refusals_change_nothing(seed):
    state = genesis(CONFIG_HASH, GOVERNANCE)
    for data in random_envelopes(seed, 60):
        before = snapshot(state)
        try:
            apply_envelope(state, data)
        except OpError:
            assert snapshot(state) == before
            continue
        check_all(state)
