"""What a chain in mode rollup publishes before it settles (docs/spec/state-diff.md)."""

from __future__ import annotations

from collections.abc import Sequence

from offchain.engine.batch import SealedBatch
from offchain.engine.genesis import GenesisConfig
from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.deployment import Deployment
from offchain.settlement.l1 import L1Client
from offchain.settlement.messages import data_commitment
from offchain.settlement.state_diff import StateDiff
from offchain.witness.builder import WitnessBuilder
from offchain.witness.diff import state_diff
from offchain.witness.format import Statement


class DiffPublisher:
    """Makes the state diffs of one chain public on L1.

    A diff is that of a run of its own: cores that are given nothing but the envelopes. So a
    publication of other data than what the batch changed would not pass the batch's proof.

    Parameters
    ----------
    l1 : L1Client
        Its first account pays.
    deployment : Deployment
        Where the contracts are.
    genesis : GenesisConfig
        Of the chain.
    """

    def __init__(self, l1: L1Client, deployment: Deployment, genesis: GenesisConfig) -> None:
        self._l1 = l1
        self._deployment = deployment
        self._builder = WitnessBuilder.at_genesis(genesis.config_hash(), genesis.governance)
        self._statement = Statement(genesis.l1_chain_id, genesis.chain_id, bytes(20))
        self._diffs: list[StateDiff] = []

    def follow(self, sealed: Sequence[SealedBatch]) -> None:
        """Take the batches that are new of all that were sealed, in order from the first.

        Raises
        ------
        WitnessError
            If one does not follow on the batch before.
        """
        for batch in sealed[len(self._diffs) :]:
            witness = self._builder.build(self._statement, batch.envelopes)
            self._diffs.append(state_diff(witness, self._builder.after))

    def commitment(self, batches: Sequence[SealedBatch]) -> bytes:
        """Return `da_commitment` of batches that were followed, 32 bytes."""
        return data_commitment(self._diff(batches).chunks())

    def publish(self, batches: Sequence[SealedBatch]) -> None:
        """Publish the chunks of batches that were followed, but for those that L1 has."""
        data = ("DataAvailability", self._deployment.contracts["DataAvailability"])
        previous = ZERO_WORD
        for chunk in self._diff(batches).chunks():
            commitment = data_commitment([chunk], previous)
            if not self._l1.call(*data, "is_published", commitment):
                chain_id = self._deployment.chain_id
                self._l1.transact(*data, "publish_chunk", chain_id, previous, chunk)
            previous = commitment

    def _diff(self, batches: Sequence[SealedBatch]) -> StateDiff:
        first, *others = (self._diffs[batch.number - 1] for batch in batches)
        for other in others:
            first = first.followed_by(other)
        return first
