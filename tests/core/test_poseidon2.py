"""Poseidon2: published vectors, then the C core against the executable specification."""

import ctypes
import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.spec import poseidon2_constants
from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2 import (
    Digest,
    compress,
    digest_from_bytes,
    digest_to_bytes,
    hash_words,
    permute,
)
from offchain.tools.gen_poseidon2 import HEADER_PATH, render_header

VECTORS_PATH = Path(__file__).parents[1] / "vectors" / "poseidon2_goldilocks_w8.json"
VECTORS = json.loads(VECTORS_PATH.read_text(encoding="utf-8"))["permutations"]
VECTOR_IDS = [vector["name"] for vector in VECTORS]

# Where lazy arithmetic, halves and carries go wrong first.
EDGES = (0, 1, 2**32 - 2, 2**32 - 1, 2**32, 2**63, GOLDILOCKS_P - 2**32, GOLDILOCKS_P - 1)
BACKENDS = {"portable": 0, "avx2": 1, "avx512": 2}
DOMAIN = 0x68656164

elements = st.one_of(st.sampled_from(EDGES), st.integers(0, GOLDILOCKS_P - 1))
digests = st.tuples(elements, elements, elements, elements)


def c_words(words: Sequence[int]) -> ctypes.Array[ctypes.c_uint64]:
    return (ctypes.c_uint64 * max(len(words), 1))(*words)


def as_digests(words: Sequence[int]) -> list[Digest]:
    return [tuple(words[i : i + 4]) for i in range(0, len(words), 4)]


def random_words(rng: random.Random, count: int) -> list[int]:
    return [
        rng.choice(EDGES) if rng.random() < 0.3 else rng.randrange(GOLDILOCKS_P)
        for _ in range(count)
    ]


@pytest.fixture(params=BACKENDS)
def backend_library(
    request: pytest.FixtureRequest, hash_library: ctypes.CDLL
) -> Iterator[ctypes.CDLL]:
    if not hash_library.test_backend_set(BACKENDS[request.param]):
        pytest.skip(f"this machine has no {request.param}")
    yield hash_library
    hash_library.test_backend_set(0)


# --- specification ---------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=VECTOR_IDS)
def test_spec_gives_published_vector(vector: dict[str, list[int]]) -> None:
    assert permute(vector["input"]) == vector["output"]


