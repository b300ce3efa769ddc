"""Records proven on L1: right ones are read as the specification has them, others are refused."""

from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.settlement.state_proofs import (
    RECORD_BYTES,
    SUBTREE_LEVELS,
    StateProofs,
    claim_paths,
)
from offchain.spec import poseidon2
from offchain.spec.constants import SIGNED_BIAS, SIZE_LIMIT, VALUE_LIMIT
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Subtree
from offchain.spec.records import Account, Asset, Market, Position
from offchain.spec.state import SUBTREE_DEPTHS, create_account, genesis, position_index
from offchain.spec.state import account_index as index_of
from offchain.spec.tree import Hasher
from tests.onchain.evm import Evm, Reverted

HASHER = Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))
CONFIG_HASH = b"\x11" * 32
GOVERNANCE = b"\x22" * 20
NO_DIGEST = bytes(32)
KEPT_HEIGHTS = (3, 6, 11)
COLD_GAS, WARM_GAS = 1_645_000, 555_000
FLIPS = 24

ids = st.one_of(st.integers(0, 200), st.integers(0, 2**22 - 1))
units = st.one_of(st.sampled_from((0, 1, VALUE_LIMIT - 1)), st.integers(0, VALUE_LIMIT - 1))
signed = st.one_of(
    st.sampled_from((-VALUE_LIMIT, -1, 0, VALUE_LIMIT - 1)),
    st.integers(-VALUE_LIMIT, VALUE_LIMIT - 1),
)
u32 = st.integers(0, 2**32 - 2)  # a pair of them stays below p
addresses = st.binary(min_size=20, max_size=20)


@st.composite
def accounts(draw):
    account = Account(flags=draw(u32), tier=draw(u32), order_count=draw(u32), owner=draw(addresses))
    for k in range(8):
        account.asset_ids[k] = draw(st.sampled_from((0, 1, k, 256)))
        if account.asset_ids[k]:
            account.free[k], account.locked[k] = draw(signed), draw(units)
    account.positions_used = draw(u32)
    return account


positions = st.builds(
    Position,
    market_plus_1=st.integers(1, 1024),
    mode=st.integers(0, 255),
    leverage=st.integers(0, 255),
    adl_epoch=u32,
    size_lots=st.integers(1 - SIZE_LIMIT, SIZE_LIMIT - 1),
    cost=signed,
    funding_index=signed,
    adl_index=signed,
    isolated_margin=signed,
    open_bid_lots=units,
    open_ask_lots=units,
)
assets = st.builds(Asset, *[units] * 4)
markets = st.builds(
    Market,
    kind=st.integers(0, 255),
    status=st.integers(0, 255),
    sz_decimals=st.integers(0, 255),
    base_asset=st.integers(0, 2**16 - 1),
    fee_table=st.integers(0, 15),
    fee_account=u32,
    insurance_account=u32,
    min_size_lots=units,
    base_units_per_lot=units,
    open_interest_lots=units,
)


def account_values(account):
    balances = zip(account.asset_ids, account.free, account.locked, strict=True)
    used = tuple((asset - 1, free, locked) for asset, free, locked in balances if asset)
    owner = "0x" + account.owner.hex()
    return (owner, account.flags, account.order_count, account.positions_used, used)


def position_values(slot, p):
    signed_fields = (p.size_lots, p.cost, p.funding_index, p.adl_index)
    rest = (p.isolated_margin, p.open_bid_lots, p.open_ask_lots)
    return (slot, p.market_plus_1 - 1, p.mode, p.leverage, *signed_fields, p.adl_epoch, *rest)


def market_values(m):
    kinds = (m.kind, m.status, m.sz_decimals, m.base_asset, m.fee_table)
    lots = (m.min_size_lots, m.base_units_per_lot, m.open_interest_lots)
    return (*kinds, m.fee_account, m.insurance_account, *lots)


