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
from offchain.demo.clock import TimedL1
from offchain.demo.exchange import PROFILE, ROLE_COUNT, Exchange, open_exchange
from offchain.demo.flow import DemoFlow
from offchain.demo.listing import SPOT, WITHDRAW_STEPS, enqueue_admin, listing_ops
from offchain.demo.oracle import Oracle, feed_ops
from offchain.demo.perpetual import MIN_TRADERS, PRICE_E8_PER_UNIT, START_PRICE, Perpetual
from offchain.demo.solvency import (
    AssetCheck,
    balance_units,
    check_assets,
    count_unwithdrawn,
    is_rebuilt_equal,
    rebuilt_chain,
)
from offchain.demo.traders import fund_traders
from offchain.engine.journal import Journal
from offchain.engine.sequencer import Sequencer
from offchain.engine.state_view import PriceLevel, TopOfBook
from offchain.proving.store import ProofStore
from offchain.settlement.service import Settlement
from offchain.spec import op
from offchain.spec.constants import MINUTE_S
from offchain.spec.kinds import EventKind
from offchain.spec.state import master_account

MIN_BATCHES: Final = 3
_AGENT_LIFE_S: Final = 30 * 86_400
_HOUR_S: Final = 3_600  # between two payments of funding

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
    perpetual_orders : int
        Orders in the perpetual market, besides `orders`.
    liquidated : int
        Accounts that were liquidated.
    claims : int
        Withdrawals that L1 has paid.
    l1_gas : dict of str to list of int
        Gas of every transaction by function.
    is_root_equal : bool
        Whether L1 ended with the engine's state root.
    is_journal_equal : bool
        Whether replaying the journal into a new core gave the same root.
    is_rebuilt_equal : bool
        Whether events of L1 alone rebuild the engine's accounts, positions and root.
    checks : list of AssetCheck
        Vault, engine and rebuilt state, per asset.
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
    perpetual_orders: int
    liquidated: int
    claims: int
    l1_gas: dict[str, list[int]]
    journal_bytes: int
    is_root_equal: bool
    is_journal_equal: bool
    is_rebuilt_equal: bool
    checks: list[AssetCheck]
    unwithdrawn: int
    seconds: float

    @property
    def funding_payments(self) -> int:
        """How often longs and shorts have paid each other."""
        return sum(
            batch.event_counts.get(EventKind.FUNDING, 0)
            for settlement in self.settled
            for batch in settlement.batches
        )

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
            and self.is_rebuilt_equal
            and self.funding_payments > 0
            and self.liquidated == 1
        )


def run_demo(
    l1: TimedL1,
    flow: DemoFlow,
    batches: int,
    progress: StepProgress,
    proofs: Path | None = None,
    depth_levels: int = 100,
) -> DemoResult:
    """Run the whole path.

    Parameters
    ----------
    l1 : TimedL1
        A local chain with three accounts more than the flow has.
    flow : DemoFlow
        Orders of the spot market.
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
        If there are too few batches, traders or L1 accounts.
    AttestedNotAllowedError
        On a network that is not local.
    """
    if batches < MIN_BATCHES:
        raise ValueError(f"the demo settles at least {MIN_BATCHES} batches, not {batches}")
    if flow.n_accounts < MIN_TRADERS:
        raise ValueError(f"the demo needs at least {MIN_TRADERS} traders, not {flow.n_accounts}")
    if len(l1.accounts) < flow.n_accounts + ROLE_COUNT:
        needed = flow.n_accounts + ROLE_COUNT
        raise ValueError(f"{flow.n_accounts} traders need {needed} L1 accounts")
    started_s = time.perf_counter()
    store = None if proofs is None else ProofStore(proofs)
    with tempfile.TemporaryDirectory() as folder, one_process() as executor:
        journal_path = Path(folder) / "journal"
        exchange = open_exchange(l1, journal_path, store, executor)
        with exchange.journal:
            traders = _prepare(exchange, flow, progress)
            clients = DemoClients(exchange.sequencer, exchange.domain, traders, SPOT)
            oracle = Oracle.open(exchange, START_PRICE * PRICE_E8_PER_UNIT)
            perpetual = Perpetual(exchange, oracle, clients, traders)
            measured, trading_core_ns = _trade(
                exchange, clients, perpetual, flow, batches, progress
            )
            state = exchange.sequencer.state
            top, bids, asks = (
                state.top_of_book(SPOT),
                *(state.depth(SPOT, is_ask=s, limit=depth_levels) for s in (False, True)),
            )
            perpetual.close()
            _withdraw_all(exchange, clients, perpetual.accounts())
            _settle_all(exchange, progress)
            settled = exchange.service.settlements()
            for settlement in settled:
                exchange.service.claim(settlement, partial(progress, "claims"))
        rebuilt = rebuilt_chain(exchange)
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
            perpetual_orders=perpetual.orders,
            liquidated=len(perpetual.liquidated),
            claims=_count_paid(exchange, settled),
            l1_gas=dict(l1.gas_used),
            journal_bytes=journal_path.stat().st_size,
            is_root_equal=exchange.service.settled_root() == exchange.sequencer.open_batch_root,
            is_journal_equal=_is_journal_equal(exchange, journal_path),
            is_rebuilt_equal=is_rebuilt_equal(exchange, rebuilt),
            checks=check_assets(exchange, rebuilt),
            unwithdrawn=count_unwithdrawn(exchange, [*account_ids, *perpetual.accounts()]),
            seconds=time.perf_counter() - started_s,
        )


