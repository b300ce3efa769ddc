"""The batch prover: takes sealed batches in order and proves each under one or more profiles.

`fast` first, as a pre-confirmation for whoever trusts 100 bits and no chain; `settle` for L1. A
proof runs in an executor that the caller chooses: one process on one machine, or a pool over many.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Final

import numpy as np

from offchain.engine.batch import SealedBatch
from offchain.engine.sequencer import CongestedError
from offchain.proving.account_files import AccountFiles
from offchain.proving.program import BatchProof, program_id, prove_witness
from offchain.proving.store import ProofStore
from offchain.security.parameters import FAST, SETTLE
from offchain.spec.envelope import Envelope, decode
from offchain.spec.kinds import OpKind
from offchain.verifier.rejection import Rejected
from offchain.verifier.verify import verify
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement
from offchain.witness.native import run_witness

# What a user may always do: it takes risk off the book.
_CANCELS: Final = frozenset(
    {OpKind.CANCEL, OpKind.CANCEL_BY_CLIENT_ID, OpKind.CANCEL_ALL, OpKind.SCHEDULE_CANCEL}
)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far proofs for L1 are behind.

    Attributes
    ----------
    batches : int
        Taken, but without a proof for L1.
    oldest_s : float
        Since the oldest of them was taken, in seconds; 0 if there is none.
    """

    batches: int
    oldest_s: float


class BatchProver:
    """Proves one chain's batches.

    Parameters
    ----------
    builder : WitnessBuilder
        In the state before the first batch that it will be given.
    statement : Statement
        Where the public outputs hold.
    store : ProofStore
        What stands there already is not proven again.
    executor : Executor
        Runs proofs; one worker keeps two cores busy.
    profiles : sequence of str
        In the order in which a batch is proven; the last one is the one for L1.
    account_files : AccountFiles, optional
        Writes every batch's files for the owners of accounts; of a chain whose data is not public.

    Attributes
    ----------
    taken : int
        Number of batches taken so far.
    """

    def __init__(
        self,
        builder: WitnessBuilder,
        statement: Statement,
        store: ProofStore,
        executor: Executor,
        profiles: Sequence[str] = (FAST.name, SETTLE.name),
        account_files: AccountFiles | None = None,
    ) -> None:
        self._account_files = account_files
        self._builder = builder
        self._statement = statement
        self._store = store
        self._executor = executor
        self._profiles = tuple(profiles)
        # Not in the store yet, or failed; what is proven is read from the store.
        self._pending: dict[tuple[int, str], Future[BatchProof]] = {}
        self._waiting_s: dict[int, float] = {}  # without a proof for L1, and since when
        self.taken = 0

    def take(self, batch: SealedBatch) -> None:
        """Take the next sealed batch and have it proven.

        Raises
        ------
        WitnessError
            If it does not follow on the batch before.
        """
        built = self._builder.build(self._statement, batch.envelopes)
        if self._account_files is not None:
            self._account_files.take(batch.number, built)
        witness = built.to_bytes()
        self._store.write_witness(batch.number, witness)
        self._waiting_s[batch.number] = time.monotonic()
        self.taken += 1
        for profile in self._profiles:
            if self._is_kept(batch.number, profile, witness):
                self._done(batch.number, profile)
            else:
                future = self._executor.submit(prove_witness, witness, profile)
                self._pending[batch.number, profile] = future
                future.add_done_callback(self._keeper(batch.number, profile))

    def proof(self, batch: int, profile: str) -> BatchProof:
        """Return the proof of a batch that was taken, waiting for it if need be.

        Raises
        ------
        KeyError
            If the batch is not proven under this profile.
        NotProvableError, TableTooHighError
            As :func:`offchain.proving.program.prove_witness`.
        """
        future = self._pending.get((batch, profile))
        if future is not None:
            return future.result()
        proof = self._store.read_proof(batch, profile)
        if proof is None:
            raise KeyError((batch, profile))
        return proof

    def lag(self) -> Lag:
        """Return how far proofs for L1 are behind."""
        waiting_s = [*self._waiting_s.values()]
        oldest_s = time.monotonic() - waiting_s[0] if waiting_s else 0.0
        return Lag(len(waiting_s), oldest_s)

    def _is_kept(self, batch: int, profile: str, witness: bytes) -> bool:
        """Return whether the store holds a proof of this very batch that is right."""
        proof = self._store.read_proof(batch, profile)
        if proof is None:
            return False
        output = np.frombuffer(run_witness(witness).output, ">u4")
        try:
            verify(proof.data, program_id(profile), output.tolist())
        except Rejected:
            return False
        return True

    def _done(self, batch: int, profile: str) -> None:
        if profile == self._profiles[-1]:
            del self._waiting_s[batch]

    def _keeper(self, batch: int, profile: str) -> Callable[[Future[BatchProof]], None]:
        def keep(future: Future[BatchProof]) -> None:
            if not future.cancelled() and future.exception() is None:
                self._store.write_proof(batch, profile, future.result())
                del self._pending[batch, profile]
                self._done(batch, profile)

        return keep


@dataclass(frozen=True, slots=True)
class BackPressure:
    """Admission hook of the sequencer: while proofs lag, users can only cancel.

    Attributes
    ----------
    prover : BatchProver
    batches_max : int
        Batches without a proof for L1 above which new risk is refused.
    """

    prover: BatchProver
    batches_max: int

    def __call__(self, envelope: Envelope) -> None:
        """Refuse an envelope that does more than cancel.

        Raises
        ------
        CongestedError
            With what to do.
        """
        lag = self.prover.lag()
        if lag.batches > self.batches_max and not _only_cancels(envelope):
            raise CongestedError(
                f"proofs are {lag.batches} batches behind ({lag.oldest_s:.0f} s): only cancels "
                "are taken until they catch up; send the order again later"
            )


def _only_cancels(envelope: Envelope) -> bool:
    return all(data[0] in _CANCELS for data in decode(envelope.to_bytes()).ops)
