"""The receipt chain and the chain of a batch's inputs."""

from struct import pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offchain.spec import op
from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.kinds import EnvelopeKind
from offchain.spec.poseidon2 import compress, digest_from_bytes, digest_to_bytes
from offchain.spec.receipts import (
    ENVELOPE_DOMAIN,
    EVENTS_DOMAIN,
    RECEIPT_DOMAIN,
    envelope_hash,
    hash_any,
    inputs_after,
)
from offchain.spec.tree import Hasher
from tests.spec.support import MAKER
from tests.strategies import owner_of

T_MS = 1_700_000_000_000
LARGE = (GOLDILOCKS_P, GOLDILOCKS_P + 1, 2**64 - 2**32, 2**64 - 1)
ANY_WORDS = st.lists(
    st.one_of(st.sampled_from((0, 1, GOLDILOCKS_P - 1, *LARGE)), st.integers(0, 2**64 - 1)),
    max_size=70,
)


def hashed(words: list[int]) -> tuple[int, ...]:
    """Return the blocks that words are compressed in, behind the beginning of the chain."""
    blocks: list[tuple[int, ...]] = []

    def compress(chain, block):
        blocks.append(chain if not blocks else ())
        blocks.append(block)
        return 0, 0, 0, 0

    hash_any(7, pack(f"<{len(words)}Q", *words), Hasher(compress=compress))
    return tuple(element for block in blocks for element in block)


@pytest.mark.parametrize(
    ("words", "elements"),
    [
        ([0], [0, 0]),
        ([5, GOLDILOCKS_P, 2**64 - 1], [5, 0, 2**32 - 2, 0b110]),
        ([1] * 31 + [GOLDILOCKS_P + 3], [1] * 31 + [3, 2**31]),
        ([GOLDILOCKS_P] + [0] * 32, [0] * 32 + [1] + [0, 0]),
    ],
)
def test_words_are_reduced_and_flags_say_so(words, elements):
    zeros = [0] * (-len(elements) % 4)
    assert hashed(words) == (7, len(elements), 0, 0, *elements, *zeros)


def test_nothing_is_hashed_to_the_beginning():
    assert hash_any(7, b"", Hasher()) == (7, 0, 0, 0)


@given(ANY_WORDS, ANY_WORDS)
@example([0], [GOLDILOCKS_P])
@example([GOLDILOCKS_P - 1] * 33, [2**64 - 2**32] * 33)
def test_different_words_are_different_elements(first, second):
    assert (hashed(first) == hashed(second)) == (first == second)
    assert all(element < GOLDILOCKS_P for element in hashed(first))


def test_receipts_chain_envelopes_and_events(spot_and_perp):
    state, head = spot_and_perp, bytes(32)
    hasher = Hasher()
    named = {"account": MAKER, "signer": owner_of(MAKER), "nonce": T_MS, "signature": b"\xff" * 65}
    for seq, envelope in enumerate(
        (
            Envelope(
                kind=EnvelopeKind.SYSTEM,
                arrival_ms=T_MS,
                payload=op.SealBatch().to_bytes(),
            ),
            Envelope(
                kind=EnvelopeKind.USER,
                arrival_ms=T_MS + 1,
                payload=2 * op.Withdraw(account=MAKER, asset=0, amount=10).to_bytes(),
                **named,
            ),
        )
    ):
        data = envelope.to_bytes()
        events = b"".join(event.to_bytes() for event in apply_envelope(state, data))
        link = compress(digest_from_bytes(head), hash_any(ENVELOPE_DOMAIN, data, hasher))
        link = compress(link, hash_any(EVENTS_DOMAIN, events, hasher))
        head = digest_to_bytes(compress(link, (RECEIPT_DOMAIN, seq, envelope.arrival_ms, 0)))
        assert state.header.receipts_head == head
        assert state.header.receipt_seq == seq + 1
    assert state.header.last_arrival_ms == T_MS + 1


def test_inputs_chain_envelopes():
    first, second = bytes(8), pack("<2Q", *LARGE[:2])
    hashes = [envelope_hash(data, Hasher()) for data in (first, second)]
    chain = inputs_after((0, 0, 0, 0), first, Hasher())
    assert chain == compress((0, 0, 0, 0), hashes[0])
    assert inputs_after(chain, second, Hasher()) == compress(chain, hashes[1])
