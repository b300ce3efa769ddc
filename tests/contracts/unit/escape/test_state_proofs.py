"""StateProofs: what it reads, and each refusal."""

from functools import cache

import pytest

from offchain.settlement.state_proofs import BESIDE_LEVEL, StateProofs
from offchain.spec import poseidon2
from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.kinds import Subtree
from offchain.spec.records import Account, Asset, Market, Position
from offchain.spec.state import genesis
from offchain.spec.tree import Hasher
from tests.contracts.support import address_bytes, reverts

HASHER = Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))
OWNER = bytes(range(20))
ACCOUNT = Account(
    flags=1,
    owner=OWNER,
    asset_ids=[1, 0, 3, 0, 0, 0, 0, 0],
    free=[-5, 0, 7, 0, 0, 0, 0, 0],
    locked=[9, 0, 0, 0, 0, 0, 0, 0],
    positions_used=1,
).to_bytes()
POSITION = Position(market_plus_1=5, size_lots=-3, cost=-300).to_bytes()
INDEX = 7
FREE_OF_UNUSED_SLOT = 64
FREE_OF_QUOTE = 48


def changed(record, start, value):
    """The record with another 8-byte word at `start`."""
    return record[:start] + value.to_bytes(8, "little") + record[start + 8 :]


@cache
def tree(record=ACCOUNT):
    position = (Subtree.POSITIONS, 16 * INDEX + 2, POSITION)
    return StateProofs([(Subtree.ACCOUNTS, INDEX, record), position], HASHER)


def arguments(proofs, index=INDEX):
    proof = proofs.record(Subtree.ACCOUNTS, INDEX)
    return proofs.root, index, proof.record, list(proof.path.siblings)


@pytest.fixture(scope="module")
def state_proofs(project, stranger):
    return project.StateProofs.deploy(sender=stranger)


def test_account_and_positions(state_proofs, stranger):
    root, index, record, path = arguments(tree())
    account = state_proofs.verify_account.call(root, index, record, path)
    assert address_bytes(account.owner) == OWNER
    assert (account.flags, account.order_count, account.positions_used) == (1, 0, 1)
    found = [(b.asset_id, b.free_units, b.locked_units) for b in account.balances]
    assert found == [(0, -5, 9), (2, 7, 0)]
    proof = tree().positions(INDEX)
    siblings = list(proof.path.siblings)
    (position,) = state_proofs.verify_positions.call(
        root, INDEX, proof.slots, proof.records, siblings
    )
    assert (position.slot, position.market_id) == (2, 4)
    assert (position.size_lots, position.cost_units) == (-3, -300)


ASSET = Asset(flags=3, withdraw_step_units=5, total_units=2**60, deposit_cap_units=7)
MARKET = Market(kind=2, base_asset=4, fee_account=6, insurance_account=8, open_interest_lots=9)


@cache
def whole_tree():
    """A genesis state with an asset and a market, at numbers 2 and 3."""
    state = genesis(b"\x11" * 32, OWNER, HASHER)
    state.header.batch_number = 5
    state.assets.replace(2, ASSET)
    state.markets.replace(3, MARKET)
    return StateProofs(state.leaves(), HASHER)


def test_an_asset_a_market_and_the_header(state_proofs):
    root = whole_tree().root
    calls = (
        (Subtree.ASSETS, 2, state_proofs.verify_asset),
        (Subtree.MARKETS, 3, state_proofs.verify_market),
        (Subtree.HEADER, 0, state_proofs.verify_header),
    )
    read = []
    for subtree, index, verify in calls:
        proof = whole_tree().record(subtree, index)
        key = () if subtree == Subtree.HEADER else (index,)
        read.append(verify.call(root, *key, proof.record, list(proof.path.siblings)))
    asset, market, header = read
    assert (asset.flags, asset.total_units, asset.deposit_cap_units) == (3, 2**60, 7)
    assert (market.kind, market.base_asset, market.fee_account) == (2, 4, 6)
    assert (market.insurance_account, market.open_interest_lots) == (8, 9)
    assert header.batch_number == 5


def test_views_tell_what_is_a_record(state_proofs):
    root, index, record, path = arguments(tree())
    is_record = state_proofs.is_record
    assert is_record(root, Subtree.ACCOUNTS, index, record, path)
    assert not is_record(root, Subtree.ACCOUNTS, index + 1, record, path)
    assert not is_record(root, Subtree.ACCOUNTS, index, record, path[:25])
    proof = tree().positions(INDEX)
    siblings = list(proof.path.siblings)
    assert state_proofs.has_positions(root, INDEX, proof.slots, proof.records, siblings)
    assert not state_proofs.has_positions(root, INDEX, 0, b"", siblings)


