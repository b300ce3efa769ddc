"""Withdrawal trees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.settlement.abi import keccak256
from offchain.settlement.withdrawals import EMPTY_ROOT, Withdrawal, WithdrawalTree, verify_path

CHAIN_ID = 7
BATCH = 3
OWNER = b"\x0a" * 20


def tree_of(count):
    return WithdrawalTree(
        CHAIN_ID, BATCH, [Withdrawal(OWNER, 1, amount) for amount in range(1, count + 1)]
    )


def leaf_of(tree, index):
    return tree.withdrawals[index].leaf(CHAIN_ID, BATCH, index)


def test_no_withdrawals():
    tree = tree_of(0)
    assert tree.root == EMPTY_ROOT == bytes(32)
    with pytest.raises(IndexError, match="no withdrawal 0"):
        tree.path(0)


def test_one_leaf_is_the_root():
    tree = tree_of(1)
    assert tree.path(0) == []
    assert tree.root == leaf_of(tree, 0)


def test_three_leaves_by_hand():
    tree = tree_of(3)
    leaves = [leaf_of(tree, index) for index in range(3)]
    left = keccak256(b"\x01" + leaves[0] + leaves[1])
    right = keccak256(b"\x01" + leaves[2] + bytes(32))
    assert tree.root == keccak256(b"\x01" + left + right)
    assert tree.path(2) == [bytes(32), left]


@given(st.integers(1, 40), st.data())
def test_every_path_verifies_only_its_own(count, data):
    tree = tree_of(count)
    index = data.draw(st.integers(0, count - 1))
    other = data.draw(st.integers(0, 63))
    path = tree.path(index)
    assert verify_path(leaf_of(tree, index), index, path, tree.root)
    assert (other == index) == verify_path(leaf_of(tree, index), other, path, tree.root)


def test_padding_and_nodes_are_no_leaves():
    tree = tree_of(3)
    path = tree.path(2)
    assert not verify_path(bytes(31) + b"\x01", 3, [leaf_of(tree, 2), path[1]], tree.root)
    assert not verify_path(leaf_of(tree, 0), 0, tree.path(0)[1:], tree.root)
    assert not verify_path(bytes(32), 0, [], EMPTY_ROOT)


def test_path_bounds():
    tree = tree_of(2)
    leaf = leaf_of(tree, 0)
    assert not verify_path(leaf, 2, tree.path(0), tree.root)
    assert not verify_path(leaf, -1, tree.path(0), tree.root)
    assert not verify_path(leaf, 0, [bytes(32)] * 21, tree.root)


@pytest.mark.parametrize(
    "withdrawal",
    [Withdrawal(OWNER, 2**16, 1), Withdrawal(OWNER, 1, 2**62), Withdrawal(OWNER[1:], 1, 1)],
)
def test_fields_are_strict(withdrawal):
    with pytest.raises(ValueError, match=r"has|is not"):
        WithdrawalTree(CHAIN_ID, BATCH, [withdrawal])
