"""Nonces: their window, the thirteen sets of a signer, and that none is ever used twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.spec import op
from offchain.spec.constants import (
    NONCE_FUTURE_MS,
    NONCE_PAST_MS,
    NONCE_SETS,
    NONCES_PER_SET,
    SIGNERS_PER_MASTER,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.records import NonceSet
from offchain.spec.state import State, nonce_set_index
from tests.spec.support import MAKER, MAKER_SUB, NOW_S, TAKER, exchange, order, run
from tests.spec.test_envelope import KEY, T_MS, WITHDRAW, refused, send, user
from tests.strategies import owner_of


def with_nonce(nonce: int, **fields):
    """Return an envelope of the maker's owner key."""
    return user(WITHDRAW, nonce=nonce, **fields)


def nonces(state: State, nonce: int = T_MS, *, account: int = MAKER, slot: int = 0) -> list[int]:
    """Return the set that a nonce belongs to."""
    return state.nonce_sets.read(nonce_set_index(account, slot, nonce)).nonces


def of_one_set(count: int, first: int = T_MS) -> list[int]:
    """Return ascending nonces of the set of `first`."""
    return [first + NONCE_SETS * i for i in range(count)]


def test_nonces_lie_in_a_window_around_the_arrival(spot_and_perp):
    state = spot_and_perp
    for nonce in (T_MS - NONCE_PAST_MS - 1, T_MS + NONCE_FUTURE_MS + 1, 0, 2**64 - 1):
        assert refused(state, with_nonce(nonce)) == ErrorCode.NONCE_OUT_OF_WINDOW
    for nonce in (T_MS - NONCE_PAST_MS, T_MS + NONCE_FUTURE_MS):
        send(state, with_nonce(nonce))


def test_nonce_zero_is_refused_though_its_time_is_in_the_window(spot_and_perp):
    state = spot_and_perp
    assert refused(state, with_nonce(0, arrival_ms=0)) == ErrorCode.NONCE_OUT_OF_WINDOW
    send(state, with_nonce(1, arrival_ms=0))


def test_a_nonce_is_used_once(spot_and_perp):
    state = spot_and_perp
    send(state, with_nonce(T_MS))
    assert refused(state, with_nonce(T_MS)) == ErrorCode.NONCE_USED
    assert refused(state, with_nonce(T_MS, account=MAKER_SUB)) == ErrorCode.NONCE_USED


def test_an_accepted_envelope_uses_its_nonce_though_its_ops_are_refused(spot_and_perp):
    state = spot_and_perp
    bad = op.Withdraw(account=MAKER, asset=9, amount=10)
    assert len(send(state, user(bad))) == 1
    assert refused(state, user(bad)) == ErrorCode.NONCE_USED


def test_a_nonce_takes_the_place_of_the_lowest_of_its_set(spot_and_perp):
    state = spot_and_perp
    used = of_one_set(NONCES_PER_SET)
    for count, nonce in enumerate(reversed(used), 1):
        send(state, with_nonce(nonce))
        assert nonces(state) == used[: -count - 1 : -1] + [0] * (NONCES_PER_SET - count)
    higher = used[-1] + NONCE_SETS
    send(state, with_nonce(higher))
    assert nonces(state) == [*used[:0:-1], higher]


def test_what_eight_higher_ones_have_pushed_out_is_too_low(spot_and_perp):
    state = spot_and_perp
    first, second, *rest = of_one_set(NONCES_PER_SET + 2)
    for nonce in (first, *rest):
        send(state, with_nonce(nonce))
    for nonce in (second, first, first - NONCE_SETS):
        assert refused(state, with_nonce(nonce)) == ErrorCode.NONCE_TOO_LOW
    for nonce in rest:
        assert refused(state, with_nonce(nonce)) == ErrorCode.NONCE_USED


def test_a_full_set_still_takes_what_is_above_its_lowest(spot_and_perp):
    state = spot_and_perp
    first, second, *rest = of_one_set(NONCES_PER_SET + 1)
    for nonce in (first, *rest):
        send(state, with_nonce(nonce))
    send(state, with_nonce(second))
    assert sorted(nonces(state)) == [second, *rest]


