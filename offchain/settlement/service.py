"""Settlement service: L1 records to the sequencer, sealed batches and claims to L1.

One settlement carries one batch. The chain is in mode ATTESTED: the operator's signature over the
public output stands where a proof will stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from eth_utils.address import to_canonical_address, to_checksum_address

from offchain.engine.batch import SealedBatch
from offchain.engine.sequencer import Sequencer
from offchain.settlement.attestation import attest
from offchain.settlement.deployer import Deployment
from offchain.settlement.l1 import L1Client
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.watcher import PriorityWatcher
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree

_LAST_BATCH_FIELD: Final = 5  # of the gateway's struct Chain

# Called with (done, in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """A batch that L1 has accepted.

    Attributes
    ----------
    batch : SealedBatch
        What the sequencer sealed.
    output : PublicOutput
        What was signed.
    tree : WithdrawalTree
        Its withdrawals; index i is the i-th withdrawal of the batch.
    gas : int
        Gas of the settlement.
    """

    batch: SealedBatch
    output: PublicOutput
    tree: WithdrawalTree
    gas: int


class SettlementService:
    """Moves one chain's batches and money between sequencer and L1.

    Parameters
    ----------
    l1 : L1Client
        L1; its first account pays for settlements and claims.
    deployment : Deployment
        Where the contracts are.
    config_hash : bytes
        As registered, 32 bytes.
    operator_key : bytes
        The operator's secp256k1 key, 32 bytes.
    sequencer : Sequencer
        The chain's sequencer.
    """

    def __init__(
        self,
        l1: L1Client,
        deployment: Deployment,
        config_hash: bytes,
        operator_key: bytes,
        sequencer: Sequencer,
    ) -> None:
        self._l1 = l1
        self._deployment = deployment
        self._config_hash = config_hash
        self._operator_key = operator_key
        self._sequencer = sequencer
        self._watcher = PriorityWatcher(l1, deployment.gateway, deployment.chain_id)

    def feed_priority(self) -> int:
        """Give the sequencer what L1 queued since; return the number of records.

        Records that a replayed journal has consumed already are passed over.

        Raises
        ------
        WatcherError
            If L1 reports a queue with a gap.
        """
        consumed = self._sequencer.state.header().next_priority_index
        records = [record for record in self._watcher.poll() if record.index >= consumed]
        for record in records:
            self._sequencer.submit_priority(record.to_bytes())
        return len(records)

    def unsettled(self) -> list[SealedBatch]:
        """Return the sealed batches that L1 has not settled yet, in order."""
        gateway, chain_id = self._deployment.gateway, self._deployment.chain_id
        chain = self._l1.call("Gateway", gateway, "chain_state", chain_id)
        last_batch = int(cast("tuple[Any, ...]", chain)[_LAST_BATCH_FIELD])
        return [batch for batch in self._sequencer.sealed if batch.number > last_batch]

    def public_output(self, batch: SealedBatch, withdrawals_root: bytes) -> PublicOutput:
        """Return what the operator states about a batch; words without meaning yet are zero."""
        return PublicOutput(
            l1_chain_id=self._deployment.l1_chain_id,
            gateway=to_canonical_address(self._deployment.gateway),
            chain_id=self._deployment.chain_id,
            config_hash=self._config_hash,
            old_root=batch.old_root,
            new_root=batch.new_root,
            first_batch=batch.number,
            last_batch=batch.number,
            first_time_s=batch.first_time_s,
            last_time_s=batch.last_time_s,
            first_slot=0,
            last_slot=0,
            priority_first=batch.priority_first,
            priority_next=batch.priority_next,
            priority_accumulator=batch.priority_accumulator,
            withdrawals_root=withdrawals_root,
            inputs_commitment=batch.inputs_commitment,
            receipts_head=batch.receipts_head,
        )

    def settle(self, batch: SealedBatch) -> SettledBatch:
        """Attest a batch and settle it.

        Raises
        ------
        ContractRevertedError
            With the gateway's reason; nothing is settled then.
        """
        chain_id = self._deployment.chain_id
        withdrawals = [
            Withdrawal(each.owner, each.asset, each.amount_units) for each in batch.withdrawals
        ]
        tree = WithdrawalTree(chain_id, batch.number, withdrawals)
        output = self.public_output(batch, tree.root)
        signature = attest(output, self._operator_key)
        gateway = self._deployment.gateway
        self._l1.transact("Gateway", gateway, "settle", chain_id, output.to_tuple(), signature)
        return SettledBatch(batch, output, tree, self._l1.gas_used["settle"][-1])

    def claim(self, settled: SettledBatch, progress: Progress | None = None) -> int:
        """Claim every withdrawal of a settled batch for its owner; return the gas.

        Raises
        ------
        ContractRevertedError
            At the first claim that fails; later ones are not tried.
        """
        tree, gas = settled.tree, 0
        for index, withdrawal in enumerate(tree.withdrawals):
            self._l1.transact(
                "CollateralVault",
                self._deployment.vault,
                "claim",
                tree.chain_id,
                tree.batch,
                index,
                to_checksum_address(withdrawal.owner),
                withdrawal.asset_id,
                withdrawal.amount_units,
                tree.path(index),
            )
            gas += self._l1.gas_used["claim"][-1]
            if progress is not None:
                progress(index + 1, len(tree.withdrawals))
        return gas
