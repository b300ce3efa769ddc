"""Random settlements of many chains, for tests of the gateway and of its model.

`honest_epoch` builds a settlement that the gateway must accept, from the model's state alone.
`changed` makes one of its words wrong. Whatever a hostile prover can have proven is `rebound`: the
roots of its outputs fit its lists, so that the gateway's own checks decide.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from random import Random

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.messages import (
    AssetSum,
    ChannelEntry,
    Envelope,
    EnvelopeFlag,
    Flow,
    Pledge,
    channel_accumulator,
    channels_root,
    flows_root,
    pad_sums,
    pledges_root,
)
from offchain.settlement.model.channels import DELIVERY_S, IN_FLIGHT_MAX
from offchain.settlement.model.gateway import GatewayModel
from offchain.settlement.model.settle import ENTRIES_MAX, OUTPUTS_MAX, Settlement
from offchain.settlement.priority import PriorityKind
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree

ASSETS = (0, 1, 2)
OWNERS = tuple(bytes([0xC0 + i]) * 20 for i in range(4))
WORDS = (0, 1, 2, 2**16, 2**62, 2**64 - 1, 2**64, 2**256 - 1)


@dataclass(frozen=True)
class Epoch:
    """A settlement and the withdrawals behind the roots of its outputs."""

    settlement: Settlement
    trees: tuple[WithdrawalTree, ...]


def honest_epoch(rng: Random, model: GatewayModel, chain_ids: list[int]) -> Epoch:
    """Return a settlement of some of these live chains that the gateway must accept."""
    count = rng.randint(1, min(OUTPUTS_MAX, len(chain_ids)))
    return Draft(rng, model, sorted(rng.sample(chain_ids, count))).epoch()


class Draft:
    """Plays the six steps on copies of the ledgers while it writes the lists."""

    def __init__(
        self, rng: Random, model: GatewayModel, chain_ids: list[int], distrusted: int = 0
    ) -> None:
        self.rng = rng
        self.distrusted = distrusted  # gets no pledges
        self.state = model.state
        self.chain_ids = chain_ids
        ledger = self.state.ledger
        self.balance = dict(ledger.balance.items())
        self.pledged = dict(ledger.pledged.items())
        self.next_record: dict[int, int] = {}
        self.slot: dict[int, int] = {}
        self.first_slot: dict[int, int] = {}
        self.deposited: dict[tuple[int, int], int] = {}

    def epoch(self) -> Epoch:
        self._consume_deposits()
        channels, sent, received = self._exchange()
        pledges = self._pledge()
        trees = tuple(self._withdraw(chain_id) for chain_id in self.chain_ids)
        flows = self._flows(trees)
        outputs = tuple(
            self._output(chain_id, tree)
            for chain_id, tree in zip(self.chain_ids, trees, strict=True)
        )
        settlement = Settlement(
            outputs=outputs,
            flows=flows,
            channels=channels,
            sent=sent,
            received=received,
            pledges=pledges,
        )
        return Epoch(rebound(settlement), trees)

    def free(self, chain_id: int, asset: int) -> int:
        locked = sum(
            units
            for (owner, _, pledged_asset), units in self.pledged.items()
            if (owner, pledged_asset) == (chain_id, asset)
        )
        return self.balance.get((chain_id, asset), 0) - locked

    def some(self, most: int) -> int:
        """Return a part of an amount: often nothing or all of it."""
        return self.rng.choice((0, most, self.rng.randint(0, most), self.rng.randint(0, most)))

    def _consume_deposits(self) -> None:
        for chain_id in self.chain_ids:
            position = self.state.registry[chain_id].position
            queue, first = self.state.queue, position.priority_consumed
            length = queue.length(chain_id)
            self.next_record[chain_id] = self.rng.choice((length, self.rng.randint(first, length)))
            while queue.is_overdue(chain_id, self.next_record[chain_id], self.state.now_s):
                self.next_record[chain_id] += 1
            for index in range(first, self.next_record[chain_id]):
                record = queue.queued(chain_id, index).record
                if record.kind == PriorityKind.DEPOSIT:
                    key = chain_id, record.asset_id
                    self._add(self.deposited, key, record.amount_units)
                    self._add(self.balance, key, record.amount_units)
            self.first_slot[chain_id] = position.last_slot + self.rng.randint(0, 3)
            self.slot[chain_id] = self.first_slot[chain_id]

    def _exchange(self):
        rng, state = self.rng, self.state
        pairs = [
            (chain_id, peer)
            for chain_id in self.chain_ids
            for peer in state.registry.ids()
            if peer != chain_id and rng.random() < 0.5
        ]
        waiting: dict[tuple[int, int], list[Envelope]] = {}
        for envelope in state.channels.in_flight():
            waiting.setdefault((envelope.from_chain, envelope.to_chain), []).append(envelope)
        received: list[Envelope] = []
        read_count: dict[tuple[int, int], int] = {}
        caught_up = set()
        for chain_id, peer in pairs:
            old = waiting.get((peer, chain_id), [])
            room = ENTRIES_MAX - len(received)
            if len(old) <= room and rng.random() < 0.7:
                caught_up.add((chain_id, peer))
            else:
                old = old[: rng.randint(0, min(len(old), room))]
            for envelope in old:
                self._credit(chain_id, envelope)
            received += old
            read_count[peer, chain_id] = state.channels[peer, chain_id].received_count + len(old)
        sent: list[Envelope] = []
        for sender, receiver in pairs:
            is_read = (receiver, sender) in caught_up
            new = self._send(sender, receiver, ENTRIES_MAX - len(sent), is_read=is_read)
            sent += new
            # A reader that has caught up reads all new ones, or as many as it likes.
            atomic = [e.index for e in new if e.flags & EnvelopeFlag.ATOMIC]
            least = max(atomic, default=state.channels[sender, receiver].sent_count)
            most = new[-1].index if new else least
            if is_read:
                read_count[sender, receiver] = rng.choice((most, rng.randint(least, most)))
            for envelope in new:
                if envelope.index <= read_count.get((sender, receiver), 0):
                    self._credit(receiver, envelope)
        channels = tuple(
            self._entry(chain_id, peer, sent, read_count[peer, chain_id], waiting)
            for chain_id, peer in pairs
        )
        return channels, tuple(sent), tuple(received)

    def _send(self, sender: int, receiver: int, room: int, *, is_read: bool) -> list[Envelope]:
        rng, channel = self.rng, self.state.channels[sender, receiver]
        new: list[Envelope] = []
        expires_at_s = channel.last_expiry_s
        in_flight = channel.sent_count - channel.received_count
        count = min(rng.randint(0, 3), room, IN_FLIGHT_MAX - in_flight)
        for index in range(channel.sent_count + 1, channel.sent_count + count + 1):
            is_seizure = rng.random() < 0.3
            sums = []
            for asset in ASSETS:
                units = self.some(self.free(sender, asset) // 2)
                if is_seizure:
                    pledged = self.pledged.get((sender, receiver, asset), 0)
                    beyond = units if rng.random() < 0.2 else 0
                    units = self.some(pledged) + beyond
                    self._add(self.pledged, (sender, receiver, asset), -min(units, pledged))
                self._add(self.balance, (sender, asset), -units)
                if units:
                    sums.append(AssetSum(asset, units))
            flags = EnvelopeFlag.SEIZURE if is_seizure else EnvelopeFlag(0)
            if is_read and rng.random() < 0.5:
                flags |= EnvelopeFlag.ATOMIC
            self.slot[sender] += rng.randint(1, 3)
            expires_at_s = max(expires_at_s, self.state.now_s + rng.randint(1, DELIVERY_S))
            new.append(
                Envelope(
                    sender,
                    receiver,
                    index,
                    self.slot[sender],
                    expires_at_s,
                    int(flags),
                    rng.randbytes(32),
                    pad_sums(sums),
                )
            )
        return new

    def _entry(
        self,
        chain_id: int,
        peer: int,
        sent: list[Envelope],
        read_count: int,
        waiting: dict[tuple[int, int], list[Envelope]],
    ) -> ChannelEntry:
        out, into = self.state.channels[chain_id, peer], self.state.channels[peer, chain_id]
        own = [e for e in sent if (e.from_chain, e.to_chain) == (chain_id, peer)]
        arrived = waiting.get((peer, chain_id), []) + [
            e for e in sent if (e.from_chain, e.to_chain) == (peer, chain_id)
        ]
        read = [e for e in arrived if e.index <= read_count]
        return ChannelEntry(
            chain_id,
            peer,
            out.sent_count + len(own),
            channel_accumulator(own, out.sent_accumulator),
            read_count,
            channel_accumulator(read, into.received_accumulator),
        )

    def _pledge(self) -> tuple[Pledge, ...]:
        rng, peers = self.rng, self.state.registry.ids()
        chosen = [
            (chain_id, peer, asset)
            for chain_id in self.chain_ids
            for peer in peers
            for asset in ASSETS
            if peer not in (chain_id, self.distrusted) and rng.random() < 0.15
        ]
        released = {}
        for chain_id, peer, asset in chosen:
            key = peer, chain_id, asset
            released[chain_id, peer, asset] = self.some(self.pledged.get(key, 0))
            self._add(self.pledged, key, -released[chain_id, peer, asset])
        pledges = []
        for chain_id, peer, asset in chosen:
            units = self.some(self.free(chain_id, asset) // 2)
            self._add(self.pledged, (chain_id, peer, asset), units)
            pledges.append(Pledge(chain_id, peer, asset, units, released[chain_id, peer, asset]))
        return tuple(self._release_more(pledge) for pledge in pledges)

    def _release_more(self, pledge: Pledge) -> Pledge:
        """Let some releases take what is pledged in the same settlement, or is not at all."""
        beyond = self.rng.choice((0, 0, 0, self.rng.randint(0, 2**40)))
        key = pledge.peer, pledge.chain_id, pledge.asset_id
        self._add(self.pledged, key, -min(beyond, self.pledged.get(key, 0)))
        return replace(pledge, released_units=pledge.released_units + beyond)

    def _withdraw(self, chain_id: int) -> WithdrawalTree:
        withdrawals = []
        for _ in range(self.rng.randint(0, 3)):
            asset, owner = self.rng.choice(ASSETS), self.rng.choice(OWNERS)
            units = self.some(self.free(chain_id, asset))
            if units:
                self._add(self.balance, (chain_id, asset), -units)
                withdrawals.append(Withdrawal(owner, asset, units))
        last_batch = self.state.registry[chain_id].position.last_batch + self.rng.randint(1, 3)
        return WithdrawalTree(chain_id, last_batch, withdrawals)

    def _flows(self, trees: tuple[WithdrawalTree, ...]) -> tuple[Flow, ...]:
        withdrawn: dict[tuple[int, int], int] = {}
        for tree in trees:
            for withdrawal in tree.withdrawals:
                self._add(withdrawn, (tree.chain_id, withdrawal.asset_id), withdrawal.amount_units)
        return tuple(
            Flow(*key, self.deposited.get(key, 0), withdrawn.get(key, 0))
            for key in sorted(self.deposited.keys() | withdrawn.keys())
        )

    def _output(self, chain_id: int, tree: WithdrawalTree) -> PublicOutput:
        rng, state = self.rng, self.state
        chain = state.registry[chain_id]
        terms, position = chain.terms, chain.position
        last_time_s = max(position.last_time_s, state.now_s - rng.randint(0, 60))
        oracle = state.deployment.oracle
        has_oracle = terms.feed_set_id != 0
        oracle_next = oracle.snapshot_count(terms.feed_set_id) if has_oracle else 0
        next_record = self.next_record[chain_id]
        published = [key for key, _ in state.published.items()]
        return PublicOutput(
            l1_chain_id=state.deployment.l1_chain_id,
            gateway=state.deployment.gateway,
            chain_id=chain_id,
            config_hash=terms.version.config_hash,
            old_root=position.state_root,
            new_root=rng.randbytes(32),
            first_batch=position.last_batch + 1,
            last_batch=tree.batch,
            first_time_s=rng.randint(position.last_time_s, last_time_s),
            last_time_s=last_time_s,
            first_slot=self.first_slot[chain_id],
            last_slot=self.slot[chain_id] + rng.randint(0, 2),
            priority_first=position.priority_consumed,
            priority_next=next_record,
            priority_accumulator=state.queue.accumulator_after(chain_id, next_record),
            oracle_first=position.oracle_consumed,
            oracle_next=oracle_next,
            oracle_accumulator=oracle.accumulator_after(terms.feed_set_id, oracle_next)
            if has_oracle
            else ZERO_WORD,
            withdrawals_root=tree.root,
            valuation_hash=rng.choice((ZERO_WORD, rng.randbytes(32))),
            da_mode=terms.da_mode,
            da_commitment=rng.choice(published) if terms.da_mode else ZERO_WORD,
            inputs_commitment=rng.randbytes(32),
            receipts_head=rng.randbytes(32),
        )

    def _credit(self, chain_id: int, envelope: Envelope) -> None:
        for pair in envelope.used_sums:
            self._add(self.balance, (chain_id, pair.asset_id), pair.units)

    @staticmethod
    def _add(table, key, units: int) -> None:
        table[key] = table.get(key, 0) + units


def rebound(settlement: Settlement) -> Settlement:
    """Let every output carry the roots of its chain's lists."""
    return replace(
        settlement,
        outputs=tuple(
            replace(
                output,
                flows_root=flows_root(_of(output, settlement.flows)),
                channels_root=channels_root(_of(output, settlement.channels)),
                reservations_root=pledges_root(_of(output, settlement.pledges)),
            )
            for output in settlement.outputs
        ),
    )


