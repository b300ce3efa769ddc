"""Delegations: ecalls whose work is proven by a table for it.

A further one is a file here, its twin in ``native/delegations`` and a line in each registry, here
and in ``native/delegations/registry.h``, in the same order.
"""

from typing import Final

from offchain.zkvm.delegations.interface import Delegation
from offchain.zkvm.delegations.keccak_f import KECCAK_F
from offchain.zkvm.delegations.poseidon2 import POSEIDON2, POSEIDON2_COMPRESS

DELEGATIONS: Final[tuple[Delegation, ...]] = (
    POSEIDON2,
    KECCAK_F,
    POSEIDON2_COMPRESS,
)
"""All delegations, in the order of the C registry."""

__all__ = ["DELEGATIONS", "Delegation"]
