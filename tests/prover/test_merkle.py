"""Merkle trees of mixed height: roots, openings, dropped layers, and every refusal."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.prover.hash_suites import HashSuite, NonCanonicalWordError, leaf_digest, node_digest
from offchain.prover.merkle import (
    ClassRows,
    LayersDroppedError,
    MerkleTree,
    TreeBuilder,
    codeword_columns,
    commit_columns,
)
from offchain.prover.multiproof import (
    MatrixClass,
    MultiproofShapeError,
    RootMismatchError,
    TreeArgumentError,
    TreeShape,
    verify_multiproof,
)
from offchain.spec.constants import GOLDILOCKS_P
from offchain.verifier.field import reversed_bits

KECCAK, POSEIDON2 = HashSuite.KECCAK256, HashSuite.POSEIDON2
SHAPES = {
    "one matrix": TreeShape(4, (MatrixClass(3, 5, is_salted=True),)),
    "three heights": TreeShape(
        4,
        (
            MatrixClass(4, 3, is_salted=True),
            MatrixClass(3, 17, is_salted=False),
            MatrixClass(1, 2, is_salted=True),
        ),
    ),
    "down to one row": TreeShape(
        2, (MatrixClass(2, 1, is_salted=False), MatrixClass(0, 1, is_salted=True))
    ),
    "root injected": TreeShape(
        1, (MatrixClass(2, 4, is_salted=False), MatrixClass(0, 2, is_salted=False))
    ),
    "single leaf": TreeShape(1, (MatrixClass(0, 3, is_salted=True),)),
    "roots only": TreeShape(8, (MatrixClass(0, 2, is_salted=True),)),
}

suites = pytest.mark.parametrize("suite", HashSuite)
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


@dataclass(frozen=True)
class Committed:
    """Whole matrices [W_s][N_s] and salts [N_s][2] in the order of the low-degree extension."""

    shape: TreeShape
    matrices: list[np.ndarray]
    salts: list[np.ndarray | None]

    def coset(self, j: int) -> list[ClassRows]:
        blowup = self.shape.blowup
        return [
            ClassRows(
                np.ascontiguousarray(matrix[:, j::blowup]),
                salts if salts is None else np.ascontiguousarray(salts[j::blowup]),
            )
            for matrix, salts in zip(self.matrices, self.salts, strict=True)
        ]

    def row(self, s: int, i: int) -> list[int]:
        return self.matrices[s][:, i].tolist()

    def salt(self, s: int, i: int) -> list[int]:
        salts = self.salts[s]
        return [] if salts is None else salts[i].tolist()

    def tree(self, suite: HashSuite, drop_layers: int | None = None) -> MerkleTree:
        builder = TreeBuilder(suite, self.shape, drop_layers)
        for j in reversed(range(self.shape.blowup)):
            builder.add_coset(j, self.coset(j))
        return builder.finish()

    def digest(self, suite: HashSuite, size: int, i: int) -> bytes:
        """Digest i of the layer of a size, by the definition and nothing else."""
        entering = [s for s in range(len(self.matrices)) if self.shape.rows(s) == size]
        leaves = [leaf_digest(suite, self.row(s, i), self.salt(s, i)) for s in entering]
        if size == self.shape.leaves:
            return leaves[0]
        left, right = self.digest(suite, 2 * size, i), self.digest(suite, 2 * size, i + size)
        return node_digest(suite, left, right, *leaves)


@dataclass
class Opening:
    """The arguments of verify_multiproof."""

    suite: HashSuite
    shape: TreeShape
    root: bytes
    places: list[int]
    rows: list[list[list[int]]]
    salts: list[list[list[int]]]
    siblings: list[bytes]

    def verify(self) -> None:
        verify_multiproof(**vars(self))


def commit(shape: TreeShape, seed: int = 1) -> Committed:
    rng = np.random.default_rng(seed)
    matrices, salts = [], []
    for s, matrix_class in enumerate(shape.classes):
        rows = shape.rows(s)
        matrices.append(rng.integers(GOLDILOCKS_P, size=(matrix_class.columns, rows), dtype="u8"))
        drawn = rng.integers(GOLDILOCKS_P, size=(rows, 2), dtype="u8")
        salts.append(drawn if matrix_class.is_salted else None)
    return Committed(shape, matrices, salts)


def opening(committed: Committed, suite: HashSuite, places: Sequence[int]) -> Opening:
    tree, shape = committed.tree(suite), committed.shape
    opened = [
        [reversed_bits(place, shape.rows(s).bit_length() - 1) for place in shape.opened(s, places)]
        for s in range(len(shape.classes))
    ]
    return Opening(
        suite,
        shape,
        tree.root,
        list(places),
        [[committed.row(s, i) for i in rows] for s, rows in enumerate(opened)],
        [
            [committed.salt(s, i) for i in rows] if shape.classes[s].is_salted else []
            for s, rows in enumerate(opened)
        ],
        tree.open(places),
    )


@suites
@shapes
def test_root_is_that_of_the_definition(suite: HashSuite, shape: TreeShape) -> None:
    committed = commit(shape)
    assert committed.tree(suite).root == committed.digest(suite, 1, 0)


@suites
@shapes
def test_every_leaf_opens(suite: HashSuite, shape: TreeShape) -> None:
    committed = commit(shape)
    for i in range(shape.leaves):
        opening(committed, suite, [i]).verify()


@given(data=st.data())
def test_random_sets_open(data: st.DataObject) -> None:
    heights = data.draw(st.sets(st.integers(0, 5), min_size=1, max_size=4))
    classes = tuple(
        MatrixClass(height, data.draw(st.integers(1, 4)), data.draw(st.booleans()))
        for height in sorted(heights, reverse=True)
    )
    shape = TreeShape(data.draw(st.sampled_from([1, 2, 4, 8])), classes)
    places = data.draw(st.sets(st.integers(0, shape.leaves - 1), min_size=1, max_size=12))
    opened = opening(commit(shape), KECCAK, sorted(places))
    opened.verify()
    committed = commit(shape)
    dropped = data.draw(st.integers(0, classes[0].height_log2))
    assert committed.tree(KECCAK, dropped).open(opened.places, committed.coset) == opened.siblings


def test_siblings_are_those_of_the_definition_in_its_order() -> None:
    committed = commit(SHAPES["three heights"])
    places = [3, 8, 9, 35, 63]
    expected = []

    def visit(log_size: int, place: int) -> None:
        if log_size < 6:
            children = (2 * place, 2 * place + 1)
            known = {leaf >> 5 - log_size for leaf in places}.intersection(children)
            for child in sorted(known):
                visit(log_size + 1, child)
            for child in {*children} - known:
                index = reversed_bits(child, log_size + 1)
                expected.append(committed.digest(KECCAK, 2 << log_size, index))

    visit(0, 0)
    assert committed.tree(KECCAK).open(places) == expected


def test_opening_all_leaves_needs_no_siblings() -> None:
    opened = opening(commit(SHAPES["three heights"]), KECCAK, range(64))
    assert opened.siblings == []
    opened.verify()


@suites
@pytest.mark.parametrize("dropped", [1, 2, 3, 4])
def test_dropped_layers_are_made_again(suite: HashSuite, dropped: int) -> None:
    committed = commit(SHAPES["three heights"])
    whole, lean = committed.tree(suite), committed.tree(suite, dropped)
    asked: list[int] = []

    def coset(j: int) -> list[ClassRows]:
        asked.append(j)
        return committed.coset(j)

    places = [17, 32, 34, 40, 47]  # of the indices 34, 1, 17, 5 and 61, in the cosets 1 and 2
    assert lean.root == whole.root
    assert lean.open(places, coset) == whole.open(places)
    assert sorted(asked) == [1, 2]


def test_dropped_layers_without_rows_are_an_error() -> None:
    with pytest.raises(LayersDroppedError, match="rows_of_coset"):
        commit(SHAPES["one matrix"]).tree(KECCAK, 1).open([0])


def test_large_trees_drop_layers_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    committed = commit(SHAPES["three heights"])
    monkeypatch.setattr("offchain.prover.merkle.LEAVES_WHOLE_LOG2", 6)
    with pytest.raises(LayersDroppedError):
        committed.tree(KECCAK).open([0])
    monkeypatch.setattr("offchain.prover.merkle.LEAVES_WHOLE_LOG2", 7)
    assert len(committed.tree(KECCAK).open([0])) == 6


def test_threads_may_add_cosets() -> None:
    shape = TreeShape(8, (MatrixClass(9, 20, is_salted=True), MatrixClass(6, 4, is_salted=True)))
    committed = commit(shape)
    builder = TreeBuilder(KECCAK, shape)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda j: builder.add_coset(j, committed.coset(j)), range(8)))
    assert builder.finish().root == committed.tree(KECCAK).root


def change_row(proof: Opening) -> None:
    proof.rows[1][0][2] ^= 1


def change_salt(proof: Opening) -> None:
    proof.salts[2][1][0] ^= 1


def change_sibling(proof: Opening) -> None:
    proof.siblings[3] = bytes(31) + bytes([proof.siblings[3][31] ^ 1])


def swap_siblings(proof: Opening) -> None:
    proof.siblings[0], proof.siblings[1] = proof.siblings[1], proof.siblings[0]


def swap_rows(proof: Opening) -> None:
    proof.rows[0][0], proof.rows[0][1] = proof.rows[0][1], proof.rows[0][0]


def change_root(proof: Opening) -> None:
    proof.root = bytes([proof.root[0] ^ 1]) + proof.root[1:]


def move_index(proof: Opening) -> None:
    proof.places[2] += 1


def swap_siblings_of_layers(proof: Opening) -> None:
    proof.siblings.reverse()


@suites
@pytest.mark.parametrize(
    "change",
    [
        change_row,
        change_salt,
        change_sibling,
        swap_siblings,
        swap_rows,
        change_root,
        move_index,
        swap_siblings_of_layers,
    ],
)
def test_another_content_has_another_root(
    suite: HashSuite, change: Callable[[Opening], None]
) -> None:
    proof = opening(commit(SHAPES["three heights"]), suite, [2, 7, 40])
    proof.verify()
    change(proof)
    with pytest.raises(RootMismatchError):
        proof.verify()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda proof: proof.siblings.pop(), "siblings end"),
        (lambda proof: proof.siblings.append(bytes(32)), "left over"),
        (lambda proof: proof.siblings.append(proof.siblings.pop()[1:]), "has 31 bytes"),
        (lambda proof: proof.rows[0].pop(), "rows are opened"),
        (lambda proof: proof.rows[1].append([0] * 17), "rows are opened"),
        (lambda proof: proof.rows[1][0].append(0), "wrong width"),
        (lambda proof: proof.rows[0][0].pop(), "wrong width"),
        (lambda proof: proof.salts[0].clear(), "and 0 salts"),
        (lambda proof: proof.salts[1].extend([[0, 0]] * 3), "and 3 salts"),
        (lambda proof: proof.salts[0][0].append(0), "a salt has not"),
        (lambda proof: proof.rows.pop(), "3 classes"),
        (lambda proof: proof.salts.pop(), "3 classes"),
    ],
)
def test_another_shape_is_refused(change: Callable[[Opening], None], says: str) -> None:
    proof = opening(commit(SHAPES["three heights"]), KECCAK, [2, 7, 40])
    change(proof)
    with pytest.raises(MultiproofShapeError, match=says):
        proof.verify()


def test_a_second_form_of_an_element_is_refused() -> None:
    committed = commit(SHAPES["three heights"])
    committed.matrices[0][0, 7] = 5
    for suite in HashSuite:
        proof = opening(committed, suite, [7])
        proof.rows[0][0][0] += GOLDILOCKS_P
        with pytest.raises(NonCanonicalWordError):
            proof.verify()


def test_a_second_form_of_a_poseidon2_sibling_is_refused() -> None:
    proof = opening(commit(SHAPES["three heights"]), POSEIDON2, [7])
    proof.siblings[0] = b"\xff" * 8 + proof.siblings[0][8:]
    with pytest.raises(NonCanonicalWordError):
        proof.verify()


@pytest.mark.parametrize("places", [[], [3, 3], [4, 3], [-1, 3], [3, 32]])
def test_places_are_sorted_distinct_and_inside(places: list[int]) -> None:
    committed = commit(SHAPES["one matrix"])
    with pytest.raises(TreeArgumentError, match="ascending"):
        committed.tree(KECCAK).open(places)
    proof = opening(committed, KECCAK, [3])
    proof.places = places
    with pytest.raises(TreeArgumentError, match="ascending"):
        proof.verify()


@pytest.mark.parametrize(
    ("blowup", "heights", "columns", "says"),
    [
        (3, (2,), 1, "power of two"),
        (0, (2,), 1, "power of two"),
        (2, (), 1, "descend"),
        (2, (2, 2), 1, "descend"),
        (2, (1, 2), 1, "descend"),
        (2, (1, -1), 1, "descend"),
        (2, (1,), 0, "at least one column"),
    ],
)
def test_shapes_refused(blowup: int, heights: tuple[int, ...], columns: int, says: str) -> None:
    classes = tuple(MatrixClass(height, columns, is_salted=False) for height in heights)
    with pytest.raises(TreeArgumentError, match=says):
        TreeShape(blowup, classes)


def test_builder_refuses_what_does_not_fit() -> None:
    shape = SHAPES["one matrix"]
    committed = commit(shape)
    for drop_layers in (-1, 4):
        with pytest.raises(TreeArgumentError, match="cannot be dropped"):
            TreeBuilder(KECCAK, shape, drop_layers)
    builder = TreeBuilder(KECCAK, shape)
    rows = committed.coset(0)
    builder.add_coset(0, rows)
    for coset in (-1, 0, 4):
        with pytest.raises(TreeArgumentError, match="added before"):
            builder.add_coset(coset, rows)
    columns, salts = rows[0].columns, rows[0].salts
    for misfit, says in (
        ([], "for 1 classes"),
        ([*rows, *rows], "too many classes"),
        ([ClassRows(columns[1:], salts)], "5 columns of 8 rows"),
        ([ClassRows(columns[:, :4], salts)], "5 columns of 8 rows"),
        ([ClassRows(columns, None)], "salts just if"),
    ):
        with pytest.raises(TreeArgumentError, match=says):
            builder.add_coset(1, misfit)
    with pytest.raises(TreeArgumentError, match="coset 1 was not added"):
        builder.finish()


@pytest.mark.parametrize("arity", [1, 2, 8, 16])
def test_fri_layer(arity: int) -> None:
    rng = random.Random(5)
    n = 64
    codeword = np.array([[rng.randrange(GOLDILOCKS_P) for _ in range(n)] for _ in range(3)], "u8")
    rows = n // arity
    tree = commit_columns(KECCAK, codeword_columns(codeword, arity))
    places, log_n = sorted({0, rows // 2, rows - 1}), 6
    # By place, the codeword is divided into leaves of neighbours.
    by_place = codeword[:, [reversed_bits(place, log_n) for place in range(n)]]
    opened = [by_place[:, k * arity : (k + 1) * arity].T.flatten().tolist() for k in places]
    siblings = tree.open(places)
    verify_multiproof(KECCAK, tree.shape, tree.root, places, [opened], [[]], siblings)


def test_fri_layer_refuses_other_sizes() -> None:
    for codeword, arity in ((np.zeros((2, 6), "u8"), 2), (np.zeros((3, 6), "u8"), 4)):
        with pytest.raises(TreeArgumentError, match=r"codeword|group"):
            codeword_columns(codeword, arity)
    with pytest.raises(TreeArgumentError, match="3 columns of 4 rows"):
        commit_columns(KECCAK, codeword_columns(np.zeros((3, 12), "u8"), 2)[:3])
