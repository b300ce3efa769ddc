"""Binding of the generated evaluators: bus fractions on the trace, quotient on a coset."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from offchain.air.machine import TABLES
from offchain.prover.generate import PeriodicLeaves
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import coset_ntt, intt
from offchain.prover.levels import load_library
from offchain.prover.reference import Ext, P, ext_mul

BETA_POWERS = 8
"""Longest tuple on a bus."""


class _Ext(ctypes.Structure):
    _fields_ = [("c", ctypes.c_uint64 * 3)]


class _Rows(ctypes.Structure):
    _fields_ = [
        ("preprocessed", ctypes.c_void_p),
        ("main", ctypes.c_void_p),
        ("aux", ctypes.c_void_p),
        ("periodic", ctypes.c_void_p),
        ("powers", ctypes.c_void_p),
        ("constants", ctypes.c_void_p),
        ("beta", ctypes.c_void_p),
        ("gamma", _Ext),
        ("rows", ctypes.c_uint64),
    ]


class _Composition(ctypes.Structure):
    _fields_ = [
        ("alpha", ctypes.c_void_p),
        ("row_factor", ctypes.c_void_p),
        ("first_factor", ctypes.c_void_p),
        ("terminal_factor", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
    ]


@dataclass(frozen=True)
class BusChallenges:
    """gamma, beta, and the powers of beta that one table's expressions need."""

    gamma: Ext
    beta: Ext


@dataclass(frozen=True)
class Columns:
    """Values of one table's columns on the same rows, each [columns][rows]."""

    preprocessed: U64Array
    main: U64Array
    aux: U64Array | None = None


@dataclass(frozen=True)
class Factors:
    """Per row: Z_B / Z_H, 1 / (Y - 1), 1 / (Y - terminal row), each [rows]."""

    row: U64Array
    first: U64Array
    terminal: U64Array


class Evaluator:
    """Evaluates one table under one choice of bus challenges.

    Parameters
    ----------
    number : int
        Of the table.
    challenges : BusChallenges
    """

    def __init__(self, number: int, challenges: BusChallenges) -> None:
        self.number = number
        self.table = TABLES[number]
        self.groups = len(self.table.fraction_groups())
        self._challenges = challenges
        self._leaves = PeriodicLeaves(self.table)
        period = self._leaves.period
        weights = [leaf.exponents for leaf in self._leaves.powers] or [(None,) * period]
        constants = [leaf.exponents for leaf in self._leaves.constants] or [(None,)]
        highest = max(e or 0 for exponents in (*weights, *constants) for e in exponents)
        powers = powers_of(challenges.beta, 1 + max(BETA_POWERS, highest))
        self._beta = powers[1 : BETA_POWERS + 1].copy()
        self._constants = _at_exponents(powers, constants)
        self._powers = np.ascontiguousarray(_at_exponents(powers, weights).transpose(0, 2, 1))
        plain = [leaf.values for leaf in self._leaves.plain] or [(0,) * period]
        self._periodic = np.array(plain, np.uint64)

    def fractions(self, columns: Columns) -> tuple[U64Array, U64Array]:
        """Numerators and denominators [groups][3][rows] of the groups on the trace."""
        rows = columns.main.shape[1]
        numerators = np.empty((self.groups, 3, rows), np.uint64)
        denominators = np.empty_like(numerators)
        packed = self._pack(columns, self._periodic, self._powers)
        _library().hr_fractions(
            self.number,
            ctypes.byref(packed),
            numerators.ctypes.data,
            denominators.ctypes.data,
        )
        return numerators, denominators

    def quotient(
        self, columns: Columns, factors: Factors, alpha_powers: U64Array, shift: int
    ) -> U64Array:
        """Sum of all constraints of the table, divided, [3][rows], on the coset of `shift`.

        Parameters
        ----------
        alpha_powers : array
            [constraints][3] in the order of docs/spec/proof-system.md.
        shift : int
            The coset's points are shift * omega^k.
        """
        rows = columns.main.shape[1]
        out = np.empty((3, rows), np.uint64)
        period = self._leaves.period
        # A periodic column is a polynomial in Y^(rows / period), whose coset has this shift.
        small_shift = pow(shift, rows // period, P)
        periodic = coset_ntt(intt(self._periodic), period, small_shift)
        flat = self._powers.reshape(-1, period)
        powers = coset_ntt(intt(flat), period, small_shift)
        packed = self._pack(columns, periodic, powers)
        to = _Composition(
            alpha_powers.ctypes.data,
            factors.row.ctypes.data,
            factors.first.ctypes.data,
            factors.terminal.ctypes.data,
            out.ctypes.data,
        )
        _library().hr_quotient(self.number, ctypes.byref(packed), ctypes.byref(to))
        return out

    def _pack(self, columns: Columns, periodic: U64Array, powers: U64Array) -> _Rows:
        packed = _Rows(
            columns.preprocessed.ctypes.data,
            columns.main.ctypes.data,
            None if columns.aux is None else columns.aux.ctypes.data,
            periodic.ctypes.data,
            powers.ctypes.data,
            self._constants.ctypes.data,
            self._beta.ctypes.data,
            _Ext((ctypes.c_uint64 * 3)(*self._challenges.gamma)),
            columns.main.shape[1],
        )
        packed.kept = (columns, periodic, powers)  # alive as long as the pointers are
        return packed


def powers_of(base: Ext, count: int, start: Ext = (1, 0, 0)) -> U64Array:
    """Start * base^i for i < count, [count][3]."""
    powers: list[Ext] = []
    power = start
    for _ in range(count):
        powers.append(power)
        power = ext_mul(power, base)
    return np.array(powers, np.uint64).reshape(count, 3)


def _at_exponents(powers: U64Array, exponents: Sequence[Sequence[int | None]]) -> U64Array:
    """Powers by exponents [leaves][period], as [leaves][period][3]; None gives 0."""
    zero = len(powers)
    index = np.array([[zero if e is None else e for e in row] for row in exponents])
    extended: U64Array = np.concatenate([powers, np.zeros((1, 3), np.uint64)])
    picked: U64Array = extended[index]
    return picked


@cache
def _library() -> ctypes.CDLL:
    library = load_library()
    pointer, u32 = ctypes.c_void_p, ctypes.c_uint32
    library.hr_quotient.argtypes = [u32, pointer, pointer]
    library.hr_fractions.argtypes = [u32, pointer, pointer, pointer]
    library.hr_quotient.restype = library.hr_fractions.restype = None
    return library
