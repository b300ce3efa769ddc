"""Two linked chains through Ape: `ape run send_message --network ethereum:local:test`.

Sets up two chains to try on the connected network, lets an owner pledge staked ether of one to the
other, delivers the message and settles both; with `--back` the holder lets it go again, which is a
message the other way; with `--withhold` the first chain gives nobody the message's body, and the
other one takes it without, after it has expired and governance has voided it. A network that is
not local is refused.
"""

import json

import click
from ape.cli import ConnectedProviderCommand
from ape.logging import LogLevel, logger

from offchain.scenario.linked_chains import ACCOUNTS, open_linked_chains
from offchain.scenario.messages_sent import Delivery, pledge, pledge_withheld, release
from offchain.settlement.devnet import AttestedNotAllowedError, require_local
from scripts._lib.ape_client import connected_network
from scripts._lib.ape_l1 import ApeL1


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--tokens",
    type=click.IntRange(1, 10**6),
    default=10,
    show_default=True,
    help="wstETH to pledge.",
)
@click.option("--back", is_flag=True, help="Let the pledge go again: a message back.")
@click.option("--withhold", is_flag=True, help="Send a message whose body nobody gets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cli(tokens: int, back: bool, withhold: bool, as_json: bool) -> None:
    """Send a message from one chain to another and settle both on the connected network."""
    try:
        require_local(*connected_network())
    except AttestedNotAllowedError as error:
        raise click.ClickException(str(error)) from error
    if back and withhold:
        raise click.UsageError("nothing was pledged that could go back: use one of the two options")
    logger.set_level(LogLevel.WARNING)  # one line per transaction otherwise
    l1 = ApeL1.with_test_accounts(ACCOUNTS)
    chains = open_linked_chains(l1)
    deliveries = [pledge_withheld(chains, tokens, l1) if withhold else pledge(chains, tokens)]
    if back:
        deliveries.append(release(chains, tokens))
    is_ok = all(each.ok for each in deliveries)
    if as_json:
        told = [each.to_dict() for each in deliveries]
        click.echo(json.dumps({"ok": is_ok, "messages": told}))
    else:
        click.echo("\n".join(map(_sentence, deliveries)))
    if not is_ok:
        raise SystemExit(1)


def _sentence(delivery: Delivery) -> str:
    without = " without body" * delivery.is_void
    return (
        f"{delivery.told} {delivery.index}{without} from chain {delivery.from_chain} to chain "
        f"{delivery.to_chain}: envelope {delivery.envelope_hash}, settled for "
        f"{delivery.settlement_gas:,} gas; pledged on L1: {delivery.pledged_units} units"
    )
