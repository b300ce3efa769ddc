"""The hash suites of the proof system: what a leaf, a node and a proof-of-work are. Plain Python.

A hash suite is a parameter of the proof system. ``keccak256`` is for proofs that the EVM checks,
``poseidon2`` for proofs that a guest checks. Both hash messages of 64-bit words:

- leaf: TAG_LEAF, salt (2 words, or none where leaves have no salt), row (1 word per column);
- node: TAG_NODE, left (4 words), right (4 words);
- node where a lower matrix enters: TAG_INJECT, left, right, digest of that matrix's row;
- proof-of-work: the caller's prefix, which begins with a tag of its own, then the nonce.

Words are bytes in big-endian order, as the EVM reads them; tags are 8 ASCII characters. A digest is
4 words, 32 bytes. Row words are canonical elements of the Goldilocks field, salt words too. The
number of columns and whether leaves have salt are fixed by the parameters of the proof, so that
two messages of one tag always have one layout.

``keccak256``: the digest is keccak256 of the words' bytes (padding byte 0x01, as in Ethereum). In
nodes three zero words follow the tag, so that it takes one word of the EVM.

``poseidon2``: the digest is the Poseidon2 sponge :func:`offchain.spec.poseidon2.hash_words` with
rate 4 and capacity 4. The tag, taken as a number (all are below p), is the domain word of the
capacity and the number of the other words its length word; the other words are added to the rate
four at a time, the last block filled up with zeros. The digest is the first 4 elements of the last
state, each in [0, p) and written big-endian. Every word must be canonical, so digests that come
from a proof are checked.

The C kernels behind :mod:`offchain.prover.hashing` compute the same for millions of leaves.
"""

import enum
from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2 import hash_words

DIGEST_BYTES: Final = 32
SALT_WORDS: Final = 2
WORD_BYTES: Final = 8
TAG_LEAF: Final = b"HRleaf01"
TAG_NODE: Final = b"HRnode01"
TAG_INJECT: Final = b"HRinje01"


class HashSuite(enum.IntEnum):
    """The hash of trees, transcript and proof-of-work; the values are those of the C kernels."""

    KECCAK256 = 0
    POSEIDON2 = 1


class MessageLayoutError(ValueError):
    """A row, salt, digest or prefix has a length that no message of the suite has."""


class NonCanonicalWordError(ValueError):
    """A word that stands for a field element is p or more; such a message has no digest."""


def words_of(data: bytes) -> list[int]:
    """Read bytes as big-endian words.

    Parameters
    ----------
    data
        A multiple of 8 bytes.

    Returns
    -------
    list[int]
        Integers in [0, 2^64).

    Raises
    ------
    MessageLayoutError
        If the length is not a multiple of 8.
    """
    if len(data) % WORD_BYTES:
        raise MessageLayoutError(f"{len(data)} bytes are no whole number of 8-byte words")
    return [
        int.from_bytes(data[start : start + WORD_BYTES], "big")
        for start in range(0, len(data), WORD_BYTES)
    ]


def bytes_of(words: Sequence[int]) -> bytes:
    """Write words in [0, 2^64) as 8 big-endian bytes each."""
    return b"".join(word.to_bytes(WORD_BYTES, "big") for word in words)


def leaf_digest(suite: HashSuite, row: Sequence[int], salt: Sequence[int] = ()) -> bytes:
    """Hash one row of a matrix.

    Parameters
    ----------
    suite
        The hash suite.
    row
        One word per column, in [0, p); at least one.
    salt
        2 words in [0, p), or none.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    NonCanonicalWordError
        If a word is p or more.
    MessageLayoutError
        If the row is empty or the salt has another length.
    """
    if not row or len(salt) not in {0, SALT_WORDS}:
        raise MessageLayoutError("a leaf takes at least one column, and a salt of 2 words or none")
    words = [*salt, *row]
    _require_canonical(words)
    return message_digest(suite, TAG_LEAF, words)


def node_digest(suite: HashSuite, left: bytes, right: bytes, injected: bytes = b"") -> bytes:
    """Hash two children, and the digest of a row if a lower matrix enters here.

    Parameters
    ----------
    suite
        The hash suite.
    left, right
        Digests of the children, 32 bytes.
    injected
        Digest of the row that enters, 32 bytes; empty where none does.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    NonCanonicalWordError
        With Poseidon2, if a digest holds a word that is p or more.
    MessageLayoutError
        If a digest has another length.
    """
    if {len(left), len(right)} != {DIGEST_BYTES} or len(injected) not in {0, DIGEST_BYTES}:
        raise MessageLayoutError("a digest has 32 bytes")
    tag = TAG_INJECT if injected else TAG_NODE
    zeros = [0] * 3 if suite == HashSuite.KECCAK256 else []
    return message_digest(suite, tag, [*zeros, *words_of(left + right + injected)])


def is_ground(suite: HashSuite, prefix: bytes, nonce: int, bits: int) -> bool:
    """Check a proof-of-work.

    Parameters
    ----------
    suite
        The hash suite.
    prefix
        What the nonce was found for: a multiple of 8 bytes, the first 8 a tag.
    nonce
        In [0, 2^64), with Poseidon2 in [0, p).
    bits
        Leading zero bits that the digest of prefix and nonce must have, in [0, 64].

    Returns
    -------
    bool
        Whether it has them.

    Raises
    ------
    NonCanonicalWordError
        With Poseidon2, if a word of the prefix or the nonce is p or more.
    MessageLayoutError
        If the prefix is no whole number of words.
    """
    words = words_of(prefix[WORD_BYTES:])
    digest = message_digest(suite, prefix[:WORD_BYTES], [*words, nonce])
    return words_of(digest)[0] >> (64 - bits) == 0


def message_digest(suite: HashSuite, tag: bytes, words: Sequence[int]) -> bytes:
    """Hash words under a tag of 8 bytes; with Poseidon2 they must be below p."""
    if suite == HashSuite.KECCAK256:
        return bytes(keccak(tag + bytes_of(words)))
    _require_canonical(words)
    return bytes_of(hash_words(int.from_bytes(tag, "big"), words))


def _require_canonical(words: Sequence[int]) -> None:
    for i, word in enumerate(words):
        if not 0 <= word < GOLDILOCKS_P:
            raise NonCanonicalWordError(f"word {i} is {word}, outside [0, p)")
