"""Specification = native core for whole envelopes: authorisation, nonces, priority records."""

import ctypes
import random

import pytest

from offchain.spec import op
from offchain.spec.constants import NONCES_PER_SIGNER
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind
from offchain.spec.tree import Hasher
from tests.core.envelope_flow import DAY_MS, FIRST_ARRIVAL_MS, random_envelopes
from tests.core.pair import Pair, as_events, native_hasher
from tests.strategies import owner_of, scene

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


def user_envelope(nonce: int, arrival_ms: int, payload: bytes) -> bytes:
    return Envelope(
        kind=EnvelopeKind.USER,
        account=ACCOUNT,
        nonce=nonce,
        arrival_ms=arrival_ms,
        signer=owner_of(ACCOUNT),
        payload=payload,
    ).to_bytes()


@pytest.mark.parametrize("seed", range(4))
def test_nonce_sets_that_are_full(seed: int, hasher: Hasher) -> None:
    rng = random.Random(seed)
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    payload = op.SetOwnerKey(account=ACCOUNT, is_on=1).to_bytes()
    arrival_ms, span = FIRST_ARRIVAL_MS, rng.choice((150, 400, DAY_MS))
    for _ in range(4 * NONCES_PER_SIGNER):
        arrival_ms += rng.choice((0, 1))
        pair.envelope(user_envelope(arrival_ms + rng.randint(-span, span), arrival_ms, payload))
    wanted = {ErrorCode.OK, ErrorCode.NONCE_TOO_LOW}
    assert wanted <= set(pair.codes)
    assert pair.codes.count(ErrorCode.OK) > NONCES_PER_SIGNER


def test_an_envelope_of_many_ops_in_which_all_kinds_of_outcome_meet(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
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
