"""Compile the C core (for this machine, under sanitizers, as guest) and the zkVM executor.

Usage: ``python -m offchain.tools.build_native [TARGET|examples|all]``, TARGET one of ``ARTEFACTS``;
``examples`` are the guests in ``examples/guests``. Each artefact is one translation unit and is
rebuilt only when a source, a flag or the compiler has changed.
Exit code 1: the code does not compile; 3: the machine has no gcc, which `asan` needs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from offchain.zkvm import guest_build

ROOT = Path(__file__).resolve().parents[2]
CORE_DIR = ROOT / "offchain" / "core"
BUILD_DIR = CORE_DIR / "build"
ZKVM_NATIVE_DIR = ROOT / "offchain" / "zkvm" / "native"
EXAMPLES_DIR = ROOT / "examples" / "guests"
ZIG_CACHE_DIR = ROOT / ".cache" / "zig"
INCLUDE_DIRS = (CORE_DIR / "include", CORE_DIR / "src")
COLUMNS_HEADER = "air_columns.h"
"""Written for the compilation only: offchain/air/columns_header.py."""

EXIT_COMPILE_ERROR = 1
EXIT_NO_GCC = 3

# zig's own default is the CPU at hand, whose code may not run elsewhere. What needs AVX2 or
# AVX-512 says so by target attributes and is chosen at run time.
CPU_BY_MACHINE = {"x86_64": "x86_64_v2", "amd64": "x86_64_v2"}

# Leaves of a witness may be forged: what they cannot lead to in a real state ends the run of the
# batch program before it does harm. The guest traps, this machine calls native/witness.c.
FORGERY_CHECKS = (
    "-fsanitize=bounds,shift,integer-divide-by-zero,signed-integer-overflow",
    "-fstrict-flex-arrays=3",  # an array at the end of a record has its own length, too
)
BATCH_FLAGS = (*FORGERY_CHECKS, "-fsanitize-trap=all")

COMMON_FLAGS = ("-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden")
NATIVE_FLAGS = (
    "-std=c23",
    "-O3",
    "-DNDEBUG",
    "-fomit-frame-pointer",  # zig keeps it otherwise, which costs a register
    f"-mcpu={CPU_BY_MACHINE.get(platform.machine().lower(), 'baseline')}",
)
# gcc 12 and 13 know C23 only by its working name.
ASAN_FLAGS = (
    "-std=c2x",
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-DHR_VERIFY",
)


class BuildError(Exception):
    """The compiler refused the source; the message is its own."""


class MissingCompilerError(Exception):
    """The machine has no compiler that can build the artefact."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file to build.

    Attributes
    ----------
    path
        The output.
    source
        Its only translation unit.
    settings
        All that shapes the output besides the sources: compiler, its version, flags.
    compile_to
        Writes the output to the given path; raises BuildError.
    """

    path: Path
    source: Path
    settings: tuple[str, ...]
    compile_to: Callable[[Path], None]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(done.stderr.strip())


def _shared_object(
    source: Path,
    name: str,
    compiler: tuple[str, ...],
    label: str,
    flags: tuple[str, ...],
    columns: str = "",
) -> Artefact:
    def compile_to(out: Path) -> None:
        (out.parent / COLUMNS_HEADER).write_text(columns)
        includes = [f"-I{path}" for path in (*INCLUDE_DIRS, out.parent)]
        _run([*compiler, *flags, *COMMON_FLAGS, *includes, str(source), "-o", str(out)])

    return Artefact(BUILD_DIR / name, source, (label, *flags, *COMMON_FLAGS, columns), compile_to)


def _optimised(source: Path, name: str, columns: str = "", flags: tuple[str, ...] = ()) -> Artefact:
    zig = (sys.executable, "-m", "ziglang", "cc")
    flags = (*NATIVE_FLAGS, *flags)
    return _shared_object(source, name, zig, f"zig {version('ziglang')}", flags, columns)


def _native() -> Artefact:
    return _optimised(CORE_DIR / "native" / "native.c", "libheadrace.so")


def _witness() -> Artefact:
    flags = (*FORGERY_CHECKS, "-fsanitize=null", "-fsanitize-minimal-runtime")
    return _optimised(CORE_DIR / "native" / "witness.c", "libheadrace_witness.so", flags=flags)


def _zkvm() -> Artefact:
    return _optimised(ZKVM_NATIVE_DIR / "executor.c", "libheadrace_zkvm.so")


def _trace() -> Artefact:
    from offchain.air.columns_header import columns_header
    from offchain.air.machine import TABLES

    source = ZKVM_NATIVE_DIR / "trace.c"
    return _optimised(source, "libheadrace_trace.so", columns_header(TABLES))


def _asan() -> Artefact:
    gcc = shutil.which("gcc")
    if gcc is None:
        raise MissingCompilerError(
            "asan: no gcc on this machine, and the zig wheel ships no AddressSanitizer run-time"
        )
    label = subprocess.run([gcc, "--version"], capture_output=True, text=True, check=True).stdout
    source = CORE_DIR / "native" / "native.c"
    return _shared_object(source, "libheadrace_asan.so", (gcc,), label.splitlines()[0], ASAN_FLAGS)


def _guest() -> Artefact:
    return _guest_of(CORE_DIR / "guest" / "guest.c", BUILD_DIR)


def _batch() -> Artefact:
    return _guest_of(CORE_DIR / "guest" / "batch.c", BUILD_DIR, BATCH_FLAGS)


def _guest_of(source: Path, directory: Path, flags: tuple[str, ...] = ()) -> Artefact:
    def compile_to(out: Path) -> None:
        try:
            guest_build.build_guest([source], out, INCLUDE_DIRS, flags)
        except guest_build.GuestBuildError as error:
            raise BuildError(str(error)) from error

    settings = (
        f"zig {version('ziglang')}",
        *guest_build.TARGET_FLAGS,
        *guest_build.GUEST_FLAGS,
        *flags,
        source.read_text() if source.exists() else "",  # examples are no part of the core
    )
    return Artefact(directory / f"{source.stem}.elf", source, settings, compile_to)


ARTEFACTS: dict[str, Callable[[], Artefact]] = {
    "native": _native,
    "witness": _witness,
    "zkvm": _zkvm,
    "trace": _trace,
    "guest": _guest,
    "batch": _batch,
    "asan": _asan,
}


def fingerprint(settings: Sequence[str]) -> str:
    """Hash the settings and every C source of the core and of the executor.

    The set is wider than what one artefact includes: a needless rebuild costs seconds, a missed
    one costs hours.

    Parameters
    ----------
    settings
        Compiler, version and flags.

    Returns
    -------
    str
        SHA-256, 64 hex digits.
    """
    digest = hashlib.sha256(repr(tuple(settings)).encode())
    for directory in (CORE_DIR, ZKVM_NATIVE_DIR):
        for path in sorted(directory.rglob("*")):
            if path.suffix in {".c", ".h", ".S", ".ld", ".inc"}:
                digest.update(f"\0{path.relative_to(directory)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def build(name: str) -> Path:
    """Build one artefact if it is missing or outdated.

    Parameters
    ----------
    name
        A key of ``ARTEFACTS``.

    Returns
    -------
    Path
        The artefact.

    Raises
    ------
    BuildError
        If the source is missing or does not compile without warnings.
    MissingCompilerError
        If ``asan`` is asked for on a machine without gcc.
    """
    return _build(ARTEFACTS[name]())


def build_examples() -> list[Path]:
    """Build the guests in examples/guests that are missing or outdated.

    Returns
    -------
    list[Path]
        All of them, by name.

    Raises
    ------
    BuildError
        If one does not compile without warnings.
    """
    sources = sorted(EXAMPLES_DIR.glob("*.c"))
    return [_build(_guest_of(source, EXAMPLES_DIR / "build")) for source in sources]


def _build(artefact: Artefact) -> Path:
    os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(ZIG_CACHE_DIR))
    if not artefact.source.exists():
        raise BuildError(f"{artefact.source.relative_to(ROOT)} is missing")
    stamp = artefact.path.with_name(artefact.path.name + ".stamp")
    wanted = fingerprint(artefact.settings)
    if artefact.path.exists() and stamp.exists() and stamp.read_text() == wanted:
        return artefact.path
    directory = artefact.path.parent
    directory.mkdir(parents=True, exist_ok=True)
    # Built beside its place and then moved there: a running process keeps its old mapping, and
    # two builds at once cannot mix.
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        fresh = Path(scratch) / artefact.path.name
        artefact.compile_to(fresh)
        stamp.unlink(missing_ok=True)
        fresh.replace(artefact.path)
    stamp.write_text(wanted)
    return artefact.path


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line names and print the paths.

    Returns
    -------
    int
        Exit code; see the module's docstring.
    """
    parser = argparse.ArgumentParser(prog="build_native", description="Compile the C core.")
    targets = [*ARTEFACTS, "examples"]
    parser.add_argument("target", nargs="?", default="native", choices=[*targets, "all"])
    target = parser.parse_args(arguments).target
    for name in targets if target == "all" else [target]:
        try:
            for path in build_examples() if name == "examples" else [build(name)]:
                print(f"{name}: {path.relative_to(ROOT)}")
        except BuildError as error:
            print(f"{name}: build failed\n{error}", file=sys.stderr)
            return EXIT_COMPILE_ERROR
        except MissingCompilerError as error:
            print(error, file=sys.stderr)
            return EXIT_NO_GCC
    return 0


if __name__ == "__main__":
    sys.exit(main())
