"""One file per account and batch: what owners keep so that they need nobody to leave the chain.

Every batch changes nodes on every path, so all accounts get a new file, changed or not. Format and
cost: docs/spec/account-proofs.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from offchain.core.binding import Core
from offchain.engine.genesis import GenesisConfig
from offchain.proving.store import ProofStore
from offchain.settlement.rescue import account_id
from offchain.spec.constants import FEE_ACCOUNT, INSURANCE_ACCOUNT
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AccountFlag, Subtree
from offchain.spec.records import Account
from offchain.spec.state import account_index
from offchain.witness.format import Witness, WitnessError, WitnessFault
from offchain.witness.leaf_proof import AccountProver


class AccountFiles:
    """Follows a chain by its witnesses and writes ``batch-<number>/account-<id>.json``.

    Parameters
    ----------
    folder
        Made at the first batch.
    core
        At genesis; it is this object's from then on.
    """

    def __init__(self, folder: Path, core: Core) -> None:
        self._folder = folder
        self._core = core
        self._accounts = {account_index(FEE_ACCOUNT), account_index(INSURANCE_ACCOUNT)}

    def batch_path(self, batch: int) -> Path:
        """Return the folder of a batch; it is there once all its files are."""
        return self._folder / f"batch-{batch:06}"

    def take(self, batch: int, witness: Witness) -> int:
        """Follow the next batch and write the proofs of all accounts in the state after it.

        A batch whose folder is there is not written again.

        Parameters
        ----------
        batch
            Its number.
        witness
            Of the batch; the accounts that it opens are those that may have come into being.

        Returns
        -------
        int
            Number of accounts.

        Raises
        ------
        WitnessError
            NO_RUN if the witness is not of the next batch.
        """
        self.follow(batch, witness)
        if not self.batch_path(batch).exists():
            self._write(batch, witness.statement.chain_id)
        return len(self._accounts)

    def follow(self, batch: int, witness: Witness) -> None:
        """Follow the next batch and write nothing; parameters and errors as of `take`."""
        for subtree, opening in zip(Subtree, witness.openings, strict=True):
            if any(self._core.leaf(subtree, number) != data for number, data in opening.leaves):
                raise _does_not_follow(batch, f"other {subtree.name}")
        for envelope in witness.envelopes:
            code, _ = self._core.apply_envelope(envelope)
            if code != ErrorCode.OK:
                raise _does_not_follow(batch, code.name)
        opened = {number for number, _ in witness.openings[Subtree.ACCOUNTS].leaves}
        self._accounts |= {index for index in opened - self._accounts if self._exists(index)}

    def _exists(self, index: int) -> bool:
        account = Account.from_bytes(self._core.leaf(Subtree.ACCOUNTS, index))
        return bool(account.flags & AccountFlag.EXISTS)

    def _write(self, batch: int, chain_id: int) -> None:
        unfinished = self._folder / f"batch-{batch:06}.tmp"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        prover = AccountProver(self._core, chain_id)
        for index in sorted(self._accounts):
            path = unfinished / f"account-{account_id(index)}.json"
            path.write_text(prover.prove(index).to_json())
        unfinished.rename(self.batch_path(batch))


def _does_not_follow(batch: int, reason: str) -> WitnessError:
    return WitnessError(WitnessFault.NO_RUN, f"batch {batch} does not follow on ours: {reason}")


def write_account_files(
    store: ProofStore,
    governance: bytes,
    folder: Path,
    batch: int | None = None,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> tuple[Path, int]:
    """Write the proofs of all accounts after one batch, from the witnesses that a prover kept.

    Parameters
    ----------
    store
        With the witnesses of all batches up to this one.
    governance
        Of the chain, 20 bytes.
    folder
        For the files.
    batch
        Its number; None: the last one that the store has.
    progress
        Called with batches done and batches in all.

    Returns
    -------
    tuple
        Folder of the batch, and number of accounts.

    Raises
    ------
    ValueError
        If there is no batch; WitnessError if a witness is damaged or does not follow.
    OSError
        If a witness is missing, or a file cannot be written.
    """
    last = batch or store.last_witness()
    if not last:
        raise ValueError(f"there are no witnesses in {store.folder}")
    files: AccountFiles | None = None
    for number in range(1, last + 1):
        witness = Witness.from_bytes(store.witness_path(number).read_bytes())
        if files is None:
            said = witness.statement
            genesis = GenesisConfig(
                l1_chain_id=said.l1_chain_id, chain_id=said.chain_id, governance=governance
            )
            files = AccountFiles(folder, genesis.new_core())
        if number < last:
            files.follow(number, witness)
        else:
            count = files.take(number, witness)
        progress(number, last)
    assert files is not None  # there is at least one batch
    return files.batch_path(last), count
