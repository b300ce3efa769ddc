"""The Poseidon2 permutation of the state tree: 8 field elements in place.

Compression adds the first four elements of its input to those of the result, which then are the
digest of the node above two digests.
"""

from collections.abc import Sequence
from typing import Final

from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2 import permute
from offchain.spec.poseidon2_constants import POSEIDON2_WIDTH
from offchain.zkvm.delegations.interface import (
    Delegation,
    DelegationInputError,
    join_halves,
    split_halves,
)

_HALF: Final = POSEIDON2_WIDTH // 2


def _elements(words: Sequence[int]) -> list[int]:
    elements = join_halves(words)
    if any(element >= GOLDILOCKS_P for element in elements):
        raise DelegationInputError("a field element is not below p")
    return elements


def _permute(words: Sequence[int]) -> list[int]:
    return split_halves(permute(_elements(words)))


def _compress(words: Sequence[int]) -> list[int]:
    elements = _elements(words)
    permuted = permute(elements)
    fed = ((y + x) % GOLDILOCKS_P for y, x in zip(permuted[:_HALF], elements[:_HALF], strict=True))
    return split_halves([*fed, *permuted[_HALF:]])


POSEIDON2 = Delegation(
    "poseidon2", "poseidon2", code=0x110, words=16, rows_per_call=64, apply=_permute
)
POSEIDON2_COMPRESS = Delegation(
    "poseidon2_compress", "poseidon2", code=0x112, words=16, rows_per_call=64, apply=_compress
)
