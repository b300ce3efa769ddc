"""Openings of Merkle trees in which matrices of several heights meet."""

from collections.abc import Iterable, Mapping
from typing import Final

from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import message_digest

SALT_WORDS: Final = 2
Rows = dict[int, dict[int, tuple[int, ...]]]
"""Opened rows without salt, by log2 of the class's row count, then by row number."""


def read_rows(
    reader: Reader,
    root: bytes,
    widths: Mapping[int, int],
    salt_words: int,
    indices: Iterable[int],
    reason: Reason,
    detail: str = "",
) -> Rows:
    """Read the rows at `indices`, each modulo the row count of its class, and check the root.

    Layer m holds m digests; parent k of layer m/2 has the children k and k + m/2. The rows of the
    highest class are the leaves; where a lower class has as many rows as a layer has digests, the
    digest of row k goes into node k.

    Parameters
    ----------
    reader
        Stands at the tree's rows.
    widths
        By log2 of a class's row count: words per row, without salt.
    reason, detail
        With what to reject rows that do not hash to the root.
    """
    rows: Rows = {}
    digests: dict[int, dict[int, bytes]] = {}
    for log_rows in sorted(widths, reverse=True):
        rows[log_rows], digests[log_rows] = {}, {}
        for row in sorted({index % (1 << log_rows) for index in indices}):
            words = reader.words(salt_words + widths[log_rows])
            rows[log_rows][row] = words[salt_words:]
            message = b"HRleaf01" + b"".join(word.to_bytes(8, "big") for word in words)
            digests[log_rows][row] = message_digest(reader.suite, message)
    log_size = max(widths)
    layer = digests[log_size]
    for log_parents in reversed(range(log_size)):
        entering = digests.get(log_parents, {})
        parents: dict[int, bytes] = {}
        for parent in sorted({index % (1 << log_parents) for index in layer}):
            # A child that is on no queried path comes from the proof.
            children = b"".join(
                layer[child] if child in layer else reader.digest()
                for child in (parent, parent + (1 << log_parents))
            )
            tag = b"HRinje01" if entering else b"HRnode01"
            message = tag + children + entering.get(parent, b"")
            parents[parent] = message_digest(reader.suite, message)
        layer = parents
    if layer[0] != root:
        raise Rejected(reason, detail)
    return rows