def _prepare(exchange: Exchange, flow: DemoFlow, progress: StepProgress) -> list[Trader]:
    """List the markets and fund the traders, all through L1's queue; let a minute pass."""
    governance = exchange.l1.accounts[ROLE_COUNT - 1]
    ops = [*listing_ops(flow.tick_price_units), *feed_ops()]
    enqueue_admin(exchange.l1, exchange.deployment, governance, ops)
    traders = fund_traders(exchange, flow, partial(progress, "deposits"))
    exchange.service.feed_priority()
    exchange.clock.advance(MINUTE_S)
    return traders


def _trade(
    exchange: Exchange,
    clients: DemoClients,
    perpetual: Perpetual,
    flow: DemoFlow,
    batches: int,
    progress: StepProgress,
) -> tuple[Measurements, int]:
    """Trade in all batches but the last; return what the flow's orders took, and of the core.

    An hour passes behind the first part, so that funding is paid; the price falls behind the last.
    What is sealed by then is settled before, as L1 takes no batch that leaves a snapshot of the hub
    unread for an hour.
    """
    perpetual.report(START_PRICE)
    _set_keys(exchange, clients)
    refused = clients.measured.refused
    perpetual.open()
    parts, core_ns, measured = flow.parts(batches - 1), 0, Measurements(refused=refused)
    for number, part in enumerate(parts, start=1):
        step = f"orders, part {number} of {len(parts)}"
        clients.measured, exchange.sequencer.core_ns = measured, 0
        clients.trade(flow, part, partial(progress, step))
        core_ns += exchange.sequencer.core_ns
        clients.measured = Measurements(refused=refused)
        if number == 1:
            exchange.sequencer.seal()
            hand_over(exchange)
            _settle_all(exchange, progress)
            exchange.clock.advance(_HOUR_S)
            perpetual.report(START_PRICE)
        if number == len(parts):
            perpetual.fall()
        _seal(exchange, number)
    return measured, core_ns


def _set_keys(exchange: Exchange, clients: DemoClients) -> None:
    """Register the agents' keys; owners without an agent let their own key trade."""
    expiry_s = exchange.clock.now_s + _AGENT_LIFE_S
    for trader in clients.traders:
        if trader.agent is None:
            key: op.Op = op.SetOwnerKey(account=trader.account_id, is_on=1)
        else:
            key = op.SetAgent(
                account=trader.account_id,
                address=trader.agent.address,
                expiry_s=expiry_s,
                slot=AGENT_SLOT,
            )
        clients.send_all(trader, OWNER_SLOT, [key])


def _withdraw_all(exchange: Exchange, clients: DemoClients, sub_accounts: list[int]) -> None:
    """Cancel every order, withdraw all that L1 can pay exactly."""
    state = exchange.sequencer.state
    for trader in clients.traders:
        owned = [trader.account_id]
        owned += [each for each in sub_accounts if master_account(each) == trader.account_id]
        cancel = op.CancelAll(account=trader.account_id)
        withdrawals: list[op.Op] = []
        for account_id in owned:
            account = state.account(account_id)
            for asset, step in WITHDRAW_STEPS.items():
                units = balance_units(account, asset)
                if units >= step:
                    amount = units - units % step
                    withdrawals.append(op.Withdraw(account=account_id, asset=asset, amount=amount))
        clients.send_behind(cancel, trader, OWNER_SLOT, withdrawals)
    _seal(exchange, len(exchange.sequencer.sealed) + 1)


def hand_over(exchange: Exchange) -> None:
    """Give the prover every sealed batch that it has not; it works beside the trading."""
    if exchange.proving is not None:
        for batch in exchange.sequencer.sealed[exchange.proving.prover.taken :]:
            exchange.proving.prover.take(batch)


def _seal(exchange: Exchange, at_least: int) -> None:
    """Seal the open batch unless so many are sealed: a proof of a short one takes long as well."""
    if len(exchange.sequencer.sealed) < at_least:
        exchange.sequencer.seal()
    hand_over(exchange)


def _settle_all(exchange: Exchange, progress: StepProgress) -> None:
    """Settle batch by batch, each as soon as its proof is there."""
    batches = exchange.service.unsettled()
    step = f"proofs from batch {batches[0].number}, verified on L1"
    for done, batch in enumerate(batches, start=1):
        exchange.service.settle([batch])
        progress(step, done, len(batches))


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


def one_process() -> ProcessPoolExecutor:
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
