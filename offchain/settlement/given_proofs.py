"""A settled state as far as proofs of single accounts tell it: all that a validium's users have.

Format of the proofs: docs/spec/account-proofs.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from offchain.settlement.deployment import Deployment
from offchain.settlement.messages import Position
from offchain.settlement.rebuild import L1Reader, RebuiltChain, RescueCode, RescueError
from offchain.settlement.state_diff import RebuiltState
from offchain.settlement.state_proofs import Path, PositionsProof, RecordProof
from offchain.settlement.valuation import valuation_hash
from offchain.spec.kinds import Subtree
from offchain.spec.tree import Hasher
from offchain.witness.leaf_proof import AccountProof, AccountProofError


class GivenProofs:
    """Proofs of accounts under one root.

    Parameters
    ----------
    root
        Settled state root, 32 bytes.
    proofs
        Under this root, checked.
    """

    def __init__(self, root: bytes, proofs: Sequence[AccountProof]) -> None:
        self._root = root
        self._by_index = {proof.account.index: proof for proof in proofs}

    @property
    def root(self) -> bytes:
        """State root, 32 bytes."""
        return self._root

    def record(self, subtree: Subtree, index: int) -> RecordProof:
        """Return the proof of an account's record.

        Raises
        ------
        ValueError
            If it is of another subtree.
        KeyError
            If the account's proof is not given.
        """
        if subtree != Subtree.ACCOUNTS:
            raise ValueError(f"records of {subtree.name} are not given")
        return self._by_index[index].account

    def positions(self, account_index: int) -> PositionsProof:
        """Return the proof of an account's positions; without a path if it has none.

        Raises
        ------
        KeyError
            If the account's proof is not given.
        """
        given = self._by_index[account_index].positions
        return given or PositionsProof(account_index, 0, b"", Path(0, ()))


def chain_of_proofs(
    l1: L1Reader,
    deployment: Deployment,
    chain_id: int,
    proofs: Sequence[AccountProof],
    hasher: Hasher | None = None,
) -> RebuiltChain:
    """Return what proofs of accounts say of the last settled state.

    Parameters
    ----------
    l1
        Tells what is settled.
    deployment
        Where the gateway is.
    chain_id
        The chain.
    proofs
        At least one, all of the last settled state.
    hasher
        Hash of the state tree; the specification's own by default.

    Raises
    ------
    RescueError
        STATE_MISMATCH if a proof is of another chain, of another state, or has another table.
    """
    settled = Position.from_tuple(l1.call("Gateway", deployment.gateway, "position", chain_id))
    for proof in proofs:
        try:
            proof.check(settled.state_root, hasher)
        except AccountProofError as error:
            raise RescueError(RescueCode.STATE_MISMATCH, str(error)) from error
        if proof.chain_id != chain_id:
            raise RescueError(
                RescueCode.STATE_MISMATCH,
                f"the proof is of chain {proof.chain_id}; give the number of that chain",
            )
        if valuation_hash(proof.table) != settled.valuation_hash:
            raise RescueError(
                RescueCode.STATE_MISMATCH,
                "the proof has another valuation table than L1 has settled; ask any owner of an "
                "account for a file of this batch",
            )
    records = {(Subtree.ACCOUNTS, proof.account.index): proof.account.record for proof in proofs}
    state = RebuiltState(records, table=proofs[0].table)
    return RebuiltChain(state, GivenProofs(settled.state_root, proofs), is_whole=False)