class Reader:
    """The contract under the root of one state."""

    CALLS = {  # noqa: RUF012
        Subtree.ACCOUNTS: "verify_account",
        Subtree.ASSETS: "verify_asset",
        Subtree.MARKETS: "verify_market",
    }

    def __init__(self, proofs, contract):
        self.proofs = proofs
        self.contract = contract

    def is_known(self, number):
        return self.digest(number) != NO_DIGEST

    def digest(self, number):
        return self.contract.call("verified_digest", self.proofs.root, number).values[0]

    def verify(self, subtree, index, *, full=False):
        proof = self.proofs.record(subtree, index)
        path = proof.path if full else proof.path.up_to(self.is_known)
        return self.send(subtree, index, proof.record, path.siblings)

    def send(self, subtree, index, record, siblings, root=None):
        arguments = (root or self.proofs.root, index, record, siblings)
        if subtree == Subtree.HEADER:
            return self.contract.call("verify_header", arguments[0], record, siblings)
        return self.contract.call(self.CALLS[subtree], *arguments)

    def positions(self, index, *, full=False):
        proof = self.proofs.positions(index)
        path = proof.path if full else proof.path.up_to(self.is_known)
        return self.send_positions(index, proof.slots, proof.records, path.siblings)

    def verify_both(self, index, path, position_path):
        """An account and its positions in one transaction."""
        account, held = self.proofs.record(Subtree.ACCOUNTS, index), self.proofs.positions(index)
        arguments = (self.proofs.root, index, account.record, path)
        return TWO_PATHS.call(
            *("verify", CONTRACT.address, *arguments, held.slots, held.records, position_path)
        )

    def send_positions(self, index, slots, records, siblings, root=None):
        root = root or self.proofs.root
        return self.contract.call("verify_positions", root, index, slots, records, siblings)


EVM = Evm()
CONTRACT = EVM.deploy("StateProofs")
TWO_PATHS = EVM.deploy("tests/onchain/TwoPaths.vy")


def state_with_neighbours(seed=1, count=8):
    rng = Random(seed)
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    for master in range(1, count + 1):
        create_account(state, master * 32, rng.randbytes(20))
        account = state.edit_account(master * 32)
        account.free[0], account.locked[0] = rng.randrange(-(2**60), 2**60), rng.randrange(2**60)
        account.positions_used = 2
        for k in range(2):
            position = Position(market_plus_1=k + 1, size_lots=rng.randrange(1, 2**39))
            state.positions.replace(position_index(master * 32, k), position)
    state.assets.replace(0, Asset(flags=1, total_units=rng.randrange(2**60)))
    state.markets.replace(1, Market(kind=2, open_interest_lots=rng.randrange(2**60)))
    return state


@pytest.fixture(scope="module")
def state():
    return state_with_neighbours()


@pytest.fixture(scope="module")
def proofs(state):
    proofs = StateProofs(state.leaves(), HASHER)
    assert proofs.root == state.root_bytes()
    return proofs


@pytest.fixture
def reader(proofs):
    with EVM.rolled_back():
        yield Reader(proofs, CONTRACT)


def refused(call, *arguments, code=None, **options):
    with pytest.raises(Reverted) as error:
        call(*arguments, **options)
    assert error.value.reason[:4] == f"{code or error.value.reason[:3]}:"
    assert error.value.reason[0] == "R"


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(ids, accounts(), min_size=1, max_size=4),
    st.dictionaries(st.integers(0, 15), positions, max_size=16),
    st.tuples(st.integers(0, 255), assets),
    st.tuples(st.integers(0, 1023), markets),
    st.booleans(),
)
def test_records_are_read_as_the_specification_has_them(by_id, held, asset, market, full):
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    for account_id, account in by_id.items():
        state.accounts.replace(index_of(account_id), account)
    holder = max(by_id)
    for slot, position in held.items():
        state.positions.replace(position_index(holder, slot), position)
    state.assets.replace(*asset)
    state.markets.replace(*market)
    proofs = StateProofs(state.leaves(), HASHER)
    assert proofs.root == state.root_bytes()
    with EVM.rolled_back():
        reader = Reader(proofs, CONTRACT)
        for account_id, account in by_id.items():
            found = reader.verify(Subtree.ACCOUNTS, index_of(account_id), full=full).values[0]
            assert found == account_values(account)
            held_here = sorted(held.items()) if account_id == holder else []
            expected = tuple(position_values(*item) for item in held_here)
            assert reader.positions(index_of(account_id), full=full).values[0] == expected
        found = reader.verify(Subtree.ASSETS, asset[0], full=full).values[0]
        record = asset[1]
        fields = (record.flags, record.withdraw_step_units)
        assert found == (*fields, record.total_units, record.deposit_cap_units)
        found = reader.verify(Subtree.MARKETS, market[0], full=full).values[0]
        assert found == market_values(market[1])


