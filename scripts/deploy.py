"""Deploy vault, gateway and a test token: `ape run deploy --network ethereum:local:test`.

The chain is registered in mode ATTESTED, which any network that is not local
refuses before a transaction is sent.
"""

from pathlib import Path

import click
from ape import accounts
from ape.cli import ConnectedProviderCommand

from offchain.settlement.abi import keccak256
from offchain.settlement.deployer import (
    AttestedNotAllowedError,
    ChainParameters,
    deploy_system,
    require_local,
)
from scripts._lib.ape_client import ApeClient, connected_network

DEPLOYMENTS = Path(__file__).resolve().parents[1] / "deployments"
# Stand-ins for a deployment without an engine behind it.
EXAMPLE_CONFIG_HASH = keccak256(b"headrace example config").hex()
EXAMPLE_GENESIS_ROOT = keccak256(b"headrace example genesis").hex()


@click.command(cls=ConnectedProviderCommand)
@click.option("--chain-id", default=1, show_default=True, help="Id of the execution chain.")
@click.option("--config-hash", default=EXAMPLE_CONFIG_HASH, help="32 bytes in hex.")
@click.option("--genesis-root", default=EXAMPLE_GENESIS_ROOT, help="32 bytes in hex.")
def cli(chain_id: int, config_hash: str, genesis_root: str) -> None:
    """Deploy the L1 system and write deployments/NETWORK.json."""
    try:
        require_local(*connected_network())
    except AttestedNotAllowedError as error:
        raise click.ClickException(str(error)) from error
    deployer, operator, governance = accounts.test_accounts[:3]
    deployment = deploy_system(
        ApeClient(deployer),
        deployer.address,
        ChainParameters(
            chain_id=chain_id,
            operator=operator.address,
            governance=governance.address,
            config_hash=bytes.fromhex(config_hash.removeprefix("0x")),
            genesis_root=bytes.fromhex(genesis_root.removeprefix("0x")),
        ),
    )
    path = deployment.write(DEPLOYMENTS)
    click.echo(f"mode of trust: {deployment.trust_mode}, the operator's signature without a proof")
    click.echo(f"vault {deployment.vault}, gateway {deployment.gateway}")
    click.echo(f"written to {path.relative_to(DEPLOYMENTS.parent)}")
