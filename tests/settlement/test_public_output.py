"""Public output and its attestation."""

import dataclasses

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from offchain.settlement.abi import keccak256
from offchain.settlement.attestation import attest, recover_attester
from offchain.settlement.public_output import (
    DOMAIN,
    PUBLIC_OUTPUT_BYTES,
    PUBLIC_OUTPUT_WORDS,
    PublicOutput,
)

KEY = b"\x09" * 32
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


@pytest.fixture
def output():
    """An output whose every word is its own number."""
    values = {}
    for number, field in enumerate(dataclasses.fields(PublicOutput)):
        if field.name == "gateway":
            values[field.name] = number.to_bytes(20, "big")
        elif field.name != "domain":
            values[field.name] = number if field.type == "int" else number.to_bytes(32, "big")
    return PublicOutput(**values)


def test_layout(output):
    encoded = output.to_bytes()
    assert len(encoded) == PUBLIC_OUTPUT_BYTES == 32 * PUBLIC_OUTPUT_WORDS
    assert encoded[:32] == DOMAIN == b"headrace/pi/v1" + bytes(18)
    for number in range(1, PUBLIC_OUTPUT_WORDS):
        assert encoded[32 * number : 32 * (number + 1)] == number.to_bytes(32, "big")


def test_decoding_is_the_inverse(output):
    assert PublicOutput.from_bytes(output.to_bytes()) == output


def test_decoding_is_strict(output):
    encoded = output.to_bytes()
    for wrong in (encoded[:-1], encoded + b"\x00", b""):
        with pytest.raises(ValueError, match="28 words"):
            PublicOutput.from_bytes(wrong)
    with pytest.raises(ValueError, match="domain"):
        PublicOutput.from_bytes(b"H" + encoded[1:])
    with pytest.raises(ValueError, match="padded address"):
        PublicOutput.from_bytes(encoded[:64] + b"\x01" + encoded[65:])


@pytest.mark.parametrize(
    "changes",
    [
        {"new_root": bytes(20)},
        {"gateway": bytes(32)},
        {"first_batch": -1},
        {"last_time_s": 2**256},
    ],
)
def test_encoding_is_strict(output, changes):
    with pytest.raises(ValueError, match=r"has|is not"):
        dataclasses.replace(output, **changes).to_bytes()


def test_digest(output):
    assert output.digest() == keccak256(output.to_bytes())


def test_attestation_is_a_personal_message(output):
    """A wallet that signs the digest gives the same signature."""
    account = Account.from_key(KEY)
    signature = attest(output, KEY)
    assert signature == account.sign_message(encode_defunct(output.digest())).signature
    assert recover_attester(output, signature) == bytes.fromhex(account.address[2:])
    assert signature[64] in (27, 28)
    assert int.from_bytes(signature[32:64], "big") <= CURVE_ORDER // 2


def test_attestation_binds_every_word(output):
    signature = attest(output, KEY)
    signer = recover_attester(output, signature)
    for field in dataclasses.fields(PublicOutput):
        value = getattr(output, field.name)
        changed = value + 1 if isinstance(value, int) else value[:-1] + b"\xff"
        other = dataclasses.replace(output, **{field.name: changed})
        assert recover_attester(other, signature) != signer, field.name


@pytest.mark.parametrize("signature", [b"", bytes(65), bytes(64) + b"\x1b"])
def test_malformed_signature(output, signature):
    with pytest.raises(ValueError, match="signature"):
        recover_attester(output, signature)