def test_spec_layers_are_the_published_matrices() -> None:
    """The same permutation by plain matrix products, from the constants that C never sees."""
    c = poseidon2_constants
    external = [
        [(2 if i // 4 == j // 4 else 1) * c.POSEIDON2_M4[i % 4][j % 4] for j in range(8)]
        for i in range(8)
    ]
    internal = [
        [1 + (c.POSEIDON2_DIAG_MINUS_1[i] if i == j else 0) for j in range(8)] for i in range(8)
    ]

    def product(matrix: list[list[int]], x: list[int]) -> list[int]:
        return [sum(a * b for a, b in zip(row, x, strict=True)) % GOLDILOCKS_P for row in matrix]

    def sbox(x: int) -> int:
        return pow(x, c.POSEIDON2_SBOX_DEGREE, GOLDILOCKS_P)

    def full_rounds(x: list[int], rounds: Sequence[Sequence[int]]) -> list[int]:
        for constants in rounds:
            x = product(external, [sbox(v + k) for v, k in zip(x, constants, strict=True)])
        return x

    start = list(EDGES)
    x = full_rounds(product(external, start), c.POSEIDON2_RC_EXTERNAL[:4])
    for constant in c.POSEIDON2_RC_INTERNAL:
        x = product(internal, [sbox(x[0] + constant), *x[1:]])
    assert permute(start) == full_rounds(x, c.POSEIDON2_RC_EXTERNAL[4:])


def test_spec_compress_feeds_forward() -> None:
    left, right = (1, 2, 3, GOLDILOCKS_P - 1), (5, 6, 7, 8)
    image = permute([*left, *right])
    assert compress(left, right) == tuple(
        (y + x) % GOLDILOCKS_P for y, x in zip(image, left, strict=False)
    )


def test_spec_sponge_by_hand() -> None:
    first = permute([1, 2, 3, 4, DOMAIN, 5, 0, 0])
    second = permute([(first[0] + 9) % GOLDILOCKS_P, *first[1:]])
    assert hash_words(DOMAIN, [1, 2, 3, 4, 9]) == tuple(second[:4])
    assert hash_words(DOMAIN, []) == tuple(permute([0, 0, 0, 0, DOMAIN, 0, 0, 0])[:4])


def test_spec_sponge_tells_domains_and_lengths_apart() -> None:
    hashes = [hash_words(domain, [0] * n) for domain in (0, 1, DOMAIN) for n in range(10)]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("bad", [-1, GOLDILOCKS_P, 2**64 - 1, 2**64])
@pytest.mark.parametrize("place", range(4))
def test_spec_refuses_what_is_not_canonical(bad: int, place: int) -> None:
    good = (1, 2, 3, 4)
    words = (*good[:place], bad, *good[place + 1 :])
    for call in (
        lambda: permute([*words, *good]),
        lambda: compress(words, good),
        lambda: compress(good, words),
        lambda: hash_words(DOMAIN, words),
        lambda: hash_words(bad, good),
        lambda: digest_to_bytes(words),
    ):
        with pytest.raises(ValueError, match="outside"):
            call()


def test_spec_refuses_wrong_sizes() -> None:
    with pytest.raises(ValueError, match="7 elements"):
        permute([0] * 7)
    with pytest.raises(ValueError, match="32 bytes"):
        digest_from_bytes(bytes(31))
    with pytest.raises(ValueError, match="outside"):
        digest_from_bytes(bytes(24) + GOLDILOCKS_P.to_bytes(8, "little"))


@given(digest=digests)
def test_digest_bytes_round_trip(digest: Digest) -> None:
    data = digest_to_bytes(digest)
    assert data == bytes(c_words(digest))
    assert digest_from_bytes(data) == digest


# --- constants -------------------------------------------------------------------------------


def test_committed_header_is_fresh() -> None:
    assert HEADER_PATH.read_text(encoding="utf-8") == render_header()


# --- C core ----------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["hash_library", "narrow_library"])
@pytest.mark.parametrize("vector", VECTORS, ids=VECTOR_IDS)
def test_core_gives_published_vector(
    request: pytest.FixtureRequest, library: str, vector: dict[str, list[int]]
) -> None:
    state = c_words(vector["input"])
    request.getfixturevalue(library).test_permute(state)
    assert list(state) == vector["output"]


@pytest.mark.parametrize("vector", VECTORS, ids=VECTOR_IDS)
def test_every_backend_gives_published_vector(
    backend_library: ctypes.CDLL, vector: dict[str, list[int]]
) -> None:
    pairs = c_words(vector["input"] * 8)
    out = c_words([0] * 32)
    backend_library.test_compress_many(out, pairs, 8)
    expected = [
        (y + x) % GOLDILOCKS_P
        for y, x in zip(vector["output"][:4], vector["input"][:4], strict=True)
    ]
    assert list(out) == expected * 8


def test_core_canonical_bound(hash_library: ctypes.CDLL) -> None:
    assert hash_library.test_is_canonical(0)
    assert hash_library.test_is_canonical(GOLDILOCKS_P - 1)
    assert not hash_library.test_is_canonical(GOLDILOCKS_P)
    assert not hash_library.test_is_canonical(2**64 - 1)


@pytest.mark.parametrize("library", ["hash_library", "narrow_library"])
def test_core_field_takes_any_word(request: pytest.FixtureRequest, library: str) -> None:
    mul_add = request.getfixturevalue(library).test_field_mul_add
    words = (*EDGES, GOLDILOCKS_P, 2**64 - 2**32, 2**64 - 1)
    for a, b, c in itertools.product(words, repeat=3):
        assert mul_add(a, b, c) % GOLDILOCKS_P == (a * b + c) % GOLDILOCKS_P


@settings(max_examples=200)
@given(state=st.lists(elements, min_size=8, max_size=8))
def test_core_permutation_equals_spec(hash_library: ctypes.CDLL, state: list[int]) -> None:
    words = c_words(state)
    hash_library.test_permute(words)
    assert list(words) == permute(state)


@given(left=digests, right=digests)
def test_core_compress_equals_spec(hash_library: ctypes.CDLL, left: Digest, right: Digest) -> None:
    expected = compress(left, right)
    c_left, c_right, out = c_words(left), c_words(right), c_words([0] * 4)
    hash_library.test_compress(out, c_left, c_right)
    assert tuple(out) == expected
    hash_library.test_compress(c_right, c_left, c_right)
    assert tuple(c_right) == expected
    hash_library.test_compress(c_left, c_left, c_words(right))
    assert tuple(c_left) == expected


@given(domain=elements, words=st.lists(elements, max_size=13))
def test_core_hash_words_equals_spec(
    hash_library: ctypes.CDLL, domain: int, words: list[int]
) -> None:
    out = c_words([0] * 4)
    hash_library.test_hash_words(out, domain, c_words(words), len(words))
    assert tuple(out) == hash_words(domain, words)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 27])
