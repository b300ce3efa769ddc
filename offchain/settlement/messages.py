"""What chains tell each other and L1: the structs of `IGateway`, their hashes, their accumulators.

The twin of `interfaces/IGateway.vyi`; meanings and tags are those of `docs/spec/settlement.md`,
sections 2 and 3. Every struct consists of static ABI words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, ClassVar, Final, Self

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address

from offchain.settlement.abi import (
    ADDRESS_BYTES,
    WORD_BYTES,
    ZERO_WORD,
    address_word,
    bytes32_word,
    keccak256,
    uint_word,
)
from offchain.settlement.public_output import PublicOutput

SUMS_PER_ENVELOPE: Final = 4
FLOW_TAG: Final = b"HRflow01"
CHANNEL_TAG: Final = b"HRchan01"
PLEDGE_TAG: Final = b"HRpled01"
ENVELOPE_TAG: Final = b"HRenve01"
MESSAGE_TAG: Final = b"HRmsgs01"
DATA_TAG: Final = b"HRdata01"
FACT_TAG: Final = b"HRfact01"


class EnvelopeFlag(IntFlag):
    """Flags of an envelope."""

    ATOMIC = 1  # received in the same settlement, or nothing moves
    SEIZURE = 2  # taken out of what the sender has pledged to the receiver


def words_of(value: Any) -> bytes:
    """Encode a tree of tuples as the static ABI words of its leaves.

    Parameters
    ----------
    value : int, bytes, AbiStruct or tuple of these
        An unsigned integer below 2^256, 20 bytes of an address, or 32 bytes.

    Raises
    ------
    ValueError
        If an integer is out of range or a byte string has another length.
    """
    if isinstance(value, int):
        return uint_word(value)
    if isinstance(value, tuple):
        return b"".join([words_of(item) for item in value])
    if isinstance(value, AbiStruct):
        return b"".join([words_of(getattr(value, name)) for name in value.__slots__])
    return address_word(value) if len(value) == ADDRESS_BYTES else bytes32_word(value)


class AbiStruct:
    """A struct of static words: base of the dataclasses below, whose slots are its members.

    Attributes
    ----------
    ABI_TYPE : str
        The struct as a tuple type of the ABI.
    """

    __slots__: tuple[str, ...] = ()
    ABI_TYPE: ClassVar[str]

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the members in order, as an argument of a contract call."""
        return tuple(_plain(getattr(self, name)) for name in self.__slots__)

    def to_bytes(self) -> bytes:
        """Encode as ABI words.

        Raises
        ------
        ValueError
            If a member is out of range or has the wrong length.
        """
        return words_of(self)

    @classmethod
    def from_tuple(cls, values: Sequence[Any]) -> Self:
        """Build from the members in order, as `eth_abi` and web3 decode them.

        Raises
        ------
        ValueError
            If the number of members is another one.
        """
        return cls(*(_typed(value) for value in values))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode ABI words; the inverse of `to_bytes`.

        Raises
        ------
        eth_abi.exceptions.DecodingError
            If the length or a padding is wrong.
        """
        (values,) = decode([cls.ABI_TYPE], data)
        return cls.from_tuple(values)


def _plain(value: Any) -> Any:
    if isinstance(value, AbiStruct):
        return value.to_tuple()
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value


def _typed(value: Any) -> Any:
    # eth_abi gives addresses as hex strings; here they are bytes.
    return to_canonical_address(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Version(AbiStruct):
    """What a chain's settlements must be proven for.

    Attributes
    ----------
    verifier : bytes
        Contract that holds the facts, 20 bytes.
    program_id, parameters_id : bytes
        Program of the exchange and parameter set of the proof system, 32 bytes each.
    config_hash : bytes
        Keccak-256 of the chain's constants.
    """

    ABI_TYPE: ClassVar[str] = "(address,bytes32,bytes32,bytes32)"

    verifier: bytes
    program_id: bytes
    parameters_id: bytes
    config_hash: bytes


@dataclass(frozen=True, slots=True)
class ChainTerms(AbiStruct):
    """With what a chain is registered.

    Attributes
    ----------
    version : Version
        What its first settlements must be proven for.
    operator, governance : bytes
        Who collects fees; who queues admin operations and schedules upgrades. 20 bytes.
    genesis_root : bytes
        State root before batch 1.
    da_mode : int
        0: validium, 1: rollup.
    feed_set_id : int
        Feed set of the oracle hub; 0: none.
    forced_fee_wei : int
        Price of a forced operation.
    operations_per_block : int
        Most priority records of users in one L1 block, 2 to 255.
    """

    ABI_TYPE: ClassVar[str] = (
        f"({Version.ABI_TYPE},address,address,bytes32,uint256,uint256,uint256,uint256)"
    )

    version: Version
    operator: bytes
    governance: bytes
    genesis_root: bytes
    da_mode: int
    feed_set_id: int
    forced_fee_wei: int
    operations_per_block: int

    @classmethod
    def from_tuple(cls, values: Sequence[Any]) -> Self:
        """Build from the members in order."""
        version, *others = values
        return cls(Version.from_tuple(version), *(_typed(value) for value in others))


@dataclass(frozen=True, slots=True)
class Position(AbiStruct):
    """Where a chain stands.

    Attributes
    ----------
    state_root : bytes
        Root after `last_batch`.
    last_batch, last_time_s, last_slot : int
        Last settled batch (0: genesis), its time and its last slot.
    priority_consumed, oracle_consumed : int
        Records and snapshots [0, this) are consumed.
    valuation_hash : bytes
        Hash of the last settled valuation table; zero: none.
    """

    ABI_TYPE: ClassVar[str] = "(bytes32,uint256,uint256,uint256,uint256,uint256,bytes32)"

    state_root: bytes
    last_batch: int = 0
    last_time_s: int = 0
    last_slot: int = 0
    priority_consumed: int = 0
    oracle_consumed: int = 0
    valuation_hash: bytes = ZERO_WORD


@dataclass(frozen=True, slots=True)
class Flow(AbiStruct):
    """Sums of one asset over a settlement of one chain, in engine units."""

    ABI_TYPE: ClassVar[str] = "(uint256,uint256,uint256,uint256)"

    chain_id: int
    asset_id: int
    deposited_units: int = 0
    withdrawn_units: int = 0


@dataclass(frozen=True, slots=True)
class ChannelEntry(AbiStruct):
    """Totals of the two channels between a chain and a peer, after a settlement."""

    ABI_TYPE: ClassVar[str] = "(uint256,uint256,uint256,bytes32,uint256,bytes32)"

    chain_id: int
    peer: int
    sent_count: int = 0
    sent_accumulator: bytes = ZERO_WORD
    received_count: int = 0
    received_accumulator: bytes = ZERO_WORD


@dataclass(frozen=True, slots=True)
class AssetSum(AbiStruct):
    """An amount of one asset in engine units; both zero: unused."""

    ABI_TYPE: ClassVar[str] = "(uint256,uint256)"

    asset_id: int = 0
    units: int = 0


def pad_sums(sums: Iterable[AssetSum]) -> tuple[AssetSum, ...]:
    """Fill up with unused pairs, as an envelope carries them."""
    used = tuple(sums)
    return used + (AssetSum(),) * (SUMS_PER_ENVELOPE - len(used))


@dataclass(frozen=True, slots=True)
class Envelope(AbiStruct):
    """A message with value from one chain to another: 15 words.

    Attributes
    ----------
    from_chain, to_chain : int
        Sender and receiver.
    index : int
        Number on the channel, from 1, without holes.
    slot : int
        When it was sent.
    expires_at_s : int
        When its receiver can no longer act on it.
    flags : int
        `EnvelopeFlag`.
    payload_hash : bytes
        Hash of what it says, 32 bytes.
    sums : tuple of AssetSum
        Four; used ones first, their asset ids strictly ascending.
    """

    ABI_TYPE: ClassVar[str] = (
        "(uint256,uint256,uint256,uint256,uint256,uint256,bytes32,(uint256,uint256)[4])"
    )

    from_chain: int
    to_chain: int
    index: int
    slot: int
    expires_at_s: int
    flags: int = 0
    payload_hash: bytes = ZERO_WORD
    sums: tuple[AssetSum, ...] = (AssetSum(),) * SUMS_PER_ENVELOPE

    @classmethod
    def from_tuple(cls, values: Sequence[Any]) -> Self:
        """Build from the members in order."""
        *words, sums = values
        words.append(tuple(AssetSum.from_tuple(pair) for pair in sums))
        return cls(*words)

    @property
    def used_sums(self) -> list[AssetSum]:
        """The pairs that carry value."""
        return [pair for pair in self.sums if pair.units]

    def digest(self) -> bytes:
        """Return the envelope hash, 32 bytes."""
        return keccak256(ENVELOPE_TAG + self.to_bytes())

    def accumulate(self, accumulator: bytes) -> bytes:
        """Return the channel's accumulator after this envelope, from the one before it."""
        return keccak256(MESSAGE_TAG + bytes32_word(accumulator) + self.digest())


