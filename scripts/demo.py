"""The thin path through Ape: `ape run demo --network ethereum:local:test`.

The same run as `headrace demo`, which is faster because its L1 is embedded without Ape's
bookkeeping (about 60 ms per transaction). A network that is not local is refused.
"""

import json
from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand
from ape.logging import LogLevel, logger

from offchain.demo.exchange import ROLE_COUNT
from offchain.demo.flow import generated_flow, recorded_flow
from offchain.demo.report import to_json, to_text
from offchain.demo.run import MIN_BATCHES, run_demo
from offchain.settlement.devnet import AttestedNotAllowedError, require_local
from scripts._lib.ape_client import connected_network
from scripts._lib.ape_l1 import ApeL1


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recorded feed; without it the flow is generated.",
)
@click.option("--messages", type=click.IntRange(1), help="Messages of the feed; all by default.")
@click.option("--orders", default=256, show_default=True, help="Orders of a generated flow.")
@click.option(
    "--accounts", type=click.IntRange(4, 27), default=20, show_default=True, help="Traders."
)
@click.option("--batches", default=MIN_BATCHES, show_default=True, help="Batches to settle.")
@click.option(
    "--mode",
    type=click.Choice(["proven", "attested"]),
    default="proven",
    show_default=True,
    help="What settlements rest on: proofs, or the operator's signature.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out") / "demo",
    show_default=True,
    help="Folder for witnesses and proofs.",
)
@click.option("--seed", default=1, show_default=True, help="Seed of a generated flow.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cli(
    replay: Path | None,
    messages: int | None,
    orders: int,
    accounts: int,
    batches: int,
    mode: str,
    out: Path,
    seed: int,
    as_json: bool,
) -> None:
    """Deposit, trade, prove, settle and claim on the connected local network."""
    try:
        require_local(*connected_network(), mode.upper())
    except AttestedNotAllowedError as error:
        raise click.ClickException(str(error)) from error
    logger.set_level(LogLevel.WARNING)  # one line per transaction otherwise
    if replay is None:
        flow = generated_flow(orders, accounts, seed)
    else:
        flow = recorded_flow(replay, accounts, messages)
    last_step = ""

    def show(step: str, done: int, total: int) -> None:
        nonlocal last_step
        if step != last_step:
            click.echo(f"{step} ({done}/{total}) ...", err=True)
            last_step = step

    l1 = ApeL1.with_test_accounts(ROLE_COUNT + accounts)
    result = run_demo(l1, flow, batches, show, out if mode == "proven" else None)
    click.echo(json.dumps(to_json(result)) if as_json else to_text(result))
    if not result.ok:
        raise SystemExit(1)
