"""Openings of Merkle trees in which matrices of several heights meet."""

from collections.abc import Iterable, Mapping
from typing import Final

from offchain.security.parameters import KECCAK256
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import message_digest

SALT_WORDS: Final = 2
Rows = dict[int, dict[int, tuple[int, ...]]]
"""Opened rows without salt, by log2 of the class's row count, then by place."""


def read_rows(
    reader: Reader,
    root: bytes,
    widths: Mapping[int, int],
    salt_words: int,
    places: Iterable[int],
    reason: Reason,
    detail: str = "",
) -> Rows:
    """Read the rows under the leaves at `places`, and check the root.

    Layer m holds m digests; parent k of layer m/2 has the children 2k and 2k + 1. The rows of the
    highest class are the leaves; where a lower class has as many rows as a layer has digests, the
    digest of row k goes into node k. Rows come class by class, from left to right. Then come the
    children that no leaf is opened under, in the order in which a walk needs them that hashes
    everything below a node before the node, on the left before on the right.

    Parameters
    ----------
    reader
        Stands at the tree's rows.
    widths
        By log2 of a class's row count: words per row, without salt.
    places
        Of the leaves, below 2 to the power of the largest log2 in `widths`.
    reason, detail
        With what to reject rows that do not hash to the root.
    """
    log_size = max(widths)
    paths = [{place >> level for place in places} for level in range(log_size + 1)]
    rows: Rows = {}
    digests: dict[int, dict[int, bytes]] = {}
    for log_rows in sorted(widths, reverse=True):
        rows[log_rows], digests[log_rows] = {}, {}
        for row in sorted(paths[log_size - log_rows]):
            words = reader.words(salt_words + widths[log_rows])
            rows[log_rows][row] = words[salt_words:]
            message = b"HRleaf01" + b"".join(word.to_bytes(8, "big") for word in words)
            digests[log_rows][row] = message_digest(reader.suite, message)

    def node(level: int, place: int) -> bytes:
        """Digest of a node above opened leaves, which are at level 0."""
        if level == 0:
            return digests[log_size][place]
        pair = (2 * place, 2 * place + 1)
        known = {child: node(level - 1, child) for child in pair if child in paths[level - 1]}
        children = b"".join(known.get(child) or reader.digest() for child in pair)
        row = digests.get(log_size - level, {}).get(place, b"")
        tag = b"HRinje01" if row else b"HRnode01"
        # With keccak256 a tag takes one word of the EVM.
        zeros = bytes(24) if reader.suite == KECCAK256 else b""
        return message_digest(reader.suite, tag + zeros + children + row)

    if node(log_size, 0) != root:
        raise Rejected(reason, detail)
    return rows
