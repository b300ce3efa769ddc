"""What a delegation is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


class DelegationInputError(ValueError):
    """The words are outside what the delegation accepts: trap NonCanonicalElement."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """An ecall that maps a fixed number of RAM words in place.

    Attributes
    ----------
    name
        Its name, as in the C registry.
    table
        Name of its table, which other delegations may share.
    code
        Number of the ecall (a7).
    words
        Its length in words (a1).
    rows_per_call
        Rows of its table for one call.
    apply
        Gives the new words; raises DelegationInputError for words that it does not accept. The
        C twin is in ``native/delegations/<table>.h``.
    """

    name: str
    table: str
    code: int
    words: int
    rows_per_call: int
    apply: Callable[[Sequence[int]], list[int]]


def join_halves(words: Sequence[int]) -> list[int]:
    """Give the 64-bit values of pairs (low word, high word)."""
    return [low | high << 32 for low, high in zip(words[::2], words[1::2], strict=True)]


def split_halves(values: Sequence[int]) -> list[int]:
    """Give the pairs (low word, high word) of 64-bit values."""
    return [half for value in values for half in (value & 0xFFFF_FFFF, value >> 32)]
