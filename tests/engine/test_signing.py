"""A signature holds for one envelope on one chain of one gateway."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from offchain.engine.signing import (
    SignatureError,
    SignatureFault,
    SigningDomain,
    SigningKey,
    check_signature,
)
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import EnvelopeKind

SECRET = b"\x07" * 32
KEY = SigningKey(SECRET)
DOMAIN = SigningDomain(l1_chain_id=1337, gateway=b"\x0b" * 20, chain_id=5)
UNSIGNED = Envelope(
    kind=EnvelopeKind.USER,
    signer_slot=1,
    account=96,
    nonce=1_700_000_000_123,
    arrival_ms=0,
    payload=bytes(range(128)),
)
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def typed_data(envelope):
    """The same message as a wallet is asked to sign it."""
    fields = {
        "EIP712Domain": [
            ("name", "string"),
            ("version", "string"),
            ("chainId", "uint256"),
            ("verifyingContract", "address"),
            ("salt", "bytes32"),
        ],
        "Envelope": [
            ("version", "uint16"),
            ("kind", "uint8"),
            ("signerSlot", "uint8"),
            ("account", "uint32"),
            ("nonce", "uint64"),
            ("signer", "address"),
            ("ops", "bytes"),
        ],
    }
    return {
        "types": {
            name: [{"name": field, "type": kind} for field, kind in members]
            for name, members in fields.items()
        },
        "primaryType": "Envelope",
        "domain": {
            "name": "Headrace",
            "version": "1",
            "chainId": DOMAIN.l1_chain_id,
            "verifyingContract": "0x" + DOMAIN.gateway.hex(),
            "salt": DOMAIN.chain_id.to_bytes(32, "big"),
        },
        "message": {
            "version": envelope.version,
            "kind": envelope.kind,
            "signerSlot": envelope.signer_slot,
            "account": envelope.account,
            "nonce": envelope.nonce,
            "signer": "0x" + envelope.signer.hex(),
            "ops": envelope.payload,
        },
    }


def fault_of(envelope, domain=DOMAIN):
    with pytest.raises(SignatureError) as caught:
        check_signature(domain, envelope)
    return caught.value.fault


def test_wallet_signature_is_accepted():
    account = Account.from_key(SECRET)
    envelope = replace(UNSIGNED, signer=bytes.fromhex(account.address[2:]))
    message = encode_typed_data(full_message=typed_data(envelope))
    signature = account.sign_message(message).signature
    check_signature(DOMAIN, replace(envelope, signature=bytes(signature)))
    assert KEY.address == envelope.signer


def test_own_signature_is_accepted():
    signed = KEY.sign(DOMAIN, UNSIGNED)
    check_signature(DOMAIN, signed)
    check_signature(DOMAIN, replace(signed, arrival_ms=99))  # the sequencer writes it later


@pytest.mark.parametrize(
    "change",
    [
        {"payload": bytes(128)},
        {"nonce": UNSIGNED.nonce + 1},
        {"account": 128},
        {"signer_slot": 2},
        {"kind": EnvelopeKind.SYSTEM},
        {"signer": b"\x01" * 20},
    ],
    ids=lambda change: next(iter(change)),
)
def test_changed_envelope_is_refused(change):
    assert fault_of(replace(KEY.sign(DOMAIN, UNSIGNED), **change)) is SignatureFault.WRONG_SIGNER


@pytest.mark.parametrize(
    "change",
    [{"l1_chain_id": 1}, {"gateway": b"\x0c" * 20}, {"chain_id": 6}],
    ids=lambda change: next(iter(change)),
)
def test_signature_for_elsewhere_is_refused(change):
    elsewhere = SigningDomain(
        **{"l1_chain_id": 1337, "gateway": b"\x0b" * 20, "chain_id": 5, **change}
    )
    signed = KEY.sign(elsewhere, UNSIGNED)
    check_signature(elsewhere, signed)
    assert fault_of(signed) is SignatureFault.WRONG_SIGNER


def test_second_form_of_a_signature_is_refused():
    """(r, order - s) with the other v recovers the same key and would be a second signature."""
    signed = KEY.sign(DOMAIN, UNSIGNED)
    r, s, v = signed.signature[:32], signed.signature[32:64], signed.signature[64]
    high_s = CURVE_ORDER - int.from_bytes(s, "big")
    other = r + high_s.to_bytes(32, "big") + bytes([55 - v])
    assert fault_of(replace(signed, signature=other)) is SignatureFault.MALFORMED


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_recovery_id_is_27_or_28(v):
    signed = KEY.sign(DOMAIN, UNSIGNED)
    changed = replace(signed, signature=signed.signature[:64] + bytes([v]))
    assert fault_of(changed) is SignatureFault.MALFORMED


def test_signature_that_recovers_no_key_is_refused():
    nothing = bytes(64) + b"\x1b"
    assert fault_of(replace(UNSIGNED, signature=nothing)) is SignatureFault.MALFORMED


def test_gateway_of_another_length():
    with pytest.raises(ValueError, match="20 bytes"):
        SigningDomain(l1_chain_id=1, gateway=bytes(32), chain_id=1)
