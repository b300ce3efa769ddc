"""Compiled contracts, from the Vyper sources of this repository.

The cache is keyed by the compiler's integrity sum, which covers a contract
and all that it imports: an edited module is never served stale.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
from vyper.compiler.output import build_abi_output
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import Settings

REPOSITORY_ROOT: Final = Path(__file__).resolve().parents[2]
CACHE_DIR: Final = REPOSITORY_ROOT / ".build" / "contracts"
EVM_VERSION: Final = "cancun"

AbiEntry = dict[str, object]


@dataclass(frozen=True, slots=True)
class CompiledContract:
    """A contract ready for deployment.

    Attributes
    ----------
    name : str
        File stem, for example ``Gateway``.
    abi : list of dict
        JSON ABI.
    bytecode : str
        Deployment code without constructor arguments, ``0x``-prefixed hex.
    integrity : str
        Integrity sum of all sources, 64 hex digits.
    """

    name: str
    abi: list[AbiEntry]
    bytecode: str
    integrity: str


def compile_contract(path: str | Path, cache_dir: Path = CACHE_DIR) -> CompiledContract:
    """Compile one contract, or read it from the cache.

    Parameters
    ----------
    path : str or Path
        Source relative to the repository root, for example
        ``contracts/Gateway.vy``.
    cache_dir : Path
        Folder of the cache; created when missing.

    Returns
    -------
    CompiledContract

    Raises
    ------
    FileNotFoundError
        If there is no such source.
    vyper.exceptions.VyperException
        If it does not compile.
    """
    source = REPOSITORY_ROOT / path
    if not source.is_file():
        raise FileNotFoundError(f"no contract source at {path}")
    bundle = FilesystemInputBundle([REPOSITORY_ROOT])
    file_input = bundle.load_file(source.relative_to(REPOSITORY_ROOT))
    assert isinstance(file_input, FileInput)
    compiler = CompilerData(file_input, bundle, settings=Settings(evm_version=EVM_VERSION))
    integrity: str = compiler.integrity_sum
    cached = cache_dir / f"{source.stem}-{integrity}.json"
    if cached.is_file():
        entry = json.loads(cached.read_text())
        return CompiledContract(source.stem, entry["abi"], entry["bytecode"], integrity)
    compiled = CompiledContract(
        name=source.stem,
        abi=build_abi_output(compiler),
        bytecode="0x" + compiler.bytecode.hex(),
        integrity=integrity,
    )
    _write_cache(cached, compiled)
    return compiled


@cache
def compiled_by_name(name: str) -> CompiledContract:
    """Compile the contract with this file stem, once per process.

    Raises
    ------
    FileNotFoundError
        If no source under ``contracts/``, or more than one, has this stem.
    """
    found = sorted((REPOSITORY_ROOT / "contracts").rglob(f"{name}.vy"))
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} contract sources are named {name}")
    return compile_contract(found[0].relative_to(REPOSITORY_ROOT))


def _write_cache(path: Path, compiled: CompiledContract) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed: a reader never sees half a file.
    partial = path.with_suffix(f".{os.getpid()}.partial")  # several processes may write at once
    partial.write_text(json.dumps({"abi": compiled.abi, "bytecode": compiled.bytecode}))
    partial.replace(path)
