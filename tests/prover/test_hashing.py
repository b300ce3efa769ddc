"""Hash kernels: at every level byte for byte what offchain/prover/hash_suites.py defines."""

import random

import numpy as np
import pytest
from eth_hash.auto import keccak

from offchain.prover import hashing
from offchain.prover.hash_suites import (
    HashSuite,
    MessageLayoutError,
    NonCanonicalWordError,
    is_ground,
    leaf_digest,
    node_digest,
)
from offchain.prover.kernel_arguments import KernelArgumentError
from offchain.prover.levels import available_levels
from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2 import hash_words

EDGES = (0, 1, 2**32 - 1, 2**32, 2**63, GOLDILOCKS_P - 1)
# The rate is 17 words: with the tag, and with a salt of 2 words, each side of every block's end.
WIDTHS = (1, 2, 13, 14, 15, 16, 17, 30, 31, 32, 33, 34, 47)
HEIGHTS = (1, 5, 8, 19)
PREFIX = b"HRtest01" + bytes(range(7, 47))

suites = pytest.mark.parametrize("suite", HashSuite)
levels = pytest.mark.parametrize("level", available_levels())


def words(rng: random.Random, *shape: int) -> np.ndarray:
    count = int(np.prod(shape))
    drawn = [
        rng.choice(EDGES) if rng.random() < 0.3 else rng.randrange(GOLDILOCKS_P)
        for _ in range(count)
    ]
    return np.array(drawn, np.uint64).reshape(shape)


def digests(rng: random.Random, count: int) -> np.ndarray:
    """Digests of either suite: four canonical words."""
    return words(rng, count, 4).astype(">u8").view(np.uint8).reshape(count, 32)


def test_keccak_messages_are_tag_and_big_endian_words() -> None:
    row, salt = [1, GOLDILOCKS_P - 1], [2**40, 3]
    message = b"HRleaf01" + b"".join(w.to_bytes(8, "big") for w in [*salt, *row])
    assert leaf_digest(HashSuite.KECCAK256, row, salt) == keccak(message)
    left, right, injected = b"l" * 32, b"r" * 32, b"i" * 32
    keccak_node = node_digest(HashSuite.KECCAK256, left, right)
    assert keccak_node == keccak(b"HRnode01" + bytes(24) + left + right)
    keccak_inject = node_digest(HashSuite.KECCAK256, left, right, injected)
    assert keccak_inject == keccak(b"HRinje01" + bytes(24) + left + right + injected)


def test_poseidon2_messages_are_sponges_under_the_tag() -> None:
    row, salt = [1, GOLDILOCKS_P - 1], [2**40, 3]
    elements = hash_words(int.from_bytes(b"HRleaf01", "big"), [*salt, *row])
    expected = b"".join(element.to_bytes(8, "big") for element in elements)
    assert leaf_digest(HashSuite.POSEIDON2, row, salt) == expected
    elements = hash_words(int.from_bytes(b"HRnode01", "big"), range(8))
    expected = b"".join(element.to_bytes(8, "big") for element in elements)
    children = b"".join(word.to_bytes(8, "big") for word in range(8))
    assert node_digest(HashSuite.POSEIDON2, children[:32], children[32:]) == expected


@suites
@levels
@pytest.mark.parametrize("is_salted", [False, True])
def test_leaves(suite: HashSuite, level: str, is_salted: bool) -> None:
    rng = random.Random(1)
    for width in WIDTHS:
        n = rng.choice(HEIGHTS)
        columns = words(rng, width, n)
        salts = words(rng, n, 2) if is_salted else None
        found = hashing.leaf_digests(suite, columns, salts, level=level)
        for k in range(n):
            salt = salts[k].tolist() if salts is not None else ()
            assert found[k].tobytes() == leaf_digest(suite, columns[:, k].tolist(), salt)


@suites
@levels
@pytest.mark.parametrize("is_injected", [False, True])
def test_nodes(suite: HashSuite, level: str, is_injected: bool) -> None:
    rng = random.Random(2)
    for m in (1, 2, 7, 8, 21):
        children = digests(rng, 2 * m)
        injected = digests(rng, m) if is_injected else None
        found = hashing.parent_layer(suite, children, injected, level=level)
        for k in range(m):
            row = b"" if injected is None else injected[k].tobytes()
            expected = node_digest(suite, children[k].tobytes(), children[k + m].tobytes(), row)
            assert found[k].tobytes() == expected


@suites
def test_leaves_from_views_into_a_given_output(suite: HashSuite) -> None:
    rng = random.Random(3)
    columns, salts = words(rng, 3, 32), words(rng, 32, 2)
    whole = hashing.leaf_digests(suite, columns, salts)
    out = np.full((32, 32), 0xAA, np.uint8)
    part = [column[9:20] for column in columns]
    returned = hashing.leaf_digests(suite, part, salts[9:20], out=out[9:20])
    assert returned.ctypes.data == out[9:20].ctypes.data
    assert np.array_equal(out[9:20], whole[9:20])
    assert np.all(out[:9] == 0xAA)
    assert np.all(out[20:] == 0xAA)


