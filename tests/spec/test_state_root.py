"""The state root: shape of the tree, incremental updates, dependence on every record."""

import pytest

from offchain.spec import poseidon2
from offchain.spec.checks import OpError
from offchain.spec.kinds import Subtree
from offchain.spec.poseidon2 import compress, hash_words
from offchain.spec.state import (
    SUBTREE_DEPTHS,
    State,
    account_index,
    genesis,
    nonce_set_index,
    position_index,
    signer_index,
)
from offchain.spec.transition import apply
from offchain.spec.tree import ZERO_DIGEST
from tests.spec.support import HASHER, exchange, rest
from tests.strategies import CONFIG_HASH, GOVERNANCE, random_sequence

DEPTHS = {
    Subtree.HEADER: 0,
    Subtree.CONFIG: 0,
    Subtree.ASSETS: 8,
    Subtree.MARKETS: 10,
    Subtree.FEE_TABLES: 4,
    Subtree.ACCOUNTS: 22,
    Subtree.POSITIONS: 26,
    Subtree.SIGNERS: 23,
    Subtree.ORDERS: 20,
    Subtree.LEVELS: 17,
    Subtree.DUTIES: 18,
    Subtree.RISK: 11,
    Subtree.CHANNELS: 6,
    Subtree.RESERVATIONS: 20,
    Subtree.FUNDS: 10,
    Subtree.BUILDERS: 10,
}


def naive_root(state: State) -> tuple[int, ...]:
    """Return the root from all leaves at once, by recursion over the whole tree."""
    leaves: dict[Subtree, dict[int, tuple[int, ...]]] = {subtree: {} for subtree in Subtree}
    for subtree, number, data in state.leaves():
        words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
        leaves[subtree][number] = hash_words(0x48520000 + subtree, words)

    zeros = [ZERO_DIGEST]
    for _ in range(max(DEPTHS.values())):
        zeros.append(compress(zeros[-1], zeros[-1]))

    def node(known, depth, first) -> tuple[int, ...]:
        if not any(first <= n < first + 2**depth for n in known):
            return zeros[depth]
        if depth == 0:
            return known[first]
        half = 2 ** (depth - 1)
        return compress(node(known, depth - 1, first), node(known, depth - 1, first + half))

    row = [node(leaves[subtree], DEPTHS[subtree], 0) for subtree in Subtree]
    while len(row) > 1:
        row = [compress(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def test_the_depths_are_those_of_the_page():
    assert SUBTREE_DEPTHS == DEPTHS


def test_the_incremental_root_equals_the_root_from_all_leaves():
    state = genesis(CONFIG_HASH, GOVERNANCE)
    assert state.root() == naive_root(state)
    for number, data in enumerate(random_sequence(11, 150)):
        try:
            apply(state, data)
        except OpError:
            continue
        if number % 10 == 0:
            state.root()
    assert state.root() == naive_root(state)


def test_the_root_of_a_state_hashed_late_equals_that_of_one_hashed_often():
    often, late = (genesis(CONFIG_HASH, GOVERNANCE, HASHER) for _ in range(2))
    for data in random_sequence(12, 60):
        for state in (often, late):
            try:
                apply(state, data)
            except OpError:
                continue
        often.root()
    assert often.root() == late.root()


def test_a_record_set_back_to_zero_gives_the_old_root():
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    before = state.root()
    state.builders.edit(5).account = 32
    assert state.root() != before
    state.builders.clear(5)
    assert state.root() == before


@pytest.mark.parametrize("subtree", [s for s in Subtree if s not in (0, 1, 12, 13, 14)])
def test_the_root_depends_on_every_subtree(subtree):
    state = exchange()
    rest(state, 32, 100, 1, expiry_s=2_000)
    rest(state, 32, 100, 1, market=2)
    before = state.root()
    edits = {
        Subtree.ASSETS: lambda: setattr(state.assets.edit(0), "total_units", 1),
        Subtree.MARKETS: lambda: setattr(state.markets.edit(1), "tick", 1),
        Subtree.FEE_TABLES: lambda: setattr(state.fee_tiers.edit(3), "maker_ppm", 1),
        Subtree.ACCOUNTS: lambda: setattr(state.edit_account(32), "tier", 1),
        Subtree.POSITIONS: lambda: setattr(state.positions.edit(16), "cost", 1),
        Subtree.SIGNERS: lambda: setattr(state.signers.edit(64), "expiry_s", 1),
        Subtree.ORDERS: lambda: setattr(state.orders.edit(1), "remaining_lots", 2),
        Subtree.LEVELS: lambda: setattr(state.levels.edit(1), "count", 2),
        Subtree.DUTIES: state.duties.pop_last,
        Subtree.RISK: lambda: setattr(state.edit_market_risk(1), "flags", 1),
        Subtree.BUILDERS: lambda: setattr(state.builders.edit(1), "account", 2),
    }
    edits[subtree]()
    assert state.root() != before


def test_risks_of_assets_are_leaves_behind_those_of_markets():
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    before = state.root()
    state.edit_market_risk(3).flags = 1
    state.edit_asset_risk(3).flags = 1
    leaves = [leaf for subtree, leaf, _ in state.leaves() if subtree == Subtree.RISK]
    assert leaves == [3, 1_024 + 3]
    assert state.root() == naive_root(state) != before


def test_nonce_sets_are_leaves_behind_their_signer():
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    before = state.root()
    for slot in (1, 0):
        for nonce in (14, 13 + 12):
            state.nonce_sets.edit(nonce_set_index(32, slot, nonce)).use(nonce)
        state.signers.edit(signer_index(32, slot)).flags = 1
    leaves = [leaf for subtree, leaf, _ in state.leaves() if subtree == Subtree.SIGNERS]
    assert leaves == [64, 66, 77, 80, 82, 93]
    assert state.root() == naive_root(state) != before


def test_the_root_depends_on_header_and_config():
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    before = state.root()
    assert genesis(bytes(32), GOVERNANCE, HASHER).root() != before
    assert genesis(CONFIG_HASH, bytes(20), HASHER).root() != before
    state.header.now_s = 1
    assert state.root() != before


def test_indices_spread_masters_before_sub_accounts():
    assert account_index(32 * 5) == 5
    assert account_index(32 * 5 + 1) == 2**17 + 5
    assert account_index(2**22 - 1) == 2**22 - 1
    assert position_index(32, 3) == 19
    assert signer_index(32 * 5 + 7, 2) == 22 * 16
    assert [nonce_set_index(32 * 5 + 7, 2, nonce) - 22 * 16 for nonce in (13, 14, 25)] == [1, 2, 13]
    assert nonce_set_index(2**22 - 1, 3, 12) == 2**23 - 3


def test_genesis_has_two_accounts_and_two_counters_at_one():
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    assert [subtree for subtree, _, _ in state.leaves()] == [0, 1, 5, 5]
    assert (state.header.next_event_seq, state.header.next_order_sequence) == (1, 1)
    assert state.account(1).owner == state.account(2).owner == GOVERNANCE
    assert state.root_bytes() == poseidon2.digest_to_bytes(state.root())
    assert HASHER.leaf(3, bytes(128)) == ZERO_DIGEST