def changed(rng: Random, settlement: Settlement) -> Settlement:
    """Change one word, or drop, repeat or swap an item of one of the lists."""
    names = [field.name for field in fields(settlement) if getattr(settlement, field.name)]
    name = rng.choice(names)
    items = list(getattr(settlement, name))
    position = rng.randrange(len(items))
    match rng.randrange(8):
        case 0:
            items.pop(position)
        case 1:
            items.insert(position, items[position])
        case 2:
            other = rng.randrange(len(items))
            items[position], items[other] = items[other], items[position]
        case _:
            items[position] = with_other_word(rng, items[position])
    return replace(settlement, **{name: tuple(items)})


def with_other_word(rng: Random, item):
    field = rng.choice(fields(item))
    value = getattr(item, field.name)
    if field.name == "sums":
        sums = list(value)
        place = rng.randrange(len(sums))
        sums[place] = with_other_word(rng, sums[place])
        return replace(item, sums=tuple(sums))
    if isinstance(value, int):
        others = (value + 1, max(value - 1, 0), value * 2, value // 2)
        # A chain whose counters are at their ends can do nothing more.
        others += () if field.name in ("last_batch", "last_slot") else WORDS
        return replace(item, **{field.name: min(rng.choice(others), 2**256 - 1)})
    other = rng.choice((bytes(len(value)), rng.randbytes(len(value))))
    return replace(item, **{field.name: other})


def _of(output: PublicOutput, entries):
    return [entry for entry in entries if entry.chain_id == output.chain_id]
