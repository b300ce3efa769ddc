"""Messages between chains as they travel: the gateway's envelope of 15 words, and a body.

docs/spec/links.md section 3 and docs/spec/settlement.md section 3.
"""

from dataclasses import dataclass, replace
from struct import Struct
from typing import ClassVar, Self

from eth_hash.auto import keccak

from offchain.spec.constants import MAX_CHANNELS, MESSAGE_BODY_BYTES, MESSAGE_PAYLOAD_BYTES
from offchain.spec.encoding import HASH_BYTES
from offchain.spec.kinds import MessageFlag

_WORD_BYTES = 32
_PLAIN_WORDS = 7  # before the pairs of values
_VALUE_PAIRS = 4
_NUMBER_LIMIT = 2**63
_CHAIN_ID_LIMIT = 2**32 - 1
_ENVELOPE_TAG = b"HRenve01"
_ACCUMULATOR_TAG = b"HRmsgs01"

Values = tuple[tuple[int, int], ...]
NO_VALUES: Values = ((0, 0),) * _VALUE_PAIRS


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: what a MESSAGE envelope carries.

    `channel` is the receiver's number of the channel, `slot` milliseconds, `flags`
    :class:`MessageFlag`; `values` are four pairs of an asset and units of L1, unused ones zero.
    `body` is the 64-byte event of the sender. It is zero in a message that is taken without it;
    `withheld_hash` then is its hash, as the sender stated it.
    """

    _HEAD: ClassVar[Struct] = Struct("<II")

    channel: int
    from_chain: int
    to_chain: int
    index: int
    slot: int
    expires_at_s: int
    flags: int = 0
    values: Values = NO_VALUES
    body: bytes = bytes(MESSAGE_BODY_BYTES)
    withheld_hash: bytes | None = None

    @property
    def is_void(self) -> bool:
        """Whether the message comes without its body."""
        return self.withheld_hash is not None

    @property
    def payload_hash(self) -> bytes:
        """Return the hash of the body, as the envelope states it."""
        return keccak(self.body) if self.withheld_hash is None else self.withheld_hash

    def without_body(self) -> Self:
        """Return the message as it is taken when its body is withheld."""
        body = bytes(MESSAGE_BODY_BYTES)
        return replace(self, body=body, withheld_hash=self.payload_hash)

    def envelope(self) -> bytes:
        """Return the gateway's envelope: 15 big-endian words."""
        numbers = (
            self.from_chain,
            self.to_chain,
            self.index,
            self.slot,
            self.expires_at_s,
            self.flags,
            int.from_bytes(self.payload_hash, "big"),
            *(number for pair in self.values for number in pair),
        )
        return b"".join(number.to_bytes(_WORD_BYTES, "big") for number in numbers)

    def to_payload(self) -> bytes:
        """Return the payload of a MESSAGE envelope, 552 bytes."""
        return self._HEAD.pack(self.channel, self.is_void) + self.envelope() + self.body

    @classmethod
    def from_payload(cls, payload: bytes) -> Self | None:
        """Parse a payload; None when its form is not that of a message."""
        if len(payload) != MESSAGE_PAYLOAD_BYTES:
            return None
        channel, is_void = cls._HEAD.unpack_from(payload)
        body = payload[-MESSAGE_BODY_BYTES:]
        data = payload[cls._HEAD.size : -MESSAGE_BODY_BYTES]
        words = [
            int.from_bytes(data[start : start + _WORD_BYTES], "big")
            for start in range(0, len(data), _WORD_BYTES)
        ]
        from_chain, to_chain, index, slot, expires_at_s, flags, payload_hash = words[:_PLAIN_WORDS]
        message = cls(
            channel=channel,
            from_chain=from_chain,
            to_chain=to_chain,
            index=index,
            slot=slot,
            expires_at_s=expires_at_s,
            flags=flags,
            values=tuple(zip(words[_PLAIN_WORDS::2], words[_PLAIN_WORDS + 1 :: 2], strict=True)),
            body=bytes(MESSAGE_BODY_BYTES) if is_void else body,
            withheld_hash=payload_hash.to_bytes(_WORD_BYTES, "big") if is_void else None,
        )
        # Writing it again puts the body's hash into its place; with is_void: 1, and no body.
        is_exact = message.to_payload() == payload
        return message if is_exact and message._is_in_range() else None

    def _is_in_range(self) -> bool:
        numbers = (self.index, self.slot, self.expires_at_s)
        return (
            self.channel < MAX_CHANNELS
            and max(self.from_chain, self.to_chain) < _CHAIN_ID_LIMIT
            and max(numbers) < _NUMBER_LIMIT
            and self.flags <= MessageFlag.ATOMIC | MessageFlag.SEIZURE
        )


def accumulator_after(accumulator: bytes, envelope: bytes) -> bytes:
    """Return the accumulator of a channel after one more message.

    Parameters
    ----------
    accumulator
        32 bytes; zero before the first message.
    envelope
        Of the gateway, 15 words.
    """
    if len(accumulator) != HASH_BYTES:
        raise ValueError(f"an accumulator has {HASH_BYTES} bytes, not {len(accumulator)}")
    return keccak(_ACCUMULATOR_TAG + accumulator + keccak(_ENVELOPE_TAG + envelope))