def test_a_second_path_may_stop_at_a_known_node(state_proofs, stranger):
    root, index, record, path = arguments(tree())
    with reverts("R04"):
        state_proofs.verify_account.call(root, index, record, path[:3])
    state_proofs.verify_account(root, index, record, path, sender=stranger)
    number = tree().record(Subtree.ACCOUNTS, INDEX).path.number
    assert state_proofs.verified_digest(root, number >> 3) != bytes(32)
    assert state_proofs.verify_account.call(root, index, record, path[:3]).flags == 1


def test_a_node_beside_a_path_does_not_outlast_the_transaction(state_proofs, stranger):
    root, index, record, path = arguments(tree())
    proof = tree().positions(INDEX)
    siblings = list(proof.path.siblings)[:-BESIDE_LEVEL]
    state_proofs.verify_account(root, index, record, path, sender=stranger)
    with reverts("R04"):
        state_proofs.verify_positions.call(root, INDEX, proof.slots, proof.records, siblings)


@pytest.mark.parametrize("start", [0, 96, 248])
def test_element_that_is_not_canonical(state_proofs, start):
    root, index, record, path = arguments(tree())
    word = int.from_bytes(record[start : start + 8], "little") + GOLDILOCKS_P
    with reverts("R01"):
        state_proofs.verify_account.call(root, index, changed(record, start, word), path)
    with reverts("R01"):
        state_proofs.verify_account.call(root, index, record, [b"\xff" * 32, *path[1:]])


def test_index_outside_the_subtree(state_proofs):
    with reverts("R02"):
        state_proofs.verify_account.call(*arguments(tree(), 1 << 22))


def test_path_beyond_the_root(state_proofs):
    root, *_ = arguments(tree())
    with reverts("R03"):
        state_proofs.verify_header.call(root, bytes(512), [bytes(32)] * 5)


def test_path_to_a_node_that_is_not_known(state_proofs):
    root, index, record, path = arguments(tree())
    with reverts("R04"):
        state_proofs.verify_account.call(root, index, record, path[:25])


def test_path_to_another_root(state_proofs):
    root, index, record, path = arguments(tree())
    with reverts("R05"):
        state_proofs.verify_account.call(bytes(32), index, record, path)
    with reverts("R05"):
        state_proofs.verify_account.call(root, index, changed(record, 0, 3), path)
    proof = tree().positions(INDEX)
    with reverts("R05"):
        state_proofs.verify_positions.call(root, INDEX, 0, b"", list(proof.path.siblings))


def test_subtree_whose_records_are_not_read(state_proofs):
    for subtree in (1, Subtree.POSITIONS, 16):
        with reverts("R06"):
            state_proofs.is_record(bytes(32), subtree, 0, bytes(64), [])


def test_record_of_another_length(state_proofs):
    root, index, record, path = arguments(tree())
    for length in (0, 32, 255):
        with reverts("R07"):
            state_proofs.verify_account.call(root, index, record[:length], path)
    proof = tree().positions(INDEX)
    for slots, records in ((0, POSITION), (4, b""), (4, POSITION[:63]), (4, POSITION * 2)):
        with reverts("R07"):
            state_proofs.verify_positions.call(
                root, INDEX, slots, records, list(proof.path.siblings)
            )


@pytest.mark.parametrize(
    ("start", "value"),
    [
        pytest.param(FREE_OF_UNUSED_SLOT, 1 << 62, id="unused balance"),
        pytest.param(FREE_OF_UNUSED_SLOT + 8, 1, id="locked of an unused balance"),
        pytest.param(176, 1 << 56, id="first chunk of the owner"),
        pytest.param(192, 1 << 48, id="last chunk of the owner"),
    ],
)
def test_unused_part_that_is_not_zero(state_proofs, start, value):
    with reverts("R08"):
        state_proofs.verify_account.call(*arguments(tree(changed(ACCOUNT, start, value))))


def test_signed_value_out_of_range(state_proofs):
    with reverts("R09"):
        state_proofs.verify_account.call(*arguments(tree(changed(ACCOUNT, FREE_OF_QUOTE, 1 << 63))))


def test_slot_beyond_the_sixteenth(state_proofs):
    with reverts("R10"):
        state_proofs.has_positions(bytes(32), INDEX, 1 << 16, POSITION, [])


def test_empty_position(state_proofs):
    with reverts("R11"):
        state_proofs.has_positions(bytes(32), INDEX, 1, bytes(64), [])
