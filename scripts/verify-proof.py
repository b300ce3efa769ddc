"""Verify a proof on L1: `ape run verify-proof PROOF --network ethereum:local:test`.

The proof is verified here first, so that a wrong one costs nothing. On a local network a verifier
is deployed and a test account pays; any other network takes --verifier and --account. A
verification that was interrupted goes on where it ended.
"""

import json
from dataclasses import asdict
from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand
from ape.logging import LogLevel, logger

from offchain.settlement.devnet import is_local
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.proof_parts import Part, ProofTooLargeError
from offchain.settlement.verifier_client import (
    RunNotFoundError,
    SentPart,
    Verification,
    VerifierClient,
    estimate,
)
from offchain.settlement.verifier_deployment import deploy_verifier
from offchain.verifier.rejection import Rejected
from offchain.verifier.transcript import DIGEST_BYTES
from scripts._lib.ape_client import connected_network
from scripts._lib.ape_l1 import ApeL1
from scripts._lib.signers import signer


def _digest(_context: object, _option: object, digits: str | None) -> bytes | None:
    try:
        digest = bytes.fromhex(digits.removeprefix("0x")) if digits is not None else None
    except ValueError as error:
        raise click.BadParameter("give hexadecimal digits") from error
    if digest is not None and len(digest) != DIGEST_BYTES:
        raise click.BadParameter(f"give {2 * DIGEST_BYTES} hexadecimal digits")
    return digest


@click.command(cls=ConnectedProviderCommand)
@click.argument(
    "proof_file", metavar="PROOF", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--verifier", help="Address of StarkVerifier; deployed if local and not given.")
@click.option("--account", help="Alias of the Ape account that pays; a test account if local.")
@click.option(
    "--program-id", callback=_digest, help="Refuse proofs about another program, 32 bytes in hex."
)
@click.option("--from-block", default=0, help="Where to look for an interrupted verification.")
@click.option("--estimate", "is_estimate", is_flag=True, help="Send nothing, say what it costs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cli(
    proof_file: Path,
    verifier: str | None,
    account: str | None,
    program_id: bytes | None,
    from_block: int,
    is_estimate: bool,
    as_json: bool,
) -> None:
    """Verify PROOF in as many transactions as it takes."""
    proof = proof_file.read_bytes()
    try:
        if is_estimate:
            parts = estimate(proof)
            click.echo(json.dumps(_estimate_fields(parts)) if as_json else _estimate_text(parts))
            return
        chain = ApeL1([signer(account)])
        address = _verifier(chain, verifier)
        client = VerifierClient(chain, address, chain.accounts[0], from_block)
        result = client.verify(proof, program_id, lambda part: _show(part, as_json))
    except (Rejected, ContractRevertedError, ProofTooLargeError, RunNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(_fields(result, address)) if as_json else _text(result, address))


def _verifier(chain: ApeL1, address: str | None) -> str:
    """Address of the verifier, which is deployed if none is given on a local network."""
    logger.set_level(LogLevel.WARNING)  # one line per transaction otherwise
    if address is not None:
        if not chain.code(address):
            raise click.ClickException(f"no contract at {address}: look for the right network")
        return address
    if not is_local(*connected_network()):
        raise click.ClickException("give --verifier: one is deployed on local networks only")
    return deploy_verifier(chain).entry


def _show(part: SentPart, as_json: bool) -> None:
    click.echo(
        f"{part.number}/{part.count} {part.call.value:<5} {part.data_bytes:>9,} bytes of the "
        f"proof, {part.calldata_bytes:>7,} of calldata, {part.gas_used:>10,} gas",
        err=as_json,
    )


def _fields(result: Verification, verifier: str) -> dict[str, object]:
    return {
        "accepted": True,
        "verifier": verifier,
        "fact": result.claim.fact.hex(),
        "program_id": result.claim.program_id.hex(),
        "proof_id": result.claim.proof_id.hex(),
        "bits": result.bits,
        "gas_total": sum(part.gas_used for part in result.parts),
        "parts": [asdict(part) | {"call": part.call.value} for part in result.parts],
    }


def _text(result: Verification, verifier: str) -> str:
    gas = sum(part.gas_used for part in result.parts)
    sent = f"{len(result.parts)} transactions, {gas:,} gas" if result.parts else "was there already"
    return (
        f"program {result.claim.program_id.hex()}, {result.bits} provable bits\n"
        f"fact {result.claim.fact.hex()} at {verifier}: {sent}"
    )


def _estimate_fields(parts: list[Part]) -> dict[str, object]:
    return {
        "gas_total": sum(part.modelled_gas for part in parts),
        "parts": [
            {
                "call": part.call.value,
                "data_bytes": part.end - part.start,
                "calldata_max_bytes": part.calldata_bytes,
                "gas": part.modelled_gas,
            }
            for part in parts
        ],
    }


def _estimate_text(parts: list[Part]) -> str:
    lines = [
        f"{number}/{len(parts)} {part.call.value:<5} {part.end - part.start:>9,} bytes of the "
        f"proof, at most {part.calldata_bytes:>7,} of calldata, about {part.modelled_gas:>10,} gas"
        for number, part in enumerate(parts, start=1)
    ]
    total = sum(part.modelled_gas for part in parts)
    return "\n".join([*lines, f"about {total:,} gas: calldata, or modelled execution if more"])
