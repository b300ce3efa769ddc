"""Where a proof may be divided for verification on L1, and where it is best divided.

A part ends after a row or a tree, among the FRI layers after a layer. What a part leaves to the
next one comes back as calldata: among other things the digests of rows whose tree is not finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Final

from offchain.air.machine import TABLES
from offchain.verifier.fiat_shamir import draw_challenges
from offchain.verifier.merkle import SALT_WORDS
from offchain.verifier.proof_format import Proof, decode
from offchain.verifier.transcript import DIGEST_BYTES
from offchain.verifier.verify import class_widths

MAX_PART_BYTES: Final = 120_000
"""Of a transaction's calldata: nodes' mempools refuse transactions above 128 KiB."""
RUN_BYTES: Final = 7_400
"""Bound on what a part's calldata holds besides the proof's bytes and digests: the run's ABI
encoding, the final polynomial or padding, selectors, offsets and lengths."""

MAX_DATA_BYTES: Final = 114_688
"""Of the proof's bytes in one part, as in contracts/verifier/proof_format.vy."""
MAX_BEGIN_BYTES: Final = 98_304
"""Of the proof's bytes in the first part, as there."""
MAX_OUTPUT_BYTES: Final = 8_192
"""Of a public output, as in contracts/verifier/proof_format.vy."""
TRANSACTION_GAS: Final = 21_000

# Model of the gas, which decides between divisions into equally many parts.
_FLOOR_GAS_PER_BYTE: Final = 40
_EXECUTION_GAS_PER_BYTE: Final = 34  # with the 16 for the byte itself
_EXECUTION_GAS: Final = 700_000  # of a part, whatever its length
_BEGIN_EXECUTION_GAS: Final = 2_100_000  # of the first one besides
_TREE_GAS: Final = 100_000  # of a tree in a part, whatever its length
_CLASS_GAS: Final = 100_000  # of a class in a part
_WORD_BYTES: Final = 8
_OUTPUT_WORD_BYTES: Final = 4
_UNREACHABLE: Final = 1 << 30


class Call(Enum):
    """The function of StarkVerifier that takes a part."""

    BEGIN = "begin"
    OPEN = "open"
    FOLD = "fold"


@dataclass(frozen=True)
class Part:
    """Bytes `start` to `end` of the proof, and what takes them."""

    call: Call
    start: int
    end: int
    digests: int  # that come along, of rows read before of a tree that is not finished

    @property
    def calldata_bytes(self) -> int:
        """Bound on the transaction's calldata."""
        return self.end - self.start + DIGEST_BYTES * self.digests + RUN_BYTES

    @property
    def modelled_gas(self) -> int:
        """About what the transaction costs: its calldata, or more where it computes much."""
        execution_gas = _BEGIN_EXECUTION_GAS if self.call is Call.BEGIN else 0
        return TRANSACTION_GAS + int(_gas(self.calldata_bytes, execution_gas))


class ProofTooLargeError(Exception):
    """A piece of a proof that cannot be divided is too long for a transaction."""


@dataclass(frozen=True)
class _Cut:
    """A place where a part may end."""

    position: int
    step: int  # what comes next: a tree, from 4 on a FRI layer
    rows: int  # read of this tree before
    call: Call  # takes what precedes; OPEN stands for BEGIN, too
    next_call: Call  # takes what follows
    repeated_gas: int = 0  # for what is computed before it and behind it


