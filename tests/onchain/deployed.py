"""The verifier's contracts deployed on an empty EVM, and proofs that are sent to them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from eth_utils import keccak

from offchain.settlement.proof_parts import (
    MAX_BEGIN_BYTES,
    MAX_DATA_BYTES,
    MAX_PART_BYTES,
    Call,
    Part,
    split,
)
from offchain.settlement.verifier_client import Run, claim, open_arguments, output_bytes
from offchain.settlement.verifier_deployment import EVALUATOR_PARTS
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Rejected
from tests.onchain.evm import DEPLOYER, Contract, Evm, Outcome, Reverted
from tests.prover.proofs import proof

TREES = 4


class Example:
    """A proof of an example guest, what it claims, and how it is divided into parts."""

    def __init__(self, guest: str, profile: str, max_part_bytes: int = MAX_PART_BYTES) -> None:
        self.data = proof(guest, profile).data
        self.claim = claim(self.data)
        self.parts = split(self.data, self.claim.program_id, max_part_bytes)
        self.head_bytes = len(self.data) - len(decode(self.data).openings)

    def bytes_of(self, part: Part) -> bytes:
        """Bytes of the proof that a part takes."""
        return self.data[part.start : part.end]

    def arguments(self, call: Call, run: Run | None, data: bytes) -> tuple[Any, ...]:
        """Arguments of a function; `run` is what the part before has published."""
        if call is Call.BEGIN:
            return self.claim.program_id, self.claim.output_hash, data
        assert run is not None
        if call is Call.OPEN:
            return open_arguments(self.claim.proof_id, run, data)
        return self.claim.proof_id, tuple(run), self.claim.final, data


def deploy_evaluator(evm: Evm) -> Contract:
    """Deploy the constraint evaluator and the contracts that it calls."""
    parts = [evm.deploy(name) for name in EVALUATOR_PARTS]
    hashes = [keccak(part.code) for part in parts]
    return evm.deploy("ConstraintEvaluator", *(part.address for part in parts), hashes)


class Verifier:
    """StarkVerifier and its three helpers."""

    def __init__(self) -> None:
        self.evm = Evm()
        self.helpers = [
            deploy_evaluator(self.evm),
            self.evm.deploy("OpeningsVerifier"),
            self.evm.deploy("FriVerifier"),
        ]
        hashes = [keccak(helper.code) for helper in self.helpers]
        self.entry = self.deploy_entry(hashes)

    def deploy_entry(self, code_hashes: list[bytes]) -> Contract:
        """Deploy an entry that expects helpers with these hashes of their code."""
        addresses = [helper.address for helper in self.helpers]
        return self.evm.deploy("StarkVerifier", *addresses, code_hashes)

    def send(
        self, example: Example, call: Call, run: Run | None, data: bytes, sender: str = DEPLOYER
    ) -> Outcome:
        """Send bytes as a part of the example's proof."""
        return self.entry.call(call.value, *example.arguments(call, run, data), sender=sender)

    def runs(self, example: Example, sender: str = DEPLOYER) -> Iterator[Run | None]:
        """Send part after part; yields the run before each of them, and None after the last."""
        run: Run | None = None
        for part in example.parts:
            yield run
            outcome = self.send(example, part.call, run, example.bytes_of(part), sender)
            run = run_after(outcome)
        yield run

    def run_before(self, example: Example, number: int, sender: str = DEPLOYER) -> Run | None:
        """Send all parts before one of them."""
        return next(islice(self.runs(example, sender), number, None))

    def is_fact(self, name: bytes) -> bool:
        """Tell whether a fact is recorded."""
        return bool(self.entry.call("is_fact", name).values[0])

    def run_hash(self, proof_id: bytes, sender: str = DEPLOYER) -> bytes:
        """What is stored of a sender's run; zero bytes if there is none."""
        return bytes(self.entry.call("run_hash", sender, proof_id).values[0])


def run_after(outcome: Outcome) -> Run | None:
    """Run that a part has published; None if it has verified the proof."""
    ((name, event),) = outcome.events
    assert name in {"RunAdvanced", "ProofVerified"}
    return Run(*event["run"]) if name == "RunAdvanced" else None


class Judge:
    """Lets the contracts judge changed proofs.

    What precedes the first changed part is not sent again: for every part the run of another
    sender, who has sent the honest proof so far, stands before it.
    """

    def __init__(self, honest: Example) -> None:
        self._honest = honest
        self._verifier = Verifier()
        self._senders = [f"0x{number + 1:040x}" for number in range(len(honest.parts))]
        self._runs = [
            self._verifier.run_before(honest, number, sender)
            for number, sender in enumerate(self._senders)
        ]

    def verdict(self, data: bytes, program_id: bytes, output_hash: bytes) -> str:
        """Reason with which a proof is refused, or "accepted"."""
        honest, head_bytes = self._honest, self._honest.head_bytes
        claimed = honest.claim.program_id, honest.claim.output_hash
        with self._verifier.evm.rolled_back():
            try:
                if (program_id, output_hash) == claimed and data[:head_bytes] == honest.data[
                    :head_bytes
                ]:
                    return self._verdict_on_openings(data)
                # All that has to do with the claim and the head is checked by the first part.
                first = data[:MAX_BEGIN_BYTES]
                self._verifier.entry.call("begin", program_id, output_hash, first)
            except Reverted as reverted:
                return reverted.reason
        return "begun"

    def _verdict_on_openings(self, data: bytes) -> str:
        parts = self._honest.parts
        is_changed = [data[p.start : p.end] != self._honest.bytes_of(p) for p in parts[:-1]]
        number = [*is_changed, True].index(True)
        run, sender = self._runs[number], self._senders[number]
        for part in parts[number:]:
            end = len(data) if part is parts[-1] else part.end
            limit = MAX_BEGIN_BYTES if part.start == 0 else MAX_DATA_BYTES
            piece = data[part.start : min(end, part.start + limit)]
            run = self._send(run, piece, sender)
        if run is not None:
            # All bytes were taken, yet more is due.
            self._send(run, b"", sender)
        return "accepted"

    def _send(self, run: Run | None, data: bytes, sender: str) -> Run | None:
        """Send bytes to the function that is due."""
        call = Call.BEGIN if run is None else Call.OPEN if run.step < TREES else Call.FOLD
        return run_after(self._verifier.send(self._honest, call, run, data, sender))


def stated_output_hash(data: bytes) -> bytes:
    """Hash of the output that a proof states; zero bytes if its head is malformed."""
    try:
        return keccak(output_bytes(decode(data).output))
    except Rejected:
        return bytes(32)
