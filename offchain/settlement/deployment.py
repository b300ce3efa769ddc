"""Record of a deployed system: `deployments/<network>.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


class DeploymentFileError(Exception):
    """The record cannot be used; the message says why and what to do."""


@dataclass(slots=True, kw_only=True)
class Deployment:
    """What stands where on one network.

    Attributes
    ----------
    network : str
        Name of the network.
    l1_chain_id : int
        Its chain id.
    owner : str
        Owner of vault, registry and oracle hub at their creation.
    contracts : dict of str to str
        Checksum address by contract name; incomplete while a deployment is under way.
    arguments : dict of str to list of str
        Constructor arguments by contract name, as text.
    integrity : dict of str to str
        Integrity sum of the sources by contract name, as deployed.
    assets : dict of int to str
        Token address by asset id.
    chain_id : int
        Execution chain that the deployment registered; 0: none.
    trust_mode : str
        What stands behind its settlements: ``ATTESTED`` or ``PROVEN``; empty without a chain.
    """

    network: str
    l1_chain_id: int
    owner: str
    contracts: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, list[str]] = field(default_factory=dict)
    integrity: dict[str, str] = field(default_factory=dict)
    assets: dict[int, str] = field(default_factory=dict)
    chain_id: int = 0
    trust_mode: str = ""

    @property
    def vault(self) -> str:
        """Address of the CollateralVault."""
        return self.contracts["CollateralVault"]

    @property
    def gateway(self) -> str:
        """Address of the Gateway."""
        return self.contracts["Gateway"]

    @property
    def registry(self) -> str:
        """Address of the ChainRegistry."""
        return self.contracts["ChainRegistry"]

    @property
    def queue(self) -> str:
        """Address of the PriorityQueue."""
        return self.contracts["PriorityQueue"]

    @staticmethod
    def path(folder: Path, network: str) -> Path:
        """Return where the record of a network stands in a folder."""
        return folder / f"{network}.json"

    def write(self, folder: Path) -> Path:
        """Write the record into a folder, whole or not at all, and return its path."""
        path = self.path(folder, self.network)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(path)
        return path

    @classmethod
    def read(cls, folder: Path, network: str, l1_chain_id: int) -> Self | None:
        """Return the record of a network, None if there is none.

        Raises
        ------
        DeploymentFileError
            If the file is not such a record, or of another chain.
        """
        path = cls.path(folder, network)
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text())
            found["assets"] = {int(asset): token for asset, token in found["assets"].items()}
            deployment = cls(**found)
        except (ValueError, TypeError, KeyError) as error:
            raise DeploymentFileError(
                f"{path.name} is no record of a deployment ({error}); move it away to deploy anew"
            ) from error
        if deployment.l1_chain_id != l1_chain_id:
            raise DeploymentFileError(
                f"{path.name} is of chain id {deployment.l1_chain_id}, the network has "
                f"{l1_chain_id}; move the file away to deploy anew"
            )
        return deployment
