"""``headrace params``: the profiles of the proof system and their provable bits."""

import json

import click

from offchain.security.report import to_fields, to_text
from offchain.security.soundcalc import to_toml


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--toml", "as_toml", is_flag=True, help="Print the input for Ethereum's soundcalc.")
def params(as_json: bool, as_toml: bool) -> None:
    """Compute the provable bits of every profile, round by round.

    Bits are those of the largest tables, 2^22 rows, in the unique-decoding (UDR) and the Johnson
    regime (JBR); no conjecture is used. The better regime counts. A proof with fewer bits than its
    profile promises is neither made nor accepted.
    """
    if as_json and as_toml:
        raise click.UsageError("--json and --toml exclude each other: give one of them")
    if as_toml:
        click.echo(to_toml(), nl=False)
    elif as_json:
        click.echo(json.dumps(to_fields()))
    else:
        click.echo(to_text())
