"""All challenges of a proof, drawn in the order of the protocol.

Everything that the prover says before a challenge is absorbed before it is drawn, so the head of a
proof fixes them all; the checks come after.
"""

import struct
from dataclasses import dataclass

from offchain.verifier.field import Element
from offchain.verifier.proof_format import Proof
from offchain.verifier.transcript import Transcript, element_bytes

Challenges = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Drawn:
    """Challenges in the order of the protocol, and what the proof-of-work says."""

    gamma: Element
    beta: Element
    alpha: Element
    zeta: Element
    batch: Element  # "lambda"
    folds: tuple[Element, ...]
    is_ground: bool
    proof_id: bytes  # state after the nonce, which binds all that a proof says but its openings
    queries: tuple[int, ...]  # with repetition
    labelled: Challenges  # all of them, for comparison with another implementation

    @property
    def places(self) -> list[int]:
        """Queried places of the evaluation domain, ascending, each once."""
        return sorted({*self.queries})


def draw_challenges(proof: Proof, program_id: bytes) -> Drawn:
    """Draw the challenges of a decoded proof, whether it is valid or not."""
    parameters = proof.parameters
    transcript = Transcript(parameters.hash_suite)
    ids = parameters.parameters_id + program_id
    transcript.absorb("protocol", b"headrace/stark/v1" + ids)
    count = len(proof.output)
    transcript.absorb("output", struct.pack(f">Q{count}I", count, *proof.output))
    transcript.absorb("heights", bytes(proof.log_heights))

    transcript.absorb("main", proof.main_root)
    gamma, beta = transcript.draw_element("gamma"), transcript.draw_element("beta")
    transcript.absorb("aux", proof.aux_root)
    alpha = transcript.draw_element("alpha")
    transcript.absorb("quotient", proof.quotient_root)
    zeta = transcript.draw_element("zeta")
    transcript.absorb("openings", element_bytes(proof.out_of_domain))
    batch = transcript.draw_element("lambda")

    folds = []
    for root in proof.fri_roots:
        transcript.absorb("fri", root)
        folds.append(transcript.draw_element("fold"))
    transcript.absorb("final", element_bytes(proof.final))
    is_ground = transcript.is_ground(proof.nonce, parameters.grinding_bits)
    transcript.absorb("nonce", proof.nonce.to_bytes(8, "big"))
    proof_id = transcript.state
    size = 1 << proof.log_n + parameters.log_blowup
    queries = transcript.draw_indices("queries", parameters.queries, size)
    return Drawn(
        *(gamma, beta, alpha, zeta, batch, tuple(folds), is_ground, proof_id, tuple(queries)),
        labelled=tuple(transcript.challenges),
    )
