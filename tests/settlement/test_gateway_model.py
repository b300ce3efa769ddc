"""The model of the gateway: its refusals, which change nothing, and its ledgers."""

from copy import deepcopy
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.model.refusals import Code, Refused
from offchain.settlement.model.settle import Settlement
from offchain.settlement.model.storage import Storage
from offchain.settlement.priority import FORCE_EXPIRY_S
from tests.settlement.drill_run import OK, change_of, wealth
from tests.settlement.epochs import ASSETS, changed, honest_epoch, rebound
from tests.settlement.gateway_scene import DAY_S, DEPOSITORS, UNITS, ModelWorld, Scene

SEEDS = st.integers(0, 2**32 - 1)
OTHER = b"\x77" * 32
ROLLUP, ROLLUP_FEEDS = 2, 9  # chain 2 is a rollup with an oracle


@pytest.fixture
def scene():
    scene = Scene(1)
    scene.model.publish_chunk(ZERO_WORD, b"state diff")
    scene.register(ROLLUP, da_mode=1, feed_set_id=ROLLUP_FEEDS)
    scene.oracle.take(ROLLUP_FEEDS, scene.state.now_s)
    scene.fund()
    for chain_id in (1, ROLLUP):
        scene.settle_proven(scene.honest(1, chain_id).settlement)
    scene.wait()
    return scene


def tables_of(model):
    """Return a copy of everything that a call can change."""
    return deepcopy(model.state.__dict__ | {"deployment": None})


WRONG_WORDS = [
    ("domain", lambda o: OTHER, "E30"),
    ("l1_chain_id", lambda o: o.l1_chain_id + 1, "E31"),
    ("gateway", lambda o: b"\x01" * 20, "E32"),
    ("config_hash", lambda o: OTHER, "E07"),
    ("first_batch", lambda o: o.first_batch - 1, "E06"),
    ("first_batch", lambda o: o.first_batch + 1, "E04"),
    ("last_batch", lambda o: o.first_batch - 1, "E33"),
    ("last_batch", lambda o: 2**64, "E33"),
    ("old_root", lambda o: OTHER, "E03"),
    ("new_root", lambda o: ZERO_WORD, "E27"),
    ("first_time_s", lambda o: 0, "E08"),
    ("first_time_s", lambda o: o.last_time_s + 1, "E09"),
    ("last_time_s", lambda o: o.last_time_s + 3_600, "E10"),
    ("first_slot", lambda o: o.last_slot + 1, "E22"),
    ("last_slot", lambda o: 2**64, "E22"),
    ("priority_first", lambda o: o.priority_first + 1, "E12"),
    ("priority_next", lambda o: o.priority_next + 9, "E29"),
    ("priority_accumulator", lambda o: OTHER, "E13"),
    ("oracle_first", lambda o: o.oracle_first + 1, "E34"),
    ("oracle_next", lambda o: o.oracle_first - 1, "E35"),
    ("oracle_next", lambda o: o.oracle_next + 1, "E37"),
    ("oracle_accumulator", lambda o: OTHER, "E15"),
    ("da_mode", lambda o: 0, "E25"),
    ("da_commitment", lambda o: OTHER, "E26"),
    ("receipts_head", lambda o: OTHER, "E05"),
    ("flows_root", lambda o: OTHER, "E23"),
    ("channels_root", lambda o: OTHER, "E57"),
    ("reservations_root", lambda o: OTHER, "E60"),
]


@pytest.mark.parametrize(("word", "wrong", "code"), WRONG_WORDS)
def test_a_wrong_word_is_refused_by_its_own_check(scene, word, wrong, code):
    settlement = scene.honest(2, ROLLUP).settlement
    output = replace(settlement.outputs[0], **{word: wrong(settlement.outputs[0])})
    if code != "E05":
        scene.record(Settlement(outputs=(output,)))
    with pytest.raises(Refused) as refused:
        scene.model.settle(replace(settlement, outputs=(output,)))
    assert refused.value.code == code


def test_the_settlement_that_is_changed_there_is_accepted(scene):
    scene.settle_proven(scene.honest(2, ROLLUP).settlement)


def test_an_overdue_record_and_an_old_snapshot_must_be_consumed(scene):
    settlement = scene.honest(2, ROLLUP).settlement
    scene.oracle.take(ROLLUP_FEEDS, scene.state.now_s)
    scene.wait(2 * 3_600)
    with pytest.raises(Refused, match="E38"):
        scene.settle_proven(settlement)
    scene.take_in(ROLLUP)
    scene.wait(FORCE_EXPIRY_S - 3 * 3_600)
    fresh = scene.honest(3, ROLLUP).settlement
    left = replace(
        fresh.outputs[0],
        priority_next=fresh.outputs[0].priority_first,
        priority_accumulator=scene.state.queue.accumulator_after(
            ROLLUP, fresh.outputs[0].priority_first
        ),
    )
    scene.wait(3 * 3_600)
    with pytest.raises(Refused, match="E14"):
        scene.settle_proven(replace(fresh, outputs=(left,)))


