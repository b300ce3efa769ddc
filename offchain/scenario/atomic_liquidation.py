"""Collateral on one chain answers for a position on another: both settle, or neither does.

Alice keeps wstETH on one chain, pledges it to an account of hers on another and is short there. The
price jumps, her position is taken over, the holder seizes what she owes, and one transaction on L1
settles both chains. The contracts are the real ones, on an embedded L1.
"""

from __future__ import annotations

from typing import Any, Final

from offchain.core.binding import EventArray
from offchain.scenario import listing
from offchain.scenario.linked_chains import (
    ACCOUNTS,
    ALICE,
    CHANNEL,
    GOVERNANCE,
    HOLDER_ID,
    KEEPER_ID,
    MAKER,
    PLEDGED,
    UNITS,
    WSTETH,
    LinkedChains,
    open_linked_chains,
)
from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import Collateral, Perp
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.local_chain import LocalChain
from offchain.spec import op
from offchain.spec.constants import INSURANCE_ACCOUNT, QUOTE_ASSET
from offchain.spec.kinds import EventKind, MarketStatus, PlaceFlag
from offchain.spec.link_op import Pledge
from offchain.spec.message import Message

NAME = "atomic-liquidation"
REQUIREMENT = (
    "A liquidation that takes collateral pledged on another chain is in both new roots or in "
    "neither, moves what was seized and not a unit more, and leaves every other ledger alone."
)
PLEDGE_TOKENS: Final = 10
PLEDGE_S: Final = 30 * 86_400
BTC: Final = Perp(market=1, name="BTC", price=60_000, initial_ppm=50_000)
WRAPPED: Final = Collateral(asset=PLEDGED, name="pledged wstETH", price=2_000)
SIZE: Final = 5.0
JUMP: Final = 1.05
_STEP_S: Final = 60  # between steps
_SHOWN: Final = ("keeper wstETH", "holder wstETH", "pledged")


class AtomicLiquidation:
    """The story, step by step.

    Parameters
    ----------
    chains : LinkedChains
        As `open_linked_chains` returns them.
    """

    def __init__(self, chains: LinkedChains) -> None:
        self.chains = chains
        self.keeper, self.holder = chains.chains
        self.events: list[EventArray] = []

    def fund(self) -> None:
        """Deposit wstETH on the keeper and quote on the holder; list the perpetual there."""
        holder = self.holder
        holder.administer(
            [
                listing.perp_status(BTC, MarketStatus.OPEN),
                listing.perp_prices(BTC),
                listing.perp_risk(BTC),
                listing.collateral_risk(WRAPPED),
            ]
        )
        self.keeper.deposit(ALICE, WSTETH, PLEDGE_TOKENS)
        holder.deposit(ALICE, QUOTE_ASSET, 1_000)
        for who in (MAKER, GOVERNANCE):
            holder.deposit(who, QUOTE_ASSET, 100_000)
        for chain in self.chains.chains:
            chain.feed()
        insured = op.Transfer(
            account=holder.account_of(GOVERNANCE),
            to_account=INSURANCE_ACCOUNT,
            asset=QUOTE_ASSET,
            amount=100_000 * UNITS,
        )
        holder.submit(GOVERNANCE, insured)

    def pledge(self, tokens: int = PLEDGE_TOKENS, expires_in_s: int = PLEDGE_S) -> None:
        """Let Alice pledge wstETH to her account on the holder, which takes the message."""
        pledge = Pledge(
            account=self.keeper.account_of(ALICE),
            asset=WSTETH,
            channel=CHANNEL,
            peer_account=self.holder.account_of(ALICE),
            amount=tokens * UNITS,
            expires_at_s=self.chains.l1.now_s + expires_in_s,
        )
        self.events.append(self.keeper.submit(ALICE, pledge).events)
        self.chains.seal()

    def price(self, btc: float, wsteth: float = WRAPPED.price) -> None:
        """Report prices on the holder; whoever falls below maintenance is liquidated."""
        sequencer = self.holder.sequencer
        sequencer.tick()
        now_s = sequencer.state.header().now_s
        prices = (
            listing.collateral_snapshot(WRAPPED, wsteth, WRAPPED.rate, now_s),
            listing.perp_snapshot(BTC, btc, now_s),
        )
        self.events += [sequencer.take_snapshot(each).events for each in prices]
        report = listing.price_report(BTC, btc, now_s)
        self.events.append(sequencer.report_price(report).events)

    def open_position(self) -> None:
        """Sell to the market maker's bid; pledged wstETH is the margin."""
        self.price(BTC.price)
        for who, flags in ((MAKER, 0), (ALICE, PlaceFlag.IS_ASK)):
            account = self.holder.account_of(who)
            order = op.Place(
                account=account,
                market=BTC.market,
                flags=flags,
                price=BTC.price_units(BTC.price),
                size_lots=BTC.lots(SIZE),
            )
            self.holder.submit(who, op.SetOwnerKey(account=account, is_on=1))
            self.events.append(self.holder.submit(who, order).events)

    def jump(self) -> None:
        """Let the price jump; Alice's position is taken over and her wstETH is claimed."""
        self.price(BTC.price * JUMP)

    def of_kind(self, kind: EventKind) -> list[Any]:
        """Return the events of a kind that users' and price envelopes made so far."""
        return [event for part in self.events for event in part[part["kind"] == kind]]


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    l1 = LocalChain(account_count=ACCOUNTS)
    story = AtomicLiquidation(open_linked_chains(l1))
    chains, teller = story.chains, _Teller(result, story, l1)
    story.fund()
    chains.seal()
    chains.bundler.settle_all()
    teller.tell("deposits", "both chains settle what was deposited")
    story.pledge()
    chains.bundler.settle_all()
    teller.tell("pledge", "the keeper locks, the holder counts, L1 books the pledge")
    story.open_position()
    chains.seal()
    chains.bundler.settle_all()
    teller.tell("short", "5 BTC at 60,000, margin: pledged wstETH")
    story.jump()
    chains.seal()
    chains.bundler.settle_all()
    teller.tell("jump", "BTC at 63,000: position taken over, pledge claimed")
    _seize(story, result)
    teller.tell("seizure", "request, answer and reading settle in one transaction")
    return result


