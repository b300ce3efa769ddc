"""The Poseidon2 permutation of the state tree: 8 field elements in place."""

from collections.abc import Sequence

from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2 import permute
from offchain.zkvm.delegations.interface import (
    Delegation,
    DelegationInputError,
    join_halves,
    split_halves,
)


def _apply(words: Sequence[int]) -> list[int]:
    elements = join_halves(words)
    if any(element >= GOLDILOCKS_P for element in elements):
        raise DelegationInputError("a field element is not below p")
    return split_halves(permute(elements))


POSEIDON2 = Delegation("poseidon2", code=0x110, words=16, rows_per_call=64, apply=_apply)
