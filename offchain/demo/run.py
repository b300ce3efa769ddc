"""The thin path from deposits on L1 to claims on L1, step by step."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from offchain.demo.client import AGENT_SLOT, OWNER_SLOT, DemoClients, Measurements, Trade, Trader
from offchain.demo.exchange import (
    ASSET_SYMBOLS,
    MARKET,
    PROFILE,
    Exchange,
    enqueue_admin,
    fund_traders,
    market_ops,
    open_exchange,
)
from offchain.demo.flow import DemoFlow
from offchain.demo.solvency import AssetCheck, check_assets, count_unwithdrawn
from offchain.engine.journal import Journal
from offchain.engine.sequencer import Sequencer, wall_clock_ms
from offchain.engine.state_view import PriceLevel, TopOfBook
from offchain.proving.store import ProofStore
from offchain.settlement.l1 import L1Client
from offchain.settlement.service import Settlement
from offchain.spec import op

MIN_BATCHES: Final = 3
_AGENT_LIFE_S: Final = 30 * 86_400
_MS_PER_S: Final = 1_000

# Called with (step, done, in all).
StepProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ProvenBatch:
    """The proof of one batch and what it took.

    Attributes
    ----------
    proof_file : Path
    proof_bytes : int
    cycles : int
        Instructions of the batch program.
    rows : mapping
        Rows used by table.
    seconds : float
        Of proving.
    l1_gas : int
        Of its verification on L1, all parts.
    """

    proof_file: Path
    proof_bytes: int
    cycles: int
    rows: Mapping[str, int]
    seconds: float
    l1_gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demo did and measured; see `offchain.demo.report` for its texts.

    Attributes
    ----------
    source, mode : str
        Where the flow came from; what stands behind the settlements.
    settled : list of Settlement
        In order.
    proven : dict of int to ProvenBatch
        By number of the batch; empty if nothing is proven.
    measured : Measurements
        Trading only; the core's share is `trading_core_ns`.
    top_of_book, bids, asks
        At the end of trading, before all orders were cancelled; up to `depth_levels` per side.
    claims : int
        Withdrawals that L1 has paid.
    l1_gas : dict of str to list of int
        Gas of every transaction by function.
    is_root_equal : bool
        Whether L1 ended with the engine's state root.
    is_journal_equal : bool
        Whether replaying the journal into a new core gave the same root.
    checks : list of AssetCheck
        Vault against engine, per asset.
    unwithdrawn : int
        Traders' balances that L1 could pay and that were left behind.
    """

    source: str
    mode: str
    traders: int
    orders: int
    settled: list[Settlement]
    proven: dict[int, ProvenBatch]
    measured: Measurements
    trading_core_ns: int
    trades: list[Trade]
    top_of_book: TopOfBook
    bids: list[PriceLevel]
    asks: list[PriceLevel]
    claims: int
    l1_gas: dict[str, list[int]]
    journal_bytes: int
    is_root_equal: bool
    is_journal_equal: bool
    checks: list[AssetCheck]
    unwithdrawn: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the vault ends with exactly what the engine says it owes, and nobody waits."""
        withdrawals = sum(len(each.tree.withdrawals) for each in self.settled)
        return (
            all(check.is_equal for check in self.checks)
            and self.claims == withdrawals
            and self.unwithdrawn == 0
            and self.is_root_equal
            and self.is_journal_equal
        )


def run_demo(
    l1: L1Client,
    flow: DemoFlow,
    batches: int,
    progress: StepProgress,
    proofs: Path | None = None,
    depth_levels: int = 100,
) -> DemoResult:
    """Run the thin path.

    Parameters
    ----------
    l1 : L1Client
        A local chain with three accounts more than the flow has.
    flow : DemoFlow
        Orders.
    batches : int
        Batches to settle, at least `MIN_BATCHES`; the last one carries the withdrawals.
    progress : callable
        Called with (step, done, in all).
    proofs : Path, optional
        Folder for the proofs; None: nothing is proven, the operator attests.
    depth_levels : int
        Levels per side that the result keeps.

    Raises
    ------
    ValueError
        If there are too few batches or L1 accounts.
    AttestedNotAllowedError
        On a network that is not local.
    """
    if batches < MIN_BATCHES:
        raise ValueError(f"the demo settles at least {MIN_BATCHES} batches, not {batches}")
    if len(l1.accounts) < flow.n_accounts + 3:
        raise ValueError(f"{flow.n_accounts} traders need {flow.n_accounts + 3} L1 accounts")
    started_s = time.perf_counter()
    store = None if proofs is None else ProofStore(proofs)
    with tempfile.TemporaryDirectory() as folder, _one_process() as executor:
        journal_path = Path(folder) / "journal"
        exchange = open_exchange(l1, journal_path, store, executor)
        with exchange.journal:
            traders = _prepare(exchange, flow, progress)
            clients = DemoClients(exchange.sequencer, exchange.domain, traders, MARKET)
            _trade(exchange, clients, traders, flow, batches, progress)
            state, measured = exchange.sequencer.state, clients.measured
            trading_core_ns = exchange.sequencer.core_ns
            top, bids, asks = (
                state.top_of_book(MARKET),
                *(state.depth(MARKET, is_ask=s, limit=depth_levels) for s in (False, True)),
            )
            clients.measured = Measurements(refused=measured.refused)
            _withdraw_all(exchange, clients, traders)
            settled = _settle_all(exchange, progress)
            for settlement in settled:
                exchange.service.claim(settlement, partial(progress, "claims"))
        account_ids = [trader.account_id for trader in traders]
        return DemoResult(
            source=flow.source,
            mode=exchange.deployment.trust_mode,
            traders=len(traders),
            orders=flow.orders,
            settled=settled,
            proven=_proven(exchange),
            measured=measured,
            trading_core_ns=trading_core_ns,
            trades=clients.tracker.trades,
            top_of_book=top,
            bids=bids,
            asks=asks,
            claims=_count_paid(exchange, settled),
            l1_gas=dict(l1.gas_used),
            journal_bytes=journal_path.stat().st_size,
            is_root_equal=exchange.service.settled_root() == exchange.sequencer.open_batch_root,
            is_journal_equal=_is_journal_equal(exchange, journal_path),
            checks=check_assets(exchange, account_ids),
            unwithdrawn=count_unwithdrawn(exchange, account_ids),
            seconds=time.perf_counter() - started_s,
        )


def _prepare(exchange: Exchange, flow: DemoFlow, progress: StepProgress) -> list[Trader]:
    """List the market and fund the traders, all through L1's queue."""
    enqueue_admin(exchange.l1, exchange.deployment, market_ops(flow.tick_price_units))
    traders = fund_traders(exchange.l1, exchange.deployment, flow, partial(progress, "deposits"))
    exchange.service.feed_priority()
    return traders


