"""Provable bits of security, round by round, in the unique-decoding and the Johnson regime.

The proof system is a public-coin protocol made non-interactive by hashing, so its error is the
largest error of a round (round-by-round soundness: Ben-Sasson, Chiesa, Spooner 2016; Canetti et
al., eprint 2018/1004). A round's error multiplies the number of candidates that a prover may still
have in mind, the list size L, with the probability that a challenge is bad for one of them.
docs/spec/soundness.md has the argument; here are its numbers.

Errors are base-2 logarithms in floating point. Every figure handed out is rounded down to a
hundredth of a bit, far more than the floating-point error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

from offchain.air.expression import BetaPeriodic, leaves
from offchain.air.machine import TABLES
from offchain.air.table import Table
from offchain.security.parameters import (
    KECCAK256,
    MAX_LOG_HEIGHT,
    QUOTIENT_PARTS,
    Parameters,
)
from offchain.spec.constants import GOLDILOCKS_P

OPENED_OUT_OF_DOMAIN: Final = 2
"""zeta, and its successor for columns that are opened one row later too."""

EXTENSION_DEGREE: Final = 3
LOG_FIELD: Final = EXTENSION_DEGREE * math.log2(GOLDILOCKS_P)
MIN_MULTIPLICITY: Final = 3
"""The least m for which the Johnson-regime theorem is stated."""
MAX_MULTIPLICITY: Final = 1_500
"""No profile comes near; the search is a plain loop."""
HASH_BITS: Final = 128.0
"""Collisions of a 256-bit digest, by the birthday bound."""
POSEIDON2_HASH_BITS: Final = 2 * math.log2(GOLDILOCKS_P)


class InsecureParametersError(ValueError):
    """A parameter set has fewer provable bits than its profile promises."""


@dataclass(frozen=True)
class AirCounts:
    """What the error bounds need to know of the tables.

    Attributes
    ----------
    columns : int
        Columns opened out of the domain: preprocessed, main, extension columns, quotient parts.
    next_values : int
        Columns opened one row later, too.
    constraints : int
        Terms of the combined quotient.
    fractions : int
        Bus fractions per row, of all tables together.
    tuple_degree : int
        Degree of a fraction's denominator in the bus challenge.
    weight_degree : int
        Largest power of the bus challenge in a numerator.
    tables : int
        Number of tables.
    """

    columns: int
    next_values: int
    constraints: int
    fractions: int
    tuple_degree: int
    weight_degree: int
    tables: int


def count_air(tables: tuple[Table, ...] = TABLES) -> AirCounts:
    """Count what the bounds need, from the description of the tables."""
    groups = sum(len(table.fraction_groups()) for table in tables)
    interactions = [item for table in tables for item in table.interactions]
    exponents = [
        exponent or 0
        for item in interactions
        for leaf in leaves(item.numerator)
        if isinstance(leaf, BetaPeriodic)
        for exponent in leaf.exponents
    ]
    base_columns = sum(len(table.preprocessed) + len(table.main) for table in tables)
    own_constraints = sum(len(table.constraints) for table in tables)
    return AirCounts(
        columns=base_columns + groups + QUOTIENT_PARTS,
        next_values=sum(len(table.next_columns()) for table in tables) + len(tables),
        # One more per table for the end of its running sum, and one for the sum of all of them.
        constraints=own_constraints + groups + len(tables) + 1,
        fractions=len(interactions),
        tuple_degree=max(len(item.values) for item in interactions),
        weight_degree=max(exponents, default=0),
        tables=len(tables),
    )


@dataclass(frozen=True)
class Regime:
    """A proximity radius with what is proven about Reed-Solomon codes within it.

    Attributes
    ----------
    name : str
        ``UDR`` (unique decoding) or ``JBR`` (Johnson bound).
    radius : float
        Relative distance theta up to which words count as close.
    log_list : float
        Base-2 logarithm of the number of codewords within the radius of any word.
    multiplicity : int
        The parameter m of the Johnson regime; 0 for unique decoding.
    """

    name: str
    radius: float
    log_list: float
    multiplicity: int

    def log_gap_error(self, log_blowup: int, log_dimension: float) -> float:
        """Error of correlated agreement for a random line, log2.

        Unique decoding: (theta N + 1)/|F|. Johnson bound, with M = m + 1/2:
        [(2 M^5 + 3 M theta rho) N / (3 rho^(3/2)) + M/sqrt(rho)]/|F|, N = dimension/rho. For a
        curve of degree l both are multiplied by l.

        Source: BCHKS25 (eprint 2025/2055), Theorems 1.3 and 4.2. The printed statement of the
        latter lacks a factor of 2 in m = sqrt(rho)/(2 eta), eta the distance to the Johnson bound;
        Theorem 1.5 there has it.
        """
        size = 2.0 ** (log_dimension + log_blowup)
        rate = 2.0**-log_blowup
        if not self.multiplicity:
            return math.log2(self.radius * size + 1) - LOG_FIELD
        m = self.multiplicity + 0.5
        first = (2 * m**5 + 3 * m * self.radius * rate) * size / (3 * rate**1.5)
        return math.log2(first + m / math.sqrt(rate)) - LOG_FIELD


def unique_decoding(log_blowup: int, log_n: int) -> Regime:
    """Half the distance of the code of dimension n + 1, in which opened columns lie."""
    rate = (1 + 2.0**-log_n) * 2.0**-log_blowup
    return Regime("UDR", (1 - rate) / 2, 0.0, 0)


def johnson_bound(log_blowup: int, log_n: int, multiplicity: int) -> Regime:
    """Radius 1 - sqrt(rho)(1 + 1/2m) with the list size of Guruswami and Sudan.

    (x - zeta) times a polynomial of degree below n has degree n, so the list is one of the code of
    dimension n + 1 (Haböck, eprint 2022/1216); its multiplicity at the same radius is a little
    larger. The list size is (m + 1/2)/sqrt(rho), also for several words at once, since the Johnson
    bound only speaks of distances.
    """
    root = 2.0 ** (-log_blowup / 2)
    radius = 1 - root * (1 + 1 / (2 * multiplicity))
    larger_root = root * math.sqrt(1 + 2.0**-log_n)
    slack = (1 - radius) / larger_root - 1
    if slack <= 0:
        return Regime("JBR", radius, math.inf, multiplicity)
    larger_m = math.ceil(1 / (2 * slack))
    return Regime("JBR", radius, math.log2((larger_m + 0.5) / larger_root), multiplicity)


@dataclass(frozen=True)
class Assessment:
    """Bits of every round in one regime, rounded down to hundredths.

    Attributes
    ----------
    regime : Regime
        Where the bounds are taken.
    rounds : dict of str to float
        Bits by round, in the order of the protocol; the hash is the last entry.
    """

    regime: Regime
    rounds: dict[str, float]

    @property
    def total(self) -> float:
        """The weakest round decides."""
        return min(self.rounds.values())


def lift_count(parameters: Parameters, log_n: int, counts: AirCounts) -> int:
    """Count the heights that lower tables can have below 2^log_n: as many as there may be."""
    return max(0, min(counts.tables - 1, log_n - parameters.min_log_height))


def highest_exponent(counts: AirCounts) -> int:
    """Highest power of the batching challenge in the DEEP combination."""
    return 3 * (counts.columns + 1) - 1


def assess(
    parameters: Parameters, log_n: int, regime: Regime, counts: AirCounts | None = None
) -> Assessment:
    """Bits of every round for a largest table of 2^log_n rows, the others as bad as can be.

    LogUp: the sum of all fractions, brought to a common denominator, is a polynomial in the two
    challenges of degree (fractions - 1) * tuple degree + weight degree; a vanishing denominator
    adds one per fraction (eprint 2022/1530, section 3). ALI: powers of alpha, L C/|F|. DEEP: the
    identity has degree below 4(n + 1), and a word that is not lifted agrees at both points of its
    class for n + 1 of the challenges (eprint 2022/1216, Theorem 8). Batching and folds: the error
    of correlated agreement times the highest exponent. Queries: (1 - theta)^Q, and grinding.
    """
    air = counts or _machine_counts()
    lifts = lift_count(parameters, log_n, air)
    log_fractions = math.log2(air.fractions * 2**log_n + 2**MAX_LOG_HEIGHT)
    log_degree = log_fractions + math.log2(air.tuple_degree + air.weight_degree / 2**log_n + 1)
    log_deep = math.log2(2**log_n + 1) + math.log2(QUOTIENT_PARTS + 1 + lifts)
    log_exponent = math.log2(highest_exponent(air))
    blowup = parameters.log_blowup
    errors = {
        "logup": regime.log_list + log_degree - LOG_FIELD,
        "constraints": regime.log_list + math.log2(air.constraints) - LOG_FIELD,
        # The point is drawn outside F_p; that shrinks |F| by a factor of 1 - 2^-128.
        "out_of_domain": regime.log_list + log_deep - LOG_FIELD,
        "batching": regime.log_gap_error(blowup, log_n) + log_exponent,
    }
    dimension = log_n
    for layer, fold in enumerate(parameters.fold_logs(log_n)):
        dimension -= fold
        gap = regime.log_gap_error(blowup, dimension)
        errors[f"fold_{layer}"] = gap + math.log2(max(1, 2**fold - 1))
    errors["queries"] = parameters.queries * math.log2(1 - regime.radius) - parameters.grinding_bits
    rounds = {name: _round_down(-error) for name, error in errors.items()}
    is_keccak = parameters.hash_suite == KECCAK256
    rounds["hash"] = HASH_BITS if is_keccak else _round_down(POSEIDON2_HASH_BITS)
    return Assessment(regime, rounds)


def assess_regimes(parameters: Parameters, log_n: int) -> tuple[Assessment, Assessment]:
    """Assess in both regimes: unique decoding, and the Johnson bound with the best multiplicity."""
    unique = assess(parameters, log_n, unique_decoding(parameters.log_blowup, log_n))
    johnson = max(
        (
            assess(parameters, log_n, johnson_bound(parameters.log_blowup, log_n, multiplicity))
            for multiplicity in range(MIN_MULTIPLICITY, MAX_MULTIPLICITY)
        ),
        key=lambda assessment: min(
            bits for name, bits in assessment.rounds.items() if name != "hash"
        ),
    )
    return unique, johnson


@cache
def provable_bits(parameters: Parameters, log_n: int) -> float:
    """Bits of the better regime for proofs whose largest table has 2^log_n rows."""
    return max(assessment.total for assessment in assess_regimes(parameters, log_n))


def check_security(parameters: Parameters, log_n: int) -> float:
    """Refuse parameters that do not keep their profile's promise.

    Parameters
    ----------
    parameters
        The parameter set.
    log_n
        Base-2 logarithm of the largest table's height, at most 22.

    Returns
    -------
    float
        Provable bits, rounded down to hundredths.

    Raises
    ------
    InsecureParametersError
        If they are below ``parameters.min_bits``.
    """
    bits = provable_bits(parameters, log_n)
    if bits < parameters.min_bits:
        raise InsecureParametersError(
            f"profile {parameters.name} has {bits} provable bits at 2^{log_n} rows, below its"
            f" minimum of {parameters.min_bits}: use more queries or more grinding"
        )
    return bits


def needed_blinding_rows(queries: int) -> int:
    """Random rows that hide a column: 2 d (e n_F + n_D) + n_D.

    d quotient parts, extension degree e, n_F out-of-domain points, n_D queries. What is opened of
    one column is e n_F + n_D linear equations; the factor covers the quotient, which is made of the
    columns. Of a table's blinding rows one, the terminal row, is not random.

    Source: Haböck and Al Kindi, eprint 2024/1037.
    """
    openings = EXTENSION_DEGREE * OPENED_OUT_OF_DOMAIN + queries
    return 2 * QUOTIENT_PARTS * openings + queries


@cache
def _machine_counts() -> AirCounts:
    return count_air()


def _round_down(bits: float) -> float:
    return math.floor(bits * 100) / 100 if math.isfinite(bits) else 0.0
