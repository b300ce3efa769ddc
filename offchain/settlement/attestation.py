"""Attestation: the operator's signature where a proof will stand.

The twin of `contracts/devnet/AttestedFacts.vy`. It says that the operator
stands for a public output; it proves nothing about it.
"""

from __future__ import annotations

from typing import Final

from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature

from offchain.settlement.abi import keccak256
from offchain.settlement.public_output import PublicOutput

PREFIX: Final = b"\x19Ethereum Signed Message:\n32"
SIGNATURE_BYTES: Final = 65
V_OFFSET: Final = 27


def attest(output: PublicOutput, private_key: bytes) -> bytes:
    """Sign a public output as the operator.

    Parameters
    ----------
    output : PublicOutput
        The statement.
    private_key : bytes
        secp256k1 key, 32 bytes.

    Returns
    -------
    bytes
        r, s, v in 65 bytes; s in the lower half, v 27 or 28.

    Raises
    ------
    ValueError
        If a field of the output is out of range.
    """
    signature = PrivateKey(private_key).sign_msg_hash(_message_hash(output))
    raw: bytes = signature.to_bytes()
    return raw[:-1] + bytes([raw[-1] + V_OFFSET])


def recover_attester(output: PublicOutput, signature: bytes) -> bytes:
    """Return the address that signed a public output.

    Parameters
    ----------
    output : PublicOutput
        The statement.
    signature : bytes
        As `attest` returns it.

    Returns
    -------
    bytes
        20 bytes.

    Raises
    ------
    ValueError
        If the signature is malformed or recovers to no key.
    """
    if len(signature) != SIGNATURE_BYTES or signature[-1] - V_OFFSET not in (0, 1):
        raise ValueError("a signature is 65 bytes and ends with v 27 or 28")
    try:
        parsed = Signature(signature[:-1] + bytes([signature[-1] - V_OFFSET]))
        key = parsed.recover_public_key_from_msg_hash(_message_hash(output))
    except BadSignature as error:
        raise ValueError(f"signature recovers no signer: {error}") from error
    address: bytes = key.to_canonical_address()
    return address


def _message_hash(output: PublicOutput) -> bytes:
    return keccak256(PREFIX + output.digest())
