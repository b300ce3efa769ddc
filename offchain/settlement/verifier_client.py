"""Verifies proofs on L1: divides them into transactions, estimates, sends, resumes.

Whatever a run needs to go on is in its events, so that an interrupted verification is taken up
again by whoever has the proof and the sender's key.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from web3 import Web3

from offchain.security import parameters as profiles
from offchain.settlement.abi import keccak256
from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.l1 import ContractRevertedError, L1Client
from offchain.settlement.proof_parts import TRANSACTION_GAS, Call, Part, split
from offchain.settlement.verifier_deployment import ENTRY, OPENINGS_VERIFIER
from offchain.verifier.fiat_shamir import draw_challenges
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason
from offchain.verifier.transcript import element_bytes
from offchain.verifier.verify import verify

FACT_TAG: Final = b"HRfact01"
SELECTOR_BYTES: Final = 4
PADDING_BYTES: Final = 2_176
"""Behind the proof's bytes in ``open``, as in contracts/verifier/merkle.vy."""
LEAST_TIME_LEFT_S: Final = 600
"""An interrupted run that expires sooner is begun anew, which costs only gas."""
GAS_PER_TOKEN: Final = 4
FLOOR_GAS_PER_TOKEN: Final = 10
"""EIP-7623: a zero byte of the calldata is one token, another byte four."""
_TOKENS_PER_OTHER_BYTE: Final = 4

_HAND_OFF: Final = {
    "RUN_UNKNOWN": "L1 knows no run of this proof and sender: verify again, which begins one.",
    "RUN_STATE_MISMATCH": "The node's events are older than its state: wait, then verify again.",
    "RUN_EXPIRED": "The run is older than a day: verify again, which begins a new one.",
    "HELPER_CODE_MISMATCH": "A helper contract is not the pinned one: use another deployment.",
}
_OTHER_REASON: Final = (
    "The proof is right by the Python verifier: look whether address and node are the right ones."
)


class RefusedOnChainError(ContractRevertedError):
    """L1 refuses a part; the message says what to do.

    Attributes
    ----------
    reason : str
        The contract's, such as ``QUOTIENT_MISMATCH``.
    """

    def __init__(self, reason: str) -> None:
        named = Reason.__members__.get(reason)
        advice = named.value if named else _HAND_OFF.get(reason, _OTHER_REASON)
        super().__init__(f"{reason}: {advice}")
        self.reason = reason


class RunNotFoundError(RuntimeError):
    """The events of a run that L1 holds are not to be found."""


class Run(NamedTuple):
    """What a part leaves to the next one; fields as in interfaces/IStarkVerifier.vyi."""

    deadline_s: int
    program_id: bytes
    output_hash: bytes
    profile: int
    log_heights: bytes
    roots: Sequence[bytes]
    zeta: int
    batch: int
    opened: Sequence[int]
    fri_roots: Sequence[bytes]
    folds: Sequence[int]
    final_hash: bytes
    indices: Sequence[int]
    values: Sequence[int]
    step: int
    digests: Sequence[bytes]


@dataclass(frozen=True)
class Claim:
    """What a proof says, and how L1 names it."""

    program_id: bytes
    output_hash: bytes
    fact: bytes
    proof_id: bytes
    final: bytes  # the final polynomial, which `fold` takes once more


@dataclass(frozen=True)
class SentPart:
    """A part that was mined.

    Attributes
    ----------
    number, count : int
        It was the `number`-th of `count` parts of this call, from 1.
    call : Call
    data_bytes : int
        Of the proof.
    calldata_bytes, calldata_tokens : int
        Of the transaction.
    gas_used : int
        As the receipt has it.
    """

    number: int
    count: int
    call: Call
    data_bytes: int
    calldata_bytes: int
    calldata_tokens: int
    gas_used: int

    @property
    def calldata_gas(self) -> int:
        """What the transaction costs without execution, if that is above the floor."""
        return TRANSACTION_GAS + GAS_PER_TOKEN * self.calldata_tokens

    @property
    def floor_gas(self) -> int:
        """What it costs at least."""
        return TRANSACTION_GAS + FLOOR_GAS_PER_TOKEN * self.calldata_tokens


@dataclass(frozen=True)
class Verification:
    """A proof that L1 has accepted."""

    claim: Claim
    bits: float  # provable bits of security
    parts: tuple[SentPart, ...]  # sent by this call; none if the fact was there already


def output_bytes(words: Sequence[int]) -> bytes:
    """Return the public output as L1 hashes it, 4 bytes a word."""
    return struct.pack(f">{len(words)}I", *words)


def claim(proof: bytes) -> Claim:
    """Read what a proof says, whether it is right or not.

    Raises
    ------
    Rejected
        If its head is malformed.
    """
    decoded = decode(proof)
    parameters, root = decoded.parameters, decoded.preprocessed_root
    program_id = profiles.program_id(
        parameters, root, decoded.preprocessed_log_heights, decoded.entry_pc
    )
    output_hash = keccak256(output_bytes(decoded.output))
    return Claim(
        program_id=program_id,
        output_hash=output_hash,
        fact=keccak256(FACT_TAG + program_id + parameters.parameters_id + output_hash),
        proof_id=draw_challenges(decoded, program_id).proof_id,
        final=element_bytes(decoded.final),
    )


