"""Where the facts come from that L1 asks for before it settles: proofs, or the operator's word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from offchain.engine.batch import SealedBatch
from offchain.settlement.attestation import attest
from offchain.settlement.devnet import (
    ATTESTED_FACTS,
    ATTESTED_PARAMETERS_ID,
    ATTESTED_PROGRAM_ID,
)
from offchain.settlement.l1 import L1Client
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.verifier_client import Verification, VerifierClient, claim


class FactSourceError(Exception):
    """No fact can be had for these batches; the message says why."""


class FactSource(Protocol):
    """Makes facts about public outputs true on L1."""

    def establish(self, batches: Sequence[SealedBatch], output: PublicOutput) -> None:
        """Make the fact that `output` follows from `batches` true on L1.

        Raises
        ------
        FactSourceError
            If there is no such fact to be had.
        """


@dataclass(frozen=True, slots=True)
class AttestedFacts:
    """The operator signs: nothing is proven. For local networks only.

    Attributes
    ----------
    l1 : L1Client
        Its first account pays.
    address : str
        Of the contract AttestedFacts.
    operator_key : bytes
        secp256k1 key, 32 bytes.
    """

    l1: L1Client
    address: str
    operator_key: bytes

    def establish(self, batches: Sequence[SealedBatch], output: PublicOutput) -> None:
        """Sign the output and hand the signature to L1."""
        del batches
        self.l1.transact(
            ATTESTED_FACTS,
            self.address,
            "attest",
            ATTESTED_PROGRAM_ID,
            ATTESTED_PARAMETERS_ID,
            output.digest(),
            attest(output, self.operator_key),
        )


@dataclass(slots=True)
class ProvenFacts:
    """A proof of the batch program, verified by the contracts of the verifier.

    Attributes
    ----------
    client : VerifierClient
        Sends the parts of a proof.
    program_id : bytes
        Of the batch program under the profile of the proofs, 32 bytes.
    proof_of : callable
        The proof of a sealed batch for L1; it may wait until there is one.
    verifications : dict
        What L1 has accepted, by the number of the batch.
    """

    client: VerifierClient
    program_id: bytes
    proof_of: Callable[[SealedBatch], bytes]
    verifications: dict[int, Verification] = field(default_factory=dict)

    def establish(self, batches: Sequence[SealedBatch], output: PublicOutput) -> None:
        """Have the proof of the one batch verified on L1.

        Raises
        ------
        FactSourceError
            If there are several batches, or the proof is of another output.
        Rejected
            If the proof is wrong; nothing is sent.
        RefusedOnChainError, ProofTooLargeError, RunNotFoundError
            As :meth:`VerifierClient.verify`.
        """
        if len(batches) != 1:
            raise FactSourceError(f"a proof is of one batch, not of {len(batches)}: settle singly")
        proof = self.proof_of(batches[0])
        proven = claim(proof).output_hash
        if proven != output.digest():
            raise FactSourceError(
                f"the proof of batch {batches[0].number} states {proven.hex()}, "
                f"to be settled is {output.digest().hex()}"
            )
        self.verifications[batches[0].number] = self.client.verify(proof, self.program_id)
