"""The broken-chain drill: one chain can prove anything, the others are honest.

What each honest chain has is followed by its own lists alone. Whatever the broken chain settles, it
must stay so; and in the end every honest chain withdraws all of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Protocol

from offchain.settlement.messages import Envelope, Pledge
from offchain.settlement.model.gateway import GatewayModel
from offchain.settlement.model.settle import ENTRIES_MAX, Settlement
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from tests.settlement.drill import Hostile
from tests.settlement.epochs import ASSETS, OWNERS, Draft, Epoch
from tests.settlement.gateway_scene import DEPOSITORS, UNITS

DEPOSIT_EVERY = 20  # epochs
HONEST_EVERY = 10  # epochs, for the others alone
HONEST_SHARE = 0.25  # of the broken chain's epochs
OK = "ok"


class World(Protocol):
    """The model alone, or the model beside the contracts; calls return a code or "ok"."""

    model: GatewayModel

    def wait(self, seconds: int = 12) -> None: ...
    def record(self, settlement: Settlement) -> None: ...
    def deposit(self, chain_id: int, depositor: bytes, asset_id: int, units: int) -> str: ...
    def settle(self, settlement: Settlement) -> str: ...
    def claim(self, tree: WithdrawalTree, index: int) -> str: ...
    def raise_alarm(self, first: PublicOutput, second: PublicOutput) -> str: ...
    def freeze_overdue(self, chain_id: int) -> str: ...
    def freeze_undelivered(self, envelope: Envelope) -> str: ...
    def refund_envelope(self, envelope: Envelope) -> str: ...
    def move_pledges(self, owner: int, holder: int, asset_id: int) -> str: ...
    def check(self) -> None: ...


def wealth(model: GatewayModel, chain_id: int) -> dict[int, int]:
    """Return what a chain has of each asset: for its deposits, its users and their claims."""
    ledger = model.state.ledger
    return {
        asset: ledger.unassigned[chain_id, asset]
        + ledger.balance[chain_id, asset]
        + ledger.claimable[chain_id, asset]
        for asset in ASSETS
    }


def change_of(settlement: Settlement, chain_id: int) -> dict[int, int]:
    """Return by how much a settlement changes a chain's wealth, from the chain's own lists."""
    counts = {e.peer: e.received_count for e in settlement.channels if e.chain_id == chain_id}
    change = dict.fromkeys(ASSETS, 0)
    for envelope in settlement.sent:
        is_read = envelope.to_chain == chain_id and envelope.index <= counts.get(
            envelope.from_chain, 0
        )
        sign = int(is_read) - int(envelope.from_chain == chain_id)
        for pair in envelope.used_sums:
            change[pair.asset_id] = change.get(pair.asset_id, 0) + sign * pair.units
    for envelope in settlement.received:
        if envelope.to_chain == chain_id:
            for pair in envelope.used_sums:
                change[pair.asset_id] = change.get(pair.asset_id, 0) + pair.units
    return change


class Drill:
    """A run of the drill; `outcomes` counts what its epochs came to."""

    def __init__(self, world: World, seed: int, broken: int, others: list[int]) -> None:
        self.world, self.model = world, world.model
        self.rng = Random(seed)
        self.broken, self.others = broken, others
        self.hostile = Hostile(self.rng, self.model, broken, others)
        self.outcomes: Counter[str] = Counter()
        self.unclaimed: list[WithdrawalTree] = []  # of the others
        for _ in range(2):
            for chain_id in (broken, *others):
                for asset in ASSETS:
                    assert world.deposit(chain_id, DEPOSITORS[0], asset, UNITS) == OK
                world.wait()
        self.expected = {chain_id: wealth(self.model, chain_id) for chain_id in others}

    def run(self, epochs: int, check_every: int) -> None:
        for number in range(epochs):
            if number % DEPOSIT_EVERY == 0:
                self._deposit()
            if number % HONEST_EVERY == 0:
                self._settle_others()
                self._attack_others()
            epoch = self.hostile.epoch()
            self.world.record(self._of_others(epoch.settlement))
            is_honest = self.rng.random() < HONEST_SHARE
            tried = epoch.settlement if is_honest else self.hostile.cheat(epoch.settlement)
            outcome = self.world.settle(tried)
            self.outcomes[outcome] += 1
            if outcome == OK:
                self._expect(Epoch(tried, epoch.trees))
            self._check_others()
            if number % check_every == 0:
                self.world.check()
            self.world.wait()
        self.world.check()

    def leave(self) -> None:
        """Freeze the broken chain; let all others pay out all that they have."""
        self._freeze()
        ledger = self.model.state.ledger
        for envelope in self.model.state.channels.in_flight():
            if envelope.to_chain == self.broken:
                assert self.world.refund_envelope(envelope) == OK
                for pair in envelope.used_sums:
                    self.expected[envelope.from_chain][pair.asset_id] += pair.units
        for (owner, holder, asset), units in list(ledger.pledged.items()):
            if owner == self.broken:
                assert self.world.move_pledges(owner, holder, asset) == OK
                self.expected[holder][asset] += units
        self._check_others()
        while any(self._has_more(chain_id) for chain_id in self.others):
            for chain_id in self.others:
                epoch = Exit(self.rng, self.model, [chain_id]).epoch()
                self.world.record(epoch.settlement)
                assert self.world.settle(epoch.settlement) == OK
                self._expect(epoch)
                self._check_others()
                self.world.wait()
        for tree in self.unclaimed:
            self._claim(tree)
        self._check_others()
        self.world.check()

    def _claim(self, tree: WithdrawalTree) -> None:
        for index, withdrawal in enumerate(tree.withdrawals):
            assert self.world.claim(tree, index) == OK
            self.expected[tree.chain_id][withdrawal.asset_id] -= withdrawal.amount_units

    def _settle_others(self) -> None:
        """Advance honest chains alone: whatever the broken one has sent, they can."""
        epoch = Draft(self.rng, self.model, self.others, self.broken).epoch()
        self.world.record(epoch.settlement)
        assert self.world.settle(epoch.settlement) == OK
        self._expect(epoch)

    def _attack_others(self) -> None:
        """Try to freeze honest chains, or to take back what is on its way to them."""
        for chain_id in self.others:
            assert self.world.freeze_overdue(chain_id) != OK
            assert self.world.move_pledges(chain_id, self.broken, self.rng.choice(ASSETS)) != OK
        to_others = [e for e in self.model.state.channels.in_flight() if e.to_chain != self.broken]
        for envelope in self.rng.sample(to_others, min(2, len(to_others))):
            assert self.world.freeze_undelivered(envelope) != OK
            assert self.world.refund_envelope(envelope) != OK

    def _deposit(self) -> None:
        chain_id = self.rng.choice((self.broken, *self.others))
        asset, units = self.rng.choice(ASSETS), self.rng.randint(1, UNITS)
        assert self.world.deposit(chain_id, self.rng.choice(DEPOSITORS), asset, units) == OK
        if chain_id != self.broken:
            self.expected[chain_id][asset] += units

    def _of_others(self, settlement: Settlement) -> Settlement:
        outputs = (o for o in settlement.outputs if o.chain_id != self.broken)
        return replace(settlement, outputs=tuple(outputs))

    def _expect(self, epoch: Epoch) -> None:
        for chain_id in self.others:
            for asset, units in change_of(epoch.settlement, chain_id).items():
                self.expected[chain_id][asset] += units
        self.unclaimed += [tree for tree in epoch.trees if tree.chain_id != self.broken]

    def _check_others(self) -> None:
        for chain_id in self.others:
            assert wealth(self.model, chain_id) == self.expected[chain_id], chain_id

    def _freeze(self) -> None:
        output = Draft(self.rng, self.model, [self.broken]).epoch().settlement.outputs[0]
        other = replace(output, new_root=self.rng.randbytes(32))
        assert self.world.raise_alarm(output, other) == OK

    def _has_more(self, chain_id: int) -> bool:
        state = self.model.state
        ledger = state.ledger
        return (
            any(ledger.balance[chain_id, asset] for asset in ASSETS)
            or any(ledger.unassigned[chain_id, asset] for asset in ASSETS)
            or any(e.to_chain == chain_id for e in state.channels.in_flight())
        )


class Exit(Draft):
    """A chain takes in, reads and releases all, and withdraws what is free."""

    def _consume_deposits(self) -> None:
        queue = self.state.queue
        self.rng = _Most(self.rng)
        super()._consume_deposits()
        for chain_id in self.chain_ids:
            assert self.next_record[chain_id] == queue.length(chain_id)

    def _send(self, sender: int, receiver: int, room: int, *, is_read: bool) -> list[Envelope]:
        return []

    def _pledge(self) -> tuple[Pledge, ...]:
        pledges = [
            Pledge(holder, owner, asset, 0, units)
            for (owner, holder, asset), units in sorted(self.pledged.items(), key=_by_holder)
            if holder in self.chain_ids and units
        ][:ENTRIES_MAX]
        for pledge in pledges:
            self.pledged[pledge.peer, pledge.chain_id, pledge.asset_id] = 0
        return tuple(pledges)

    def _withdraw(self, chain_id: int) -> WithdrawalTree:
        withdrawals = []
        for asset in ASSETS:
            units = self.free(chain_id, asset)
            if units:
                self.balance[chain_id, asset] -= units
                withdrawals.append(Withdrawal(OWNERS[0], asset, units))
        last_batch = self.state.registry[chain_id].position.last_batch + 1
        return WithdrawalTree(chain_id, last_batch, withdrawals)


class _Most(Random):
    """Chooses what comes first and what is likely."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng.random())

    def choice(self, seq):
        return seq[0]

    def random(self) -> float:
        return 0.0


def _by_holder(entry: tuple[tuple[int, int, int], int]) -> tuple[int, int, int]:
    owner, holder, asset = entry[0]
    return holder, owner, asset