@suites
@levels
def test_grind_finds_the_smallest_nonce(suite: HashSuite, level: str) -> None:
    for start in (0, 13, 2**61):
        nonce = hashing.grind(suite, PREFIX, 6, start, level=level)
        accepted = (n for n in range(start, start + 10_000) if is_ground(suite, PREFIX, n, 6))
        assert nonce == next(accepted)


@pytest.mark.parametrize("words_in_prefix", [1, 15, 16, 17, 18, 34])
def test_grind_takes_prefixes_of_any_length(words_in_prefix: int) -> None:
    prefix = (PREFIX * 6)[: 8 * words_in_prefix]
    for suite in HashSuite:
        nonce = hashing.grind(suite, prefix, 8)
        assert is_ground(suite, prefix, nonce, 8)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_grind_goes_on_after_a_fruitless_call(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    expected = hashing.grind(HashSuite.KECCAK256, PREFIX, 12)
    monkeypatch.setattr(hashing, "_NONCES_PER_CALL", 11)
    assert expected > 11
    assert hashing.grind(HashSuite.KECCAK256, PREFIX, 12, threads=threads) == expected


@suites
def test_grind_without_work(suite: HashSuite) -> None:
    assert hashing.grind(suite, PREFIX, 0, start=5) == 5
    assert is_ground(suite, PREFIX, 5, 0)


@pytest.mark.parametrize(
    ("prefix", "bits", "start", "error", "says"),
    [
        (PREFIX, 41, 0, KernelArgumentError, "grinding bits"),
        (PREFIX, -1, 0, KernelArgumentError, "grinding bits"),
        (PREFIX, 1, 2**62, KernelArgumentError, "first nonce"),
        (PREFIX[:-1], 1, 0, MessageLayoutError, "8-byte words"),
        (b"", 1, 0, KernelArgumentError, "begin with a tag"),
    ],
)
def test_grind_refuses(
    prefix: bytes, bits: int, start: int, error: type[ValueError], says: str
) -> None:
    with pytest.raises(error, match=says):
        hashing.grind(HashSuite.KECCAK256, prefix, bits, start)


def test_poseidon2_refuses_words_beyond_the_field() -> None:
    beyond = GOLDILOCKS_P.to_bytes(8, "big")
    with pytest.raises(NonCanonicalWordError):
        hashing.grind(HashSuite.POSEIDON2, PREFIX + beyond, 1)
    with pytest.raises(NonCanonicalWordError):
        is_ground(HashSuite.POSEIDON2, PREFIX, GOLDILOCKS_P, 1)
    with pytest.raises(NonCanonicalWordError):
        node_digest(HashSuite.POSEIDON2, beyond * 4, bytes(32))


@suites
def test_leaves_refuse_words_beyond_the_field(suite: HashSuite) -> None:
    with pytest.raises(NonCanonicalWordError):
        leaf_digest(suite, [0, GOLDILOCKS_P])
    with pytest.raises(NonCanonicalWordError):
        leaf_digest(suite, [0], [GOLDILOCKS_P, 0])


def test_twins_refuse_other_lengths() -> None:
    with pytest.raises(MessageLayoutError, match="at least one column"):
        leaf_digest(HashSuite.KECCAK256, [])
    with pytest.raises(MessageLayoutError, match="salt of 2 words"):
        leaf_digest(HashSuite.KECCAK256, [1], [1])
    for pieces in ((bytes(31), bytes(32)), (bytes(32), bytes(32), bytes(31))):
        with pytest.raises(MessageLayoutError, match="32 bytes"):
            node_digest(HashSuite.KECCAK256, *pieces)


@pytest.mark.parametrize(
    ("columns", "salts", "says"),
    [
        ([], None, "at least one column"),
        (np.zeros((2, 8), np.int64), None, "a column must be"),
        (np.zeros((2, 16), np.uint64)[:, ::2], None, "a column must be"),
        ([np.zeros(8, np.uint64), np.zeros(4, np.uint64)], None, "a column must be"),
        (np.zeros((2, 8), np.uint64), np.zeros((2, 8), np.uint64), "the salts must be"),
    ],
)
def test_leaf_digests_refuses(columns: np.ndarray, salts: np.ndarray | None, says: str) -> None:
    with pytest.raises(KernelArgumentError, match=says):
        hashing.leaf_digests(HashSuite.KECCAK256, columns, salts)


@pytest.mark.parametrize(
    ("children", "injected", "out", "says"),
    [
        (3, None, None, "no pairs"),
        (4, 3, None, "the injected layer must be"),
        (4, None, 4, "the output must be"),
    ],
)
def test_parent_layer_refuses(
    children: int, injected: int | None, out: int | None, says: str
) -> None:
    layers = [None if n is None else np.zeros((n, 32), np.uint8) for n in (children, injected, out)]
    with pytest.raises(KernelArgumentError, match=says):
        hashing.parent_layer(HashSuite.KECCAK256, *layers)


def test_kernel_speeds_cover_levels_and_suites() -> None:
    speeds = hashing.kernel_speeds()
    assert list(speeds) == list(available_levels())
    for by_suite in speeds.values():
        assert list(by_suite) == ["keccak256", "poseidon2"]
        assert all(nanoseconds > 0 for nanoseconds in by_suite.values())
