"""Parameters of the proof system: the profiles, and the ids that bind a proof to one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from eth_hash.auto import keccak

from offchain.air.machine import air_hash

FORMAT_VERSION: Final = 3
MAX_LOG_HEIGHT: Final = 22
"""Of a table but cpu; docs/decisions/018-higher-tables.md has what it depends on."""
TIME_TABLE: Final = "cpu"
MAX_LOG_CYCLES: Final = 21
"""Of the cpu table: timestamps, four to a row, stay below 2^24."""
QUOTIENT_PARTS: Final = 3
KECCAK256: Final = 0
POSEIDON2: Final = 1


def max_log_height(table: str) -> int:
    """Base-2 logarithm of the most rows that the table of this name may have."""
    return MAX_LOG_CYCLES if table == TIME_TABLE else MAX_LOG_HEIGHT


@dataclass(frozen=True)
class Parameters:
    """One parameter set; its bits are computed by :mod:`offchain.security.calculator`."""

    number: int  # of the profile, in a proof's header
    name: str
    log_blowup: int  # log2 of one over the rate
    queries: int  # positions, drawn with repetition
    grinding_bits: int  # of the proof-of-work before the queries
    fold_log: int  # FRI folds by 2 to this power, the last time perhaps by less
    final_log: int  # log2 of the number of coefficients of the final polynomial
    blinding_rows: int  # at the end of each table, outside the constraints; all but one random
    hash_suite: int  # of trees, transcript and proof-of-work
    min_bits: int  # provable bits below which nobody proves or verifies

    @property
    def min_log_height(self) -> int:
        """At most half of a table is blinding rows."""
        return (2 * self.blinding_rows - 1).bit_length()

    def fold_logs(self, log_n: int) -> tuple[int, ...]:
        """Logarithms of the factors by which the FRI layers fold, for 2^log_n coefficients."""
        whole, rest = divmod(log_n - self.final_log, self.fold_log)
        return (self.fold_log,) * whole + ((rest,) if rest else ())

    @property
    def parameters_id(self) -> bytes:
        """Digest of all that a proof of this profile depends on but the program, 32 bytes."""
        return _parameters_id(self)


@cache
def _parameters_id(parameters: Parameters) -> bytes:
    numbers = (
        *(parameters.log_blowup, parameters.queries, parameters.grinding_bits),
        *(parameters.fold_log, parameters.final_log, parameters.blinding_rows),
        parameters.hash_suite,
    )
    return bytes(keccak(b"HRparams" + _bytes(FORMAT_VERSION) + air_hash() + _bytes(*numbers)))


def program_id(
    parameters: Parameters, preprocessed_root: bytes, log_heights: Sequence[int], entry_pc: int
) -> bytes:
    """Digest that names a program under one parameter set, 32 bytes.

    `log_heights` are those of the tables with preprocessed columns, in table order.
    """
    message = b"HRprogrm" + parameters.parameters_id + preprocessed_root
    return bytes(keccak(message + _bytes(*log_heights, entry_pc)))


def _bytes(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "big") for number in numbers)


# In the order of the fields: number, name, log_blowup, queries, grinding_bits, fold_log, final_log,
# blinding_rows, hash_suite, min_bits.
FAST: Final = Parameters(1, "fast", 2, 81, 20, 4, 6, 1024, KECCAK256, 100)
SETTLE: Final = Parameters(2, "settle", 4, 52, 26, 4, 6, 512, KECCAK256, 128)
SETTLE_COMPACT: Final = Parameters(3, "settle-compact", 6, 35, 26, 4, 6, 512, KECCAK256, 128)
PROFILES: Final = {profile.name: profile for profile in (FAST, SETTLE, SETTLE_COMPACT)}
L1_PROFILES: Final = (SETTLE, SETTLE_COMPACT)
"""The parameter sets that L1 accepts; `fast` has too few bits."""
PROFILE_BY_NUMBER: Final = {profile.number: profile for profile in PROFILES.values()}