def split(
    proof: bytes,
    program_id: bytes,
    max_part_bytes: int = MAX_PART_BYTES,
    resume_at: tuple[int, int] | None = None,
) -> list[Part]:
    """Divide a proof into as few parts as possible, and so that these cost little gas.

    Parameters
    ----------
    proof : bytes
        The proof file; only its head must be well formed.
    program_id : bytes
        32 bytes.
    max_part_bytes : int
        Of a transaction's calldata.
    resume_at : tuple of int, optional
        Step and number of digests of a run, which has read the proof so far; by default there is
        none.

    Returns
    -------
    list of Part
        Together the whole proof, or what the run has not read; if it is not as long as it should
        be, the last part is shorter or longer.

    Raises
    ------
    Rejected
        If the head is malformed.
    ProofTooLargeError
        If the output, the head or a FRI layer alone is longer than it may be in a transaction.
    """
    decoded = decode(proof)
    if _OUTPUT_WORD_BYTES * len(decoded.output) > MAX_OUTPUT_BYTES:
        raise ProofTooLargeError(
            f"the public output is longer than {MAX_OUTPUT_BYTES:,} bytes: write its hash instead"
        )
    cuts = _cuts(decoded, program_id, len(proof) - len(decoded.openings))
    if resume_at is not None:
        cuts = cuts[[(cut.step, cut.rows) for cut in cuts].index(resume_at) :]
    # To each cut: number of parts and gas, and the cut before it (-1: none).
    best: list[tuple[int, float, int]] = []
    for i, cut in enumerate(cuts):
        options = [(_UNREACHABLE, 0.0, -1)]
        if resume_at is not None and i == 0:
            options.append((0, 0.0, -1))
        is_begin = resume_at is None and cut.call is Call.OPEN and cut.position <= MAX_BEGIN_BYTES
        if is_begin and _fits(cut.position, max_part_bytes):
            options.append((1, _gas(cut.position, _BEGIN_EXECUTION_GAS), -1))
        for k in reversed(range(i)):
            last = cuts[k]
            size = cut.position - last.position + DIGEST_BYTES * last.rows
            if last.next_call is cut.call and _fits(size, max_part_bytes):
                count, gas, _ = best[k]
                options.append((count + 1, gas + _gas(size, last.repeated_gas), k))
        best.append(min(options))
    if best[-1][0] >= _UNREACHABLE:
        raise ProofTooLargeError(
            f"a piece of the proof does not fit into {max_part_bytes} bytes: prove with the "
            "profile settle-compact, or divide the run into shorter ones"
        )
    taken = [len(cuts) - 1]
    while (before := best[taken[0]][2]) >= 0:
        taken.insert(0, before)
    ends = [cuts[i] for i in taken]
    parts = [] if resume_at else [Part(Call.BEGIN, 0, ends[0].position, 0)]
    parts += [Part(b.call, a.position, b.position, a.rows) for a, b in pairwise(ends)]
    if parts:
        # What is missing or too much is for the last part to find out.
        parts[-1] = replace(parts[-1], end=max(len(proof), parts[-1].start))
    return parts


def _fits(size: int, max_part_bytes: int) -> bool:
    return size + RUN_BYTES <= max_part_bytes


def _gas(calldata_bytes: int, execution_gas: int = 0) -> float:
    execution_gas += _EXECUTION_GAS + _EXECUTION_GAS_PER_BYTE * calldata_bytes
    return max(_FLOOR_GAS_PER_BYTE * calldata_bytes, execution_gas)


def _cuts(proof: Proof, program_id: bytes, head_bytes: int) -> list[_Cut]:
    """List the places where a part may end, in the order of the bytes."""
    places = draw_challenges(proof, program_id).places
    log_size = proof.log_n + proof.parameters.log_blowup
    position = head_bytes
    cuts = [_Cut(position, 0, 0, Call.OPEN, Call.OPEN)]
    trees = class_widths(proof, TABLES)
    for tree, (name, widths) in enumerate(trees.items()):
        salt_words = 0 if name == "preprocessed" else SALT_WORDS
        rows = 0
        for log_rows in sorted(widths, reverse=True):
            class_end = rows + len({place >> log_size - log_rows for place in places})
            while rows < class_end:
                position += _WORD_BYTES * (salt_words + widths[log_rows])
                rows += 1
                gas = _TREE_GAS + (_CLASS_GAS if rows < class_end else 0)
                cuts.append(_Cut(position, tree, rows, Call.OPEN, Call.OPEN, gas))
        position += DIGEST_BYTES * _sibling_count(places, log_size, max(widths))
        next_call = Call.OPEN if tree + 1 < len(trees) else Call.FOLD
        cuts.append(_Cut(position, tree + 1, 0, Call.OPEN, next_call))
    for layer, fold_log in enumerate(proof.parameters.fold_logs(proof.log_n)):
        log_size -= fold_log
        places = sorted({place >> fold_log for place in places})
        position += len(places) * 3 * _WORD_BYTES << fold_log
        position += DIGEST_BYTES * _sibling_count(places, log_size, log_size)
        cuts.append(_Cut(position, len(trees) + layer + 1, 0, Call.FOLD, Call.FOLD))
    return cuts


def _sibling_count(places: Sequence[int], log_size: int, log_leaves: int) -> int:
    """Count the digests of a multiproof: children that are on no path, of parents that are."""
    count = 0
    for level in range(log_size - log_leaves, log_size):
        children = {place >> level for place in places}
        count += 2 * len({child >> 1 for child in children}) - len(children)
    return count
