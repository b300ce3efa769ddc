"""Settlements of a chain that can prove anything."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from offchain.settlement.messages import AssetSum, Envelope, EnvelopeFlag, Flow, Pledge, pad_sums
from offchain.settlement.model.gateway import GatewayModel
from offchain.settlement.model.settle import ENTRIES_MAX, Settlement
from tests.settlement.epochs import ASSETS, Draft, Epoch, rebound, with_other_word

MUCH = 2**61


class Hostile:
    """Drafts epochs of the broken chain, alone or between honest ones, and cheats in its words.

    Parameters
    ----------
    broken : int
        The chain that can prove anything.
    others : list of int
        The honest chains.
    """

    def __init__(self, rng: Random, model: GatewayModel, broken: int, others: list[int]) -> None:
        self.rng, self.model, self.broken, self.others = rng, model, broken, others
        self.seen: list[Envelope] = []  # for replays

    def epoch(self) -> Epoch:
        """Return an epoch as if all were honest; the honest chains' part of it is proven."""
        # Mostly few chains: it is the broken one that is to be busy.
        count = self.rng.choice((0, 0, 0, 1, 1, 2))
        chosen = sorted([self.broken, *self.rng.sample(self.others, count)])
        epoch = Draft(self.rng, self.model, chosen, self.broken).epoch()
        self.seen = [*self.seen, *epoch.settlement.sent][-ENTRIES_MAX:]
        return epoch

    def cheat(self, settlement: Settlement) -> Settlement:
        """Change the broken chain's words; its roots fit afterwards, the others' stay."""
        for _ in range(self.rng.randint(1, 3)):
            trick = self.rng.choice(
                (
                    self._flow,
                    self._send,
                    self._count,
                    self._replay,
                    self._pledge,
                    self._any_word,
                    self._take_entry,
                )
            )
            settlement = trick(settlement)
        fitting = {output.chain_id: output for output in rebound(settlement).outputs}
        return replace(
            settlement,
            outputs=tuple(
                fitting[output.chain_id] if output.chain_id == self.broken else output
                for output in settlement.outputs
            ),
        )

    def _amount(self, asset: int) -> int:
        ledger, victim = self.model.state.ledger, self.rng.choice(self.others)
        return self.rng.choice(
            (
                1,
                ledger.balance[victim, asset],
                ledger.unassigned[victim, asset],
                ledger.pledged_total[victim, asset],
                ledger.in_flight[asset],
                ledger.booked[asset],
                ledger.balance[self.broken, asset],
                ledger.balance[self.broken, asset] + 1,
                MUCH,
            )
        )

    def _flow(self, settlement: Settlement) -> Settlement:
        asset = self.rng.choice(ASSETS)
        units = self._amount(asset)
        is_deposit = self.rng.random() < 0.5
        flow = Flow(self.broken, asset, units if is_deposit else 0, 0 if is_deposit else units)
        kept = [f for f in settlement.flows if (f.chain_id, f.asset_id) != (self.broken, asset)]
        flows = sorted([*kept, flow], key=lambda f: (f.chain_id, f.asset_id))
        return replace(settlement, flows=tuple(flows))

    def _send(self, settlement: Settlement) -> Settlement:
        own = [i for i, e in enumerate(settlement.sent) if e.from_chain == self.broken]
        if not own:
            return settlement
        sent, place, asset = list(settlement.sent), self.rng.choice(own), self.rng.choice(ASSETS)
        sums = pad_sums([AssetSum(asset, self._amount(asset) or 1)])
        flags = sent[place].flags ^ self.rng.choice((0, EnvelopeFlag.SEIZURE))
        sent[place] = replace(sent[place], sums=sums, flags=flags)
        return self._with_own_totals(replace(settlement, sent=tuple(sent)))

    def _with_own_totals(self, settlement: Settlement) -> Settlement:
        """Let the broken chain's sent totals fit what it sends."""
        channels = []
        for entry in settlement.channels:
            if entry.chain_id == self.broken:
                channel = self.model.state.channels[entry.chain_id, entry.peer]
                accumulator, count = channel.sent_accumulator, channel.sent_count
                for envelope in settlement.sent:
                    if (envelope.from_chain, envelope.to_chain) == (entry.chain_id, entry.peer):
                        accumulator, count = envelope.accumulate(accumulator), count + 1
                entry = replace(entry, sent_count=count, sent_accumulator=accumulator)  # noqa: PLW2901
            channels.append(entry)
        return replace(settlement, channels=tuple(channels))

    def _count(self, settlement: Settlement) -> Settlement:
        own = [i for i, e in enumerate(settlement.channels) if e.chain_id == self.broken]
        if not own:
            return settlement
        channels, place = list(settlement.channels), self.rng.choice(own)
        more = min(channels[place].received_count + self.rng.randint(1, 3), 2**256 - 1)
        channels[place] = replace(channels[place], received_count=more)
        return replace(settlement, channels=tuple(channels))

    def _replay(self, settlement: Settlement) -> Settlement:
        """Receive once more, or receive what was sent to another chain."""
        again = [
            replace(e, to_chain=self.broken) if self.rng.random() < 0.3 else e
            for e in self.rng.sample(self.seen, min(2, len(self.seen)))
        ]
        received = [*settlement.received, *again][:ENTRIES_MAX]
        return replace(settlement, received=tuple(received))

    def _pledge(self, settlement: Settlement) -> Settlement:
        peer, asset = self.rng.choice(self.others), self.rng.choice(ASSETS)
        units = self._amount(asset)
        is_release = self.rng.random() < 0.5
        pledge = Pledge(
            self.broken, peer, asset, 0 if is_release else units, units if is_release else 0
        )
        kept = [
            p
            for p in settlement.pledges
            if (p.chain_id, p.peer, p.asset_id) != (self.broken, peer, asset)
        ]
        pledges = sorted([*kept, pledge], key=lambda p: (p.chain_id, p.peer, p.asset_id))
        return replace(settlement, pledges=tuple(pledges))

    def _any_word(self, settlement: Settlement) -> Settlement:
        places = [
            (name, i)
            for name, key in (
                ("outputs", "chain_id"),
                ("flows", "chain_id"),
                ("channels", "chain_id"),
                ("pledges", "chain_id"),
                ("sent", "from_chain"),
                ("received", "to_chain"),
            )
            for i, item in enumerate(getattr(settlement, name))
            if getattr(item, key) == self.broken
        ]
        if not places:
            return settlement
        name, place = self.rng.choice(places)
        items = list(getattr(settlement, name))
        items[place] = with_other_word(self.rng, items[place])
        return replace(settlement, **{name: tuple(items)})

    def _take_entry(self, settlement: Settlement) -> Settlement:
        """Put the own chain id on an entry of another chain."""
        name = self.rng.choice(("flows", "channels", "pledges"))
        items = list(getattr(settlement, name))
        if not items:
            return settlement
        place = self.rng.randrange(len(items))
        items[place] = replace(items[place], chain_id=self.broken)
        return replace(settlement, **{name: tuple(items)})
