"""Deploy the L1 system: `ape run deploy --network ethereum:local:test`.

On a local network also a test token and a chain in mode ATTESTED, which any other network refuses.
The record goes to `deployments/<network>.json` after each transaction. A second run goes on where
the first one ended, and sends nothing when all stands.
"""

import json
from dataclasses import asdict
from pathlib import Path

import ape
import click
from ape.cli import ConnectedProviderCommand
from ape.logging import LogLevel, logger

from offchain.settlement.abi import keccak256
from offchain.settlement.deployer import Roles, RowBrokenError, deploy_system
from offchain.settlement.deployment import Deployment, DeploymentFileError
from offchain.settlement.devnet import ChainParameters, deploy_devnet, is_local
from scripts._lib.ape_client import ApeClient, connected_network
from scripts._lib.signers import signer

DEPLOYMENTS = Path(__file__).resolve().parents[1] / "deployments"
NOBODY = "0x" + "00" * 20
# Stand-ins for a chain without an engine behind it.
EXAMPLE_CONFIG_HASH = keccak256(b"headrace example config").hex()
EXAMPLE_GENESIS_ROOT = keccak256(b"headrace example genesis").hex()


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", help="Alias of the Ape account that pays; a test account if local.")
@click.option("--owner", help="Owner of vault, registry and oracle hub; the account by default.")
@click.option("--guardian", help="May pause deposits; nobody by default. Not on local networks.")
@click.option("--treasury", help="Receives surplus; the owner by default. Not on local networks.")
@click.option("--chain-id", default=1, show_default=True, help="Local: id of the ATTESTED chain.")
@click.option("--config-hash", default=EXAMPLE_CONFIG_HASH, help="Local: 32 bytes in hex.")
@click.option("--genesis-root", default=EXAMPLE_GENESIS_ROOT, help="Local: 32 bytes in hex.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as one JSON object.")
def cli(
    account: str | None,
    owner: str | None,
    guardian: str | None,
    treasury: str | None,
    chain_id: int,
    config_hash: str,
    genesis_root: str,
    as_json: bool,
) -> None:
    """Deploy the L1 system and write deployments/NETWORK.json."""
    logger.set_level(LogLevel.WARNING)  # one line per transaction otherwise
    network, l1_chain_id = connected_network()
    payer = signer(account)
    client = ApeClient(payer)

    def save(record: Deployment) -> None:
        record.write(DEPLOYMENTS)
        click.echo(f"{len(record.contracts)} contracts stand", err=True)

    try:
        found = _standing(Deployment.read(DEPLOYMENTS, network, l1_chain_id), client)
        if is_local(network, l1_chain_id):
            operator, governance = ape.accounts.test_accounts[1:3]
            chain = ChainParameters(
                chain_id=chain_id,
                operator=operator.address,
                governance=governance.address,
                config_hash=bytes.fromhex(config_hash.removeprefix("0x")),
                genesis_root=bytes.fromhex(genesis_root.removeprefix("0x")),
            )
            record = deploy_devnet(client, chain, found, save)
        else:
            holder = owner or payer.address
            roles = Roles(holder, guardian or NOBODY, treasury or holder)
            record = deploy_system(client, roles, found, save)
    except (DeploymentFileError, RowBrokenError) as error:
        raise click.ClickException(str(error)) from error
    path = record.write(DEPLOYMENTS)
    if as_json:
        click.echo(json.dumps(asdict(record)))
        return
    click.echo("\n".join(f"{name:<18} {at}" for name, at in sorted(record.contracts.items())))
    if record.trust_mode:
        click.echo(
            f"chain {record.chain_id}, mode of trust: {record.trust_mode}, the operator's "
            "signature without a proof"
        )
    elif client.deployer != record.owner:
        click.echo("left to the owner: set_gateway of vault and registry")
    click.echo(f"written to {path.relative_to(DEPLOYMENTS.parent)}")


def _standing(record: Deployment | None, client: ApeClient) -> Deployment | None:
    """Drop the record of an embedded chain that is gone: it begins empty in every process."""
    is_gone = record is not None and not any(map(client.code, record.contracts.values()))
    return None if is_gone else record
