"""Contracts and model agree, call by call, on random sequences of everything that anyone can do."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from offchain.settlement.model.registry import UPGRADE_NOTICE_S
from offchain.settlement.priority import FORCE_EXPIRY_S
from tests.onchain.gateway_refusals import WrongCalls
from tests.onchain.gateway_twins import HATCH, GatewayTwins
from tests.onchain.refusals import every_error_of
from tests.settlement.epochs import ASSETS, OWNERS, changed, honest_epoch, rebound, with_other_word
from tests.settlement.gateway_scene import (
    DAY_S,
    DEPOSITORS,
    FEE_WEI,
    STRANGER,
    UNITS,
    governance_of,
    operator_of,
    version_of,
)

WALKS, STEPS = 10, 150
WRONG_EVERY = 50
OK = "ok"
OUTCOMES: Counter[str] = Counter()
SEEDS = st.integers(0, 2**32 - 1).map(Random)


class GatewayMachine(RuleBasedStateMachine):
    """Rules draw one seed each; what they do with it depends on the model's state."""

    @initialize(chain_count=st.integers(3, 8), broken=st.sampled_from([0, 0, 0, 2]), rng=SEEDS)
    def deploy(self, chain_count, broken, rng):
        self.twins = GatewayTwins(chain_count, broken=broken)
        self.state = self.twins.state
        self.trees = []
        for chain_id in self.state.registry.ids():
            for asset in ASSETS:
                units = rng.randint(1, UNITS)
                assert self.twins.deposit(chain_id, rng.choice(DEPOSITORS), asset, units) == OK

    def chain(self, rng):
        """Return a chain id, now and then of no chain."""
        return rng.choice([*self.state.registry.ids() * 5, 0, 99])

    def live(self):
        return [i for i in self.state.registry.ids() if not self.state.registry.is_frozen(i)]

    def count(self, name, outcome):
        OUTCOMES[name, outcome] += 1
        return outcome

    @rule(rng=SEEDS)
    def deposit(self, rng):
        who, asset = rng.choice(DEPOSITORS), rng.choice(ASSETS)
        units = rng.randint(1, UNITS)
        for _ in range(rng.choice((1, 1, 1, 5))):
            self.count("deposit", self.twins.deposit(self.chain(rng), who, asset, units))

    @precondition(lambda self: self.live())
    @rule(rng=SEEDS)
    def settle(self, rng):
        epoch = honest_epoch(rng, self.twins.model, self.live())
        self.twins.record(epoch.settlement)
        assert self.count("settle", self.twins.settle(epoch.settlement)) == OK
        self.trees += [tree for tree in epoch.trees if tree.withdrawals]

    @precondition(lambda self: self.live())
    @rule(rng=SEEDS)
    def settle_what_is_wrong(self, rng):
        settlement = honest_epoch(rng, self.twins.model, self.live()).settlement
        for _ in range(rng.choice((1, 1, 2))):
            settlement = changed(rng, settlement)
        if rng.random() < 0.8:
            settlement = rebound(settlement)
        if rng.random() < 0.9:
            self.twins.record(settlement)
        self.count("settle", self.twins.settle(settlement))

    @precondition(lambda self: self.trees)
    @rule(rng=SEEDS)
    def claim(self, rng):
        tree = rng.choice(self.trees)
        index = rng.randrange(len(tree.withdrawals))
        if rng.random() < 0.2:
            other = replace(tree.withdrawals[index], amount_units=rng.randint(0, UNITS))
            tree = tree.__class__(tree.chain_id, tree.batch, [other, *tree.withdrawals[1:]])
            index = 0
        self.count("claim", self.twins.claim(tree, index))

    @rule(rng=SEEDS)
    def force(self, rng):
        chain_id, sender = self.chain(rng), rng.choice(DEPOSITORS)
        own = self.state.queue.account_of(chain_id, sender)
        account, fee = rng.choice((own, own, own + 1)), rng.choice((FEE_WEI, FEE_WEI, 0))
        kind = rng.randint(2, 8)
        words = account, rng.choice(ASSETS), rng.randint(0, 9), rng.randbytes(32), bytes(32)
        for _ in range(rng.choice((1, 1, 9))):
            outcome = self.twins.enqueue_forced(sender, fee, chain_id, kind, *words)
            self.count("force", outcome)
        payees = [operator for operator, _ in self.state.queue.fees_wei.items()]
        operator = rng.choice((*payees, STRANGER))
        self.count("collect", self.twins.collect_fees(operator, operator))

    @rule(rng=SEEDS)
    def govern(self, rng):
        chain_id = self.chain(rng)
        sender = rng.choice((governance_of(chain_id), governance_of(chain_id), STRANGER))
        places, zero = self.twins.scene.places, bytes(20)
        version = version_of(rng.randint(1, 3), places.verifier)
        if rng.random() < 0.2:
            version = with_other_word(rng, version)
        outcome = (
            lambda: self.twins.enqueue_admin(sender, chain_id, rng.randbytes(32), bytes(32)),
            lambda: self.twins.schedule_upgrade(sender, chain_id, version),
            lambda: self.twins.cancel_upgrade(sender, chain_id),
            lambda: self.twins.activate_upgrade(chain_id),
            lambda: self.twins.set_roles(
                sender,
                chain_id,
                rng.choice((operator_of(chain_id), zero)),
                rng.choice((governance_of(chain_id), zero)),
            ),
            lambda: self.twins.register(
                rng.choice((chain_id, 2**64)),
                rng.choice((places.owner, STRANGER)),
                da_mode=rng.choice((1, 2)),
                operations_per_block=rng.choice((1, 8, 256)),
            ),
        )
        self.count("govern", rng.choice(outcome)())

    @rule(rng=SEEDS)
    def wait(self, rng):
        longest = rng.choice((60, 60, 60, DAY_S, FORCE_EXPIRY_S, UPGRADE_NOTICE_S))
        self.twins.wait(rng.randint(0, longest), rng.randint(0, 2))

    @rule(rng=SEEDS)
    def publish(self, rng):
        known = [bytes(32), *(key for key, _ in self.state.published.items()), rng.randbytes(32)]
        data = rng.choice((b"", rng.randbytes(20)))
        self.count("publish", self.twins.publish(data, rng.choice(known)))
        self.twins.take_snapshot(rng.randint(1, 2))

    @rule(rng=SEEDS)
    def freeze(self, rng):
        if rng.random() < 0.2:
            self.twins.wait(rng.randint(FORCE_EXPIRY_S, 2 * FORCE_EXPIRY_S))
        self.count("freeze", self.twins.freeze_overdue(self.chain(rng)))
        in_flight = self.state.channels.in_flight()
        if in_flight:
            envelope = rng.choice(in_flight)
            if rng.random() < 0.3:
                envelope = with_other_word(rng, envelope)
            self.count("freeze", self.twins.freeze_undelivered(envelope))

    @precondition(lambda self: self.live())
    @rule(rng=SEEDS)
    def alarm(self, rng):
        chain_id = rng.choice(self.live())
        output = honest_epoch(rng, self.twins.model, [chain_id]).settlement.outputs[0]
        other = with_other_word(rng, output)
        version = self.state.registry[chain_id].terms.version
        for proven in (output, other):
            # Rarely both: a frozen chain does little more.
            if chain_id != self.twins.scene.broken and rng.random() < 0.4:
                self.twins.prove(version, proven)
        self.count("alarm", self.twins.raise_alarm(output, other))

    @precondition(lambda self: self.live())
    @rule(rng=SEEDS)
    def call_wrongly(self, rng):
        WrongCalls(self.twins, rng, self.live()).make_some()

    @rule(rng=SEEDS)
    def leave(self, rng):
        frozen = [i for i in self.state.registry.ids() if self.state.registry.is_frozen(i)]
        chain_id, asset = rng.choice([*frozen * 4, self.chain(rng)]), rng.choice(ASSETS)
        length = self.state.queue.length(chain_id)
        if length:
            record = self.state.queue.queued(chain_id, rng.randrange(length)).record
            if rng.random() < 0.2:
                record = replace(record, amount_units=record.amount_units + 1)
            self.count("refund deposit", self.twins.refund_deposit(chain_id, record))
        for envelope in self.state.channels.in_flight()[: rng.randint(0, 4)]:
            self.count("refund envelope", self.twins.refund_envelope(envelope))
        for owner, holder, pledged in [key for key, _ in self.state.ledger.pledged.items()][:3]:
            self.count("move", self.twins.move_pledges(owner, holder, pledged))
        self.count("move", self.twins.move_pledges(chain_id, self.chain(rng), asset))
        caller, owner = rng.choice((HATCH, HATCH, STRANGER)), rng.choice(OWNERS)
        units = rng.randint(0, self.state.ledger.balance[chain_id, asset] + 1)
        outcome = self.twins.credit_escape(caller, chain_id, owner, asset, units)
        self.count("escape", outcome)
        keys = [key for key, _ in self.state.ledger.credits.items()]
        key = rng.choice([*keys, (chain_id, rng.choice(DEPOSITORS), asset)])
        self.count("credit", self.twins.claim_credit(*key))

    @invariant()
    def agree(self):
        self.twins.check()


