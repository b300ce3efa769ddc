"""Encodings shared by records, ops and events (docs/spec/transition.md section 1)."""

from struct import Struct

from offchain.spec.constants import SIGNED_BIAS

ADDRESS_BYTES = 20
HASH_BYTES = 32
_HASH_LIMBS = Struct(">8I")
_U64 = 2**64
_I64_LIMIT = 2**63


def bias(value: int) -> int:
    """Return a signed value in [-2^62, 2^62) as the u64 that is stored for it."""
    return value + SIGNED_BIAS


def unbias(word: int) -> int:
    """Return the signed value of a stored u64."""
    return word - SIGNED_BIAS


def signed_word(word: int) -> int:
    """Return the i64 with the same two's complement bits as a u64 in [0, 2^64)."""
    return word - _U64 if word >= _I64_LIMIT else word


def address_words(address: bytes) -> tuple[int, int, int]:
    """Split a 20-byte address into big-endian numbers of 7, 7 and 6 bytes, each below p."""
    return (
        int.from_bytes(address[:7], "big"),
        int.from_bytes(address[7:14], "big"),
        int.from_bytes(address[14:], "big"),
    )


def address_from_words(first: int, second: int, third: int) -> bytes:
    """Join what :func:`address_words` split.

    Raises
    ------
    OverflowError
        If a word is larger than its chunk.
    """
    return first.to_bytes(7, "big") + second.to_bytes(7, "big") + third.to_bytes(6, "big")


def hash_limbs(digest: bytes) -> tuple[int, ...]:
    """Split a 32-byte hash into eight big-endian u32, so that each fits a field element."""
    return _HASH_LIMBS.unpack(digest)


def hash_from_limbs(limbs: tuple[int, ...]) -> bytes:
    """Join eight u32 to the 32-byte hash that :func:`hash_limbs` split."""
    return _HASH_LIMBS.pack(*limbs)