def test_sets_know_nothing_of_each_other(spot_and_perp):
    state = spot_and_perp
    run(state, op.SetAgent(account=MAKER, slot=1, address=KEY, expiry_s=NOW_S + 10))
    for nonce in of_one_set(NONCES_PER_SET):
        send(state, with_nonce(nonce))
    low = T_MS - NONCE_SETS
    assert refused(state, with_nonce(low)) == ErrorCode.NONCE_TOO_LOW
    send(state, with_nonce(low + 1))
    send(state, user(order(MAKER_SUB, 100, 1), signer=KEY, signer_slot=1, nonce=low))
    of_taker = op.Withdraw(account=TAKER, asset=0, amount=10)
    send(state, user(of_taker, account=TAKER, signer=owner_of(TAKER), nonce=low))


@pytest.mark.parametrize("step_ms", [1, 5, 1_000, 60_000])
def test_even_steps_fill_all_sets(spot_and_perp, step_ms):
    state = spot_and_perp
    used = [T_MS + step_ms * i for i in range(NONCE_SETS * NONCES_PER_SET)]
    for nonce in reversed(used):
        send(state, with_nonce(nonce))
    kept = [nonce for residue in range(NONCE_SETS) for nonce in nonces(state, T_MS + residue)]
    assert sorted(kept) == used


def agent_envelope(slot: int, nonce: int = T_MS):
    """Return an envelope that the agent KEY signed."""
    place = order(MAKER_SUB, 100, 1)
    return user(place, signer=KEY, signer_slot=slot, nonce=nonce)


def test_an_agent_that_comes_back_to_its_slot_finds_its_nonces_used(spot_and_perp):
    state = spot_and_perp
    register = op.SetAgent(account=MAKER, slot=1, address=KEY, expiry_s=NOW_S + 10)
    run(state, register)
    send(state, agent_envelope(1))
    run(state, register)
    assert refused(state, agent_envelope(1)) == ErrorCode.NONCE_USED
    run(state, op.SetAgent(account=MAKER, slot=1))
    assert nonces(state, slot=1)[0] == T_MS
    assert refused(state, agent_envelope(1)) == ErrorCode.UNKNOWN_SIGNER
    run(state, register)
    assert refused(state, agent_envelope(1)) == ErrorCode.NONCE_USED


def test_an_agent_in_another_slot_has_other_sets(spot_and_perp):
    state = spot_and_perp
    for slot in range(1, SIGNERS_PER_MASTER):
        run(state, op.SetAgent(account=MAKER, slot=slot, address=KEY, expiry_s=NOW_S + 10))
        send(state, agent_envelope(slot))
        assert nonces(state, slot=slot)[0] == T_MS


def expected(accepted: set[int], nonce: int) -> ErrorCode:
    """Return what becomes of a nonce, by all nonces of its signer that were ever accepted."""
    higher = sum(used > nonce and (used - nonce) % NONCE_SETS == 0 for used in accepted)
    if higher >= NONCES_PER_SET:
        return ErrorCode.NONCE_TOO_LOW
    return ErrorCode.NONCE_USED if nonce in accepted else ErrorCode.OK


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda residue, i: T_MS + residue + NONCE_SETS * i,
            st.sampled_from((0, 0, 0, 1, NONCE_SETS - 1)),
            st.integers(-20, 20),
        ),
        max_size=60,
    )
)
def test_no_order_of_arrival_makes_a_nonce_count_twice(arrivals):
    state = exchange()
    accepted: set[int] = set()
    for nonce in arrivals:
        code = refused(state, with_nonce(nonce))
        assert code == expected(accepted, nonce)
        if code == ErrorCode.OK:
            assert nonce not in accepted
            accepted.add(nonce)


@settings(max_examples=200)
@given(st.lists(st.integers(1, 2**48), min_size=1, max_size=40, unique=True))
def test_a_set_keeps_the_highest_that_it_was_given(used):
    kept = NonceSet()
    for nonce in used:
        lowest = min(kept.nonces)
        if nonce > lowest:
            kept.use(nonce)
            assert min(kept.nonces) >= lowest
    highest = sorted(used)[-NONCES_PER_SET:]
    assert sorted(kept.nonces) == [0] * (NONCES_PER_SET - len(highest)) + highest
    assert NonceSet.from_bytes(kept.to_bytes()) == kept
