"""State diffs: one encoding each, limits, and a state that is rebuilt from nothing else."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.settlement.messages import data_commitment
from offchain.settlement.state_diff import (
    CHUNK_BYTES,
    DIFF_TAG,
    LEAF_SIZES,
    UNPUBLISHED,
    RebuiltState,
    StateDiff,
    StateDiffError,
    joined_chunks,
)
from offchain.settlement.valuation import AssetValue, ValuationTable
from offchain.spec import poseidon2
from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.fund_records import Fund
from offchain.spec.kinds import FundFlag, Subtree
from offchain.spec.state import (
    SUBTREE_DEPTHS,
    State,
    create_account,
    genesis,
    nonce_set_index,
    signer_index,
)
from offchain.spec.tree import Hasher

HASHER = Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))
ROOTS = {subtree: (subtree, 1, 2, 3) for subtree in UNPUBLISHED}
TABLE = ValuationTable((), (AssetValue(0),)).to_bytes()

words = st.integers(0, GOLDILOCKS_P - 1)


@st.composite
def places(draw):
    subtree = draw(st.sampled_from(sorted(LEAF_SIZES)))
    return subtree, draw(st.integers(0, 2 ** SUBTREE_DEPTHS[subtree] - 1))


@st.composite
def diffs(draw):
    leaves = {}
    for subtree, number in draw(st.lists(places(), max_size=6)):
        word = draw(words).to_bytes(8, "little")
        leaves[subtree, number] = word * (LEAF_SIZES[subtree] // 8)
    return StateDiff(ROOTS, leaves, draw(st.sampled_from((b"", TABLE))))


def sample() -> StateDiff:
    leaves = {(s, n): bytes([n + 1]) * LEAF_SIZES[s] for s in LEAF_SIZES for n in (0,)}
    leaves[Subtree.ACCOUNTS, 9] = bytes(LEAF_SIZES[Subtree.ACCOUNTS])
    return StateDiff(ROOTS, leaves, TABLE)


@settings(max_examples=60)
@given(diffs())
def test_a_diff_survives_its_encoding(diff):
    assert StateDiff.from_bytes(diff.to_bytes()) == diff


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_bytes_are_refused_or_encode_themselves(data):
    changed = bytearray(sample().to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        # Half of the changes hit the head and the first leaves' numbers.
        end = data.draw(st.sampled_from((292, len(changed))))
        changed[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    cut = changed[: data.draw(st.integers(0, len(changed)))]
    for candidate in (bytes(changed), bytes(cut), bytes(changed) + b"\0"):
        try:
            diff = StateDiff.from_bytes(candidate)
        except StateDiffError:
            continue
        assert diff.to_bytes() == candidate


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data):
    with pytest.raises(StateDiffError):
        StateDiff.from_bytes(data)
    with pytest.raises(StateDiffError):
        StateDiff.from_bytes(DIFF_TAG + bytes(5 * 32) + b"\xff" + data)


def change(offset: int, value: bytes) -> bytes:
    data = bytearray(replace(sample(), table=b"").to_bytes())
    data[offset : offset + len(value)] = value
    return bytes(data)


HEAD = 8 + 5 * 32
FIRST = HEAD + 4


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (change(0, b"X"), "tag"),
        (change(7, b"3"), "tag"),
        (change(8, b"\xff" * 8), "outside"),
        (change(HEAD, (2**32 - 1).to_bytes(4, "big")), "ends too early"),
        (change(HEAD, (64).to_bytes(4, "big")), "length|more than"),
        (change(FIRST, bytes([Subtree.HEADER])), "not published"),
        (change(FIRST, bytes([Subtree.SIGNERS])), "not published"),
        (change(FIRST, bytes([Subtree.LEVELS])), "not published"),
        (change(FIRST, bytes([99])), "not published"),
        (change(FIRST + 1, bytes(4)), "without leaves"),
        (change(FIRST + 5, (1).to_bytes(4, "big")), "ascend within"),
        (change(FIRST + 9, bytes([9])), "longer than its"),
        (change(FIRST + 10, b"\xff" * 8), "modulus"),
        (change(FIRST + 10 + 56, bytes(8)), "ends with zeros"),
        (change(FIRST + 10 + 64, bytes([Subtree.CONFIG])), "subtrees do not"),
        (bytes(2**24 + 1), "more than"),
    ],
)
def test_malformed_diffs_are_refused(data, reason):
    with pytest.raises(StateDiffError, match=reason):
        StateDiff.from_bytes(data)


def test_leaves_of_another_length_are_not_encoded():
    diff = StateDiff(ROOTS, {(Subtree.ACCOUNTS, 0): bytes(255)})
    with pytest.raises(StateDiffError):
        diff.to_bytes()


def published(chunks):
    found, previous = {}, bytes(32)
    for chunk in chunks:
        commitment = data_commitment([chunk], previous)
        found[commitment] = (previous, chunk)
        previous = commitment
    return previous, found


def test_chunks_are_joined_in_order_or_found_missing():
    size = LEAF_SIZES[Subtree.ACCOUNTS]
    leaves = {(Subtree.ACCOUNTS, n): bytes([n % 251]) * size for n in range(500)}
    diff = StateDiff(ROOTS, leaves)
    chunks = diff.chunks()
    assert [len(chunk) for chunk in chunks[:-1]] == [CHUNK_BYTES]
    commitment, found = published(chunks)
    assert StateDiff.from_bytes(joined_chunks(commitment, found)) == diff
    del found[data_commitment(chunks[:1])]
    with pytest.raises(StateDiffError, match="no chunk"):
        joined_chunks(commitment, found)
    with pytest.raises(StateDiffError, match="more than"):
        joined_chunks(*published([bytes(2**24), b"\0"]))


def some_state() -> State:
    return genesis(b"\x11" * 32, b"\x22" * 20, HASHER)


def diff_of(before: State, after: State) -> StateDiff:
    """What has changed between two states."""
    old, new = ({(s, n): data for s, n, data in state.leaves()} for state in (before, after))
    changed = {
        place: new.get(place, bytes(LEAF_SIZES[place[0]]))
        for place in old.keys() | new.keys()
        if place[0] in LEAF_SIZES and old.get(place) != new.get(place)
    }
    proofs = RebuiltState.from_genesis(after.leaves()).proofs(HASHER)
    return StateDiff({s: proofs.subtree_root(s) for s in UNPUBLISHED}, changed)


def test_a_state_is_rebuilt_from_its_diff():
    state = some_state()
    create_account(state, 64, b"\x33" * 20)
    state.edit_account(64).free[0] = 5
    state.funds.replace(7, Fund(flags=FundFlag.EXISTS, leader=64, total_shares=9))
    state.header.batch_number = 1
    state.signers.edit(signer_index(64, 0)).flags = 1
    state.nonce_sets.edit(nonce_set_index(64, 0, 9)).use(9)
    state.accounts.clear(0)
    rebuilt = RebuiltState.from_genesis(some_state().leaves())
    commitment, found = published(diff_of(some_state(), state).chunks())
    proofs = rebuilt.settle(commitment, state.root_bytes(), found, HASHER)
    assert proofs.root == state.root_bytes()
    with pytest.raises(StateDiffError, match="rebuilt root"):
        rebuilt.settle(commitment, bytes(32), found, HASHER)
