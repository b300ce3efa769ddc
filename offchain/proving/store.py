"""Witnesses and proofs as files of one folder, each whole or absent."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from offchain.proving.program import BatchProof


@dataclass(frozen=True, slots=True)
class ProofStore:
    """Files ``batch-<number>.witness``, ``.<profile>.proof`` and ``.<profile>.json``.

    Attributes
    ----------
    folder : Path
        Made at the first write.
    """

    folder: Path

    def witness_path(self, batch: int) -> Path:
        """Return where the witness of a batch stands."""
        return self.folder / f"batch-{batch:06}.witness"

    def last_witness(self) -> int:
        """Return the highest number of a batch whose witness is kept; 0: there is none."""
        return max((int(path.stem[6:]) for path in self.folder.glob("batch-*.witness")), default=0)

    def proof_path(self, batch: int, profile: str) -> Path:
        """Return where a proof of a batch stands."""
        return self.folder / f"batch-{batch:06}.{profile}.proof"

    def write_witness(self, batch: int, witness: bytes) -> None:
        """Keep a witness."""
        self._write(self.witness_path(batch), witness)

    def write_proof(self, batch: int, profile: str, proof: BatchProof) -> None:
        """Keep a proof; its figures go first, so that a proof always has them."""
        path = self.proof_path(batch, profile)
        figures = {"cycles": proof.cycles, "rows": dict(proof.rows), "seconds": proof.seconds}
        self._write(path.with_suffix(".json"), json.dumps(figures).encode())
        self._write(path, proof.data)

    def read_proof(self, batch: int, profile: str) -> BatchProof | None:
        """Return a proof that was kept, whether it is right or not; None if there is none."""
        path = self.proof_path(batch, profile)
        try:
            figures = json.loads(path.with_suffix(".json").read_bytes())
            return BatchProof(
                path.read_bytes(), figures["cycles"], figures["rows"], figures["seconds"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