def _trade(
    exchange: Exchange,
    clients: DemoClients,
    traders: list[Trader],
    flow: DemoFlow,
    batches: int,
    progress: StepProgress,
) -> None:
    """Register the agents, then send the flow in all batches but the last."""
    expiry_s = wall_clock_ms() // _MS_PER_S + _AGENT_LIFE_S
    for trader in traders:
        agent = op.SetAgent(
            account=trader.account_id,
            address=trader.agent.address,
            expiry_s=expiry_s,
            slot=AGENT_SLOT,
        )
        clients.send_all(trader, OWNER_SLOT, [agent])
    clients.measured = Measurements(refused=clients.measured.refused)
    exchange.sequencer.core_ns = 0
    parts = flow.parts(batches - 1)
    for number, part in enumerate(parts, start=1):
        step = f"orders, part {number} of {len(parts)}"
        clients.trade(flow, part, partial(progress, step))
        _seal(exchange)


def _withdraw_all(exchange: Exchange, clients: DemoClients, traders: list[Trader]) -> None:
    """Cancel every order, withdraw all that L1 can pay exactly."""
    state = exchange.sequencer.state
    steps = {asset: state.asset(asset).withdraw_step_units for asset in ASSET_SYMBOLS}
    for trader in traders:
        clients.send_all(trader, AGENT_SLOT, [op.CancelAll(account=trader.account_id)])
        account = state.account(trader.account_id)
        free_units = {
            asset_plus_1 - 1: free
            for asset_plus_1, free in zip(account.asset_ids, account.free, strict=True)
            if asset_plus_1
        }
        withdrawals: list[op.Op] = [
            op.Withdraw(account=trader.account_id, asset=asset, amount=units - units % steps[asset])
            for asset, units in free_units.items()
            if units >= steps[asset]
        ]
        if withdrawals:
            clients.send_all(trader, OWNER_SLOT, withdrawals)
    _seal(exchange)


def _seal(exchange: Exchange) -> None:
    """Seal the open batch; hand every sealed one to the prover, which works beside the trading."""
    exchange.sequencer.seal()
    if exchange.proving is not None:
        for batch in exchange.sequencer.sealed[exchange.proving.prover.taken :]:
            exchange.proving.prover.take(batch)


def _settle_all(exchange: Exchange, progress: StepProgress) -> list[Settlement]:
    """Settle batch by batch, each as soon as its proof is there."""
    batches = exchange.service.unsettled()
    settled = []
    for done, batch in enumerate(batches, start=1):
        settled.append(exchange.service.settle([batch]))
        progress("proofs, verified on L1", done, len(batches))
    return settled


def _proven(exchange: Exchange) -> dict[int, ProvenBatch]:
    proving = exchange.proving
    if proving is None:
        return {}
    proven = {}
    for number, verification in proving.facts.verifications.items():
        proof = proving.prover.proof(number, PROFILE)
        proven[number] = ProvenBatch(
            proof_file=proving.store.proof_path(number, PROFILE),
            proof_bytes=len(proof.data),
            cycles=proof.cycles,
            rows=proof.rows,
            seconds=proof.seconds,
            l1_gas=sum(part.gas_used for part in verification.parts),
        )
    return proven


def _one_process() -> ProcessPoolExecutor:
    """Return an executor whose one worker is no fork of a process with threads."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _count_paid(exchange: Exchange, settled: list[Settlement]) -> int:
    """Count on L1: who claimed does not matter."""
    return sum(
        exchange.service.is_paid(each, index)
        for each in settled
        for index in range(len(each.tree.withdrawals))
    )


def _is_journal_equal(exchange: Exchange, path: Path) -> bool:
    """Restart from the journal alone and compare the last root."""
    config_hash = exchange.genesis.config_hash()
    with Journal(path, exchange.domain.deployment_hash(config_hash)) as journal:
        again = Sequencer(
            exchange.genesis.new_core(), exchange.domain, config_hash, journal=journal
        )
        return again.sealed[-1].new_root == exchange.sequencer.sealed[-1].new_root
