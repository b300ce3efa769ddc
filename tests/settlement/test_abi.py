"""Words of the ABI."""

import pytest
from eth_abi import encode

from offchain.settlement.abi import (
    address_word,
    bytes32_word,
    keccak256,
    read_address,
    read_uint,
    split_words,
    uint_word,
)

ADDRESS = bytes(range(20))


def test_keccak_is_not_sha3():
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"").hex() == empty


def test_words_equal_a_general_encoder():
    expected = encode(["uint256", "address", "bytes32"], [5, ADDRESS, b"\x07" * 32])
    assert uint_word(5) + address_word(ADDRESS) + bytes32_word(b"\x07" * 32) == expected


@pytest.mark.parametrize(("value", "bits"), [(-1, 256), (2**256, 256), (2**16, 16)])
def test_integer_out_of_range(value, bits):
    with pytest.raises(ValueError, match="is not an unsigned integer"):
        uint_word(value, bits)


def test_reading_is_the_inverse():
    assert read_uint(uint_word(2**62 - 1), 62) == 2**62 - 1
    assert read_address(address_word(ADDRESS)) == ADDRESS


def test_reading_is_strict():
    with pytest.raises(ValueError, match="62 bits"):
        read_uint(uint_word(2**62), 62)
    with pytest.raises(ValueError, match="padded address"):
        read_address(b"\x01" + address_word(ADDRESS)[1:])
    with pytest.raises(ValueError, match="32 bytes"):
        read_uint(b"\x00" * 31)
    with pytest.raises(ValueError, match="20 bytes"):
        address_word(b"\x00" * 21)
    with pytest.raises(ValueError, match="2 words"):
        split_words(bytes(63), 2)