def test_header(state, reader):
    state = state_with_neighbours()
    state.header.batch_number, state.header.now_s = 7, 1_800_000_000
    state.header.next_priority_index, state.header.last_arrival_ms = 5, 1_800_000_000_123
    state.header.receipt_seq, state.header.pending = 99, PendingWork(kind=1, market=3)
    state.header.priority_accumulator = bytes(range(32))
    state.header.receipts_head = bytes(range(32, 64))
    reader.proofs = StateProofs(state.leaves(), HASHER)
    assert reader.verify(Subtree.HEADER, 0).values[0] == (
        7,
        5,
        1_800_000_000,
        1_800_000_000_123,
        99,
        bytes(range(32)),
        bytes(range(32, 64)),
        1,
    )


def test_what_was_never_written_is_all_zero(reader):
    empty = account_values(Account())
    assert reader.verify(Subtree.ACCOUNTS, 2**22 - 1).values[0] == empty
    assert reader.positions(2**22 - 1).values[0] == ()
    assert reader.verify(Subtree.MARKETS, 1_023).values[0] == market_values(Market())


@pytest.mark.parametrize("subtree", [Subtree.ACCOUNTS, Subtree.ASSETS, Subtree.MARKETS])
def test_a_changed_bit_of_a_record_is_refused(reader, subtree):
    proof = reader.proofs.record(subtree, 1 if subtree != Subtree.ASSETS else 0)
    rng = Random(2)
    # Every word once, then bits anywhere.
    bits = [64 * word + rng.randrange(64) for word in range(len(proof.record) // 8)]
    bits += [rng.randrange(8 * len(proof.record)) for _ in range(FLIPS)]
    for bit in bits:
        record = flipped(proof.record, bit)
        refused(reader.send, subtree, proof.index, record, proof.path.siblings)
    reader.send(subtree, proof.index, proof.record, proof.path.siblings)


def test_a_changed_bit_of_positions_is_refused(reader):
    proof = reader.proofs.positions(1)
    rng = Random(3)
    for bit in [64 * word + rng.randrange(64) for word in range(len(proof.records) // 8)]:
        records = flipped(proof.records, bit)
        refused(reader.send_positions, 1, proof.slots, records, proof.path.siblings)
    for slots in (0b01, 0b101, 0b110, 0b111, 1 << 15 | 1):
        refused(reader.send_positions, 1, slots, proof.records, proof.path.siblings)
    refused(reader.send_positions, 1, 0, b"", proof.path.siblings)
    refused(reader.send_positions, 1, 0b01, proof.records[:64], proof.path.siblings)
    swapped = proof.records[64:] + proof.records[:64]
    refused(reader.send_positions, 1, proof.slots, swapped, proof.path.siblings)


def test_a_changed_bit_of_a_path_is_refused(reader):
    account, positions_ = reader.proofs.record(Subtree.ACCOUNTS, 1), reader.proofs.positions(1)
    rng = Random(4)
    for level in range(26):
        siblings = list(account.path.siblings)
        siblings[level] = flipped(siblings[level], rng.randrange(256))
        refused(reader.send, Subtree.ACCOUNTS, 1, account.record, siblings)
        siblings = list(positions_.path.siblings)
        siblings[level] = flipped(siblings[level], rng.randrange(256))
        refused(reader.send_positions, 1, positions_.slots, positions_.records, siblings)


def test_another_index_is_refused(reader):
    account, positions_ = reader.proofs.record(Subtree.ACCOUNTS, 1), reader.proofs.positions(1)
    for bit in range(22):
        siblings = account.path.siblings
        refused(reader.send, Subtree.ACCOUNTS, 1 ^ 1 << bit, account.record, siblings, code="R05")
        arguments = (positions_.slots, positions_.records, positions_.path.siblings)
        refused(reader.send_positions, 1 ^ 1 << bit, *arguments, code="R05")
    for index in (2**22 | 1, 2**255 | 1):
        refused(reader.send, Subtree.ACCOUNTS, index, account.record, siblings, code="R02")
        refused(reader.send_positions, index, *arguments, code="R02")


def test_another_account_s_path_is_refused(reader):
    first = reader.proofs.record(Subtree.ACCOUNTS, 1)
    for other in range(2, 7):
        second = reader.proofs.record(Subtree.ACCOUNTS, other)
        siblings = second.path.siblings
        refused(reader.send, Subtree.ACCOUNTS, 1, first.record, siblings, code="R05")
        refused(reader.send, Subtree.ACCOUNTS, 1, second.record, siblings, code="R05")


def test_another_root_is_refused_also_when_nodes_are_known(reader):
    reader.verify(Subtree.ACCOUNTS, 1)
    other = StateProofs(state_with_neighbours(seed=9).leaves(), HASHER)
    proof = reader.proofs.record(Subtree.ACCOUNTS, 1)
    arguments = (Subtree.ACCOUNTS, 1, proof.record)
    refused(reader.send, *arguments, proof.path.siblings, root=other.root, code="R05")
    refused(
        reader.send, *arguments, proof.path.siblings[: KEPT_HEIGHTS[0]], root=other.root, code="R04"
    )
    refused(reader.send, *arguments, proof.path.siblings, root=NO_DIGEST, code="R05")
    not_canonical = b"\xff" * 32
    refused(reader.send, *arguments, proof.path.siblings, root=not_canonical, code="R01")


def test_a_path_of_another_length_is_refused(reader):
    proof = reader.proofs.record(Subtree.ACCOUNTS, 1)
    siblings = proof.path.siblings
    for length in range(26):
        arguments = (Subtree.ACCOUNTS, 1, proof.record, siblings[:length])
        refused(reader.send, *arguments, code="R04")
    market = reader.proofs.record(Subtree.MARKETS, 1)
    longer = [*market.path.siblings, NO_DIGEST]
    refused(reader.send, Subtree.MARKETS, 1, market.record, longer, code="R03")
    with pytest.raises(Reverted):
        reader.send(Subtree.ACCOUNTS, 1, proof.record, [*siblings, NO_DIGEST])


def test_a_node_does_not_pass_for_a_leaf(reader):
    # The lower half of a path proves an inner node; no record has its digest, and none its number.
    positions_ = reader.proofs.positions(1)
    reader.positions(1)
    node = positions_.path.number
    account = reader.proofs.record(Subtree.ACCOUNTS, 1)
    assert account.path.number != node
    # Positions given as an account, and an account's leaf where the block of positions stands.
    as_account = positions_.records.ljust(256, b"\0")
    refused(reader.send, Subtree.ACCOUNTS, 1, as_account, positions_.path.siblings)
    refused(reader.send_positions, 1, 0b1111, account.record, account.path.siblings)
    # Two children of a known node as the words of a market.
    low, high = positions_.path.siblings[2], positions_.path.siblings[3]
    refused(reader.send, Subtree.MARKETS, 1, (low + high).ljust(128, b"\0"), [])


def test_only_true_nodes_of_the_kept_heights_are_remembered(reader):
    for index in (1, 2, 6, 3, 2**21):
        reader.verify(Subtree.ACCOUNTS, index)
        reader.positions(index)
    for index in (1, 2, 6, 3, 2**21):
        for path in (
            reader.proofs.record(Subtree.ACCOUNTS, index).path,
            reader.proofs.positions(index).path,
        ):
            known = [h for h in range(27) if reader.is_known(path.number >> h)]
            assert known == list(KEPT_HEIGHTS)
    for subtree, number_of_positions in ((Subtree.ACCOUNTS, 0), (Subtree.POSITIONS, 4)):
        depth = SUBTREE_DEPTHS[subtree]
        for height in KEPT_HEIGHTS:
            level = depth - height - number_of_positions
            number = (1 << SUBTREE_LEVELS | subtree) << level
            digest = reader.proofs._trees[subtree].node(height + number_of_positions, 0)
            assert reader.digest(number) == poseidon2.digest_to_bytes(digest)


def test_a_refused_path_leaves_nothing(reader):
    proof = reader.proofs.record(Subtree.ACCOUNTS, 1)
    siblings = [*proof.path.siblings[:25], NO_DIGEST]
    refused(reader.send, Subtree.ACCOUNTS, 1, proof.record, siblings, code="R05")
    assert not any(reader.is_known(proof.path.number >> h) for h in range(27))


def test_a_known_node_does_not_help_a_wrong_path(reader):
    reader.verify(Subtree.ACCOUNTS, 1)
    first = reader.proofs.record(Subtree.ACCOUNTS, 1)
    second = reader.proofs.record(Subtree.ACCOUNTS, 2)
    for length in KEPT_HEIGHTS:
        siblings = first.path.siblings[:length]
        refused(reader.send, Subtree.ACCOUNTS, 2, second.record, siblings, code="R05")
        refused(reader.send, Subtree.ACCOUNTS, 2, first.record, siblings, code="R05")
        richer = first.record[:48] + (SIGNED_BIAS + 2**61).to_bytes(8, "little") + first.record[56:]
        refused(reader.send, Subtree.ACCOUNTS, 1, richer, siblings, code="R05")
        reader.send(Subtree.ACCOUNTS, 2, second.record, second.path.siblings[:length])
    # A neighbour's path that ends beside the known node, not at it.
    far = reader.proofs.record(Subtree.ACCOUNTS, 8)
    refused(
        reader.send,
        Subtree.ACCOUNTS,
        8,
        far.record,
        far.path.siblings[: KEPT_HEIGHTS[0]],
        code="R04",
    )


def test_of_two_paths_in_a_transaction_the_second_one_is_shorter(reader):
    account = reader.proofs.record(Subtree.ACCOUNTS, 1)
    held = reader.proofs.positions(1)
    path, position_path = claim_paths(account, held, reader.is_known)
    assert (len(path.siblings), len(position_path.siblings)) == (26, 23)
    found = reader.verify_both(1, path.siblings, position_path.siblings).values[0]
    with EVM.rolled_back():
        assert found == reader.positions(1, full=True).values[0]
    known = [h for h in range(27) if reader.is_known(held.path.number >> h)]
    assert known == list(KEPT_HEIGHTS)


def test_a_node_beside_a_path_does_not_help_a_wrong_path(reader):
    account, held = reader.proofs.record(Subtree.ACCOUNTS, 1), reader.proofs.positions(1)
    for level in (0, 22):
        siblings = list(held.path.siblings[:23])
        siblings[level] = flipped(siblings[level], 3)
        refused(reader.verify_both, 1, account.path.siblings, siblings, code="R05")
    for length in (22, 24):
        siblings = held.path.siblings[:length]
        refused(reader.verify_both, 1, account.path.siblings, siblings, code="R04")
    siblings = [*account.path.siblings[:23], NO_DIGEST, *account.path.siblings[24:]]
    refused(reader.verify_both, 1, siblings, held.path.siblings[:23], code="R05")


def test_views_agree_and_remember_nothing(reader):
    root = reader.proofs.root
    for subtree in RECORD_BYTES:
        proof = reader.proofs.record(subtree, 0)
        arguments = (root, subtree, 0, proof.record)
        assert CONTRACT.call("is_record", *arguments, proof.path.siblings).values == (True,)
        assert CONTRACT.call("is_record", *arguments, proof.path.siblings[:-1]).values == (False,)
        record = flipped(proof.record, 0)
        changed = (root, subtree, 0, record, proof.path.siblings)
        assert CONTRACT.call("is_record", *changed).values == (False,)
    proof = reader.proofs.positions(1)
    arguments = (root, 1, proof.slots, proof.records)
    assert CONTRACT.call("has_positions", *arguments, proof.path.siblings).values == (True,)
    reader.positions(1)
    assert CONTRACT.call(
        "has_positions", *arguments, proof.path.siblings[: KEPT_HEIGHTS[0]]
    ).values == (False,)
    assert not reader.is_known(
        reader.proofs.record(Subtree.ACCOUNTS, 1).path.number >> KEPT_HEIGHTS[0]
    )


def test_hostile_calldata_is_refused(reader):
    proof = reader.proofs.record(Subtree.ACCOUNTS, 1)
    arguments = (reader.proofs.root, 1, proof.record, proof.path.siblings)
    calldata = CONTRACT.calldata("verify_account", *arguments)
    for cut in (4, 100, len(calldata) - 32):  # the last byte may be zero
        with pytest.raises(Reverted):
            CONTRACT.send("verify_account", calldata[:cut])
    rng = Random(5)
    # The selector is left: another function would answer.
    for _ in range(100):
        changed = bytearray(calldata)
        position = rng.randrange(4, len(calldata))
        changed[position] ^= 1 << rng.randrange(8)
        with pytest.raises(Reverted):
            CONTRACT.send("verify_account", bytes(changed))


def test_gas(reader):
    account, held = reader.proofs.record(Subtree.ACCOUNTS, 1), reader.proofs.positions(1)
    paths = claim_paths(account, held, reader.is_known)
    cold = reader.verify_both(1, *(path.siblings for path in paths)).gas_used
    warm = reader.verify(Subtree.ACCOUNTS, 2).gas_used + reader.positions(2).execution_gas
    assert cold < COLD_GAS
    assert warm < WARM_GAS


def test_paths_of_unread_subtrees_and_outside_indices_are_not_made(proofs):
    with pytest.raises(ValueError, match="SIGNERS are not proven"):
        proofs.record(Subtree.SIGNERS, 0)
    for index in (-1, 2**22):
        with pytest.raises(ValueError, match="outside"):
            proofs.record(Subtree.ACCOUNTS, index)
        with pytest.raises(ValueError, match="outside"):
            proofs.positions(index)
