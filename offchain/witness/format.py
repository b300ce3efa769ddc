"""Codec of witnesses: the input tape of the batch guest (docs/spec/witness.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct, unpack
from typing import Final

from offchain.core.binding import ADDRESS_BYTES, BUILD_DIR, DIGEST_BYTES
from offchain.settlement.byte_reader import ByteReader
from offchain.settlement.state_diff import LEAF_SIZES as PUBLISHED_LEAF_SIZES
from offchain.spec.constants import ENVELOPE_MAX_BYTES, GOLDILOCKS_P, LEAF_BYTES
from offchain.spec.header import Header
from offchain.spec.kinds import Subtree
from offchain.spec.records import Signer
from offchain.spec.state import SUBTREE_DEPTHS

BATCH_ELF: Final = BUILD_DIR / "batch.elf"
MAGIC: Final = b"HRwt"
VERSION: Final = 1
LEAVES_MAX: Final = 2**20
"""Opened leaves of one subtree."""
HINTS_MAX: Final = 2**20
ENVELOPES_MAX: Final = 2**16
WITNESS_BYTES_MAX: Final = 2**28

LEAF_SIZES: Final[dict[Subtree, int]] = {
    Subtree.HEADER: Header.SIZE,
    **PUBLISHED_LEAF_SIZES,
    Subtree.SIGNERS: Signer.SIZE,
    Subtree.ORDERS: LEAF_BYTES,
    Subtree.LEVELS: LEAF_BYTES,
    Subtree.DUTIES: LEAF_BYTES,
}
"""Bytes of a leaf of every subtree that has records."""

_WORD_BYTES: Final = 4
_ELEMENT_BYTES: Final = 8
_HEAD: Final = Struct("<4s4I32s32s20s")
_NUMBER: Final = Struct("<I")
_LEAF_HEAD: Final = Struct("<2I")
_UINT_BITS: Final = 256


class ExitCode(IntEnum):
    """How the batch guest ends; only OK can be proven."""

    OK = 0
    TAPE_ENDS = 1  # of the native run; the guest traps
    BAD_WITNESS = 2
    TRAP = 3  # a hint was wrong
    OUT_OF_MEMORY = 4
    MISSING_LEAF = 5
    REFUSED_ENVELOPE = 6
    NOT_ONE_BATCH = 7
    LIMIT = 8


class DaMode(IntEnum):
    """Where the data behind a state root is: word 24 of the public output."""

    VALIDIUM = 0
    ROLLUP = 1


class WitnessFault(IntEnum):
    """Why bytes are no witness, or a batch has none."""

    TRUNCATED = 1
    TOO_LONG = 2
    MAGIC = 3
    VERSION = 4
    STATEMENT = 5
    LIMIT = 6
    LEAF_ORDER = 7
    LEAF_RANGE = 8
    NOT_CANONICAL = 9
    PADDING = 10
    ENVELOPE = 11
    NO_RUN = 12


class WitnessError(ValueError):
    """Bytes are no witness, or no witness can be made; `fault` tells which rule is broken."""

    def __init__(self, fault: WitnessFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Statement:
    """What the gateway knows and the state does not.

    Attributes
    ----------
    l1_chain_id, chain_id
        Below 2^256.
    gateway
        Address of the gateway, 20 bytes.
    da_mode
        Whether the output commits to a state diff.
    """

    l1_chain_id: int
    chain_id: int
    gateway: bytes
    da_mode: DaMode = DaMode.VALIDIUM


@dataclass(frozen=True, slots=True)
class Opening:
    """The part of one subtree that a run needs.

    Attributes
    ----------
    leaves
        Number and bytes before the run of each leaf that the run reaches, ascending.
    root
        32 bytes: root of a subtree without such leaves; else empty.
    siblings
        Digests of 32 bytes each, in the order in which a walk, left before right, needs them.
    """

    leaves: tuple[tuple[int, bytes], ...]
    root: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Witness:
    """Everything that the batch guest reads.

    Attributes
    ----------
    statement
        Where the public output is to hold.
    openings
        One for each subtree, in order.
    hints
        Below 2^32 each, in the order of use.
    envelopes
        The batch, in order; the last one seals it.
    """

    statement: Statement
    openings: tuple[Opening, ...]
    hints: tuple[int, ...]
    envelopes: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the encoding.

        Raises
        ------
        WitnessError
            If it would not decode.
        """
        encoded = self.to_bytes_unchecked()
        Witness.from_bytes(encoded)
        return encoded

    def to_bytes_unchecked(self) -> bytes:
        """Return the encoding of a witness that may be wrong: what a dishonest prover hands in.

        Raises
        ------
        ValueError, struct.error
            If an integer does not fit its field.
        """
        statement = self.statement
        parts = [
            _HEAD.pack(
                MAGIC,
                VERSION,
                len(self.hints),
                len(self.envelopes),
                statement.da_mode,
                statement.l1_chain_id.to_bytes(DIGEST_BYTES, "big"),
                statement.chain_id.to_bytes(DIGEST_BYTES, "big"),
                statement.gateway,
            )
        ]
        for opening in self.openings:
            parts += [_NUMBER.pack(len(opening.leaves)), opening.root]
            for number, data in opening.leaves:
                used = _used_words(data)
                parts += [_LEAF_HEAD.pack(number, used), data[: used * _ELEMENT_BYTES]]
        parts += [_NUMBER.pack(hint) for hint in self.hints]
        parts.append(encode_envelopes(self.envelopes))
        parts += [sibling for opening in self.openings for sibling in opening.siblings]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Witness:
        """Parse an encoding.

        Raises
        ------
        WitnessError
            If the bytes are not what :meth:`to_bytes` gives for some witness.
        """
        if len(data) > WITNESS_BYTES_MAX:
            raise WitnessError(WitnessFault.TOO_LONG, f"more than {WITNESS_BYTES_MAX} bytes")
        too_short = WitnessError(WitnessFault.TRUNCATED, "the witness ends too early")
        reader = ByteReader(data, "little", too_short)
        magic, version, hint_count, envelope_count, *stated = _HEAD.unpack(reader.take(_HEAD.size))
        if magic != MAGIC:
            raise WitnessError(WitnessFault.MAGIC, "the bytes do not begin with HRwt")
        if version != VERSION:
            raise WitnessError(WitnessFault.VERSION, f"version {version} instead of {VERSION}")
        statement = _statement(*stated)
        if hint_count > HINTS_MAX:
            raise WitnessError(WitnessFault.LIMIT, f"{hint_count} hints exceed {HINTS_MAX}")
        if not 1 <= envelope_count <= ENVELOPES_MAX:
            raise WitnessError(
                WitnessFault.LIMIT, f"{envelope_count} envelopes, not 1 to {ENVELOPES_MAX}"
            )
        opened = [_opening(reader, subtree) for subtree in Subtree]
        hints = unpack(f"<{hint_count}I", reader.take(_WORD_BYTES * hint_count))
        envelopes = tuple(_envelope(reader) for _ in range(envelope_count))
        openings = tuple(
            Opening(leaves, root, tuple(_siblings(reader, subtree, leaves)))
            for subtree, (leaves, root) in zip(Subtree, opened, strict=True)
        )
        if not reader.is_done:
            raise WitnessError(WitnessFault.TOO_LONG, "something follows the last sibling")
        return cls(statement, openings, hints, envelopes)


