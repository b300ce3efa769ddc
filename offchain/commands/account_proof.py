"""``headrace account-proof``: what owners of a chain without public data keep of every batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from offchain.witness.leaf_proof import AccountProof

_EXIT_FAILED: Final = 1
_DIGEST_DIGITS: Final = 64

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."
)


@click.group(name="account-proof")
def account_proof() -> None:
    """Write and check the files with which an owner can leave a chain that stands still."""


@account_proof.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--root", required=True, help="State root that L1 has settled, hexadecimal.")
@_json_option
def check(file: Path, root: str, as_json: bool) -> None:
    """Check a file against the state root that L1 has settled, and say what the account has.

    The root is that of Gateway.position, or of the last event Settled. Nothing else is asked.

    Exit code 1: the file is malformed, or not of this state; the error has a code.
    """
    from offchain.witness.leaf_proof import AccountProof, AccountProofError

    settled_root = _digest(root)
    try:
        proof = AccountProof.from_json(file.read_text(errors="replace"))
        proof.check(settled_root)
    except AccountProofError as error:
        _fail(error.fault, str(error), as_json)
    except OSError as error:
        _fail("UNREADABLE", str(error), as_json)
    fields = _fields(proof)
    click.echo(json.dumps(fields) if as_json else _text(fields))


@account_proof.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--governance", required=True, help="Governance of the chain, an address.")
@click.option("--batch", type=click.IntRange(min=1), help="Which one; by default the last.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files; one folder per batch is made in it.",
)
@_json_option
def write(folder: Path, governance: str, batch: int | None, output: Path, as_json: bool) -> None:
    """Write the files of all accounts after a batch, out of the witnesses that its prover kept.

    FOLDER has the witnesses of all batches, batch-000001.witness and on.

    Exit code 1: a witness is missing or does not follow on the one before.
    """
    from eth_utils.address import is_address, to_canonical_address

    from offchain.core.binding import CoreUnavailableError
    from offchain.proving.account_files import write_account_files
    from offchain.proving.store import ProofStore
    from offchain.tools.outputs import check_folder
    from offchain.tools.progress import progress_bar

    if not is_address(governance):
        raise click.BadParameter("give 20 bytes in hexadecimal digits", param_hint="--governance")
    check_folder(output, "--output")
    try:
        with progress_bar("account proofs") as advance:
            owner = to_canonical_address(governance)
            written = write_account_files(ProofStore(folder), owner, output, batch, advance)
    except (CoreUnavailableError, ValueError, OSError) as error:
        _fail(type(error).__name__, str(error), as_json)
    path, accounts = written
    if as_json:
        click.echo(json.dumps({"folder": str(path), "accounts": accounts}))
    else:
        click.echo(f"{accounts:,} accounts in {path}")


def _digest(text: str) -> bytes:
    digits = text.removeprefix("0x")
    if len(digits) != _DIGEST_DIGITS or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise click.BadParameter("give 32 bytes in hexadecimal digits", param_hint="--root")
    return bytes.fromhex(digits)


def _fields(proof: AccountProof) -> dict[str, Any]:
    from offchain.settlement.rescue import account_id
    from offchain.spec.records import Account, Position

    account = Account.from_bytes(proof.account.record)
    slots = zip(account.asset_ids, account.free, account.locked, strict=True)
    data = b"" if proof.positions is None else proof.positions.records
    held = [
        Position.from_bytes(data[start : start + Position.SIZE])
        for start in range(0, len(data), Position.SIZE)
    ]
    return {
        "accepted": True,
        "chain_id": proof.chain_id,
        "batch": proof.batch,
        "account_id": account_id(proof.account.index),
        "owner": "0x" + account.owner.hex(),
        "balances": [
            {"asset_id": entry - 1, "free_units": free, "locked_units": locked}
            for entry, free, locked in slots
            if entry
        ],
        "positions": [
            {"market": each.market_plus_1 - 1, "size_lots": each.size_lots, "cost": each.cost}
            for each in held
        ],
        "has_table": bool(proof.table),
    }


def _text(fields: dict[str, Any]) -> str:
    lines = [f"Account {fields['account_id']} of {fields['owner']} after batch {fields['batch']}:"]
    lines += [
        f"  asset {each['asset_id']}: {each['free_units']:,} free, {each['locked_units']:,} locked"
        for each in fields["balances"]
    ]
    lines += [
        f"  market {each['market']}: {each['size_lots']:,} lots at a cost of {each['cost']:,}"
        for each in fields["positions"]
    ]
    return "\n".join(lines)


def _fail(code: str, sentence: str, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"error": code, "message": sentence}))
    else:
        click.echo(f"Error: {code}: {sentence}", err=True)
    raise SystemExit(_EXIT_FAILED)