def test_compress_many_equals_spec(backend_library: ctypes.CDLL, n: int) -> None:
    pairs = random_words(random.Random(n), 8 * n)
    children = as_digests(pairs)
    expected = [compress(*pair) for pair in zip(children[::2], children[1::2], strict=True)]
    guard = 0x5A5A
    out = c_words([guard] * (4 * n + 4))
    backend_library.test_compress_many(out, c_words(pairs), n)
    assert as_digests(list(out)) == [*expected, (guard,) * 4]
    in_place = c_words(pairs)
    backend_library.test_compress_many(in_place, in_place, n)
    assert as_digests(in_place[: 4 * n]) == expected


@pytest.mark.parametrize("n_words", [0, 1, 3, 4, 5, 8, 16, 17])
@pytest.mark.parametrize("n", [0, 1, 3, 6, 8, 13])
def test_hash_words_many_equals_spec(backend_library: ctypes.CDLL, n: int, n_words: int) -> None:
    words = random_words(random.Random(n * 100 + n_words), n * n_words)
    leaves = [words[i * n_words : (i + 1) * n_words] for i in range(n)]
    guard = 0x5A5A
    out = c_words([guard] * (4 * n + 4))
    backend_library.test_hash_words_many(out, DOMAIN, c_words(words), n_words, n)
    assert as_digests(list(out)) == [*(hash_words(DOMAIN, leaf) for leaf in leaves), (guard,) * 4]


def test_backends_are_equal_on_many_inputs(hash_library: ctypes.CDLL) -> None:
    """Against the portable code, which the tests above hold to the specification."""
    n = 20_000
    pairs = c_words(random_words(random.Random(2), 8 * n))
    results = {}
    for name, backend in BACKENDS.items():
        if hash_library.test_backend_set(backend):
            out = c_words([0] * (4 * n))
            hash_library.test_compress_many(out, pairs, n)
            results[name] = bytes(out)
    hash_library.test_backend_set(0)
    if len(results) == 1:
        pytest.skip("this machine has no vector backend")
    assert all(result == results["portable"] for result in results.values())


def test_unknown_backend_is_refused(hash_library: ctypes.CDLL) -> None:
    assert not hash_library.test_backend_set(-1)
    assert not hash_library.test_backend_set(3)


def test_guest_build_compiles(
    tmp_path: Path, compile_hashes: Callable[[Path, Sequence[str]], None]
) -> None:
    out = tmp_path / "hash_unity.o"
    target = ["-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m", "-ffreestanding"]
    compile_hashes(out, [*target, "-DHR_TEST_GUEST", "-c"])
    elf_class_32, machine_riscv = 1, 243
    header = out.read_bytes()[:20]
    assert header[4] == elf_class_32
    assert int.from_bytes(header[18:20], "little") == machine_riscv
