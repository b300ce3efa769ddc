"""The receipt chain, and the chain of a batch's inputs (docs/spec/transition.md section 6)."""

from collections.abc import Sequence
from struct import unpack

from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.events import Event
from offchain.spec.poseidon2 import Digest, digest_from_bytes, digest_to_bytes
from offchain.spec.poseidon2_constants import POSEIDON2_RATE
from offchain.spec.state import State
from offchain.spec.tree import WORD_BYTES, Hasher

ENVELOPE_DOMAIN = 0x4852_0100
EVENTS_DOMAIN = 0x4852_0101
RECEIPT_DOMAIN = 0x4852_0102
_WORDS_PER_FLAGS = 32


def hash_any(domain: int, data: bytes, hasher: Hasher) -> Digest:
    """Hash bytes, of which eight may be no field element.

    Blocks of four elements are compressed into a chain that begins with the tag and their number.

    Parameters
    ----------
    domain
        Tag of what they are.
    data
        Whole 8-byte words, as envelopes and events are.
    hasher
        Its `compress` is taken.
    """
    words = unpack(f"<{len(data) // WORD_BYTES}Q", data)
    elements: list[int] = []
    for start in range(0, len(words), _WORDS_PER_FLAGS):
        group = words[start : start + _WORDS_PER_FLAGS]
        elements += [word % GOLDILOCKS_P for word in group]
        elements.append(sum((word >= GOLDILOCKS_P) << i for i, word in enumerate(group)))
    chain: Digest = (domain, len(elements), 0, 0)
    elements += [0] * (-len(elements) % POSEIDON2_RATE)
    for at in range(0, len(elements), POSEIDON2_RATE):
        a, b, c, d = elements[at : at + POSEIDON2_RATE]
        chain = hasher.compress(chain, (a, b, c, d))
    return chain


def envelope_hash(envelope: bytes, hasher: Hasher) -> Digest:
    """Return the digest of an envelope as received, whose header says its length."""
    return hash_any(ENVELOPE_DOMAIN, envelope, hasher)


def inputs_after(chain: Digest, envelope: bytes, hasher: Hasher) -> Digest:
    """Return the chain of a batch's inputs after one more envelope; zero before the first."""
    return hasher.compress(chain, envelope_hash(envelope, hasher))


def head_after(
    head: bytes,
    *,
    receipt_seq: int,
    arrival_ms: int,
    envelope: bytes,
    events: bytes,
    hasher: Hasher | None = None,
) -> bytes:
    """Return the head of the receipt chain after one more envelope.

    Parameters
    ----------
    head
        32 bytes; zero before the first receipt.
    receipt_seq
        Counted from 0.
    arrival_ms
        Arrival time of the envelope, in milliseconds.
    envelope, events
        The envelope as received and its events, 64 bytes each.
    hasher
        By default the specification's.

    Returns
    -------
    bytes
        32 bytes.
    """
    hasher = hasher or Hasher()
    compress = hasher.compress
    link = compress(digest_from_bytes(head), envelope_hash(envelope, hasher))
    link = compress(link, hash_any(EVENTS_DOMAIN, events, hasher))
    return digest_to_bytes(compress(link, (RECEIPT_DOMAIN, receipt_seq, arrival_ms, 0)))


def extend(state: State, arrival_ms: int, envelope: bytes, events: Sequence[Event]) -> None:
    """Add the receipt of an applied envelope to the chain of a state."""
    header = state.header
    header.receipts_head = head_after(
        header.receipts_head,
        receipt_seq=header.receipt_seq,
        arrival_ms=arrival_ms,
        envelope=envelope,
        events=b"".join(event.to_bytes() for event in events),
        hasher=state.hasher,
    )
    header.receipt_seq += 1
