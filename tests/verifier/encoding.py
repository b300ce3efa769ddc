"""Writer of proofs and openings, to change a decoded proof and read it again."""

import struct
from collections.abc import Iterable, Sequence

from offchain.verifier.proof_format import MAGIC, Proof
from offchain.verifier.transcript import element_bytes


def encode(proof: Proof) -> bytes:
    """Write a proof."""
    counts = (proof.parameters.number, len(proof.log_heights), *proof.log_heights)
    return b"".join((
        *(MAGIC, bytes(counts)),
        struct.pack(f">I{len(proof.output)}I", len(proof.output), *proof.output),
        *(struct.pack(">I", proof.entry_pc), proof.preprocessed_root),
        *(bytes(proof.preprocessed_log_heights), proof.main_root, proof.aux_root),
        *(proof.quotient_root, element_bytes(proof.out_of_domain), *proof.fri_roots),
        *(element_bytes(proof.final), struct.pack(">Q", proof.nonce), proof.openings),
    ))  # fmt: skip


def encode_opening(rows: Iterable[Sequence[int]], siblings: Iterable[bytes]) -> bytes:
    """Write what one tree opens: the rows of all classes, each with its salt, then digests."""
    return b"".join((*(struct.pack(f">{len(row)}Q", *row) for row in rows), *siblings))
