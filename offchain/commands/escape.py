"""``headrace escape``: take accounts out of a frozen chain, with nothing but a node of L1."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eth_account.signers.local import LocalAccount

    from offchain.settlement.deployment import Deployment
    from offchain.settlement.rebuild import RebuiltChain
    from offchain.settlement.rescue import Outlook, Rescue
    from offchain.settlement.rescue_run import Step
    from offchain.settlement.rpc_chain import RpcChain

KEY_VARIABLE: Final = "HEADRACE_PRIVATE_KEY"
_EXIT_REFUSED: Final = 1
_NEEDED: Final = {
    "ChainRegistry",
    "CollateralVault",
    "DataAvailability",
    "EscapeHatch",
    "Gateway",
    "PriorityQueue",
    "StateProofs",
}


@click.command()
@click.option("--rpc", required=True, help="URL of a node of L1 that keeps logs, http or https.")
@click.option(
    "--deployment",
    "record",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Record of the contracts, deployments/NETWORK.json.",
)
@click.option("--chain-id", required=True, type=click.IntRange(min=1), help="The frozen chain.")
@click.option(
    "--account", "ids", multiple=True, type=click.IntRange(min=0), help="Account id; repeatable."
)
@click.option("--owner", "owners", multiple=True, help="Owner's address; repeatable.")
@click.option(
    "--account-proof",
    "proof_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Proof of an account, in place of the events of a rollup; repeatable.",
)
@click.option("--from-block", default=0, show_default=True, help="First block with events.")
@click.option("--dry-run", is_flag=True, help="Send nothing; say what every account would get.")
@click.option("--freeze", "with_freeze", is_flag=True, help="Freeze the chain if it is overdue.")
@click.option("--keep-remainders", is_flag=True, help="Leave remainders for a later run.")
@click.option(
    "--keyfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Encrypted key that pays, such as that of an Ape account; its password is asked for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def escape(
    rpc: str,
    record: Path,
    chain_id: int,
    ids: tuple[int, ...],
    owners: tuple[str, ...],
    proof_files: tuple[Path, ...],
    from_block: int,
    dry_run: bool,
    with_freeze: bool,
    keep_remainders: bool,
    keyfile: Path | None,
    as_json: bool,
) -> None:
    """Take accounts out of a frozen chain, whoever owns them.

    The state of a rollup is rebuilt from events of L1; of a validium, what the operator handed out
    to the owners is taken from --account-proof. Then follows what is due: deposits that the chain
    has not consumed are refunded, the chain is opened, accounts are claimed (all of them without
    --account and --owner), arrivals are collected, remainders are claimed after the window of 30
    days, and the vault pays the owners. What is done already is left out, so the command can be run
    again at any time.

    The key that pays for the transactions is read from the variable HEADRACE_PRIVATE_KEY, or from
    --keyfile. It can be anyone's. Remainders are the owner's to claim in the 30 days after the
    window; --keep-remainders leaves them until the pot is full.

    Exit code 1: a step was refused, or the rescue cannot go on; the error has a code.
    """
    from web3.exceptions import Web3Exception

    from offchain.settlement.rebuild import RescueCode, RescueError
    from offchain.settlement.rescue import Rescue
    from offchain.settlement.rescue_run import run_rescue
    from offchain.settlement.rpc_chain import RpcChain
    from offchain.spec.state import account_index
    from offchain.tools.progress import progress_bar

    try:
        deployment = _deployment(record, RpcChain(rpc).chain_id)
        l1 = RpcChain(rpc, None if dry_run else _key(keyfile, deployment))
        rebuilt = _state(l1, deployment, chain_id, proof_files, from_block)
        rescue = Rescue(l1, deployment, chain_id, rebuilt, from_block)
        addresses = [_address(owner) for owner in owners]
        indices = rescue.accounts([account_index(number) for number in ids], addresses)
        outlooks = list(rescue.outlooks(indices))
        steps: list[Step] = []
        if not dry_run:
            with progress_bar("escape") as advance:
                steps = run_rescue(
                    rescue,
                    indices,
                    with_remainders=not keep_remainders,
                    with_freeze=with_freeze,
                    progress=advance,
                )
    except RescueError as error:
        _fail(error.code, str(error), as_json)
    except (Web3Exception, OSError) as error:
        sentence = f"the node has failed ({error}); run the command again, or ask another node"
        _fail(RescueCode.RPC_UNREACHABLE, sentence, as_json)
    if as_json:
        click.echo(json.dumps(_fields(rescue, outlooks, steps)))
    else:
        click.echo(_text(rescue, outlooks, steps))
    if any(step.code for step in steps):
        raise SystemExit(_EXIT_REFUSED)


def _deployment(record: Path, l1_chain_id: int) -> Deployment:
    from offchain.settlement.deployment import Deployment, DeploymentFileError
    from offchain.settlement.rebuild import RescueCode, RescueError

    try:
        deployment = Deployment.read(record.parent, record.stem, l1_chain_id)
    except DeploymentFileError as error:
        raise RescueError(RescueCode.NO_DEPLOYMENT, str(error)) from error
    assert deployment is not None  # click has seen the file
    missing = sorted(_NEEDED - deployment.contracts.keys())
    if missing:
        raise RescueError(
            RescueCode.NO_DEPLOYMENT,
            f"{record.name} does not name {', '.join(missing)}; take the record of a deployment "
            "that is complete",
        )
    return deployment


def _state(
    l1: RpcChain, deployment: Deployment, chain_id: int, files: Sequence[Path], from_block: int
) -> RebuiltChain:
    from offchain.settlement.given_proofs import chain_of_proofs
    from offchain.settlement.rebuild import RescueCode, RescueError, rebuild
    from offchain.tools.progress import progress_bar
    from offchain.witness.leaf_proof import AccountProof, AccountProofError

    if not files:
        with progress_bar("rebuild") as advance:
            return rebuild(l1, deployment, chain_id, from_block=from_block, progress=advance)
    proofs = []
    for file in files:
        try:
            proofs.append(AccountProof.from_json(file.read_text(errors="replace")))
        except AccountProofError as error:
            raise RescueError(RescueCode.BAD_PROOF, f"{file.name}: {error}") from error
    return chain_of_proofs(l1, deployment, chain_id, proofs)


def _key(keyfile: Path | None, deployment: Deployment) -> LocalAccount:
    from eth_account import Account

    from offchain.settlement.rebuild import RescueCode, RescueError
    from offchain.settlement.rpc_chain import signing_key

    private_key: str | bytes = os.environ.get(KEY_VARIABLE, "")
    if keyfile is not None:
        try:
            private_key = bytes(Account.decrypt(keyfile.read_text(), getpass.getpass()))
        except (ValueError, TypeError, KeyError) as error:
            raise RescueError(RescueCode.NO_KEY, f"{keyfile.name}: {error}") from error
    if not private_key:
        raise RescueError(
            RescueCode.NO_KEY,
            f"no key is given; set {KEY_VARIABLE} or give --keyfile, or look first with --dry-run",
        )
    return signing_key(private_key, deployment.network, deployment.l1_chain_id)


def _address(text: str) -> bytes:
    from eth_utils.address import is_address, to_canonical_address

    if not is_address(text):
        raise click.BadParameter("give 20 bytes in hexadecimal digits", param_hint="--owner")
    return bytes(to_canonical_address(text))


def _fields(rescue: Rescue, outlooks: Sequence[Outlook], steps: Sequence[Step]) -> dict[str, Any]:
    from offchain.settlement.rescue import account_id

    return {
        "is_frozen": rescue.is_frozen,
        "window_ends_s": rescue.window_ends_s,
        "accounts": [
            {"account_id": account_id(outlook.account_index), **asdict(outlook)}
            for outlook in outlooks
        ],
        "steps": [asdict(step) for step in steps],
        "refused": sum(1 for step in steps if step.code),
    }


def _text(rescue: Rescue, outlooks: Sequence[Outlook], steps: Sequence[Step]) -> str:
    from offchain.settlement.rescue import account_id

    state = "frozen" if rescue.is_frozen else "running: what follows is of its last settlement"
    lines = [f"The chain is {state}.", "Accounts before this run, with what is not paid yet:"]
    for outlook in outlooks:
        worth = "without prices" if outlook.equity_units is None else f"{outlook.equity_units:,}"
        lines.append(
            f"  {account_id(outlook.account_index):>7} {outlook.owner} equity {worth}; "
            f"basket {_units(outlook.basket_units)}; remainder {_units(outlook.remainder_units)}"
            + (f"; refused with {outlook.code}" if outlook.code else "")
            + ("; claimed" if outlook.is_claimed else "")
        )
    for step in steps:
        subject = "" if step.account_index is None else f" {account_id(step.account_index)}"
        asset = "" if step.asset_id is None else f" asset {step.asset_id}"
        units = "" if step.units is None else f", {step.units:,} units"
        end = f" to {step.owner}" if step.action == "pay" else ""
        lines.append(f"{step.action}{subject}{asset}{units}{end}: {step.error or 'done'}")
    return "\n".join(lines)


def _units(units: dict[int, int]) -> str:
    listed = (f"{amount:,} units of asset {asset_id}" for asset_id, amount in units.items())
    return " + ".join(listed) or "nothing"


def _fail(code: str, sentence: str, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"error": code, "message": sentence}))
    else:
        click.echo(f"Error: {code}: {sentence}", err=True)
    raise SystemExit(_EXIT_REFUSED)
