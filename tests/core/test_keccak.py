"""Keccak-256 of the core: known hashes, then pycryptodome on every length around the rate."""

import ctypes
import random

import pytest
from Crypto.Hash import keccak

RATE_BYTES = 136

# Ethereum yellow paper: KEC(()) and KEC(RLP(())); the selector source of ERC-20's transfer event.
KNOWN = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"\x80": "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    b"Transfer(address,address,uint256)": (
        "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    ),
}


def core_keccak256(library: ctypes.CDLL, data: bytes) -> bytes:
    out = ctypes.create_string_buffer(32)
    library.test_keccak256(out, data, len(data))
    return out.raw


def reference_keccak256(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


@pytest.mark.parametrize("data", KNOWN, ids=["empty", "rlp-empty", "transfer-topic"])
def test_known_hash(hash_library: ctypes.CDLL, data: bytes) -> None:
    assert core_keccak256(hash_library, data).hex() == KNOWN[data]


def test_every_length_over_three_blocks(hash_library: ctypes.CDLL) -> None:
    data = random.Random(3).randbytes(3 * RATE_BYTES + 1)
    for length in range(len(data) + 1):
        part = data[:length]
        assert core_keccak256(hash_library, part) == reference_keccak256(part), length


def test_updates_may_be_cut_anywhere(hash_library: ctypes.CDLL) -> None:
    data = random.Random(4).randbytes(2 * RATE_BYTES + 5)
    expected = reference_keccak256(data)
    out = ctypes.create_string_buffer(32)
    for cut in range(len(data) + 1):
        hash_library.test_keccak256_split(out, data, len(data), cut)
        assert out.raw == expected, cut


def test_long_message(hash_library: ctypes.CDLL) -> None:
    data = random.Random(5).randbytes(1_000_003)
    assert core_keccak256(hash_library, data) == reference_keccak256(data)