@dataclass(frozen=True, slots=True)
class Pledge(AbiStruct):
    """What a chain adds to its pledge to a peer, and releases of the peer's pledge to it."""

    ABI_TYPE: ClassVar[str] = "(uint256,uint256,uint256,uint256,uint256)"

    chain_id: int
    peer: int
    asset_id: int
    pledged_units: int = 0
    released_units: int = 0


def flows_root(flows: Iterable[Flow]) -> bytes:
    """Return the accumulator over one chain's flows; zero if there are none."""
    return _fold(FLOW_TAG, flows)


def channels_root(channels: Iterable[ChannelEntry]) -> bytes:
    """Return the accumulator over one chain's channel entries; zero if there are none."""
    return _fold(CHANNEL_TAG, channels)


def pledges_root(pledges: Iterable[Pledge]) -> bytes:
    """Return the accumulator over one chain's pledges; zero if there are none."""
    return _fold(PLEDGE_TAG, pledges)


def _fold(tag: bytes, entries: Iterable[AbiStruct]) -> bytes:
    root = ZERO_WORD
    for entry in entries:
        # The chain id is a word of the public output already.
        root = keccak256(tag + root + entry.to_bytes()[WORD_BYTES:])
    return root


def channel_accumulator(envelopes: Iterable[Envelope], accumulator: bytes = ZERO_WORD) -> bytes:
    """Return a channel's accumulator after `envelopes`, from the one before them."""
    for envelope in envelopes:
        accumulator = envelope.accumulate(accumulator)
    return accumulator


def data_commitment(chunks: Iterable[bytes], commitment: bytes = ZERO_WORD) -> bytes:
    """Return the commitment to published chunks, from the one before them."""
    for chunk in chunks:
        commitment = keccak256(DATA_TAG + bytes32_word(commitment) + keccak256(chunk))
    return commitment


def fact_of(program_id: bytes, parameters_id: bytes, output: PublicOutput) -> bytes:
    """Return what a verifier must hold true for a public output, 32 bytes.

    Parameters
    ----------
    program_id, parameters_id : bytes
        Of the chain's version, 32 bytes each.
    output : PublicOutput
        The statement.
    """
    ids = bytes32_word(program_id) + bytes32_word(parameters_id)
    return keccak256(FACT_TAG + ids + output.digest())
