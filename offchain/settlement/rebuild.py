"""A rollup chain's state from events of L1 alone; docs/spec/state-diff.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, Protocol

from web3.types import EventData

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.deployment import Deployment
from offchain.settlement.state_diff import RebuiltState, StateDiffError
from offchain.settlement.state_proofs import PositionsProof, RecordProof
from offchain.spec import poseidon2
from offchain.spec.kinds import Subtree
from offchain.spec.state import genesis
from offchain.spec.tree import Hasher

DA_ROLLUP: Final = 1
Progress = Callable[[int, int], object]


class RescueCode(StrEnum):
    """Why a rescue cannot go on; what contracts refuse has their codes instead."""

    RPC_UNREACHABLE = "RPC_UNREACHABLE"
    NO_DEPLOYMENT = "NO_DEPLOYMENT"
    NO_CHAIN = "NO_CHAIN"
    NOT_A_ROLLUP = "NOT_A_ROLLUP"
    STATE_MISMATCH = "STATE_MISMATCH"
    CHAIN_RUNS = "CHAIN_RUNS"
    BAD_PROOF = "BAD_PROOF"
    NO_ACCOUNT = "NO_ACCOUNT"
    NO_KEY = "NO_KEY"
    PUBLIC_KEY = "PUBLIC_KEY"


class RescueError(Exception):
    """A rescue cannot go on; the message says why and what to do.

    Attributes
    ----------
    code
        Which of the reasons.
    """

    def __init__(self, code: RescueCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class EventSource(Protocol):
    """What shows events of L1; every `L1Client` does."""

    def events(
        self,
        name: str,
        address: str,
        event: str,
        from_block: int = 0,
        indexed: Mapping[str, object] | None = None,
    ) -> Sequence[EventData]:
        """Return a contract's events of one kind, in order."""


class L1Reader(Protocol):
    """What reads from contracts of L1; every `L1Client` does."""

    def call(self, name: str, address: str, function: str, *args: object) -> Any:
        """Read from a contract on the latest state."""


class RecordProofs(Protocol):
    """Proofs of records under one root: of a whole state tree, or those that were handed out."""

    @property
    def root(self) -> bytes:
        """State root, 32 bytes."""

    def record(self, subtree: Subtree, index: int) -> RecordProof:
        """Return the proof of one record."""

    def positions(self, account_index: int) -> PositionsProof:
        """Return the proof of all positions of an account."""


@dataclass(frozen=True, slots=True)
class RebuiltChain:
    """A chain's last settled state, or what is known of it.

    Attributes
    ----------
    state
        Its leaves, and the valuation table.
    proofs
        Of its records.
    is_whole
        Whether all accounts are known.
    """

    state: RebuiltState
    proofs: RecordProofs
    is_whole: bool = True

    @property
    def accounts(self) -> list[int]:
        """Leaf numbers of all known accounts, ascending."""
        return sorted(n for subtree, n in self.state.leaves if subtree == Subtree.ACCOUNTS)


@cache
def cached_hasher() -> Hasher:
    """Return the specification's hash, which remembers: most nodes outlive a settlement."""
    return Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))


def rebuild(
    l1: EventSource,
    deployment: Deployment,
    chain_id: int,
    *,
    from_block: int = 0,
    hasher: Hasher | None = None,
    progress: Progress = lambda _done, _total: None,
) -> RebuiltChain:
    """Rebuild the last settled state of a chain in mode rollup.

    Parameters
    ----------
    l1
        Shows the events.
    deployment
        Where registry, gateway and data availability are.
    chain_id
        The chain.
    from_block
        First block to search; no later than that of the chain's registration.
    hasher
        Hash of the state tree; by default the specification's, cached.
    progress
        Called with settlements done and settlements in all.

    Raises
    ------
    RescueError
        NO_CHAIN, NOT_A_ROLLUP, or STATE_MISMATCH if events are missing or lead to another root.
    """
    hasher = hasher or cached_hasher()
    registered = _registered(l1, deployment, chain_id, from_block)
    of_chain = {"chain_id": chain_id}
    registry = ("ChainRegistry", deployment.registry)
    versions = l1.events(*registry, "VersionActivated", from_block, of_chain)
    governance = bytes.fromhex(str(registered["governance"]).removeprefix("0x"))
    first = genesis(bytes(versions[0]["args"]["config_hash"]), governance, hasher)
    if first.root_bytes() != bytes(registered["genesis_root"]):
        raise RescueError(
            RescueCode.STATE_MISMATCH,
            "the chain was not registered with the genesis of the specification, so its first "
            "state is not known; ask for its records elsewhere",
        )
    state = RebuiltState.from_genesis(first.leaves())
    proofs = state.proofs(hasher)
    settled = l1.events("Gateway", deployment.gateway, "Settled", from_block, of_chain)
    for done, event in enumerate(settled):
        progress(done, len(settled))
        commitment, root = (bytes(event["args"][key]) for key in ("da_commitment", "new_root"))
        try:
            chunks = _chunks(l1, deployment, commitment, from_block)
            proofs = state.settle(commitment, root, chunks, hasher)
        except StateDiffError as error:
            raise RescueError(
                RescueCode.STATE_MISMATCH,
                f"settlement {done + 1} of {len(settled)} cannot be rebuilt: {error}; look from an "
                "earlier block, or ask a node that keeps all logs",
            ) from error
    progress(len(settled), len(settled))
    return RebuiltChain(state, proofs)


def _registered(
    l1: EventSource, deployment: Deployment, chain_id: int, from_block: int
) -> Mapping[str, Any]:
    found = l1.events(
        *("ChainRegistry", deployment.registry, "ChainRegistered"),
        from_block,
        {"chain_id": chain_id},
    )
    if not found:
        raise RescueError(
            RescueCode.NO_CHAIN,
            f"no event registers chain {chain_id} from block {from_block} on; check the number of "
            "the chain, or look from an earlier block",
        )
    registered: Mapping[str, Any] = found[0]["args"]
    if registered["da_mode"] != DA_ROLLUP:
        raise RescueError(
            RescueCode.NOT_A_ROLLUP,
            f"chain {chain_id} is a validium: its state is not in the events of L1; ask its "
            "operator, or whoever kept records, paths and table",
        )
    return registered


def _chunks(
    l1: EventSource, deployment: Deployment, commitment: bytes, from_block: int
) -> dict[bytes, tuple[bytes, bytes]]:
    """Chunks up to a commitment. Who publishes may name any chain, so that is not asked for."""
    data = deployment.contracts["DataAvailability"]
    found: dict[bytes, tuple[bytes, bytes]] = {}
    while commitment not in (ZERO_WORD, *found):
        events = l1.events(
            *("DataAvailability", data, "ChunkPublished"), from_block, {"commitment": commitment}
        )
        if not events:
            break
        arguments = events[0]["args"]
        found[commitment] = bytes(arguments["previous"]), bytes(arguments["data"])
        commitment = bytes(arguments["previous"])
    return found
