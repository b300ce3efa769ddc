"""The benchmark of the exchange's contracts on L1: gas of whole transactions.

A transaction pays execution, 21,000 gas and its calldata, or the floor of its calldata if that is
more (EIP-7623). The embedded L1 charges by these rules, those of Prague. Figures are counts and the
same on every machine. Settlements are without proof verification: their facts are recorded before.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Final

from eth_utils.address import to_canonical_address, to_checksum_address
from rich import box
from rich.console import Console
from rich.table import Table

from offchain.bench.l1_scene import (
    ETHER_UNITS,
    FEED_SET,
    QUOTE_UNITS,
    L1Scene,
    Sent,
)
from offchain.settlement.devnet import ETHER_ASSET, FORCED_FEE_WEI, QUOTE_ASSET
from offchain.settlement.oracle_feeds import ChainlinkFeed, Feed, LpFeed, RateFeed, selector
from offchain.settlement.oracle_hub import FeedSet
from offchain.settlement.priority import PriorityKind
from offchain.settlement.state_proofs import (
    PositionsProof,
    RecordProof,
    StateProofs,
    claim_paths,
)
from offchain.settlement.valuation import AssetValue, MarketValue, ValuationTable
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from offchain.spec import poseidon2
from offchain.spec.constants import SUB_ACCOUNT_BITS
from offchain.spec.kinds import Subtree
from offchain.spec.records import Position
from offchain.spec.state import account_index, create_account, genesis
from offchain.spec.state import position_index as position_number
from offchain.spec.tree import Hasher

CHAIN_IDS: Final = range(1, 9)
ESCAPED_CHAIN: Final = 9
WITHDRAWALS: Final = 1_024  # of a settlement: a path of ten
TIMES_PER_SLOT: Final = 4  # every fourth record of a queue begins a slot of arrival times
INTERVAL_S: Final = 60
E8, E18 = 10**8, 10**18
POSITIONS_OF: Final = (2, 2, 16)
"""Positions of the accounts that escape, in this order."""
STEPS: Final = 6
_TEXT_WIDTH: Final = 100

#: Bars by key; a figure without one is only reported.
LIMITS_GAS: Final = {
    "deposit_ether": 120_000,
    "deposit_token": 120_000,
    "claim_ether": 120_000,
    "claim_token": 120_000,
    "escape_account": 2_000_000,
    "settle_8_chains_56_channels": 2_500_000,
    "settle_8_chains_56_channels_first_use": 4_500_000,
}

#: Called with (steps done, steps in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class GasFigure:
    """What one thing to do on L1 costs.

    Attributes
    ----------
    gas
        Of all its transactions, as charged.
    limit_gas
        The bar; None without one.
    transactions, calldata_bytes, floor_gas
        Their number, calldata, and the least that they cost by EIP-7623.
    """

    gas: int
    limit_gas: int | None
    transactions: int
    calldata_bytes: int
    floor_gas: int

    @property
    def is_within(self) -> bool:
        """Whether the bar is met; True without one."""
        return self.limit_gas is None or self.gas <= self.limit_gas


@dataclass(frozen=True, slots=True)
class GasResult:
    """Figures by key, in the order of docs/benchmarks.md."""

    figures: dict[str, GasFigure]

    @property
    def is_within(self) -> bool:
        """Whether every bar is met."""
        return all(figure.is_within for figure in self.figures.values())

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON: gas by key, then all details."""
        details = {name: asdict(figure) for name, figure in self.figures.items()}
        gas = {name: figure.gas for name, figure in self.figures.items()}
        return {**gas, "within_limits": self.is_within, "details": details}

    def to_text(self) -> str:
        """Return a table."""
        table = Table(title="gas on L1, without proof verification", box=box.SIMPLE)
        heads = ("", "gas", "bar", "txs", "bytes", "floor")
        for number, head in enumerate(heads):
            table.add_column(head, justify="right" if number else "left", no_wrap=True)
        for name, figure in self.figures.items():
            limit = "-" if figure.limit_gas is None else f"{figure.limit_gas:,}"
            if not figure.is_within:
                limit += " missed"
            rest = (figure.transactions, figure.calldata_bytes, figure.floor_gas)
            table.add_row(name, f"{figure.gas:,}", limit, *(f"{number:,}" for number in rest))
        text = io.StringIO()
        Console(file=text, width=_TEXT_WIDTH).print(table)
        return text.getvalue().rstrip()


