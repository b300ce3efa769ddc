"""The benchmark of the verifier on L1: gas and bytes of each transaction, and contract sizes.

A transaction pays the larger of two sums (EIP-7623): 21,000 gas, 4 for a zero byte of its calldata
and 16 for another one, and execution; or the floor of 21,000 gas, 10 for a zero byte and 40 for
another one. Here the contracts run on py-evm by the rules of Cancun, which know no floor, so that
execution is seen even where the floor hides it; the floor is added. By the rules of Prague py-evm
charges exactly the figures called ``gas``, which a test shows. The figures called ``floor64``
assume a floor of 64 gas for every byte, zero or not (EIP-7976).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from offchain.bench.prove import DELEGATIONS_2E17, DELEGATIONS_QUICK, Workload, prove_workload
from offchain.security.parameters import L1_PROFILES, SETTLE
from offchain.settlement.l1 import MAX_TRANSACTION_GAS
from offchain.settlement.local_chain import LocalChain
from offchain.settlement.proof_parts import MAX_PART_BYTES, TRANSACTION_GAS
from offchain.settlement.verifier_client import SentPart, VerifierClient
from offchain.settlement.verifier_deployment import deploy_verifier
from offchain.tools import build_native
from offchain.zkvm.program import load_program

FLOOR64_GAS_PER_BYTE: Final = 64
_TEXT_WIDTH: Final = 100

#: Called with (steps done, steps in all).
Progress = Callable[[int, int], None]


class TransactionTooLargeError(RuntimeError):
    """A transaction is over a limit of L1."""


@dataclass(frozen=True, slots=True)
class PartFigures:
    """One transaction.

    Attributes
    ----------
    call
        Function of StarkVerifier.
    data_bytes
        Of the proof.
    calldata_bytes
        Of the transaction.
    execution_gas
        Without the 21,000 and without calldata; a refund is subtracted.
    floor_gas
        What the transaction costs at least.
    gas, gas_floor64
        What it costs, now and with a floor of 64 gas per byte.
    """

    call: str
    data_bytes: int
    calldata_bytes: int
    execution_gas: int
    floor_gas: int
    gas: int
    gas_floor64: int

    @classmethod
    def of(cls, part: SentPart) -> PartFigures:
        """Read what a chain without floor has charged."""
        floor64_gas = TRANSACTION_GAS + FLOOR64_GAS_PER_BYTE * part.calldata_bytes
        return cls(
            call=part.call.value,
            data_bytes=part.data_bytes,
            calldata_bytes=part.calldata_bytes,
            execution_gas=part.gas_used - part.calldata_gas,
            floor_gas=part.floor_gas,
            gas=max(part.gas_used, part.floor_gas),
            gas_floor64=max(part.gas_used, floor64_gas),
        )


@dataclass(frozen=True, slots=True)
class ProfileFigures:
    """One proof.

    Attributes
    ----------
    bits
        Provable bits of security.
    """

    proof_bytes: int
    bits: float
    parts: tuple[PartFigures, ...]

    @property
    def gas_total(self) -> int:
        """Of all transactions."""
        return sum(part.gas for part in self.parts)

    def to_fields(self) -> dict[str, object]:
        """Return the figures ready for JSON."""
        return {
            "gas_total": self.gas_total,
            "gas_max_transaction": max(part.gas for part in self.parts),
            "gas_total_floor64": sum(part.gas_floor64 for part in self.parts),
            "transactions": len(self.parts),
            "calldata_max_bytes": max(part.calldata_bytes for part in self.parts),
            "proof_bytes": self.proof_bytes,
            "bits": self.bits,
            "parts": [asdict(part) for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Figures by profile; bytes and gas of the deployment by contract."""

    workload: Workload
    profiles: dict[str, ProfileFigures]
    contract_bytes: dict[str, int]
    deployment_gas: dict[str, int]
    is_quick: bool

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON: profile settle above, the others below."""
        others = {name: p.to_fields() for name, p in self.profiles.items() if name != SETTLE.name}
        return {
            "quick": self.is_quick,
            "guest": self.workload.guest,
            "cycles": self.workload.cycles,
            **self.profiles[SETTLE.name].to_fields(),
            "contract_bytes": self.contract_bytes,
            "deployment_gas": self.deployment_gas,
            "profiles": others,
        }

    def to_text(self) -> str:
        """Return a table of the transactions, and lines on totals and contracts."""
        title = f"{self.workload.guest}, {self.workload.cycles:,} cycles: gas"
        table = Table(title=title, box=box.SIMPLE)
        heads = ("profile", "call", "calldata, bytes", "floor", "execution", "gas", "with floor64")
        for number, head in enumerate((*heads, "floor / gas")):
            table.add_column(head, justify="left" if number <= 1 else "right", no_wrap=True)
        for name, profile in self.profiles.items():
            for part in profile.parts:
                numbers = (part.calldata_bytes, part.floor_gas, part.execution_gas, part.gas)
                row = (f"{number:,}" for number in (*numbers, part.gas_floor64))
                table.add_row(name, part.call, *row, f"{part.floor_gas / part.gas:.0%}")
        text = io.StringIO()
        Console(file=text, width=_TEXT_WIDTH).print(table)
        lines = [text.getvalue().rstrip()]
        lines += [_total_text(name, profile) for name, profile in self.profiles.items()]
        sizes = ", ".join(f"{name} {size:,}" for name, size in self.contract_bytes.items())
        lines.append(f"contracts, bytes: {sizes}")
        lines.append(f"deployment: {sum(self.deployment_gas.values()):,} gas")
        if self.is_quick:
            lines.append("quick: a short run; its figures are smaller than those of a full one")
        return "\n".join(lines)


def _total_text(name: str, profile: ProfileFigures) -> str:
    fields = profile.to_fields()
    floor_share = sum(part.floor_gas for part in profile.parts) / profile.gas_total
    bound = sum(part.gas == part.floor_gas for part in profile.parts)
    return (
        f"{name}: {profile.gas_total:,} gas, {fields['gas_total_floor64']:,} at 64 per byte; "
        f"{profile.proof_bytes:,} bytes, {profile.bits} bits\n"
        f"  the floor of the calldata is {floor_share:.0%}, execution above it the rest; "
        f"{bound} of {len(profile.parts)} transactions pay the floor"
    )


def require_within_limits(part: PartFigures) -> None:
    """Refuse a transaction that L1 would not take.

    Raises
    ------
    TransactionTooLargeError
        If it is over 2^24 gas, with either floor, or over 120,000 bytes.
    """
    gas = max(part.gas, part.gas_floor64)
    if gas > MAX_TRANSACTION_GAS:
        raise TransactionTooLargeError(
            f"`{part.call}` costs {gas:,} gas; a transaction may cost {MAX_TRANSACTION_GAS:,}"
        )
    if part.calldata_bytes > MAX_PART_BYTES:
        raise TransactionTooLargeError(
            f"`{part.call}` has {part.calldata_bytes:,} bytes; a transaction may have "
            f"{MAX_PART_BYTES:,}"
        )


def run_verify(*, quick: bool = False, progress: Progress | None = None) -> VerifyResult:
    """Prove a run of the guest with both delegations, and verify the proofs on an embedded L1.

    Parameters
    ----------
    quick
        A short run, for tests; by default one of 2^17 rows.
    progress
        Called after each proof and each verification.

    Raises
    ------
    TransactionTooLargeError
        See `require_within_limits`.
    ContractRevertedError
        If the contracts refuse a proof, or a transaction takes more than 2^24 gas.
    WorkloadChangedError, Rejected
        See :func:`offchain.bench.prove.measure`.
    """
    workload = DELEGATIONS_QUICK if quick else DELEGATIONS_2E17
    elves = {path.stem: path for path in build_native.build_examples()}
    program = load_program(elves[workload.guest].read_bytes())
    chain = LocalChain(account_count=1, charges_calldata_floor=False)
    deployment = deploy_verifier(chain)
    client = VerifierClient(chain, deployment.entry, chain.accounts[0])
    profiles = {}
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if progress is not None:
            progress(steps, 2 * len(L1_PROFILES))

    for parameters in L1_PROFILES:
        run = prove_workload(workload, program, parameters)
        step()
        verification = client.verify(run.proof.data, run.key.program_id)
        parts = tuple(PartFigures.of(part) for part in verification.parts)
        for part in parts:
            require_within_limits(part)
        step()
        profiles[parameters.name] = ProfileFigures(len(run.proof.data), verification.bits, parts)
    return VerifyResult(
        workload=workload,
        profiles=profiles,
        contract_bytes=deployment.code_bytes,
        deployment_gas={name: chain.gas_used[name][0] for name in deployment.addresses},
        is_quick=quick,
    )