def estimate(proof: bytes) -> list[Part]:
    """Divide a proof as `VerifierClient.verify` does; each part tells what it will cost.

    ``calldata_bytes`` is a bound. ``modelled_gas`` is a model of the contracts: what execution
    takes is known once a part is sent.

    Raises
    ------
    Rejected
        If the head of the proof is malformed.
    ProofTooLargeError
        If it cannot be divided.
    """
    return split(proof, claim(proof).program_id)


class VerifierClient:
    """Sends proofs to one verifier from one account.

    Parameters
    ----------
    chain : L1Client
        The L1.
    address : str
        Of StarkVerifier.
    sender : str
        One of the chain's accounts.
    from_block : int
        Where to begin to look for an interrupted run.
    """

    def __init__(self, chain: L1Client, address: str, sender: str, from_block: int = 0) -> None:
        self._chain, self._address, self._sender = chain, address, sender
        self._from_block = from_block

    def verify(
        self,
        proof: bytes,
        program_id: bytes | None = None,
        progress: Callable[[SentPart], None] = lambda _part: None,
    ) -> Verification:
        """Verify a proof here and, if it is right, on L1; take up an interrupted run.

        Parameters
        ----------
        proof : bytes
        program_id : bytes, optional
            32 bytes; by default that of the program which the proof names.
        progress : callable
            Called with each part once it is mined.

        Raises
        ------
        Rejected
            If the proof is wrong; nothing is sent.
        ProofTooLargeError
            If it cannot be divided into transactions.
        RefusedOnChainError
            If L1 refuses a part, with the reason.
        RunNotFoundError
            If the node does not show what the part before has published.
        """
        claimed = claim(proof)
        accepted = tuple(profile.name for profile in profiles.L1_PROFILES)
        verified = verify(proof, program_id or claimed.program_id, accepted=accepted)
        sent = []
        for part in self._send(proof, claimed):
            sent.append(part)
            progress(part)
        return Verification(claimed, verified.bits, tuple(sent))

    def is_fact(self, fact: bytes) -> bool:
        """Tell whether L1 holds a fact."""
        return bool(self._chain.call(ENTRY, self._address, "is_fact", fact))

    def interrupted_run(self, proof_id: bytes) -> Run | None:
        """Return the sender's run of a proof, if there is one that can go on."""
        saved = cast(
            "bytes", self._chain.call(ENTRY, self._address, "run_hash", self._sender, proof_id)
        )
        if not any(saved):
            return None
        run = self._latest_run(proof_id)
        return run if run.deadline_s >= self._chain.now_s + LEAST_TIME_LEFT_S else None

    def _send(self, proof: bytes, claimed: Claim) -> Iterator[SentPart]:
        """Send what is missing."""
        if self.is_fact(claimed.fact):
            return
        run = self.interrupted_run(claimed.proof_id)
        resume_at = run and (run.step, len(run.digests))
        parts = split(proof, claimed.program_id, resume_at=resume_at)
        for number, part in enumerate(parts, start=1):
            if part.call is not Call.BEGIN:
                run = self._latest_run(claimed.proof_id)
            arguments = _arguments(part, proof, claimed, run)
            function = part.call.value
            try:
                self._chain.transact(
                    ENTRY, self._address, function, *arguments, sender=self._sender
                )
            except ContractRevertedError as error:
                raise RefusedOnChainError(str(error)) from error
            calldata = _calldata(function, arguments)
            yield SentPart(
                number=number,
                count=len(parts),
                call=part.call,
                data_bytes=part.end - part.start,
                calldata_bytes=len(calldata),
                calldata_tokens=_tokens(calldata),
                gas_used=self._chain.gas_used[function][-1],
            )

    def _latest_run(self, proof_id: bytes) -> Run:
        """Return what the last part of the sender's run has published."""
        events = self._chain.events(
            *(ENTRY, self._address, "RunAdvanced", self._from_block),
            indexed={"owner": self._sender, "proof_id": proof_id},
        )
        if not events:
            raise RunNotFoundError(
                f"the node shows no event of this run from block {self._from_block} on: look from "
                "an earlier block, or ask another node"
            )
        fields: Mapping[str, Any] = events[-1]["args"]["run"]
        return Run(**fields)


def _arguments(part: Part, proof: bytes, claimed: Claim, run: Run | None) -> tuple[object, ...]:
    """Arguments of the call that takes a part; `run` is what the part before has published."""
    data = proof[part.start : part.end]
    if part.call is Call.BEGIN:
        return claimed.program_id, claimed.output_hash, data
    assert run is not None  # only `begin` has nothing before it
    if part.call is Call.OPEN:
        return open_arguments(claimed.proof_id, run, data)
    return claimed.proof_id, tuple(run), claimed.final, data


def open_arguments(proof_id: bytes, run: Run, data: bytes) -> tuple[object, ...]:
    """Return the arguments of ``open``: it takes the calldata of the openings verifier ready made.

    Parameters
    ----------
    proof_id : bytes
        32 bytes.
    run : Run
        What the part before has published.
    data : bytes
        What follows in the proof.
    """
    reading = _calldata("read", [tuple(run)], contract=OPENINGS_VERIFIER)
    return proof_id, len(reading) - SELECTOR_BYTES, reading + data + bytes(PADDING_BYTES)


def _calldata(function: str, arguments: Sequence[object], contract: str = ENTRY) -> bytes:
    bound = Web3().eth.contract(abi=compiled_by_name(contract).abi)
    return bytes.fromhex(bound.encode_abi(function, arguments).removeprefix("0x"))


def _tokens(calldata: bytes) -> int:
    zeros = calldata.count(0)
    return zeros + _TOKENS_PER_OTHER_BYTE * (len(calldata) - zeros)
