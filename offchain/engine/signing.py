"""Signatures of user envelopes: EIP-712 typed data bound to one chain of one gateway.

The digest is ``keccak256(0x19 0x01 | domain separator | struct hash)`` with

- the domain ``name = "Headrace"``, ``version = "1"``, ``chainId`` = chain id of L1,
  ``verifyingContract`` = the gateway, ``salt`` = id of the execution chain as a 32-byte word;
- the struct ``Envelope(uint16 version, uint8 kind, uint8 signerSlot, uint32 account, uint64 nonce,
  address signer, bytes ops)``: everything in an envelope but the arrival time, which the
  sequencer writes, and the signature itself.

So a signature is worth nothing on another L1, gateway or chain. The 65 bytes are r, s, v with s in
the lower half and v 27 or 28, so that nobody can make a second signature from a first.
Source: EIP-712, EIP-2.
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from offchain.spec.encoding import ADDRESS_BYTES
from offchain.spec.envelope import Envelope

NAME: Final = "Headrace"
VERSION: Final = "1"
DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,"
    "bytes32 salt)"
)
ENVELOPE_TYPE: Final = (
    "Envelope(uint16 version,uint8 kind,uint8 signerSlot,uint32 account,uint64 nonce,"
    "address signer,bytes ops)"
)
_PREFIX: Final = b"\x19\x01"
_WORD_BYTES: Final = 32
_ADDRESS_PADDING: Final = bytes(_WORD_BYTES - ADDRESS_BYTES)
_ENVELOPE_TYPE_HASH: Final = keccak(ENVELOPE_TYPE.encode())
_V_OFFSET: Final = 27
# Half of the order of secp256k1.
_S_MAX: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class SignatureFault(Enum):
    """Why a signature was refused."""

    MALFORMED = "The signature is not r, s, v with s in the lower half and v 27 or 28."
    WRONG_SIGNER = (
        "The signature is not this signer's for this chain: another key signed, the envelope was "
        "changed, or it was signed for another L1 chain, gateway or chain id."
    )


class SignatureError(ValueError):
    """An envelope's signature was refused; nothing has changed.

    Attributes
    ----------
    fault : SignatureFault
        The reason.
    """

    def __init__(self, fault: SignatureFault) -> None:
        super().__init__(f"{fault.name}: {fault.value}")
        self.fault = fault


def _word(value: int) -> bytes:
    return value.to_bytes(_WORD_BYTES, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningDomain:
    """Where a signature holds.

    Attributes
    ----------
    l1_chain_id : int
        Chain id of L1, below 2^256.
    gateway : bytes
        Address of the gateway, 20 bytes.
    chain_id : int
        Id of the execution chain, below 2^256.
    separator : bytes
        EIP-712 domain separator, 32 bytes; follows from the others.
    """

    l1_chain_id: int
    gateway: bytes
    chain_id: int
    separator: bytes = field(init=False)

    def __post_init__(self) -> None:
        if len(self.gateway) != ADDRESS_BYTES:
            raise ValueError(f"a gateway has {ADDRESS_BYTES} bytes, not {len(self.gateway)}")
        separator = keccak(
            keccak(DOMAIN_TYPE.encode())
            + keccak(NAME.encode())
            + keccak(VERSION.encode())
            + _word(self.l1_chain_id)
            + _ADDRESS_PADDING
            + self.gateway
            + _word(self.chain_id)
        )
        object.__setattr__(self, "separator", separator)

    def deployment_hash(self, config_hash: bytes) -> bytes:
        """Return the 32 bytes that bind a journal to this chain, its gateway and its constants.

        Parameters
        ----------
        config_hash : bytes
            As the core was made with, 32 bytes.
        """
        return keccak(self.separator + config_hash)

    def digest(self, envelope: Envelope) -> bytes:
        """Return the 32 bytes that an envelope's signer signs."""
        struct_hash = keccak(
            _ENVELOPE_TYPE_HASH
            + _word(envelope.version)
            + _word(envelope.kind)
            + _word(envelope.signer_slot)
            + _word(envelope.account)
            + _word(envelope.nonce)
            + _ADDRESS_PADDING
            + envelope.signer
            + keccak(envelope.payload)
        )
        return keccak(_PREFIX + self.separator + struct_hash)


class SigningKey:
    """A secp256k1 key of an owner or an agent.

    Parameters
    ----------
    secret : bytes
        32 bytes, a number from 1 to the group order - 1.

    Attributes
    ----------
    address : bytes
        Its address, 20 bytes.

    Raises
    ------
    ValueError
        If the secret is out of range.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.address = _address_of(self._key.public_key)

    def sign(self, domain: SigningDomain, envelope: Envelope) -> Envelope:
        """Return the envelope with this key as its signer, signed.

        Parameters
        ----------
        domain : SigningDomain
            The chain that it is for.
        envelope : Envelope
            USER envelope; its signer and signature are replaced.
        """
        unsigned = replace(envelope, signer=self.address)
        raw = self._key.sign_recoverable(domain.digest(unsigned), hasher=None)
        return replace(unsigned, signature=raw[:-1] + bytes([raw[-1] + _V_OFFSET]))


def check_signature(domain: SigningDomain, envelope: Envelope) -> None:
    """Check that an envelope's signer signed it for this chain.

    Whether the signer may act for the account is for the state transition to say.

    Raises
    ------
    SignatureError
        MALFORMED or WRONG_SIGNER.
    """
    signature = envelope.signature
    v = signature[-1] - _V_OFFSET
    s = int.from_bytes(signature[_WORD_BYTES : 2 * _WORD_BYTES], "big")
    if v not in (0, 1) or s > _S_MAX:
        raise SignatureError(SignatureFault.MALFORMED)
    try:
        key = PublicKey.from_signature_and_message(
            signature[:-1] + bytes([v]), domain.digest(envelope), hasher=None
        )
    except Exception as error:  # coincurve raises plain Exception
        raise SignatureError(SignatureFault.MALFORMED) from error
    if _address_of(key) != envelope.signer:
        raise SignatureError(SignatureFault.WRONG_SIGNER)


def _address_of(key: PublicKey) -> bytes:
    return keccak(key.format(compressed=False)[1:])[-ADDRESS_BYTES:]
