"""Exact arithmetic of risk in C, with and without 128-bit integers, against Python's integers."""

import ctypes
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offchain.spec.constants import FRACTION_ONE, PPM, SIGNED_BIAS
from tests.core.conftest import HASH_FLAGS

U64_MAX = 2**64 - 1
WIDE_BITS = 192
WIDE_BYTES = WIDE_BITS // 8
RISK_WORDS = 64

# Where the digits of a long division are guessed wrong, and where words carry.
EDGES = (0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 2**32, U64_MAX)
words = st.one_of(st.sampled_from(EDGES), st.integers(0, U64_MAX), st.integers(0, 2**20))
positive = words.filter(lambda word: word > 0)
signed = st.one_of(st.sampled_from((0, 1, -1, -(2**62))), st.integers(-(2**62), 2**62))
wide = st.integers(0, WIDE_BITS).flatmap(lambda bits: st.integers(0, 2**bits - 1)) | st.builds(
    lambda a, b, c: a << 128 | b << 64 | c, *(st.sampled_from(EDGES) for _ in range(3))
)


@pytest.fixture(scope="session", params=["int128", "portable"])
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """The library, once as on this machine and once as in the guest."""
    out = tmp_path_factory.mktemp("wide") / f"{request.param}.so"
    flags = [] if request.param == "int128" else ["-U__SIZEOF_INT128__"]
    source = Path(__file__).with_name("wide_unity.c")
    command = [sys.executable, "-m", "ziglang", "cc", *HASH_FLAGS, "-fPIC", "-shared", *flags]
    command += [str(source), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = ctypes.CDLL(str(out))
    u64, i64 = ctypes.c_uint64, ctypes.c_int64
    signatures: dict[str, tuple[object, list[object]]] = {
        "test_mul_div": (u64, [u64, u64, u64, ctypes.c_bool]),
        "test_mul_div_signed": (i64, [i64, u64, u64, ctypes.c_bool]),
        "test_mul3_div2": (u64, [u64, u64, u64, u64, u64, ctypes.c_bool]),
        "test_compare_products": (ctypes.c_int, [i64, i64, i64, i64]),
        "test_div_floor": (i64, [i64, i64]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


def divided(n: int, d: int, up: bool) -> int:
    return -(-n // d) if up else n // d


@given(a=words, b=words, d=positive, up=st.booleans())
@example(a=U64_MAX, b=U64_MAX, d=1, up=True)
@example(a=U64_MAX, b=2, d=2, up=True)
def test_mul_div(library: ctypes.CDLL, a: int, b: int, d: int, up: bool) -> None:
    assert library.test_mul_div(a, b, d, up) == min(divided(a * b, d, up), U64_MAX)


@given(a=signed, b=words, d=positive, up=st.booleans())
def test_mul_div_signed(library: ctypes.CDLL, a: int, b: int, d: int, up: bool) -> None:
    bound = 2**63 - 1
    exact = divided(a * b, d, up)
    assert library.test_mul_div_signed(a, b, d, up) == max(-bound, min(exact, bound))


@given(a=words, b=words, c=words, d=positive, e=positive, up=st.booleans())
def test_mul3_div2(library: ctypes.CDLL, a: int, b: int, c: int, d: int, e: int, up: bool) -> None:
    expected = min(divided(a * b * c, d * e, up), U64_MAX)
    assert library.test_mul3_div2(a, b, c, d, e, up) == expected


@given(a=signed, b=st.integers(0, 2**62), c=signed, d=st.integers(0, 2**62))
@example(a=-1, b=0, c=0, d=5)
@example(a=3, b=4, c=6, d=2)
@example(a=-3, b=4, c=-2, d=6)
def test_compare_products(library: ctypes.CDLL, a: int, b: int, c: int, d: int) -> None:
    assert library.test_compare_products(a, b, c, d) == (a * b > c * d) - (a * b < c * d)


@given(a=signed, d=st.integers(1, 2**40))
def test_div_floor(library: ctypes.CDLL, a: int, d: int) -> None:
    assert library.test_div_floor(a, d) == a // d


def run_wide(function: Callable[..., int], a: int, b: int) -> tuple[int, int, int]:
    """Call a function of two wide inputs and two wide outputs; return its result and these."""
    out = [ctypes.create_string_buffer(WIDE_BYTES) for _ in range(2)]
    result = function(a.to_bytes(WIDE_BYTES, "little"), b.to_bytes(WIDE_BYTES, "little"), *out)
    first, second = (int.from_bytes(buffer.raw, "little") for buffer in out)
    return result, first, second


@given(n=wide, d=wide.filter(lambda value: value > 0))
@example(n=2**192 - 1, d=2**64 - 1)
@example(n=(2**32 - 1) << 160, d=(2**32 - 1) << 64 | 1)  # the first guess is too large
@example(n=2**128, d=2**96 - 2**64 + 1)
def test_wide_division(library: ctypes.CDLL, n: int, d: int) -> None:
    assert run_wide(library.test_wide_div, n, d)[1:] == divmod(n, d)


@given(a=wide, b=wide)
def test_wide_sums(library: ctypes.CDLL, a: int, b: int) -> None:
    expected = ((a > b) - (a < b), (a + b) % 2**WIDE_BITS, abs(a - b))
    assert run_wide(library.test_wide_sums, a, b) == expected


def settled_by_hand(
    size: int, cost: int, mark: int, then: tuple[int, int], now: tuple[int, int]
) -> tuple[int, ...]:
    """Docs/spec/risk.md section 3, in plain integers; `then` and `now` are (share, paid index)."""
    base, keep = FRACTION_ONE - then[0], FRACTION_ONE - now[0]
    paid = -(-size * (now[1] - then[1]) * FRACTION_ONE // (base * PPM))
    lots = abs(size)
    kept, rest = divmod(lots * keep, base)
    fraction = -(-rest * FRACTION_ONE // base)
    released = cost if kept == 0 else -(-cost * (lots - kept) // lots)
    gained = fraction * mark * 100
    value = (gained if size > 0 else -gained) // FRACTION_ONE  # minus the ceiling is the floor
    after = kept if size > 0 else -kept
    return after, cost - released, value - paid - released, paid, released, value, fraction


def test_settling(library: ctypes.CDLL) -> None:
    """Positions of one epoch and of an ended one, from one lot to the largest."""
    rng = random.Random(7)
    for _ in range(2_000):
        size = rng.randrange(1, 2 ** rng.randrange(1, 41)) * rng.choice((1, -1))
        cost = rng.randrange(-(2**61) + 1, 2**61)
        mark = rng.randrange(1, 2 ** rng.randrange(1, 33))
        taken_before = rng.choice((0, rng.randrange(FRACTION_ONE - 2**32)))
        taken_now = rng.choice((taken_before, rng.randrange(taken_before, FRACTION_ONE)))
        paid_before, far = rng.randrange(-(2**60), 2**60), 2 ** (62 - size.bit_length())
        moved = rng.randrange(-far, far) * rng.choice((0, 1, 1))
        has_ended = rng.random() < 0.2
        side = 19 if size > 0 else 25
        risk = [0] * RISK_WORDS
        risk[13] = mark << 32 | 5
        risk[side] = taken_now
        risk[side + 1 + has_ended] = paid_before + moved + SIGNED_BIAS
        risk[side + 3] = 9 + has_ended
        biased = (size, cost, paid_before, taken_before, 0)
        position = pack("<HBBI7Q", 1, 0, 0, 9, *(v + SIGNED_BIAS for v in biased), 0, 0)
        out = (ctypes.c_int64 * 7)()
        library.test_settled((ctypes.c_uint64 * RISK_WORDS)(*risk), position, out)
        now = (FRACTION_ONE if has_ended else taken_now, paid_before + moved)
        assert tuple(out) == settled_by_hand(size, cost, mark, (taken_before, paid_before), now)
