"""Hashes, and the transcript that turns them into challenges."""

import struct
from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from offchain.security.parameters import KECCAK256
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import Element

DIGEST_BYTES: Final = 32


def message_digest(suite: int, message: bytes) -> bytes:
    """Hash an 8-byte tag and 8-byte words; with Poseidon2 the words must be below p.

    keccak256 takes the bytes; Poseidon2 is the sponge of the specification, the tag its domain.
    """
    if suite == KECCAK256:
        return bytes(keccak(message))
    from offchain.spec.poseidon2 import hash_words  # only proofs for guests need it

    tag, *words = struct.unpack(f">{len(message) // 8}Q", message)
    return struct.pack(">4Q", *hash_words(tag, words))


class Transcript:
    """A 32-byte state that absorbs what the prover says; `challenges` lists all that it drew."""

    def __init__(self, suite: int) -> None:
        self._suite = suite
        self._state = bytes(DIGEST_BYTES)
        self.challenges: list[tuple[str, tuple[int, ...]]] = []

    @property
    def state(self) -> bytes:
        """The 32 bytes from which everything later follows."""
        return self._state

    def absorb(self, label: str, data: bytes) -> None:
        """Bind all later challenges to `data`; its length comes first, so nothing can be moved.

        Poseidon2 takes the data as 4-byte words, which are below p whatever they are.
        """
        length = len(data).to_bytes(8, "big")
        if self._suite != KECCAK256:
            padded = data + bytes(-len(data) % 4)
            data = b"".join(bytes(4) + padded[i : i + 4] for i in range(0, len(padded), 4))
        message = b"HRabsorb" + _padded(label) + self._state + length + data
        self._state = message_digest(self._suite, message)

    def draw_element(self, label: str) -> Element:
        """Draw an element of F: 128 bits per coefficient, so uniform up to 2^-64."""
        blocks = self._blocks(label, 2)
        limbs = (int.from_bytes(blocks[i : i + 16], "big") % P for i in (0, 16, 32))
        self.challenges.append((label, element := Element(*limbs)))
        return element

    def draw_indices(self, label: str, count: int, size: int) -> list[int]:
        """Draw `count` indices below `size`, a power of two, with repetition."""
        blocks = self._blocks(label, -(-count // 4))
        words = struct.unpack(f">{count}Q", blocks[: 8 * count])
        indices = [word % size for word in words]
        self.challenges.append((label, tuple(indices)))
        return indices

    def is_ground(self, nonce: int, bits: int) -> bool:
        """Tell whether the nonce is a proof-of-work for the present state."""
        if self._suite != KECCAK256 and nonce >= P:
            return False
        message = b"HRgrind0" + self._state + nonce.to_bytes(8, "big")
        return int.from_bytes(message_digest(self._suite, message), "big") >> (256 - bits) == 0

    def _blocks(self, label: str, count: int) -> bytes:
        self._state = message_digest(self._suite, b"HRdraw00" + _padded(label) + self._state)
        prefix = b"HRblock0" + self._state
        return b"".join(
            message_digest(self._suite, prefix + j.to_bytes(8, "big")) for j in range(count)
        )


def _padded(label: str) -> bytes:
    return label.encode().ljust(8, b"\0")


def element_bytes(elements: Sequence[tuple[int, int, int]]) -> bytes:
    """Elements of F as bytes, 8 per coefficient, constant first."""
    return b"".join(struct.pack(">3Q", *element) for element in elements)
