"""The prover's transcript: every message in, every challenge out.

Written apart from the verifier's on purpose: a test compares them challenge by challenge. The
definition is in docs/spec/proof-system.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from eth_hash.auto import keccak

from offchain.prover.hash_suites import HashSuite, message_digest, words_of
from offchain.prover.reference import Ext, P

LABEL_BYTES = 8
STATE_BYTES = 32


def elements_bytes(elements: Iterable[int]) -> bytes:
    """Field elements as the protocol writes them: 8 bytes each, big-endian."""
    return b"".join(int(element).to_bytes(8, "big") for element in elements)


class ProverTranscript:
    """Fiat-Shamir by a hash chain.

    Parameters
    ----------
    suite : HashSuite
        Poseidon2 takes absorbed data as 4-byte words, one element each.

    Attributes
    ----------
    challenges : list of tuple
        Label and value of all that was drawn, in order.
    """

    def __init__(self, suite: HashSuite) -> None:
        self._suite = suite
        self._state = bytes(STATE_BYTES)
        self.challenges: list[tuple[str, tuple[int, ...]]] = []

    @property
    def state(self) -> bytes:
        """Digest of all that was absorbed."""
        return self._state

    def absorb(self, label: str, data: bytes) -> None:
        """Bind a message."""
        length = len(data).to_bytes(8, "big")
        if self._suite == HashSuite.POSEIDON2:
            padded = data + bytes(-len(data) % 4)
            words = [padded[at : at + 4] for at in range(0, len(padded), 4)]
            data = b"".join(word.rjust(8, b"\0") for word in words)
        self._state = self._hash(b"HRabsorb" + _padded(label) + self._state + length + data)

    def draw_element(self, label: str) -> Ext:
        """Draw an element of the extension."""
        blocks = self._draw(label, 2)
        limbs = [int.from_bytes(blocks[at : at + 16], "big") % P for at in (0, 16, 32)]
        self.challenges.append((label, tuple(limbs)))
        return limbs[0], limbs[1], limbs[2]

    def draw_indices(self, label: str, count: int, bound: int) -> list[int]:
        """Draw `count` indices below `bound`, a power of two, with repetition."""
        blocks = self._draw(label, -(-count // 4))
        words = [int.from_bytes(blocks[8 * i : 8 * i + 8], "big") for i in range(count)]
        indices = [word % bound for word in words]
        self.challenges.append((label, tuple(indices)))
        return indices

    def _draw(self, label: str, blocks: int) -> bytes:
        self._state = self._hash(b"HRdraw00" + _padded(label) + self._state)
        return b"".join(
            self._hash(b"HRblock0" + self._state + j.to_bytes(8, "big")) for j in range(blocks)
        )

    def _hash(self, message: bytes) -> bytes:
        if self._suite == HashSuite.KECCAK256:
            return keccak(message)
        return message_digest(self._suite, message[:LABEL_BYTES], words_of(message[LABEL_BYTES:]))


def _padded(label: str) -> bytes:
    encoded = label.encode("ascii")
    if len(encoded) > LABEL_BYTES:
        raise ValueError(f"label {label!r} is longer than {LABEL_BYTES} bytes")
    return encoded.ljust(LABEL_BYTES, b"\0")