def run_gas(progress: Progress | None = None) -> GasResult:
    """Deploy the system on an embedded L1 and measure what users and the operator pay.

    Parameters
    ----------
    progress
        Called after each of `STEPS` steps.

    Raises
    ------
    ContractRevertedError
        If a contract refuses a transaction.
    """
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if progress is not None:
            progress(steps, STEPS)

    scene = L1Scene((*CHAIN_IDS, ESCAPED_CHAIN))
    step()
    sent = {"snapshot_8_feeds": [_snapshot(scene)]}
    step()
    sent |= _deposits(scene)
    step()
    sent |= _settlements(scene)
    step()
    sent |= _claims(scene)
    step()
    sent |= _escapes(scene)
    step()
    order = (
        *("deposit_ether", "deposit_ether_new_account", "deposit_token"),
        *("deposit_token_new_account", "claim_ether", "claim_token", "forced_operation"),
        *("snapshot_8_feeds", "escape_account", "escape_account_later"),
        *("escape_account_16_positions", "escape_open_table"),
        *("settle_8_chains_56_channels", "settle_8_chains_56_channels_no_deposits"),
        "settle_8_chains_56_channels_first_use",
    )
    return GasResult({name: _figure(name, sent[name]) for name in order})


def _figure(name: str, sent: list[Sent]) -> GasFigure:
    return GasFigure(
        gas=sum(each.gas for each in sent),
        limit_gas=LIMITS_GAS.get(name),
        transactions=len(sent),
        calldata_bytes=sum(each.calldata_bytes for each in sent),
        floor_gas=sum(each.floor_gas for each in sent),
    )


def _dearest(sent: list[Sent]) -> list[Sent]:
    return [max(sent, key=lambda each: each.gas)]


def _snapshot(scene: L1Scene) -> Sent:
    """Four prices, two rates, two pairs; the dearest of those after the first."""
    prices, rates, pairs = (
        [to_canonical_address(scene.deploy(name, *arguments)) for _ in range(count)]
        for name, count, arguments in (
            ("AggregatorMock", 4, (8, 3_000 * E8)),
            ("RateMock", 2, (E18, scene.owner)),
            ("PairMock", 2, (10**21, 10**21, 10**21)),
        )
    )
    rate_call = selector("stEthPerToken()")
    feeds: tuple[Feed, ...] = (
        *(ChainlinkFeed(price, 8, 86_400, 1, 10**14) for price in prices),
        *(RateFeed(rate, 18, rate_call, None, 100_000, E18) for rate in rates),
        *(LpFeed(pair, 36, 0, 1) for pair in pairs),
    )
    interval_s, tuples = FeedSet(INTERVAL_S, feeds).arguments()
    tuples = [(kind, to_checksum_address(str(source)), *rest) for kind, source, *rest in tuples]
    scene.send("OracleHub", "register_feed_set", FEED_SET, interval_s, tuples)
    taken = [_next_snapshot(scene) for _ in range(1 + TIMES_PER_SLOT)]
    return _dearest(taken[1:])[0]


def _next_snapshot(scene: L1Scene) -> Sent:
    scene.chain.advance_time(INTERVAL_S)
    return scene.send("OracleHub", "snapshot", FEED_SET)


def _deposits(scene: L1Scene) -> dict[str, list[Sent]]:
    """Deposits, each the dearest of four that follow each other, and a forced withdrawal."""
    user, other, chain_id = scene.user, scene.other_user, CHAIN_IDS[0]
    scene.deposit_ether(scene.operator, chain_id)
    scene.deposit_quote(scene.operator, chain_id)
    first_ether = scene.deposit_ether(user, chain_id)
    ether = [scene.deposit_ether(user, chain_id) for _ in range(TIMES_PER_SLOT)]
    first_token = scene.deposit_quote(other, chain_id)
    token = [scene.deposit_quote(user, chain_id) for _ in range(TIMES_PER_SLOT)]
    account_id = scene.read("PriorityQueue", "account_of", chain_id, user)
    arguments = (account_id, QUOTE_ASSET, QUOTE_UNITS, bytes(32), bytes(32))
    forced = [
        scene.send(
            *("PriorityQueue", "enqueue_forced", chain_id, PriorityKind.FORCED_WITHDRAW),
            *arguments,
            sender=user,
            value_wei=FORCED_FEE_WEI,
        )
        for _ in range(1 + TIMES_PER_SLOT)
    ]
    return {
        "deposit_ether": _dearest(ether),
        "deposit_ether_new_account": [first_ether],
        "deposit_token": _dearest(token),
        "deposit_token_new_account": [first_token],
        "forced_operation": _dearest(forced[1:]),
    }


def _settlements(scene: L1Scene) -> dict[str, list[Sent]]:
    """One without channels, so that every chain has settled; their first use; later ones."""
    settled = []
    for with_channels, with_deposits in ((False, True), (True, True), (True, True), (True, False)):
        for chain_id in CHAIN_IDS if with_deposits else ():
            scene.deposit_ether(scene.user, chain_id)
            scene.deposit_quote(scene.user, chain_id)
        _next_snapshot(scene)
        settled.append(scene.settle(CHAIN_IDS, with_channels=with_channels))
    _, first_use, second_use, without_deposits = settled
    return {
        "settle_8_chains_56_channels_first_use": [first_use],
        "settle_8_chains_56_channels": [second_use],
        "settle_8_chains_56_channels_no_deposits": [without_deposits],
    }


