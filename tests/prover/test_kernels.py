"""Every C kernel against its twin in plain Python, at every level that the CPU has."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from random import Random

import numpy as np
import pytest

from offchain.prover import kernels, polynomials, reference
from offchain.prover.kernel_arguments import KernelArgumentError
from offchain.prover.levels import LEVEL_VARIABLE, LevelError, available_levels, load_library
from offchain.prover.native_build import build_all
from offchain.prover.reference import P

build_all()
LEVELS = available_levels()
SHIFT = 0x1234_5678_9ABC_DEF1
KEY = bytes(range(32))
# Sums and products of these meet every carry, borrow and final subtraction.
EDGES = [0, 1, 2, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63]
EDGES += [P - edge for edge in EDGES[1:]]

pytestmark = pytest.mark.parametrize("level", LEVELS)


def elements(count, seed=1):
    """Random field elements of which about half are edge cases."""
    random = Random(seed)
    return [
        random.choice(EDGES) if random.random() < 0.5 else random.randrange(P) for _ in range(count)
    ]


def exts(count, seed=1):
    flat = elements(3 * count, seed)
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def columns_array(columns):
    return np.array(columns, np.uint64)


def planes(values):
    return np.ascontiguousarray(np.array(values, np.uint64).T)


def triples(array):
    return [tuple(map(int, column)) for column in array.T]


@pytest.mark.parametrize("log_n", [3, 4, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("shift", [1, 7, SHIFT])
def test_coset_ntt(level, log_n, shift):
    columns = [elements(2**log_n, seed) for seed in range(3)]
    values = kernels.coset_ntt(columns_array(columns), 2**log_n, shift, level=level)
    assert values.tolist() == [reference.coset_ntt(c, 2**log_n, shift) for c in columns]


@pytest.mark.parametrize(("m", "n"), [(8, 16), (8, 64), (24, 128), (64, 512)])
def test_coset_ntt_pads_with_zeros(level, m, n):
    columns = [elements(m, seed) for seed in range(2)]
    values = kernels.coset_ntt(columns_array(columns), n, SHIFT, level=level)
    assert values.tolist() == [reference.coset_ntt(c, n, SHIFT) for c in columns]


@pytest.mark.parametrize("log_n", [3, 5, 6, 7, 8])
@pytest.mark.parametrize("shift", [1, SHIFT])
def test_coset_intt(level, log_n, shift):
    columns = [elements(2**log_n, seed) for seed in range(2)]
    coefficients = kernels.coset_intt(columns_array(columns), shift, level=level)
    assert coefficients.tolist() == [reference.coset_intt(c, shift) for c in columns]


def test_intt_inverts_the_transform(level):
    columns = columns_array([elements(2**15)])
    values = kernels.coset_ntt(columns, 2**15, 1, level=level)
    assert not np.array_equal(values, columns)
    assert np.array_equal(kernels.intt(values, level=level), columns)


def test_transforms_work_in_place(level):
    columns = columns_array([elements(128, seed) for seed in range(2)])
    values = columns.copy()
    assert kernels.coset_ntt(values, 128, SHIFT, values, level) is values
    assert np.array_equal(values, kernels.coset_ntt(columns, 128, SHIFT, level=level))
    kernels.coset_intt(values, SHIFT, values, level)
    assert np.array_equal(values, columns)


@pytest.mark.parametrize("log_n", [12, 17])
def test_a_long_transform_at_single_points(level, log_n):
    n = 2**log_n
    coefficients = elements(n)
    values = kernels.coset_ntt(columns_array([coefficients]), n, SHIFT, level=level)[0]
    for i in (0, 1, n // 2 + 5, n - 1):
        x = SHIFT * pow(reference.root_of_unity(n), i, P) % P
        assert int(values[i]) == reference.evaluate_ext(coefficients, (x, 0, 0))[0]


@pytest.mark.parametrize("n", [8, 512, 1032])
def test_evaluate_ext(level, n):
    columns = [elements(n, seed) for seed in range(3)]
    for point in exts(3):
        values = kernels.evaluate_ext(columns_array(columns), point, level)
        expected = [list(reference.evaluate_ext(c, point)) for c in columns]
        assert values.tolist() == expected


@pytest.mark.parametrize("n", [8, 520])
def test_combine(level, n):
    columns = [elements(n, seed) for seed in range(5)]
    weights = exts(5)
    total = kernels.combine(columns_array(columns), columns_array(weights), level=level)
    expected = reference.combine(columns, weights)
    assert triples(total) == expected
    assert kernels.combine(columns_array(columns), columns_array(weights), total, level) is total
    assert triples(total) == [reference.ext_add(e, e) for e in expected]


@pytest.mark.parametrize("count", [0, 1, 13, 16])
def test_suffix_sum_ext(level, count):
    values = exts(16)
    sums = kernels.suffix_sum_ext(planes(values), count, level=level)
    assert triples(sums) == reference.suffix_sum_ext(values[:count]) + [(0, 0, 0)] * (16 - count)


def test_suffix_sum_ext_leaves_the_rest_alone(level):
    values = planes(exts(16))
    sums = values.copy()
    kernels.suffix_sum_ext(sums, 9, sums, level)
    assert np.array_equal(sums[:, 9:], values[:, 9:])
    assert triples(sums)[:9] == reference.suffix_sum_ext(triples(values)[:9])


@pytest.mark.parametrize("n", [8, 24, 4096, 4104])
def test_batch_inverse(level, n):
    values = elements(n)
    array = np.array(values, np.uint64)
    assert kernels.batch_inverse(array, level) == values.count(0) > 0
    assert array.tolist() == [reference.inverse(x) for x in values]


@pytest.mark.parametrize("n", [8, 520])
def test_batch_inverse_ext(level, n):
    values = [(0, 0, 0), (0, 0, 1), (0, P - 1, 0), *exts(n - 3)]
    array = planes(values)
    assert kernels.batch_inverse_ext(array, level) == values.count((0, 0, 0)) > 0
    assert triples(array) == [reference.ext_inverse(x) for x in values]


@pytest.mark.parametrize("n", [8, 64])
def test_multiply_ext(level, n):
    left, right = exts(n, 2), [(0, 0, 0), (P - 1, P - 1, P - 1), *exts(n - 2, 3)]
    product = polynomials.multiply_ext(planes(left), planes(right), level)
    assert triples(product) == [reference.ext_mul(a, b) for a, b in zip(left, right, strict=True)]


def test_scale(level):
    values = [0, 1, P - 1, *elements(13)]
    array = np.array(values, np.uint64)
    polynomials.scale(array, P - 2, level)
    assert array.tolist() == [x * (P - 2) % P for x in values]


@pytest.mark.parametrize("n", [8, 64])
def test_divide_by_linear(level, n):
    coefficients, point = exts(n), (SHIFT, P - 1, 2**32)
    quotient = polynomials.divide_by_linear(planes(coefficients), point, level)
    assert triples(quotient) == reference.divide_by_linear(coefficients, point)


@pytest.mark.parametrize("n", [8, 64, 8192])
def test_evaluate_base(level, n):
    columns = [elements(n, seed) for seed in (1, 2, 3)]
    values = polynomials.evaluate_base(columns_array(columns), SHIFT, level)
    expected = [reference.evaluate_ext(column, (SHIFT, 0, 0))[0] for column in columns]
    assert values.tolist() == expected


@pytest.mark.parametrize("count", [1, 5, 64])
def test_zerofier(level, count):
    coefficients = polynomials.zerofier(count, 5, SHIFT, level)
    assert coefficients.tolist() == reference.zerofier(count, 5, SHIFT)


@pytest.mark.parametrize("log_arity", [1, 2, 3, 4])
@pytest.mark.parametrize("log_folded", [3, 5])
def test_fri_fold(level, log_arity, log_folded):
    codeword = exts(2 ** (log_arity + log_folded))
    beta = (SHIFT, P - 1, 2**32)
    folded = kernels.fri_fold(planes(codeword), log_arity, beta, SHIFT, level=level)
    assert triples(folded) == reference.fri_fold(codeword, log_arity, beta, SHIFT)


@pytest.mark.parametrize("count", [1, 8, 127, 129, 1000])
def test_random_fill(level, count):
    out = np.zeros(count, np.uint64)
    kernels.random_fill(out, KEY, 2**40 + 3, level)
    assert out.tolist() == list(islice(reference.random_elements(KEY, 2**40 + 3), count))


def test_random_fill_skips_words_from_p_on(level):
    """Found by search: keystream word 80 of this stream is one of the 2^32 - 1 that are refused."""
    stream, position = 1_936_268, 80
    nonce = bytes(4) + stream.to_bytes(8, "little")
    keystream = b"".join(reference.chacha20_block(KEY, nonce, counter) for counter in range(16))
    words = np.frombuffer(keystream, "<u8")
    assert words[position] >= P
    out = np.zeros(100, np.uint64)
    kernels.random_fill(out, KEY, stream, level)
    assert out.tolist() == np.delete(words, position)[:100].tolist()
    assert out.tolist() == list(islice(reference.random_elements(KEY, stream), 100))


def test_streams_and_keys_differ(level):
    filled = np.zeros((3, 64), np.uint64)
    for row, (key, stream) in zip(filled, [(KEY, 0), (KEY, 1), (bytes(32), 0)], strict=True):
        kernels.random_fill(row, key, stream, level)
    assert len(np.unique(filled)) == filled.size


# RFC 8439, 2.3.2: the block with counter 1.
RFC_NONCE = bytes.fromhex("000000090000004a00000000")
RFC_BLOCK = bytes.fromhex(
    "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
    "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
)


def test_chacha20_agrees_with_the_rfc(level):
    keystream = np.zeros(256, np.uint32)
    load_library(level).hr_chacha20(keystream.ctypes.data, KEY, RFC_NONCE, 1)
    assert keystream.tobytes()[:64] == RFC_BLOCK == reference.chacha20_block(KEY, RFC_NONCE, 1)
    blocks = [reference.chacha20_block(KEY, RFC_NONCE, counter) for counter in range(1, 17)]
    assert keystream.tobytes() == b"".join(blocks)


def test_arrays_are_checked(level):
    good = columns_array([elements(16)])
    refused = [
        lambda: kernels.coset_ntt(good[:, ::2], 16, 1, level=level),
        lambda: kernels.coset_ntt(good.astype(np.int64), 16, 1, level=level),
        lambda: kernels.coset_ntt(good, 8, 1, level=level),
        lambda: kernels.coset_ntt(good, 24, 1, level=level),
        lambda: kernels.coset_ntt(good, 2**25, 1, level=level),
        lambda: kernels.coset_ntt(good, 16, 0, level=level),
        lambda: kernels.coset_ntt(good, 16, P, level=level),
        lambda: kernels.coset_ntt(good, 32, 1, np.zeros((1, 16), np.uint64), level),
        lambda: kernels.intt(good[0], level=level),
        lambda: kernels.intt(columns_array([elements(24)]), level=level),
        lambda: kernels.evaluate_ext(good, (0, 0, P), level),
        lambda: kernels.combine(good, columns_array(exts(2)), level=level),
        lambda: kernels.batch_inverse(good[0, :15], level),
        lambda: kernels.batch_inverse_ext(good, level),
        lambda: kernels.suffix_sum_ext(planes(exts(8)), 9, level=level),
        lambda: kernels.fri_fold(planes(exts(64)), 5, (0, 0, 1), 1, level=level),
        lambda: kernels.fri_fold(planes(exts(8)), 1, (0, 0, 1), 1, level=level),
        lambda: kernels.fri_fold(planes(exts(24)), 1, (0, 0, 1), 1, level=level),
        lambda: kernels.random_fill(good, KEY[:31], 0, level),
        lambda: kernels.random_fill(good, KEY, 2**64, level),
        lambda: kernels.random_fill(good[:, ::2], KEY, 0, level),
    ]
    for call in refused:
        with pytest.raises(KernelArgumentError):
            call()


def test_the_environment_chooses_the_level(level, monkeypatch):
    monkeypatch.setenv(LEVEL_VARIABLE, level)
    assert load_library() is load_library(level)
    monkeypatch.setenv(LEVEL_VARIABLE, "sse9")
    with pytest.raises(LevelError, match="sse9"):
        load_library()
    assert load_library(level)._name.endswith(f"_{level}.so")
    monkeypatch.delenv(LEVEL_VARIABLE)
    assert load_library() is load_library(LEVELS[-1])


def test_all_levels_agree_on_large_arrays(level):
    """The twin is too slow here; the portable level stands for it."""
    columns = np.zeros((3, 2**14), np.uint64)
    kernels.random_fill(columns, KEY, 5, level)
    point = (3, P - 5, SHIFT)

    def results(at):
        values = kernels.coset_ntt(columns, 2**14, 7, level=at)
        inverses = values.copy()
        kernels.batch_inverse_ext(inverses, at)
        return [
            values,
            kernels.coset_intt(columns, 7, level=at),
            kernels.evaluate_ext(columns, point, at),
            kernels.combine(columns, columns_array([point] * 3), level=at),
            kernels.suffix_sum_ext(columns, 2**14 - 5, level=at),
            inverses,
            kernels.fri_fold(columns, 4, point, 7, level=at),
        ]

    for mine, portable in zip(results(level), results("portable"), strict=True):
        assert mine.tobytes() == portable.tobytes()


def test_threads_do_not_disturb_each_other(level):
    columns = np.zeros((16, 1024), np.uint64)
    kernels.random_fill(columns, KEY, 6, level)
    expected = kernels.coset_ntt(columns, 1024, 7, level=level)
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda c: kernels.coset_ntt(c[None], 1024, 7, level=level), columns)
        assert np.array_equal(np.concatenate(list(parts)), expected)


def test_kernel_speeds_cover_every_level(level, monkeypatch):
    monkeypatch.setattr(kernels, "_SPEED_LOG_SIZES", (8,))
    monkeypatch.setattr(kernels, "_SPEED_LOG_WORDS", 8)
    speeds = kernels.kernel_speeds()
    assert list(speeds) == LEVELS
    assert speeds[level]["ntt_2e8"] > 0
