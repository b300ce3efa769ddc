"""Specification = native core for whole envelopes: authorisation, nonces, priority records."""

import ctypes
import random

import pytest

from offchain.spec import op
from offchain.spec.constants import NONCE_SETS, NONCES_PER_SET
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind
from offchain.spec.tree import Hasher
from tests.core.envelope_flow import DAY_MS, FIRST_ARRIVAL_MS, random_envelopes
from tests.core.pair import Pair, as_events, native_hasher
from tests.strategies import agent_of, owner_of, scene

SEQUENCES = 120
SEQUENCES_PER_TEST = 30
LENGTH = 60
ACCOUNT = 32


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.mark.parametrize("first_seed", range(0, SEQUENCES, SEQUENCES_PER_TEST))
def test_random_envelopes(first_seed: int, hasher: Hasher) -> None:
    accepted = 0
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        pair = Pair(hasher)
        for data in random_envelopes(seed, LENGTH):
            pair.envelope(data)
        accepted += pair.codes.count(ErrorCode.OK)
    assert accepted > SEQUENCES_PER_TEST * LENGTH // 2


def user_envelope(
    nonce: int, arrival_ms: int, payload: bytes, *, signer: bytes = owner_of(ACCOUNT), slot: int = 0
) -> bytes:
    return Envelope(
        kind=EnvelopeKind.USER,
        signer_slot=slot,
        account=ACCOUNT,
        nonce=nonce,
        arrival_ms=arrival_ms,
        signer=signer,
        payload=payload,
    ).to_bytes()


def pair_of_traders(hasher: Hasher) -> Pair:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    return pair


@pytest.mark.parametrize("seed", range(4))
def test_nonce_sets_that_are_full(seed: int, hasher: Hasher) -> None:
    rng = random.Random(seed)
    pair = pair_of_traders(hasher)
    payload = op.SetOwnerKey(account=ACCOUNT, is_on=1).to_bytes()
    arrival_ms, span = FIRST_ARRIVAL_MS, rng.choice((150, 400, DAY_MS))
    for _ in range(4 * NONCE_SETS * NONCES_PER_SET):
        arrival_ms += rng.choice((0, 1))
        pair.envelope(user_envelope(arrival_ms + rng.randint(-span, span), arrival_ms, payload))
    wanted = {ErrorCode.OK, ErrorCode.NONCE_TOO_LOW}
    assert wanted <= set(pair.codes)
    assert pair.codes.count(ErrorCode.OK) > NONCE_SETS * NONCES_PER_SET


@pytest.mark.parametrize("span", [12, 40, DAY_MS // NONCE_SETS])
def test_many_nonces_of_one_set(span: int, hasher: Hasher) -> None:
    rng = random.Random(span)
    pair = pair_of_traders(hasher)
    payload = op.SetOwnerKey(account=ACCOUNT, is_on=1).to_bytes()
    for _ in range(150):
        nonce = FIRST_ARRIVAL_MS + NONCE_SETS * rng.randint(-span, span)
        pair.envelope(user_envelope(nonce, FIRST_ARRIVAL_MS, payload))
    used = {ErrorCode.NONCE_USED} if span < 100 else set()
    assert {ErrorCode.OK, ErrorCode.NONCE_TOO_LOW} | used == set(pair.codes[-150:])


def test_nonces_of_every_length(hasher: Hasher) -> None:
    """Which set a nonce belongs to is seen in the root."""
    rng = random.Random(5)
    pair = pair_of_traders(hasher)
    payload = op.SetOwnerKey(account=ACCOUNT, is_on=1).to_bytes()
    assert pair.envelope(user_envelope(0, 0, payload)).code is ErrorCode.NONCE_OUT_OF_WINDOW
    for bits in range(48):
        arrivals = {1 << bits, (2 << bits) - 1, rng.randrange(1 << bits, 2 << bits)}
        for arrival_ms in sorted(arrivals):
            outcome = pair.envelope(user_envelope(arrival_ms, arrival_ms, payload))
            assert outcome.code is ErrorCode.OK


def test_an_agent_that_comes_back_finds_its_nonces_used(hasher: Hasher) -> None:
    pair = pair_of_traders(hasher)
    agent, now_s = agent_of(1, 1), pair.state.header.now_s
    register = op.SetAgent(account=ACCOUNT, slot=1, address=agent, expiry_s=now_s + 9).to_bytes()
    revoke = op.SetAgent(account=ACCOUNT, slot=1).to_bytes()
    cancel_all = op.CancelAll(account=ACCOUNT).to_bytes()
    of_agent = user_envelope(FIRST_ARRIVAL_MS, FIRST_ARRIVAL_MS, cancel_all, signer=agent, slot=1)
    pair.op(register)
    assert pair.envelope(of_agent).code is ErrorCode.OK
    pair.op(revoke)
    assert pair.envelope(of_agent).code is ErrorCode.UNKNOWN_SIGNER
    pair.op(register)
    assert pair.envelope(of_agent).code is ErrorCode.NONCE_USED


def test_an_envelope_of_many_ops_in_which_all_kinds_of_outcome_meet(hasher: Hasher) -> None:
    pair = pair_of_traders(hasher)
    ops = [
        op.SetOwnerKey(account=ACCOUNT, is_on=1),
        op.SetOwnerKey(account=ACCOUNT + 1, is_on=1),
        op.Withdraw(account=ACCOUNT, asset=0, amount=1),
        op.Withdraw(account=ACCOUNT, asset=0, amount=0),
    ]
    payload = b"".join(each.to_bytes() for each in ops * 10)
    outcome = pair.envelope(user_envelope(FIRST_ARRIVAL_MS, FIRST_ARRIVAL_MS, payload))
    kinds = [event.kind for event in as_events(outcome.events)]
    assert (
        kinds
        == [
            EventKind.OWNER_KEY_SET,
            EventKind.REJECTED,
            EventKind.WITHDRAWAL,
            EventKind.REJECTED,
        ]
        * 10
    )
