"""From sealed batches to witnesses.

Two cores follow the chain. One runs ahead through the batch and writes down the hints that it used;
the other stays in the state before it, and gives the leaves that the run reaches and the digests
beside their paths.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offchain.core.binding import Core
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import Subtree
from offchain.witness.format import (
    HINTS_MAX,
    ExitCode,
    Opening,
    Statement,
    Witness,
    WitnessError,
    WitnessFault,
    check_statement,
    encode_envelopes,
)
from offchain.witness.native import find_leaves


class WitnessBuilder:
    """Makes the witness of one batch after the other.

    Parameters
    ----------
    behind, ahead : Core
        Two cores in the same state, that before the first batch. The builder owns them from then
        on: after each batch both are in the state after it.
    """

    def __init__(self, behind: Core, ahead: Core) -> None:
        self._behind = behind
        self._ahead = ahead

    @classmethod
    def at_genesis(cls, config_hash: bytes, governance: bytes) -> WitnessBuilder:
        """Begin with the first batch of a chain.

        Parameters
        ----------
        config_hash, governance
            As of :class:`~offchain.core.binding.Core`.
        """
        return cls(Core(config_hash, governance), Core(config_hash, governance))

    @property
    def after(self) -> Core:
        """A core in the state after the last batch, to be read alone."""
        return self._behind

    def build(self, statement: Statement, envelopes: Sequence[bytes]) -> Witness:
        """Return the witness of the next batch and follow it.

        Parameters
        ----------
        statement
            Where the public output is to hold.
        envelopes
            All envelopes of the batch, in order, as the sequencer sealed them.

        Raises
        ------
        WitnessError
            STATEMENT, or NO_RUN if an envelope is refused: the builder's cores are then of no use
            any more.
        TrapError
            If the batch needs more than `HINTS_MAX` hints.
        """
        check_statement(statement)
        self._ahead.record_hints(HINTS_MAX)
        _apply(self._ahead, envelopes)
        hints = self._ahead.recorded_hints()
        self._behind.root()  # brings its tree up to date
        code, numbers = find_leaves(
            self._behind.leaf_reader, self._behind.handle, hints, encode_envelopes(envelopes)
        )
        if code != ExitCode.OK:
            raise WitnessError(WitnessFault.NO_RUN, f"the batch program ends with {code.name}")
        openings = tuple(self._open(subtree, numbers[subtree]) for subtree in Subtree)
        _apply(self._behind, envelopes)
        return Witness(statement, openings, tuple(hints.tolist()), tuple(envelopes))

    def _open(self, subtree: Subtree, numbers: list[int]) -> Opening:
        if not numbers:
            return Opening((), self._behind.subtree_root(subtree), ())
        leaves = tuple((number, self._behind.leaf(subtree, number)) for number in numbers)
        siblings = self._behind.siblings(subtree, np.array(numbers, np.uint32))
        return Opening(leaves, b"", tuple(siblings))


def _apply(core: Core, envelopes: Sequence[bytes]) -> None:
    for number, envelope in enumerate(envelopes):
        code, _ = core.apply_envelope(envelope)
        if code != ErrorCode.OK:
            raise WitnessError(
                WitnessFault.NO_RUN, f"envelope {number} is refused with {code.name}"
            )
