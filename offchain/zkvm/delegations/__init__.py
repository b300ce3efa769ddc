"""Delegations: ecalls whose work has a table of its own.

A further one is a file here, its twin in ``native/delegations`` and a line in each registry, here
and in ``native/delegations/registry.h``, in the same order.
"""

from typing import Final

from offchain.zkvm.delegations.interface import Delegation
from offchain.zkvm.delegations.keccak_f import KECCAK_F
from offchain.zkvm.delegations.poseidon2 import POSEIDON2

DELEGATIONS: Final[tuple[Delegation, ...]] = (
    POSEIDON2,
    KECCAK_F,
)
"""All delegations, in the order of the C registry."""

__all__ = ["DELEGATIONS", "Delegation"]
