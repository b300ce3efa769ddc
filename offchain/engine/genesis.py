"""Genesis of a chain: the constants that it is bound to, and their hash.

``config_hash = keccak256(tag | l1_chain_id | chain_id | governance | constants)``: the tag is
``headrace/config/v1`` padded with zero bytes to 32, the next three are 32-byte big-endian words,
and `constants` holds, for every public integer of :mod:`offchain.spec.constants` in the order of
its name, ``keccak256(name)`` and the value as a word. The hash is registered on L1, stands in
every public output and in the CONFIG leaf: a sequencer with one other limit is another chain.
"""

from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from offchain.core.binding import Core
from offchain.spec import constants

_TAG: Final = b"headrace/config/v1".ljust(32, b"\x00")
_WORD_BYTES: Final = 32


def _word(value: int) -> bytes:
    return value.to_bytes(_WORD_BYTES, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesisConfig:
    """What distinguishes one chain from every other at its genesis.

    Attributes
    ----------
    l1_chain_id : int
        Chain id of L1, below 2^256.
    chain_id : int
        Id of the execution chain, below 2^256.
    governance : bytes
        20 bytes: who enqueues admin operations; owner of the fee and insurance accounts.
    """

    l1_chain_id: int
    chain_id: int
    governance: bytes

    def config_hash(self) -> bytes:
        """Return the 32-byte hash that the module describes."""
        governance = _word(int.from_bytes(self.governance, "big"))
        head = _TAG + _word(self.l1_chain_id) + _word(self.chain_id) + governance
        return keccak(head + b"".join(_constant_entries()))

    def new_core(self) -> Core:
        """Return a core in this chain's genesis state.

        Raises
        ------
        CoreUnavailableError
            When the native library is not built.
        """
        return Core(self.config_hash(), self.governance)


def _constant_entries() -> list[bytes]:
    values = {
        name: value
        for name, value in vars(constants).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    }
    return [keccak(name.encode()) + _word(values[name]) for name in sorted(values)]