def _seize(story: AtomicLiquidation, result: ScenarioResult) -> None:
    chains = story.chains
    (exchanged,) = story.of_kind(EventKind.EXCHANGED)
    claimed = int(exchanged["v"][1])
    before = _ledgers(chains)
    chains.relay.seize()
    batches = chains.bundler.next_batches()
    result.check(
        "request and answer settle together only",
        passed=set(batches) == {KEEPER_ID, HOLDER_ID},
        figure=f"chains {sorted(batches)}",
    )
    reasons = [_refusal(chains, {chain_id: batches[chain_id]}) for chain_id in sorted(batches)]
    result.check(
        "either chain alone is refused, and nothing moves",
        passed=all(reasons) and _ledgers(chains) == before,
        figure="; ".join(reasons),
    )
    chains.bundler.settle(batches)
    after = _ledgers(chains)
    moved = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    wanted = {"keeper wstETH": -claimed, "holder wstETH": claimed, "pledged": -claimed}
    result.check(
        "L1 moves what was claimed, and nothing else",
        passed=moved == wanted,
        figure=", ".join(f"{name} {units / UNITS:+.4f}" for name, units in moved.items()),
    )
    roots_equal = all(
        chain.service.settled_root() == chain.sequencer.open_batch_root for chain in chains.chains
    )
    result.check("both roots have moved", passed=roots_equal, figure=roots_equal)
    insurance = story.holder.sequencer.state.account(INSURANCE_ACCOUNT)
    slot = insurance.asset_ids.index(WSTETH + 1)
    result.check(
        "the insurance account has the asset itself",
        passed=insurance.free[slot] == claimed,
        figure=f"{insurance.free[slot] / UNITS:.4f} wstETH",
    )


def _refusal(chains: LinkedChains, batches: dict[int, Any]) -> str:
    """Return why L1 refuses these batches; empty if it settled them."""
    try:
        chains.bundler.settle(batches)
    except ContractRevertedError as error:
        return error.reason
    return ""


def _ledgers(chains: LinkedChains) -> dict[str, int]:
    """Return what L1 has booked, in units."""
    names = {"keeper": chains.keeper, "holder": chains.holder}
    booked = {
        f"{name} {symbol}": chains.balance(chain, asset)
        for name, chain in names.items()
        for symbol, asset in (("USDC", QUOTE_ASSET), ("wstETH", WSTETH))
    }
    return booked | {"pledged": chains.pledged(WSTETH)}


class _Teller:
    """Writes a row of the table and the points of the plot after each step, and lets time pass."""

    def __init__(self, result: ScenarioResult, story: AtomicLiquidation, l1: LocalChain) -> None:
        self._result = result
        self._story = story
        self._l1 = l1
        self._start_s = l1.now_s
        self._messages = 0

    def tell(self, step: str, what: str) -> None:
        booked = _ledgers(self._story.chains)
        sent = self._sent()
        row: dict[str, Any] = {"step": step, "what happens": what}
        row["messages"] = ", ".join(map(_arrow, sent[self._messages :])) or "-"
        row |= {
            name: f"{units / UNITS:,.4f}" for name, units in booked.items() if "USDC" not in name
        }
        self._messages = len(sent)
        self._result.table.append(row)
        self._draw(booked)
        self._l1.advance_time(_STEP_S)
        self._draw(booked)

    def _draw(self, booked: dict[str, int]) -> None:
        at_s = float(self._l1.now_s - self._start_s)
        for name in _SHOWN:
            self._result.series.setdefault(f"{name} on L1", []).append((at_s, booked[name] / UNITS))

    def _sent(self) -> list[Message]:
        sealed = [chain.sequencer.sealed for chain in self._story.chains.chains]
        messages = [
            message for batches in sealed for batch in batches for message in batch.mail.sent
        ]
        return sorted(messages, key=lambda message: message.slot)


def _arrow(message: Message) -> str:
    told = EventKind(int.from_bytes(message.body[8:10], "little")).name
    names = {KEEPER_ID: "keeper", HOLDER_ID: "holder"}
    return f"{names[message.from_chain]} -> {names[message.to_chain]} {told}"
