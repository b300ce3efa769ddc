"""ABI words: the 32-byte building blocks of every byte string that L1 hashes.

Source: Solidity ABI specification, static types. Everything that the
contracts hash here is a sequence of static words, so no general encoder is
needed.
"""

from __future__ import annotations

from typing import Final

from eth_utils.crypto import keccak

WORD_BYTES: Final = 32
ADDRESS_BYTES: Final = 20
ZERO_WORD: Final = bytes(WORD_BYTES)


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest of `data`."""
    return keccak(data)


def uint_word(value: int, bits: int = 256) -> bytes:
    """Encode an unsigned integer.

    Parameters
    ----------
    value : int
        Integer in [0, 2^bits).
    bits : int
        Width that the contract's type has, at most 256.

    Returns
    -------
    bytes
        32 bytes, big-endian.

    Raises
    ------
    ValueError
        If the value is outside of its range.
    """
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{value} is not an unsigned integer of {bits} bits")
    return value.to_bytes(WORD_BYTES, "big")


def address_word(address: bytes) -> bytes:
    """Encode a 20-byte address, padded on the left.

    Raises
    ------
    ValueError
        If the address is not 20 bytes.
    """
    if len(address) != ADDRESS_BYTES:
        raise ValueError(f"an address has {ADDRESS_BYTES} bytes, not {len(address)}")
    return bytes(WORD_BYTES - ADDRESS_BYTES) + address


def bytes32_word(value: bytes) -> bytes:
    """Return a 32-byte string as it is.

    Raises
    ------
    ValueError
        If it is not 32 bytes.
    """
    if len(value) != WORD_BYTES:
        raise ValueError(f"a bytes32 has {WORD_BYTES} bytes, not {len(value)}")
    return bytes(value)


def read_uint(word: bytes, bits: int = 256) -> int:
    """Decode an unsigned integer; the inverse of `uint_word`.

    Raises
    ------
    ValueError
        If the word is not 32 bytes or the value exceeds `bits` bits.
    """
    value = int.from_bytes(bytes32_word(word), "big")
    if value >> bits:
        raise ValueError(f"{value} is not an unsigned integer of {bits} bits")
    return value


def read_address(word: bytes) -> bytes:
    """Decode an address; the inverse of `address_word`.

    Raises
    ------
    ValueError
        If the word is not 32 bytes or its padding is not zero.
    """
    padding, address = bytes32_word(word)[:-ADDRESS_BYTES], word[-ADDRESS_BYTES:]
    if any(padding):
        raise ValueError(f"{word.hex()} is not a padded address")
    return bytes(address)


def split_words(data: bytes, count: int) -> list[bytes]:
    """Cut a byte string into `count` words.

    Raises
    ------
    ValueError
        If it is not exactly `count` words long.
    """
    if len(data) != count * WORD_BYTES:
        raise ValueError(f"{len(data)} bytes are not {count} words of {WORD_BYTES} bytes")
    return [data[start : start + WORD_BYTES] for start in range(0, len(data), WORD_BYTES)]
