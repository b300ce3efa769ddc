"""Public output: the 28 words that one settlement states.

The twin of `IGateway.PublicOutput`. Word i is bytes 32i..32i+31; the layout
is final, and words without meaning in this version are zero.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from offchain.settlement.abi import (
    ZERO_WORD,
    address_word,
    bytes32_word,
    keccak256,
    read_address,
    read_uint,
    split_words,
    uint_word,
)

PUBLIC_OUTPUT_WORDS: Final = 28
PUBLIC_OUTPUT_BYTES: Final = 896
DOMAIN: Final = b"headrace/pi/v1".ljust(32, b"\x00")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOutput:
    """The statement that the operator signs and a proof will prove.

    Integers are below 2^256, hashes have 32 bytes, the gateway 20.

    Attributes
    ----------
    domain : bytes
        `DOMAIN`.
    l1_chain_id, gateway, chain_id : int, bytes, int
        Where the statement holds.
    config_hash : bytes
        Keccak of the genesis constants.
    old_root, new_root : bytes
        State roots before the first and after the last batch.
    first_batch, last_batch : int
        Range of batches, both inclusive; batch 1 is the first.
    first_time_s, last_time_s : int
        Sequencer times, seconds since the epoch.
    first_slot, last_slot : int
        Range of slots.
    priority_first, priority_next : int
        Consumed records: [priority_first, priority_next).
    priority_accumulator : bytes
        Accumulator after `priority_next` records.
    withdrawals_root : bytes
        Root of the withdrawal tree; zero without withdrawals.
    inputs_commitment : bytes
        Hash of all that may influence the new root.
    receipts_head : bytes
        Head of the receipt chain after the last batch.
    oracle_first, oracle_next : int
        Consumed snapshots: [oracle_first, oracle_next); 0 without feeds.
    oracle_accumulator : bytes
        Of the hub after `oracle_next` snapshots; zero without feeds.
    channels_root, flows_root, reservations_root : bytes
        Accumulators over the settlement's lists; zero of an empty one.
    valuation_hash : bytes
        Of the valuation table; zero without one.
    da_mode : int
        0: validium, 1: rollup.
    da_commitment : bytes
        To the published chunks of the state diff; zero in validium.
    """

    domain: bytes = DOMAIN
    l1_chain_id: int
    gateway: bytes
    chain_id: int
    config_hash: bytes
    old_root: bytes
    new_root: bytes
    first_batch: int
    last_batch: int
    first_time_s: int
    last_time_s: int
    first_slot: int
    last_slot: int
    priority_first: int
    priority_next: int
    priority_accumulator: bytes
    oracle_first: int = 0
    oracle_next: int = 0
    oracle_accumulator: bytes = ZERO_WORD
    channels_root: bytes = ZERO_WORD
    flows_root: bytes = ZERO_WORD
    withdrawals_root: bytes = ZERO_WORD
    reservations_root: bytes = ZERO_WORD
    valuation_hash: bytes = ZERO_WORD
    da_mode: int = 0
    da_commitment: bytes = ZERO_WORD
    inputs_commitment: bytes = ZERO_WORD
    receipts_head: bytes = ZERO_WORD

    def to_tuple(self) -> tuple[int | bytes, ...]:
        """Return the words in order, as the argument of `Gateway.settle`."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def to_bytes(self) -> bytes:
        """Encode as 896 bytes.

        Raises
        ------
        ValueError
            If a field is outside of its range or has the wrong length.
        """
        return b"".join(_encode_word(f.name, getattr(self, f.name)) for f in fields(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> PublicOutput:
        """Decode 896 bytes; the inverse of `to_bytes`.

        Raises
        ------
        ValueError
            If the length, the domain or the padding of the address is wrong.
        """
        words = split_words(data, PUBLIC_OUTPUT_WORDS)
        if words[0] != DOMAIN:
            raise ValueError(f"domain {words[0].hex()} is not {DOMAIN.hex()}")
        values = {
            field.name: _decode_word(str(field.type), field.name, word)
            for field, word in zip(fields(cls), words, strict=True)
        }
        return cls(**values)  # type: ignore[arg-type]

    def digest(self) -> bytes:
        """Return keccak256 of the 896 bytes: what the operator signs."""
        return keccak256(self.to_bytes())


def _encode_word(name: str, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return uint_word(value)
    return address_word(value) if name == "gateway" else bytes32_word(value)


def _decode_word(type_name: str, name: str, word: bytes) -> int | bytes:
    if type_name == "int":
        return read_uint(word)
    return read_address(word) if name == "gateway" else word