def encode_envelopes(envelopes: Sequence[bytes]) -> bytes:
    """Return envelopes as the witness holds them: length, bytes, zeros up to a whole word."""
    parts: list[bytes] = []
    for envelope in envelopes:
        parts += [_NUMBER.pack(len(envelope)), envelope, bytes(-len(envelope) % _WORD_BYTES)]
    return b"".join(parts)


def sibling_count(subtree: Subtree, numbers: Sequence[int]) -> int:
    """Return how many digests lie beside the paths of ascending leaf numbers."""
    count, level = 0, list(numbers)
    for _ in range(SUBTREE_DEPTHS[subtree]):
        parents = sorted({number >> 1 for number in level})
        count += 2 * len(parents) - len(level)
        level = parents
    return count


def _used_words(leaf: bytes) -> int:
    return -(-len(leaf.rstrip(b"\x00")) // _ELEMENT_BYTES)


def _elements(reader: ByteReader, count_bytes: int) -> bytes:
    data = reader.take(count_bytes)
    words = unpack(f"<{count_bytes // _ELEMENT_BYTES}Q", data)
    if any(word >= GOLDILOCKS_P for word in words):
        raise WitnessError(WitnessFault.NOT_CANONICAL, "a word is not below the field's modulus")
    return data


def _statement(da_mode: int, l1_chain_id: bytes, chain_id: bytes, gateway: bytes) -> Statement:
    if da_mode not in set(map(int, DaMode)):
        raise WitnessError(WitnessFault.STATEMENT, f"there is no data mode {da_mode}")
    return Statement(
        int.from_bytes(l1_chain_id, "big"),
        int.from_bytes(chain_id, "big"),
        gateway,
        DaMode(da_mode),
    )


def _opening(reader: ByteReader, subtree: Subtree) -> tuple[tuple[tuple[int, bytes], ...], bytes]:
    count = reader.number()
    if count == 0:
        return (), _elements(reader, DIGEST_BYTES)
    limit = 1 << SUBTREE_DEPTHS[subtree]
    if subtree not in LEAF_SIZES or count > min(limit, LEAVES_MAX):
        raise WitnessError(WitnessFault.LIMIT, f"{count} leaves in subtree {subtree.name}")
    leaves: list[tuple[int, bytes]] = []
    for _ in range(count):
        number, used = _LEAF_HEAD.unpack(reader.take(_LEAF_HEAD.size))
        if leaves and number <= leaves[-1][0]:
            raise WitnessError(WitnessFault.LEAF_ORDER, f"{subtree.name}: leaves do not ascend")
        if number >= limit:
            raise WitnessError(WitnessFault.LEAF_RANGE, f"{subtree.name} has no leaf {number}")
        if used * _ELEMENT_BYTES > LEAF_SIZES[subtree]:
            raise WitnessError(WitnessFault.LEAF_RANGE, f"{subtree.name}: a leaf of {used} words")
        data = _elements(reader, used * _ELEMENT_BYTES)
        if used != _used_words(data):
            raise WitnessError(WitnessFault.PADDING, f"{subtree.name}: a leaf ends with zeros")
        leaves.append((number, data.ljust(LEAF_SIZES[subtree], b"\x00")))
    return tuple(leaves), b""


def _envelope(reader: ByteReader) -> bytes:
    length = reader.number()
    if length > ENVELOPE_MAX_BYTES:
        raise WitnessError(WitnessFault.ENVELOPE, f"an envelope of {length} bytes")
    envelope = reader.take(length)
    if any(reader.take(-length % _WORD_BYTES)):
        raise WitnessError(WitnessFault.PADDING, "the padding of an envelope is not zero")
    return envelope


def _siblings(
    reader: ByteReader, subtree: Subtree, leaves: Sequence[tuple[int, bytes]]
) -> Iterator[bytes]:
    for _ in range(sibling_count(subtree, [number for number, _ in leaves])):
        yield _elements(reader, DIGEST_BYTES)


def check_statement(statement: Statement) -> None:
    """Refuse a statement that does not fit its fields.

    Raises
    ------
    WitnessError
        STATEMENT.
    """
    fits = all(
        0 <= number < 1 << _UINT_BITS for number in (statement.l1_chain_id, statement.chain_id)
    )
    if not fits or len(statement.gateway) != ADDRESS_BYTES:
        raise WitnessError(
            WitnessFault.STATEMENT, "chain ids are below 2^256 and the gateway has 20 bytes"
        )
