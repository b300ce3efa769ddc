"""Pin what the contracts compile to, and notice compiled contracts that are out of date.

Usage: ``python -m offchain.tools.contract_lock`` rewrites contracts.lock.json; ``--check`` fails
when it differs from the sources. Both print the sizes. Ape does not recompile a contract when
only a module that it imports has changed; the integrity hash of Vyper covers all imports and
shows it.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from eth_hash.auto import keccak
from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS_DIR = ROOT / "contracts"
LOCK_PATH = ROOT / "contracts.lock.json"

EVM_VERSION = "cancun"  # as ape-config.yaml
MAX_CODE_BYTES = 24_576  # EIP-170
MAX_INITCODE_BYTES = 49_152  # EIP-3860

OUTDATED = "run make compile"


class ContractLockError(Exception):
    """A contract is too large for the chain."""


class LockEntry(TypedDict):
    """What one deployable contract compiles to.

    Attributes
    ----------
    integrity
        Vyper's hash over the source and all its imports.
    runtime_keccak
        keccak-256 of the runtime code without immutables.
    runtime_bytes
        Its length, without immutables too.
    deployed_bytes
        Length of the code on the chain: runtime code and immutables. At most 24,576.
    initcode_bytes
        Length of the deployment code without constructor arguments. At most 49,152.
    layout_keccak
        keccak-256 of the layout of storage, transient storage and code as canonical JSON.
    """

    integrity: str
    runtime_keccak: str
    runtime_bytes: int
    deployed_bytes: int
    initcode_bytes: int
    layout_keccak: str


Lock = dict[str, LockEntry]


def compiler(path: Path, root: Path | None = None) -> Any:
    """Return Vyper's CompilerData of one source, which compiles what it is asked for.

    Parameters
    ----------
    path
        Contract or module.
    root
        Where its imports begin; the repository's root by default.

    Raises
    ------
    TypeError
        If the file is no Vyper source.
    """
    # One root only: a package of the environment can never stand in for a module of ours.
    bundle = FilesystemInputBundle([root or ROOT])
    source = bundle.load_file(path)
    if not isinstance(source, FileInput):
        raise TypeError(f"{path} is not a Vyper source")
    return CompilerData(source, bundle, settings=Settings(evm_version=EVM_VERSION))


def deployable_contracts() -> list[Path]:
    """Return the sources of all deployable contracts: contracts/CamelCase.vy, sorted."""
    return sorted(path for path in CONTRACTS_DIR.glob("*.vy") if path.stem[0].isupper())


def runtime_keccak(code: bytes) -> str:
    """Return keccak-256 of runtime code, 0x-prefixed."""
    return "0x" + keccak(code).hex()


def build_lock() -> Lock:
    """Compile every deployable contract.

    Returns
    -------
    Lock
        Entries by contract name.

    Raises
    ------
    ContractLockError
        If code that goes to the chain exceeds 24,576 bytes (EIP-170), or the deployment code
        49,152 (EIP-3860).
    """
    return {path.stem: _entry(path) for path in deployable_contracts()}


def _entry(path: Path) -> LockEntry:
    compiled = compiler(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `ape compile` has shown the compiler's warnings
        code: bytes = compiled.bytecode_runtime
        initcode: bytes = compiled.bytecode
    layout = compiled.storage_layout
    deployed_bytes = len(code) + immutable_bytes(layout)
    if deployed_bytes > MAX_CODE_BYTES:
        raise ContractLockError(
            f"{path.name}: {deployed_bytes} bytes of code, at most {MAX_CODE_BYTES} deploy"
        )
    if len(initcode) > MAX_INITCODE_BYTES:
        raise ContractLockError(
            f"{path.name}: {len(initcode)} bytes of initcode, at most {MAX_INITCODE_BYTES} deploy"
        )
    canonical = json.dumps(layout, sort_keys=True, separators=(",", ":")).encode()
    return LockEntry(
        integrity=compiled.integrity_sum,
        runtime_keccak=runtime_keccak(code),
        runtime_bytes=len(code),
        deployed_bytes=deployed_bytes,
        initcode_bytes=len(initcode),
        layout_keccak="0x" + keccak(canonical).hex(),
    )


def immutable_bytes(layout: object) -> int:
    """Return how many bytes of immutables, of modules too, follow the runtime code.

    Parameters
    ----------
    layout
        Vyper's layout of storage and code.
    """

    def ends(node: object) -> list[int]:
        if not isinstance(node, dict):
            return [0]
        if isinstance(node.get("offset"), int) and isinstance(node.get("length"), int):
            return [node["offset"] + node["length"]]
        return [end for child in node.values() for end in ends(child)]

    code = layout.get("code_layout", {}) if isinstance(layout, dict) else {}
    return max(ends(code), default=0)


def size_table(lock: Lock) -> str:
    """Return the sizes of all contracts beside their limits, one line each."""
    lines = [f"{'contract':24} {'code bytes':>10} {'of limit':>9} {'initcode':>9} {'of limit':>9}"]
    for name, entry in lock.items():
        code, initcode = entry["deployed_bytes"], entry["initcode_bytes"]
        lines.append(
            f"{name:24} {code:>10,} {code / MAX_CODE_BYTES:>9.1%}"
            f" {initcode:>9,} {initcode / MAX_INITCODE_BYTES:>9.1%}"
        )
    return "\n".join(lines)


def read_lock() -> Lock:
    """Return the committed lock; empty when the file does not exist."""
    if not LOCK_PATH.exists():
        return {}
    lock: Lock = json.loads(LOCK_PATH.read_text())["contracts"]
    return lock


def differences(committed: Lock, current: Lock) -> list[str]:
    """Name every contract and field in which two locks differ, one sentence each."""
    found = []
    for name in sorted(committed.keys() | current.keys()):
        if name not in current:
            found.append(f"{name} is locked but has no source")
        elif name not in committed:
            found.append(f"{name} is not locked")
        else:
            old, new = committed[name], current[name]
            fields = [key for key, value in new.items() if old.get(key) != value]
            if fields:
                found.append(f"{name} has changed: {', '.join(fields)}")
    return found


def outdated(built: Mapping[str, bytes]) -> list[str]:
    """Compare the lock with the sources and with code that was built earlier.

    Parameters
    ----------
    built
        Runtime code by contract name, as ape's build directory has it; mocks are ignored.

    Returns
    -------
    list of str
        One sentence per contract that does not fit; empty when all is current.
    """
    lock = read_lock()
    found = []
    for path in deployable_contracts():
        name = path.stem
        if name not in lock:
            found.append(f"{name} is not in contracts.lock.json")
        elif compiler(path).integrity_sum != lock[name]["integrity"]:
            found.append(f"the source of {name} or a module of it has changed")
        elif name not in built or runtime_keccak(built[name]) != lock[name]["runtime_keccak"]:
            found.append(f"the compiled {name} is not the locked one")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the lock, or check it with ``--check``.

    Returns
    -------
    int
        0, or 1 if the lock is out of date or a contract is too large.
    """
    parser = argparse.ArgumentParser(prog="contract_lock", description="Pin compiled contracts.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    try:
        current = build_lock()
    except ContractLockError as error:
        print(error, file=sys.stderr)
        return 1
    print(size_table(current))
    if check:
        found = differences(read_lock(), current)
        for sentence in found:
            print(f"contracts.lock.json: {sentence}; {OUTDATED}", file=sys.stderr)
        return 1 if found else 0
    content = {"vyper": version("vyper"), "evm_version": EVM_VERSION, "contracts": current}
    LOCK_PATH.write_text(json.dumps(content, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
