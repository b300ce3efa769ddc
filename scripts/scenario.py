"""A market story through Ape: `ape run scenario NAME --network ethereum:local:test`.

The same run, output and exit code as `headrace scenario run`. A story runs on the core alone and
sends nothing to the connected network.
"""

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand

from offchain.commands.scenario import run


@click.command(cls=ConnectedProviderCommand)
@click.argument("name")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of what is random.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="PNG with the story's lines."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def cli(context: click.Context, name: str, seed: int, plot: Path | None, as_json: bool) -> None:
    """Run the scenario NAME; exits with 1 if a check fails."""
    context.invoke(run, name=name, seed=seed, plot=plot, as_json=as_json)
