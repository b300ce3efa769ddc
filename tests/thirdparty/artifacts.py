"""Compiled contracts of npm packages, and their deployment on the bare EVM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.onchain.evm import DEPLOYER, Contract, Evm

ADDRESS_DIGITS = 40
TRUFFLE_CALL = "= contract("


class Artifacts:
    """The packages' folders; contracts are named by package and path in it."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._folders = folders

    def deploy(
        self,
        evm: Evm,
        package: str,
        path: str,
        *arguments: Any,
        libraries: dict[str, str] | None = None,
        sender: str = DEPLOYER,
    ) -> Contract:
        """Deploy a contract, linked with the addresses of the libraries it names."""
        artifact = self._read(package, path)
        code = _linked(artifact, libraries or {})
        return evm.deploy_code(code, artifact["abi"], *arguments, sender=sender)

    def at(self, evm: Evm, package: str, path: str, address: str) -> Contract:
        """Return a contract that another one has deployed."""
        return evm.at(address, self._read(package, path)["abi"])

    def _read(self, package: str, path: str) -> dict[str, Any]:
        text = (self._folders[package] / "package" / path).read_text()
        # Truffle's modules call a function with the object that other tools keep as JSON.
        start = text.index(TRUFFLE_CALL) + len(TRUFFLE_CALL) if path.endswith(".js") else 0
        found: dict[str, Any]
        found, _ = json.JSONDecoder().raw_decode(text, start)
        return found


def _linked(artifact: dict[str, Any], libraries: dict[str, str]) -> bytes:
    compact = artifact.get("bytecode") or artifact["evm"]["bytecode"]["object"]
    digits = compact.removeprefix("0x")
    for places_by_name in artifact.get("linkReferences", {}).values():
        for name, places in places_by_name.items():
            for place in places:
                start = 2 * place["start"]
                address = libraries[name].removeprefix("0x")
                digits = digits[:start] + address + digits[start + ADDRESS_DIGITS :]
    return bytes.fromhex(digits)
