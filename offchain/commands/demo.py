"""``headrace demo``: the whole path from deposits on L1 to claims on L1."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from offchain.demo.run import DemoResult, StepProgress

DEFAULT_PLOT: Final = Path("out") / "demo.png"
DEFAULT_PROOFS: Final = Path("out") / "demo"
_REDRAW_S: Final = 0.2
_ACCOUNTS: Final = click.IntRange(4, 1_000)


@click.command()
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recorded feed (DBN or .hrflow); its orders are dealt to the accounts by a hash of "
    "their ids. Without it the flow is generated.",
)
@click.option(
    "--orders",
    type=click.IntRange(100, 1_000_000),
    default=256,
    show_default=True,
    help="Orders of the generated flow (60 % adds, 35 % cancels, 5 % IOC).",
)
@click.option(
    "--messages",
    type=click.IntRange(1),
    help="Take so many messages of the feed, from around its first trades; all by default.",
)
@click.option("--accounts", type=_ACCOUNTS, default=20, show_default=True, help="Funded accounts.")
@click.option(
    "--batches",
    type=click.IntRange(3, 100),
    default=3,
    show_default=True,
    help="Batches to seal at least; the last one carries the withdrawals. A batch is also sealed "
    "when its proof gets long.",
)
@click.option(
    "--mode",
    type=click.Choice(["proven", "attested"]),
    default="proven",
    show_default=True,
    help="What settlements rest on: a proof of each batch, verified on L1, or the operator's "
    "signature.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_PROOFS,
    show_default=True,
    help="Folder for witnesses and proofs.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generated flow.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_PLOT,
    show_default=True,
    help="PNG with the book and the trades.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def demo(
    replay: Path | None,
    messages: int | None,
    orders: int,
    accounts: int,
    batches: int,
    mode: str,
    out: Path,
    seed: int,
    plot: Path,
    as_json: bool,
) -> None:
    """Run the whole path on an embedded L1: deposit, trade, publish, prove, settle, claim.

    Exits with 1 unless the vault, the sequencer and the state rebuilt from L1 alone agree.
    """
    from offchain.core.binding import CoreUnavailableError
    from offchain.demo.exchange import ROLE_COUNT
    from offchain.demo.flow import generated_flow, recorded_flow
    from offchain.demo.plot import write_plot
    from offchain.demo.report import to_json, to_text
    from offchain.demo.run import run_demo
    from offchain.proving.program import ProgramError
    from offchain.replay.feed import FeedError
    from offchain.settlement.local_chain import LocalChain
    from offchain.tools.outputs import check_file, check_folder

    proofs = out if mode == "proven" else None
    check_file(plot, "--plot")
    if proofs is not None:
        check_folder(proofs, "--out")
    try:
        if replay is None:
            flow = generated_flow(orders, accounts, seed)
        else:
            flow = recorded_flow(replay, accounts, messages)
        with _progress(is_shown=not as_json and sys.stderr.isatty()) as progress:
            chain = LocalChain(account_count=ROLE_COUNT + accounts)
            result: DemoResult = run_demo(chain, flow, batches, progress, proofs)
    except (CoreUnavailableError, FeedError, ProgramError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({**to_json(result), "plot": str(plot)}))
    else:
        click.echo(to_text(result))
        click.echo(f"Plot:          {plot}")
    try:
        write_plot(result, plot)
    except OSError as error:
        raise click.ClickException(f"the plot was not written: {error}") from error
    if not result.ok:
        raise SystemExit(1)


@contextlib.contextmanager
def _progress(*, is_shown: bool) -> Iterator[StepProgress]:
    """Show a bar per step on the standard error; yield the callback that moves it."""
    from rich.console import Console
    from rich.progress import Progress, TaskID

    # Drawn between envelopes: a thread that draws would show up in the measured latencies.
    with Progress(console=Console(stderr=True), disable=not is_shown, auto_refresh=False) as bars:
        tasks: dict[str, TaskID] = {}
        drawn_s = 0.0

        def move(step: str, done: int, total: int) -> None:
            nonlocal drawn_s
            if step not in tasks:
                tasks[step] = bars.add_task(step)
            bars.update(tasks[step], completed=done, total=total)
            now_s = time.monotonic()
            if done == total or now_s - drawn_s >= _REDRAW_S:
                bars.refresh()
                drawn_s = now_s

        yield move
