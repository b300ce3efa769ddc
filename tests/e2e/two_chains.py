"""The story of the atomic liquidation up to a point, and what a hostile operator makes of it."""

from dataclasses import replace

from offchain.scenario.atomic_liquidation import AtomicLiquidation
from offchain.scenario.linked_chains import (
    ACCOUNTS,
    HOLDER_ID,
    KEEPER_ID,
    WSTETH,
    open_linked_chains,
)
from offchain.settlement.chain_lists import ChainPart, arguments_of
from offchain.settlement.devnet import ATTESTED_FACTS, QUOTE_ASSET
from offchain.settlement.fact_source import AttestedFacts
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.local_chain import LocalChain
from offchain.settlement.messages import (
    ZERO_WORD,
    channel_accumulator,
    channels_root,
    flows_root,
    pledges_root,
)

MARK_PAUSE_S = 5


def pledged_story(**pledge):
    """Alice's wstETH is pledged; both chains have settled."""
    story = AtomicLiquidation(open_linked_chains(LocalChain(account_count=ACCOUNTS)))
    story.fund()
    story.pledge(**pledge)
    story.chains.bundler.settle_all()
    return story


def liquidate(story):
    """Open the position and let the price jump; the holder has sealed, L1 has settled."""
    story.open_position()
    story.chains.l1.advance_time(MARK_PAUSE_S)
    story.jump()
    story.chains.seal()
    story.chains.bundler.settle_all()


def seized_story():
    """Request, answer and reading are sealed; nothing of them is settled."""
    story = pledged_story()
    liquidate(story)
    assert story.chains.relay.seize() == 1
    return story


def ledgers(chains):
    """Everything that L1 has booked for either chain."""
    booked = {}
    gateway = chains.keeper.deployment.gateway
    for chain in chains.chains:
        for asset in (QUOTE_ASSET, WSTETH):
            for name in ("balance", "unassigned", "claimable", "pledged_total"):
                amount = chains.l1.call("Gateway", gateway, f"{name}_units", chain.chain_id, asset)
                booked[chain.chain_id, asset, name] = amount
    booked["pledged"] = chains.pledged(WSTETH)
    booked["in flight"] = chains.l1.call("Gateway", gateway, "in_flight_units", WSTETH)
    return booked


def roots(chains):
    return [chain.service.settled_root() for chain in chains.chains]


class Hostile:
    """Both operators sign whatever they like: what L1 itself still refuses."""

    def __init__(self, story):
        self.chains = story.chains
        batches = self.chains.bundler.next_batches()
        assert set(batches) == {KEEPER_ID, HOLDER_ID}
        services = {chain.chain_id: chain.service for chain in self.chains.chains}
        self.parts = {i: services[i].prepare(own).part for i, own in batches.items()}

    def attest(self, part):
        l1 = self.chains.l1
        address = self.chains.keeper.deployment.contracts[ATTESTED_FACTS]
        AttestedFacts(l1, address, l1.private_key(l1.accounts[1])).establish([], part.output)

    def call(self, arguments):
        """Return L1's code, or "ok"."""
        gateway = self.chains.keeper.deployment.gateway
        try:
            self.chains.l1.transact("Gateway", gateway, "settle", *arguments.to_arguments())
        except ContractRevertedError as error:
            return error.reason[:3]
        return "ok"

    def settle(self, *parts, **lists):
        """Attest parts and settle them with other lists than they have; return L1's code."""
        for part in parts:
            self.attest(part)
        return self.call(replace(arguments_of(parts), **lists))


def with_sent(part, before, sent):
    """A part whose chain sent other envelopes, with its totals told to match."""
    entries = []
    for entry in part.lists.channels:
        own = [each for each in sent if each.to_chain == entry.peer]
        accumulator = channel_accumulator(own, before)
        entries.append(replace(entry, sent_count=own[-1].index, sent_accumulator=accumulator))
    return rebound(part, replace(part.lists, sent=tuple(sent), channels=tuple(entries)))


def with_taken(part, before, taken):
    """A part whose chain took other envelopes, with its totals told to match."""
    entries = []
    for entry in part.lists.channels:
        own = [each for each in taken if each.from_chain == entry.peer]
        accumulator = channel_accumulator(own, before)
        told = {"received_count": own[-1].index, "received_accumulator": accumulator}
        entries.append(replace(entry, **told))
    return rebound(part, replace(part.lists, taken=tuple(taken), channels=tuple(entries)))


def rebound(part, lists):
    """A part with other lists, its output telling their roots."""
    output = replace(
        part.output,
        channels_root=channels_root(lists.channels),
        flows_root=flows_root(part.flows),
        reservations_root=pledges_root(lists.pledges),
    )
    return ChainPart(output, part.flows, lists)


def sent_accumulator(chains, from_chain, to_chain):
    """Accumulator of what L1 knows a chain to have sent."""
    gateway = chains.keeper.deployment.gateway
    channel = chains.l1.call("Gateway", gateway, "channel", from_chain, to_chain)
    return channel[1] if channel[0] else ZERO_WORD