def test_contracts_and_model_agree_on_every_call():
    # Seeds do not shrink to anything simpler, and trying takes minutes.
    run_state_machine_as_test(
        GatewayMachine,
        settings=settings(max_examples=15, stateful_step_count=30, phases=[Phase.generate]),
    )


RULES = (
    *("settle",) * 3,
    *("settle_what_is_wrong",) * 4,
    *("deposit", "claim", "force", "govern", "wait", "publish", "freeze", "alarm", "leave"),
)


@pytest.mark.slow
def test_contracts_and_model_agree_on_long_walks():
    OUTCOMES.clear()
    with every_error_of("gateway"):
        walk()
    succeeded = {name for (name, outcome), count in OUTCOMES.items() if outcome == OK and count}
    # A run in which little happens shows little.
    assert succeeded == {name for name, _ in OUTCOMES}


def walk():
    """Take long walks, with wrong calls on the way and at the end."""
    for seed in range(WALKS):
        rng, machine = Random(seed), GatewayMachine()
        machine.deploy(3 + seed % 6, rng.choice((0, 2)), rng)
        for step in range(STEPS):
            name = rng.choice(RULES)
            needs_live = "settle" in name or name == "alarm"
            if (machine.live() or not needs_live) and (machine.trees or name != "claim"):
                getattr(machine, name)(rng)
                machine.agree()
            if step % WRONG_EVERY == 0 and machine.live():
                WrongCalls(machine.twins, rng, machine.live()).make_all()
        if machine.live():
            WrongCalls(machine.twins, rng, machine.live()).make_last()
        machine.agree()
