"""The benchmark of leaf sizes counts what the core hashes."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from offchain.bench import leaves
from offchain.bench.core_contender import CONFIG_HASH, GOVERNANCE, build_ops, new_exchange
from offchain.bench.workload import messages_from_flow
from offchain.commands import bench as command
from offchain.core.binding import Core
from offchain.replay.core_book import BASE_ASSET, account_id, exchange_ops
from offchain.replay.generators import flow_60_35_5
from offchain.spec import op
from offchain.spec.constants import LEAF_BYTES
from offchain.spec.kinds import MarketKind, Subtree

pytestmark = pytest.mark.slow

SCENARIO = leaves.Scenario("test", MarketKind.SPOT, 0.0)


@pytest.fixture(scope="module")
def library():
    return leaves.load_variant(LEAF_BYTES)


@pytest.fixture(scope="module")
def ops():
    return build_ops(messages_from_flow(flow_60_35_5(2_000, seed=6))).ops


def test_costs_of_a_deposit_by_hand(library):
    core = Core(CONFIG_HASH, GOVERNANCE, library)
    core.apply(exchange_ops(3, 1_000))
    leaves.root_costs(library, core)
    deposit = op.Deposit(
        account=account_id(1), owner=(2).to_bytes(20, "big"), asset=BASE_ASSET, amount=5
    )
    assert not core.apply([deposit.to_bytes()]).codes.any()
    costs = leaves.root_costs(library, core)
    touched = {Subtree(s): costs[s].item() for s in np.flatnonzero(costs["leaves"])}
    # (leaves, bytes, old and new permutations at 32 bytes each, inner nodes = depth)
    assert touched == {
        Subtree.HEADER: (1, 512, 16, 16, 0),
        Subtree.ASSETS: (1, 128, 4, 4, 8),
        Subtree.ACCOUNTS: (1, 256, 8, 8, 22),
    }
    cost = leaves.leaf_cost(SCENARIO, LEAF_BYTES, 1, costs.reshape(1, -1))
    assert cost.leaf_permutations == 2 * 28
    assert cost.inner_permutations == 2 * (30 + 15)
    assert cost.permutations == 2 * cost.sequencer_permutations
    assert cost.leaf_bytes_on_tape == 512 + 128 + 256
    assert cost.sibling_bytes_on_tape == 32 * 30


def test_first_contents_of_a_leaf_are_hashed_for_one_root_only(library):
    core = Core(CONFIG_HASH, GOVERNANCE, library)
    core.apply(exchange_ops(1, 1_000)[:-2])
    leaves.root_costs(library, core)
    core.apply(exchange_ops(1, 1_000)[-2:])  # the account's first deposits
    costs = leaves.root_costs(library, core)
    for subtree, permutations in ((Subtree.ACCOUNTS, 8), (Subtree.SIGNERS, 2)):
        assert costs[subtree]["old_leaf_permutations"] == 0
        assert costs[subtree]["new_leaf_permutations"] == permutations


def test_variant_of_the_present_size_is_the_native_core(library, ops):
    native, variant = new_exchange(), new_exchange(library=library)
    before = np.array(native.hash_counts())
    assert (native.apply(ops).events == variant.apply(ops).events).all()
    costs = leaves.root_costs(library, variant)
    assert variant.root() == native.root()
    counted = np.array(native.hash_counts()) - before
    assert costs["new_leaf_permutations"].sum() == counted[0]
    assert costs["inner_nodes"].sum() == counted[1]


@pytest.mark.parametrize("leaf_bytes", [2 * LEAF_BYTES, 2048])
def test_leaf_size_changes_the_root_and_nothing_else(leaf_bytes, ops):
    other = leaves.load_variant(leaf_bytes)
    native, variant = new_exchange(), new_exchange(library=other)
    assert (native.apply(ops).events == variant.apply(ops).events).all()
    costs = leaves.root_costs(other, variant)
    orders = costs[Subtree.ORDERS]
    assert orders["leaf_bytes"] == orders["leaves"] * leaf_bytes
    assert variant.root() != native.root()
    # 2,000 messages leave at most 1,200 orders at once: slots beyond them are never touched.
    assert 0 < orders["leaves"] <= 1_200 * 64 // leaf_bytes + 1


def test_siblings_complete_the_paths():
    costs = np.zeros((1, len(Subtree)), leaves._COST)
    # Two neighbours under one parent in a tree of depth 3: 3 inner nodes, 2 siblings.
    costs[0, Subtree.ORDERS] = (2, 256, 8, 8, 3)
    cost = leaves.leaf_cost(SCENARIO, 128, 4, costs)
    assert cost.sibling_bytes_on_tape == 2 * 32 / 4
    assert cost.permutations == (16 + 2 * (3 + 15)) / 4


def test_recommendation_is_the_size_with_the_fewest_permutations():
    def cost(scenario, size, batch, permutations):
        return leaves.LeafCost(scenario, size, batch, permutations, 0.0, 0.0, 0.0, 0.0, 0.0)

    result = leaves.LeavesResult(
        tuple(
            cost(scenario, size, batch, abs(size - 256) + (batch if size == 64 else 0))
            for scenario in ("a", "b")
            for size in leaves.LEAF_SIZES
            for batch in leaves.BATCHES
        )
    )
    assert result.best_leaf_bytes() == dict.fromkeys(leaves.BATCHES, 256)


def test_command_prints_every_size_and_batch(monkeypatch):
    scenario = leaves.SCENARIOS[0]
    workload = leaves.aged_flow(scenario)
    costs = leaves.measure(scenario, workload, LEAF_BYTES)
    monkeypatch.setattr(command, "run_leaves", lambda _: leaves.LeavesResult(tuple(costs)))
    fields = json.loads(CliRunner().invoke(command.bench, ["leaves", "--json"]).output)
    assert [row["batch_ops"] for row in fields["costs"]] == [64, 256, 1024]
    per_op = [row["permutations"] for row in fields["costs"]]
    assert per_op == sorted(per_op, reverse=True)  # larger batches share more nodes
    assert fields["best_leaf_bytes"] == dict.fromkeys(["64", "256", "1024"], LEAF_BYTES)
    text = CliRunner().invoke(command.bench, ["leaves"]).output
    assert f"LEAF_BYTES is {LEAF_BYTES}" in text
