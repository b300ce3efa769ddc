"""Poseidon2 over Goldilocks, width 8: the hash of the state tree (DESIGN section 5).

Two modes: a tree node is ``compress(left, right)``, a leaf is ``hash_words(domain, words)``. The C
core computes the same (``offchain/core/include/headrace/poseidon2.h``).

Source: https://eprint.iacr.org/2023/323; constants: :mod:`offchain.spec.poseidon2_constants`.
"""

from collections.abc import Sequence

from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2_constants import (
    POSEIDON2_DIAG_MINUS_1,
    POSEIDON2_HALF_FULL_ROUNDS,
    POSEIDON2_RATE,
    POSEIDON2_RC_EXTERNAL,
    POSEIDON2_RC_INTERNAL,
    POSEIDON2_WIDTH,
)

Digest = tuple[int, int, int, int]
"""Four canonical field elements."""

DIGEST_BYTES = 32
_ELEMENT_BYTES = 8


def permute(state: Sequence[int]) -> list[int]:
    """Apply the Poseidon2 permutation.

    Parameters
    ----------
    state
        8 integers in [0, p).

    Returns
    -------
    list[int]
        8 integers in [0, p).

    Raises
    ------
    ValueError
        If there are not 8 elements or one is not canonical.
    """
    if len(state) != POSEIDON2_WIDTH:
        raise ValueError(f"state has {len(state)} elements, not {POSEIDON2_WIDTH}")
    _require_canonical(state)
    current = _external_layer(state)
    for constants in POSEIDON2_RC_EXTERNAL[:POSEIDON2_HALF_FULL_ROUNDS]:
        current = _full_round(current, constants)
    for constant in POSEIDON2_RC_INTERNAL:
        current[0] = _sbox(current[0] + constant)
        current = _internal_layer(current)
    for constants in POSEIDON2_RC_EXTERNAL[POSEIDON2_HALF_FULL_ROUNDS:]:
        current = _full_round(current, constants)
    return current


def compress(left: Digest, right: Digest) -> Digest:
    """Hash two child digests into their parent's.

    The first 4 elements of P(x) + x, x = left || right (feed-forward: P alone can be inverted).

    Parameters
    ----------
    left, right
        Digests of the children, each element in [0, p).

    Returns
    -------
    Digest
        Digest of the parent node.

    Raises
    ------
    ValueError
        If an element is not canonical.
    """
    x = (*left, *right)
    a, b, c, d = ((y + v) % GOLDILOCKS_P for y, v in zip(permute(x)[:4], x[:4], strict=True))
    return a, b, c, d


def hash_words(domain: int, words: Sequence[int]) -> Digest:
    """Hash a leaf: a sponge of rate 4 and capacity 4.

    The capacity starts as (domain, number of words, 0, 0); blocks of 4 words are added to the
    rate, the last one filled up with zeros. The length in the capacity makes that filling
    injective. No words at all still take one permutation.

    Parameters
    ----------
    domain
        Tag of the kind of leaf, in [0, p).
    words
        Integers in [0, p); at most 2^32 - 1 of them.

    Returns
    -------
    Digest
        The first 4 elements of the last state.

    Raises
    ------
    ValueError
        If the tag or a word is not canonical, or there are too many words.
    """
    if len(words) >= 2**32:
        raise ValueError(f"{len(words)} words: the length must fit in 32 bits")
    _require_canonical(words)
    state = [0, 0, 0, 0, domain, len(words), 0, 0]
    for start in range(0, max(len(words), 1), POSEIDON2_RATE):
        for i, word in enumerate(words[start : start + POSEIDON2_RATE]):
            state[i] = (state[i] + word) % GOLDILOCKS_P
        state = permute(state)
    return state[0], state[1], state[2], state[3]


def digest_to_bytes(digest: Digest) -> bytes:
    """Serialise a digest.

    Parameters
    ----------
    digest
        4 integers in [0, p).

    Returns
    -------
    bytes
        32 bytes: the elements in order, each little-endian.

    Raises
    ------
    ValueError
        If an element is not canonical.
    """
    _require_canonical(digest)
    return b"".join(element.to_bytes(_ELEMENT_BYTES, "little") for element in digest)


def digest_from_bytes(data: bytes) -> Digest:
    """Parse what :func:`digest_to_bytes` wrote.

    Parameters
    ----------
    data
        32 bytes.

    Returns
    -------
    Digest
        4 integers in [0, p).

    Raises
    ------
    ValueError
        If the length is not 32 or an element is not canonical.
    """
    if len(data) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, not {len(data)}")
    a, b, c, d = (
        int.from_bytes(data[start : start + _ELEMENT_BYTES], "little")
        for start in range(0, DIGEST_BYTES, _ELEMENT_BYTES)
    )
    digest = (a, b, c, d)
    _require_canonical(digest)
    return digest


def _require_canonical(elements: Sequence[int]) -> None:
    for i, element in enumerate(elements):
        if not 0 <= element < GOLDILOCKS_P:
            raise ValueError(f"element {i} is {element}, outside [0, p)")


def _sbox(x: int) -> int:
    # x^7 by three reduced products: faster in Python than the three-argument pow.
    square = x * x % GOLDILOCKS_P
    return square * x * (square * square % GOLDILOCKS_P) % GOLDILOCKS_P


def _full_round(state: Sequence[int], constants: Sequence[int]) -> list[int]:
    return _external_layer([_sbox(x + c) for x, c in zip(state, constants, strict=True)])


def _external_layer(state: Sequence[int]) -> list[int]:
    # circ(2 M4, M4): each half is its own M4 image plus the sum of both images.
    images = (*_multiply_m4(*state[:4]), *_multiply_m4(*state[4:]))
    return [
        (image + images[i % 4] + images[i % 4 + 4]) % GOLDILOCKS_P for i, image in enumerate(images)
    ]


def _multiply_m4(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    # Rows (5 7 1 3), (4 6 1 1), (1 3 5 7), (1 1 4 6), by the addition chain of the paper (5.1).
    t0 = a + b
    t1 = c + d
    t2 = 2 * b + t1
    t3 = 2 * d + t0
    t4 = 4 * t1 + t3
    t5 = 4 * t0 + t2
    return t3 + t5, t5, t2 + t4, t4


def _internal_layer(state: Sequence[int]) -> list[int]:
    total = sum(state)
    return [
        (d * x + total) % GOLDILOCKS_P for d, x in zip(POSEIDON2_DIAG_MINUS_1, state, strict=True)
    ]