def _claims(scene: L1Scene) -> dict[str, list[Sent]]:
    """Claims in the middle of a settlement's claims, for an owner who holds none of the token."""
    chain_id = CHAIN_IDS[0]
    batch = scene.output(chain_id).last_batch
    owners = [to_canonical_address(each) for each in (scene.user, scene.other_user)]
    withdrawals = [
        Withdrawal(owners[index // 2 % 2], (ETHER_ASSET, QUOTE_ASSET)[index % 2], 10**4)
        for index in range(WITHDRAWALS)
    ]
    tree = WithdrawalTree(chain_id, batch, withdrawals)
    half = 10**4 * WITHDRAWALS // 2
    scene.settle(
        (chain_id,),
        withdrawn={QUOTE_ASSET: half, ETHER_ASSET: half},
        withdrawals_root=tree.root,
    )
    claimed = []
    for index in range(4):
        item = tree.withdrawals[index]
        claimed.append(
            scene.send(
                *("CollateralVault", "claim", chain_id, batch, index, item.owner),
                *(item.asset_id, item.amount_units, tree.path(index)),
                sender=scene.operator,
            )
        )
    return {"claim_ether": [claimed[2]], "claim_token": [claimed[3]]}


def _escapes(scene: L1Scene) -> dict[str, list[Sent]]:
    """Accounts of a frozen chain with ether, quote and positions: claim, then both credits."""
    owners = [bytes([0xA0 + number]) * 20 for number in range(len(POSITIONS_OF))]
    proofs = _escaped_state(owners)
    supplies = {QUOTE_ASSET: QUOTE_UNITS, ETHER_ASSET: ETHER_UNITS}
    for _ in owners:
        scene.deposit_ether(scene.user, ESCAPED_CHAIN)
        scene.deposit_quote(scene.user, ESCAPED_CHAIN)
    table = ValuationTable(
        tuple(MarketValue(market_id, 3_000) for market_id in range(max(POSITIONS_OF))),
        tuple(
            AssetValue(asset_id, supply_units=len(owners) * units)
            for asset_id, units in supplies.items()
        ),
    )
    scene.settle((ESCAPED_CHAIN,), new_root=proofs.root, valuation_hash=table.digest())
    scene.freeze(ESCAPED_CHAIN)
    opened = scene.send("EscapeHatch", "open", ESCAPED_CHAIN, table.to_bytes())
    escaped = [
        _escape(
            scene,
            owner,
            proofs.record(Subtree.ACCOUNTS, account_index(master << SUB_ACCOUNT_BITS)),
            proofs.positions(account_index(master << SUB_ACCOUNT_BITS)),
        )
        for master, owner in enumerate(owners, 1)
    ]
    first, later, many = escaped
    return {
        "escape_account": first,
        "escape_account_later": later,
        "escape_account_16_positions": many,
        "escape_open_table": [opened],
    }


def _escaped_state(owners: list[bytes]) -> StateProofs:
    hasher = Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))
    state = genesis(b"\x03" * 32, b"\x22" * 20, hasher)
    for master, (owner, count) in enumerate(zip(owners, POSITIONS_OF, strict=True), 1):
        account_id = master << SUB_ACCOUNT_BITS
        create_account(state, account_id, owner)
        account = state.edit_account(account_id)
        account.asset_ids[1] = ETHER_ASSET + 1
        account.free[0], account.free[1] = QUOTE_UNITS, ETHER_UNITS
        account.positions_used = count
        for slot in range(count):
            # Bought at the mark of 3,000, so that the account is worth what it holds.
            position = Position(market_plus_1=slot + 1, size_lots=5, cost=5 * 3_000 * 100)
            state.positions.replace(position_number(account_id, slot), position)
    return StateProofs(state.leaves(), hasher)


def _escape(
    scene: L1Scene, owner: bytes, account: RecordProof, positions: PositionsProof
) -> list[Sent]:
    """Claim with paths as far as the contract does not know them, and pay both credits."""
    root = scene.read("EscapeHatch", "opening", ESCAPED_CHAIN)[0]
    path, position_path = claim_paths(
        account,
        positions,
        lambda number: scene.read("StateProofs", "verified_digest", root, number) != bytes(32),
    )
    claim = scene.send(
        *("EscapeHatch", "claim", ESCAPED_CHAIN, account.index, account.record),
        list(path.siblings),
        *(positions.slots, positions.records, list(position_path.siblings)),
    )
    paid = [
        scene.send("CollateralVault", "claim_credit", ESCAPED_CHAIN, owner, asset_id)
        for asset_id in (QUOTE_ASSET, ETHER_ASSET)
    ]
    return [claim, *paid]
