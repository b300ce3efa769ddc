"""The kernels in plain Python, as the oracle of the C ones: short, slow and by definition.

Base-field elements are ints in [0, p), p = 2^64 - 2^32 + 1; extension elements are triples of them,
constant coefficient first, in F_p[x]/(x^3 - 7). Functions of the same name as in
:mod:`offchain.prover.kernels` compute the same.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from offchain.spec.constants import GOLDILOCKS_P

P: Final = GOLDILOCKS_P
GENERATOR: Final = 7
NONRESIDUE: Final = 7

Ext = tuple[int, int, int]
ZERO: Final[Ext] = (0, 0, 0)
ONE: Final[Ext] = (1, 0, 0)

_MASK32: Final = 2**32 - 1
_CHACHA_CONSTANTS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_CHACHA_DOUBLE_ROUNDS: Final = 10


def root_of_unity(n: int) -> int:
    """Return the generator of the subgroup of order n, a power of two up to 2^32."""
    return pow(GENERATOR, (P - 1) // n, P)


def inverse(a: int) -> int:
    """Return 1/a, and 0 for 0."""
    return pow(a, P - 2, P)


def ext_add(a: Ext, b: Ext) -> Ext:
    """Return a + b."""
    return ((a[0] + b[0]) % P, (a[1] + b[1]) % P, (a[2] + b[2]) % P)


def ext_sub(a: Ext, b: Ext) -> Ext:
    """Return a - b."""
    return ((a[0] - b[0]) % P, (a[1] - b[1]) % P, (a[2] - b[2]) % P)


def ext_mul(a: Ext, b: Ext) -> Ext:
    """Return a * b."""
    return (
        (a[0] * b[0] + NONRESIDUE * (a[1] * b[2] + a[2] * b[1])) % P,
        (a[0] * b[1] + a[1] * b[0] + NONRESIDUE * a[2] * b[2]) % P,
        (a[0] * b[2] + a[1] * b[1] + a[2] * b[0]) % P,
    )


def ext_scale(a: Ext, factor: int) -> Ext:
    """Return a * factor with factor in the base field."""
    return (a[0] * factor % P, a[1] * factor % P, a[2] * factor % P)


def ext_power(a: Ext, exponent: int) -> Ext:
    """Return a^exponent, exponent >= 0."""
    result = ONE
    for bit in f"{exponent:b}":
        result = ext_mul(result, result)
        if bit == "1":
            result = ext_mul(result, a)
    return result


def ext_inverse(a: Ext) -> Ext:
    """Return 1/a, and 0 for 0, by Fermat in the group of order p^3 - 1."""
    return ext_power(a, P**3 - 2)


def geometric(start: int, ratio: int, count: int) -> list[int]:
    """Return start * ratio^i for i < count."""
    series = []
    for _ in range(count):
        series.append(start)
        start = start * ratio % P
    return series


def coset_ntt(coefficients: Sequence[int], n: int, shift: int) -> list[int]:
    """Return the values of a polynomial of at most n coefficients at shift * omega_n^i."""
    padded = [*coefficients, *[0] * (n - len(coefficients))]
    scaled = [c * power % P for c, power in zip(padded, geometric(1, shift, n), strict=True)]
    return _ntt(scaled, root_of_unity(n))


def coset_intt(evaluations: Sequence[int], shift: int) -> list[int]:
    """Return the coefficients of the polynomial with these values at shift * omega_n^i."""
    n = len(evaluations)
    sums = _ntt(evaluations, inverse(root_of_unity(n)))
    scales = geometric(inverse(n), inverse(shift), n)
    return [s * scale % P for s, scale in zip(sums, scales, strict=True)]


def intt(evaluations: Sequence[int]) -> list[int]:
    """Return the coefficients of the polynomial with these values at omega_n^i."""
    return coset_intt(evaluations, 1)


def _ntt(values: Sequence[int], omega: int) -> list[int]:
    """Return sum_j values_j * omega^(jk) for every k, by halves of even and odd j."""
    if len(values) == 1:
        return list(values)
    even = _ntt(values[::2], omega * omega % P)
    odd = _ntt(values[1::2], omega * omega % P)
    twisted = [o * power % P for o, power in zip(odd, geometric(1, omega, len(odd)), strict=True)]
    low = [(e + t) % P for e, t in zip(even, twisted, strict=True)]
    high = [(e - t) % P for e, t in zip(even, twisted, strict=True)]
    return low + high


def evaluate_ext(coefficients: Sequence[int], point: Ext) -> Ext:
    """Return the value of one polynomial at a point of the extension, by Horner."""
    value = ZERO
    for coefficient in reversed(coefficients):
        value = ext_add(ext_mul(value, point), (coefficient, 0, 0))
    return value


def combine(columns: Sequence[Sequence[int]], weights: Sequence[Ext]) -> list[Ext]:
    """Return the sum of weight * column over all columns."""
    total = [ZERO] * len(columns[0])
    for column, weight in zip(columns, weights, strict=True):
        total = [ext_add(t, ext_scale(weight, x)) for t, x in zip(total, column, strict=True)]
    return total


def divide_by_linear(coefficients: Sequence[Ext], point: Ext) -> list[Ext]:
    """Return the quotient of a polynomial by X - point, as long as the polynomial."""
    quotient, carry = [], ZERO
    for coefficient in reversed(coefficients):
        quotient.append(carry)
        carry = ext_add(ext_mul(carry, point), coefficient)
    return quotient[::-1]


def zerofier(count: int, root: int, ratio: int) -> list[int]:
    """Return the coefficients of the product of X - root * ratio^i, i < count."""
    coefficients = [1]
    for zero in geometric(root, ratio, count):
        shifted = [0, *coefficients]
        scaled = [*(zero * c % P for c in coefficients), 0]
        coefficients = [(a - b) % P for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def fri_fold(codeword: Sequence[Ext], log_arity: int, beta: Ext, shift: int) -> list[Ext]:
    """Fold by definition: from f = sum_j x^j f_j(x^A) to sum_j beta^j f_j at the A-th powers.

    At the A points x with the same x^A, f is a polynomial of degree below A in x whose coefficients
    are the f_j(x^A): an inverse transform on the coset x * <omega_A>.
    """
    arity = 2**log_arity
    folded = len(codeword) // arity
    result = []
    for i, x in enumerate(geometric(shift, root_of_unity(len(codeword)), folded)):
        planes = [coset_intt([f[c] for f in codeword[i::folded]], x) for c in range(3)]
        parts = zip(*planes, strict=True)
        value = ZERO
        for j, part in enumerate(parts):
            value = ext_add(value, ext_mul(ext_power(beta, j), part))
        result.append(value)
    return result


def suffix_sum_ext(values: Sequence[Ext]) -> list[Ext]:
    """Return the sums of values[i:] for every i."""
    total = ZERO
    sums = []
    for value in reversed(values):
        total = ext_add(total, value)
        sums.append(total)
    return sums[::-1]


def chacha20_block(key: bytes, nonce: bytes, counter: int) -> bytes:
    """Return one block of keystream.

    Parameters
    ----------
    key
        32 bytes.
    nonce
        12 bytes.
    counter
        In [0, 2^32).

    Returns
    -------
    bytes
        64 bytes (RFC 8439, section 2.3).
    """
    start = [
        *_CHACHA_CONSTANTS,
        *struct.unpack("<8I", key),
        counter,
        *struct.unpack("<3I", nonce),
    ]
    state = list(start)
    for _ in range(_CHACHA_DOUBLE_ROUNDS):
        for i in range(4):
            _quarter_round(state, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            _quarter_round(state, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((s + t) & _MASK32 for s, t in zip(state, start, strict=True)))


def _quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for target, source, sink, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[target] = (state[target] + state[source]) & _MASK32
        mixed = state[sink] ^ state[target]
        state[sink] = (mixed << bits | mixed >> (32 - bits)) & _MASK32


def random_elements(key: bytes, stream: int) -> Iterator[int]:
    """Yield the elements of a stream: keystream words, little-endian, that are below p."""
    nonce = bytes(4) + stream.to_bytes(8, "little")
    for counter in range(2**32):
        for word in struct.unpack("<8Q", chacha20_block(key, nonce, counter)):
            if word < P:
                yield word
