"""Prove and settle a chain's next batch: `ape run submit_batch --network ethereum:local:test`.

The chain is that of `deployments/<network>.json`, with its journal in a folder of its own. Where
none stands, as in every process of the embedded network, one to try is deployed and gets a first
batch: its listing and two deposits. Its keys are public: a network that is not local is refused.
"""

import json
from pathlib import Path
from typing import Any

import ape
import click
from ape.cli import ConnectedProviderCommand
from ape.logging import LogLevel, logger
from eth_utils.address import to_canonical_address

from offchain.demo.exchange import (
    CHAIN_ID,
    PROFILE,
    ROLE_COUNT,
    Exchange,
    open_exchange,
    start_exchange,
)
from offchain.demo.flow import GENERATED_TICK_PRICE_UNITS
from offchain.demo.listing import enqueue_admin, listing_ops
from offchain.demo.run import hand_over, one_process
from offchain.demo.traders import deposit
from offchain.engine.genesis import GenesisConfig
from offchain.engine.journal import JournalError
from offchain.proving.store import ProofStore
from offchain.settlement.deployment import Deployment, DeploymentFileError
from offchain.settlement.devnet import (
    ETHER_ASSET,
    QUOTE_ASSET,
    TRUST_MODE_PROVEN,
    AttestedNotAllowedError,
    require_local,
)
from offchain.settlement.service import SettlementError
from scripts._lib.ape_client import connected_network
from scripts._lib.ape_l1 import ApeL1

DEPLOYMENTS = Path(__file__).resolve().parents[1] / "deployments"
DEPOSITS = {QUOTE_ASSET: 1_000 * 10**6, ETHER_ASSET: 10**18}  # base units of a token, wei


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out") / "chain",
    show_default=True,
    help="Journal, witnesses and proofs of the chain.",
)
@click.option(
    "--mode",
    type=click.Choice(["proven", "attested"]),
    default="proven",
    show_default=True,
    help="What a chain that is deployed first rests on; one that stands keeps its own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cli(folder: Path, mode: str, as_json: bool) -> None:
    """Publish, prove and settle the next sealed batch, and pay its withdrawals."""
    network, l1_chain_id = connected_network()
    logger.set_level(LogLevel.WARNING)  # one line per transaction otherwise
    l1 = ApeL1.with_test_accounts(ROLE_COUNT + 1)
    try:
        require_local(network, l1_chain_id, mode.upper())
        standing = _standing(Deployment.read(DEPLOYMENTS, network, l1_chain_id))
        folder.mkdir(parents=True, exist_ok=True)
        with one_process() as executor:
            if standing is None:
                proofs = ProofStore(folder) if mode == "proven" else None
                exchange = open_exchange(l1, _new_journal(folder), proofs, executor)
                exchange.deployment.write(DEPLOYMENTS)
                _first_batch(exchange)
            else:
                is_proven = standing.trust_mode == TRUST_MODE_PROVEN
                proofs = ProofStore(folder) if is_proven else None
                genesis = _genesis(l1)
                exchange = start_exchange(
                    l1, standing, genesis, folder / "journal", proofs, executor
                )
            with exchange.journal:
                report = _submit(exchange)
    except (AttestedNotAllowedError, DeploymentFileError, JournalError, SettlementError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(report) if as_json else _text(report))


def _submit(exchange: Exchange) -> dict[str, Any]:
    """Settle the first batch that L1 has not, if there is one."""
    report: dict[str, Any] = {"mode": exchange.deployment.trust_mode, "batch": None}
    pending = exchange.service.unsettled()
    if not pending:
        return report
    hand_over(exchange)
    settlement = exchange.service.settle(pending[:1])
    claims = exchange.service.claim(settlement)
    number = pending[0].number
    if exchange.proving is not None:
        report["proof_file"] = str(exchange.proving.store.proof_path(number, PROFILE))
    return report | {
        "batch": number,
        "new_root": "0x" + settlement.output.new_root.hex(),
        "envelopes": len(pending[0].envelopes),
        "claims": claims.paid,
        "waiting": len(pending) - 1,
        "l1_gas": {name: sum(gas) for name, gas in exchange.l1.gas_used.items()},
    }


def _text(report: dict[str, Any]) -> str:
    if report["batch"] is None:
        return f"mode of trust: {report['mode']}; every sealed batch is settled"
    proof = f"; proof: {report['proof_file']}" if "proof_file" in report else ""
    return (
        f"batch {report['batch']} of {report['envelopes']} envelopes is settled, root "
        f"{report['new_root']}\nmode of trust: {report['mode']}{proof}\n"
        f"{report['claims']} withdrawals paid, {report['waiting']} batches wait"
    )


def _first_batch(exchange: Exchange) -> None:
    """List the markets, deposit for one trader, and seal."""
    governance, depositor = exchange.l1.accounts[ROLE_COUNT - 1 :][:2]
    ops = listing_ops(GENERATED_TICK_PRICE_UNITS)
    enqueue_admin(exchange.l1, exchange.deployment, governance, ops)
    for asset_id, amount_native in DEPOSITS.items():
        deposit(exchange, depositor, asset_id, amount_native)
    exchange.service.feed_priority()
    exchange.sequencer.seal()


def _genesis(l1: ApeL1) -> GenesisConfig:
    governance = to_canonical_address(l1.accounts[ROLE_COUNT - 1])
    return GenesisConfig(l1_chain_id=l1.chain_id, chain_id=CHAIN_ID, governance=governance)


def _new_journal(folder: Path) -> Path:
    """Return where a new chain's journal goes; that of a chain that is gone moves aside."""
    path = folder / "journal"
    if path.exists():
        path.replace(path.with_suffix(".gone"))
    return path


def _standing(record: Deployment | None) -> Deployment | None:
    """Drop the record of an embedded chain that is gone: it begins empty in every process."""
    if record is None or not record.chain_id:
        return None
    is_there = bool(ape.chain.provider.web3.eth.get_code(record.gateway))
    return record if is_there else None
