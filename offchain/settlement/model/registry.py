"""Registry of chains: terms, position, upgrades, whether frozen (specification, section 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from offchain.settlement.abi import ADDRESS_BYTES, ZERO_WORD
from offchain.settlement.messages import ChainTerms, Position, Version
from offchain.settlement.model.refusals import Code, Refused, require
from offchain.settlement.model.storage import Storage, Table

ZERO_ADDRESS: Final = bytes(ADDRESS_BYTES)
CHAIN_ID_LIMIT: Final = 1 << 64
FEED_SET_ID_LIMIT: Final = 1 << 64
VALIDIUM: Final = 0
ROLLUP: Final = 1
OPERATIONS_PER_BLOCK: Final = range(2, 256)
UPGRADE_NOTICE_S: Final = 14 * 86_400


@dataclass(frozen=True, slots=True)
class Chain:
    """A registered chain.

    Attributes
    ----------
    terms : ChainTerms
        Version, operator and governance are the present ones.
    position : Position
        Where it stands.
    is_frozen : bool
        Frozen, for good.
    upgrade : Version or None
        Announced version.
    active_from_s : int
        When anyone may activate it.
    """

    terms: ChainTerms
    position: Position
    is_frozen: bool = False
    upgrade: Version | None = None
    active_from_s: int = 0


class Registry:
    """All chains.

    Parameters
    ----------
    storage : Storage
        Storage of the model.
    has_code : callable
        Whether an address is a contract: a verifier must be one.
    """

    def __init__(self, storage: Storage, has_code: Callable[[bytes], bool]) -> None:
        self._chains: Table[int, Chain | None] = storage.table(None)
        self._has_code = has_code

    def __getitem__(self, chain_id: int) -> Chain:
        """Return a registered chain.

        Raises
        ------
        Refused
            If there is none with this id.
        """
        chain = self._chains[chain_id]
        if chain is None:
            raise Refused(Code.UNREGISTERED)
        return chain

    def __contains__(self, chain_id: int) -> bool:
        return self._chains[chain_id] is not None

    def ids(self) -> list[int]:
        """Return the registered chain ids, ascending."""
        return sorted(chain_id for chain_id, _ in self._chains.items())

    def is_frozen(self, chain_id: int) -> bool:
        """Whether a chain is frozen; one that is not registered is not."""
        chain = self._chains[chain_id]
        return chain is not None and chain.is_frozen

    def live(self, chain_id: int) -> Chain:
        """Return a registered chain that is not frozen."""
        chain = self[chain_id]
        require(not chain.is_frozen, Code.FROZEN)
        return chain

    def frozen(self, chain_id: int) -> Chain:
        """Return a chain that is frozen."""
        chain = self._chains[chain_id]
        if chain is None or not chain.is_frozen:
            raise Refused(Code.NOT_FROZEN)
        return chain

    def register(self, chain_id: int, terms: ChainTerms) -> None:
        """Register a chain, for good."""
        require(0 < chain_id < CHAIN_ID_LIMIT, Code.CHAIN_ID)
        require(chain_id not in self, Code.REGISTERED)
        self._check_version(terms.version)
        require(terms.operator != ZERO_ADDRESS, Code.OPERATOR_ZERO)
        require(terms.governance != ZERO_ADDRESS, Code.GOVERNANCE_ZERO)
        require(terms.genesis_root != ZERO_WORD, Code.GENESIS_ZERO)
        require(terms.da_mode in (VALIDIUM, ROLLUP), Code.DA_MODE)
        require(0 <= terms.feed_set_id < FEED_SET_ID_LIMIT, Code.FEED_SET_ID)
        require(terms.operations_per_block in OPERATIONS_PER_BLOCK, Code.OPERATIONS_PER_BLOCK)
        self._chains[chain_id] = Chain(terms, Position(terms.genesis_root))

    def check_governance(self, chain_id: int, sender: bytes) -> Chain:
        """Return the chain whose governance `sender` is."""
        chain = self._chains[chain_id]
        if chain is None or sender != chain.terms.governance:
            raise Refused(Code.NOT_GOVERNANCE)
        return chain

    def set_roles(self, sender: bytes, chain_id: int, operator: bytes, governance: bytes) -> None:
        """Replace operator and governance."""
        chain = self.check_governance(chain_id, sender)
        require(operator != ZERO_ADDRESS, Code.NEW_OPERATOR_ZERO)
        require(governance != ZERO_ADDRESS, Code.NEW_GOVERNANCE_ZERO)
        terms = replace(chain.terms, operator=operator, governance=governance)
        self._chains[chain_id] = replace(chain, terms=terms)

    def schedule_upgrade(self, sender: bytes, chain_id: int, version: Version, now_s: int) -> None:
        """Announce a version in the place of one announced before."""
        chain = self.check_governance(chain_id, sender)
        self.live(chain_id)
        self._check_version(version)
        self._chains[chain_id] = replace(
            chain, upgrade=version, active_from_s=now_s + UPGRADE_NOTICE_S
        )

    def cancel_upgrade(self, sender: bytes, chain_id: int) -> None:
        """Withdraw an announced version."""
        chain = self.check_governance(chain_id, sender)
        require(chain.upgrade is not None, Code.NO_UPGRADE)
        self._chains[chain_id] = replace(chain, upgrade=None, active_from_s=0)

    def activate_upgrade(self, chain_id: int, now_s: int) -> None:
        """Make an announced version the chain's, after its notice."""
        chain = self.live(chain_id)
        if chain.upgrade is None:
            raise Refused(Code.NONE_TO_ACTIVATE)
        require(now_s >= chain.active_from_s, Code.NOTICE)
        terms = replace(chain.terms, version=chain.upgrade)
        self._chains[chain_id] = replace(chain, terms=terms, upgrade=None, active_from_s=0)

    def advance(self, chain_id: int, position: Position) -> None:
        """Set where a chain stands."""
        self._chains[chain_id] = replace(self[chain_id], position=position)

    def freeze(self, chain_id: int) -> None:
        """Freeze a live chain."""
        self._chains[chain_id] = replace(self.live(chain_id), is_frozen=True)

    def _check_version(self, version: Version) -> None:
        require(self._has_code(version.verifier), Code.VERIFIER)
        require(version.program_id != ZERO_WORD, Code.PROGRAM_ZERO)
        require(version.parameters_id != ZERO_WORD, Code.PARAMETERS_ZERO)
        require(version.config_hash != ZERO_WORD, Code.CONFIG_ZERO)