def test_a_settlement_that_comes_too_late_is_refused(scene):
    settlement = scene.honest(2, 1).settlement
    scene.wait(FORCE_EXPIRY_S + DAY_S)
    with pytest.raises(Refused, match="E11"):
        scene.settle_proven(settlement)


@given(SEEDS)
@settings(max_examples=60)
def test_a_refused_settlement_changes_nothing(seed):
    rng, scene = Random(seed), Scene(4)
    scene.fund()
    for _ in range(3):
        scene.settle_proven(scene.honest(rng.getrandbits(32)).settlement)
    before = _dump(tables_of(scene.model))
    assert ("ledger", "balance") in before
    wrong = scene.honest(rng.getrandbits(32)).settlement
    for _ in range(2):
        wrong = rebound(changed(rng, wrong))
    scene.record(wrong)
    try:
        scene.model.settle(wrong)
    except Refused:
        after = tables_of(scene.model)
        assert _dump(after) == before


def _dump(tables):
    """Return the values of all tables, whatever object holds them."""
    found = {}
    for role, held in tables.items():
        for name, value in vars(held).items() if hasattr(held, "__dict__") else ():
            if hasattr(value, "items"):
                found[role, name] = dict(value.items())
    return found


def test_storage_undoes_all_of_a_call_that_fails():
    storage = Storage()
    table = storage.table(0)
    with storage.call():
        table["kept"] = 1

    def fail():
        table["kept"], table["new"] = 2, 3
        table["kept"] = 0
        raise Refused(Code.BALANCE)

    with pytest.raises(Refused), storage.call():
        fail()
    assert dict(table.items()) == {"kept": 1}


def test_the_equation_notices_a_lost_unit_and_a_pledge_without_balance():
    scene = Scene(2)
    scene.take_in(1)
    scene.state.ledger.unassigned[1, 1] -= 1
    with pytest.raises(AssertionError):
        scene.state.ledger.check_equation()
    scene.state.ledger.unassigned[1, 1] += 1
    scene.state.ledger.check_equation()
    scene.state.ledger.pledged[1, 2, 1] = 1
    with pytest.raises(AssertionError):
        scene.state.ledger.check_equation()


class LedgerMachine(RuleBasedStateMachine):
    """Settlements, right and wrong: no chain ever has more than what came in to it."""

    @initialize(chain_count=st.integers(3, 8))
    def start(self, chain_count):
        self.world = ModelWorld(chain_count)
        self.chains = self.world.state.registry.ids()
        self.world.fund()
        self.expected = {i: wealth(self.world.model, i) for i in self.chains}
        self.trees = []

    @rule(seed=SEEDS, changes=st.integers(0, 2))
    def settle(self, seed, changes):
        rng = Random(seed)
        epoch = honest_epoch(rng, self.world.model, self.chains)
        settlement = epoch.settlement
        for _ in range(changes):
            settlement = rebound(changed(rng, settlement))
        self.world.record(settlement)
        outcome = self.world.settle(settlement)
        assert outcome == OK or changes
        if outcome == OK:
            for chain_id in self.chains:
                for asset, units in change_of(settlement, chain_id).items():
                    self.expected[chain_id][asset] += units
            self.trees += [tree for tree in epoch.trees if tree.withdrawals]
        self.world.wait()

    @rule(seed=SEEDS)
    def deposit(self, seed):
        rng = Random(seed)
        chain_id, asset = rng.choice(self.chains), rng.choice(ASSETS)
        if self.world.deposit(chain_id, rng.choice(DEPOSITORS), asset, UNITS) == OK:
            self.expected[chain_id][asset] += UNITS

    @precondition(lambda self: self.trees)
    @rule(seed=SEEDS)
    def claim(self, seed):
        rng = Random(seed)
        tree = rng.choice(self.trees)
        index = rng.randrange(len(tree.withdrawals))
        if self.world.claim(tree, index) == OK:
            withdrawal = tree.withdrawals[index]
            self.expected[tree.chain_id][withdrawal.asset_id] -= withdrawal.amount_units

    @invariant()
    def every_unit_is_somewhere(self):
        self.world.check()
        for chain_id in self.chains:
            assert wealth(self.world.model, chain_id) == self.expected[chain_id]


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=30)
