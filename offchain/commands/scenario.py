"""``headrace scenario``: market stories with a pass or a fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from offchain.scenario.result import ScenarioResult


@click.group()
def scenario() -> None:
    """Replay incidents of other exchanges against our rules."""


@scenario.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def list_scenarios(as_json: bool) -> None:
    """List the scenarios and what each requires."""
    from offchain.scenario.catalogue import SCENARIOS

    if as_json:
        click.echo(json.dumps({each.name: each.requirement for each in SCENARIOS.values()}))
        return
    for each in SCENARIOS.values():
        click.echo(click.style(each.name, bold=True))
        click.echo(click.wrap_text(each.requirement, 90, "  ", "  "))


@scenario.command()
@click.argument("name")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of what is random.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="PNG with the story's lines."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def run(name: str, seed: int, plot: Path | None, as_json: bool) -> None:
    """Run the scenario NAME.

    Exits with 1 if a check fails.
    """
    from offchain.core.binding import CoreUnavailableError
    from offchain.scenario.catalogue import SCENARIOS
    from offchain.scenario.jan2022 import DataMissingError
    from offchain.scenario.plot import write_plot
    from offchain.tools.outputs import check_file

    if name not in SCENARIOS:
        raise click.UsageError(f"there is no scenario {name!r}; see `headrace scenario list`")
    if plot is not None:
        check_file(plot, "--plot")
    try:
        result = SCENARIOS[name].run(seed)
    except (CoreUnavailableError, DataMissingError) as error:
        raise click.ClickException(str(error)) from error
    if plot is not None:
        write_plot(result, plot)
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        _print(result, plot)
    if not result.passed:
        raise click.exceptions.Exit(1)


def _print(result: ScenarioResult, plot: Path | None) -> None:
    console = Console()
    console.print(f"[bold]{result.name}[/bold]: {result.requirement}\n")
    if result.table:
        table = Table(*result.table[0], box=None)
        for row in result.table:
            table.add_row(*(str(value) for value in row.values()))
        console.print(table)
        console.print()
    for check in result.checks:
        mark = "[green]pass[/green]" if check.passed else "[red]FAIL[/red]"
        console.print(f"{mark}  {check.text}: {check.figure}", highlight=False)
    if plot is not None:
        console.print(f"\nplot: {plot}", highlight=False)
