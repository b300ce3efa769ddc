"""Compile the C core: for this machine, for this machine under sanitizers, and as guest.

Usage: ``python -m offchain.tools.build_native [native|guest|asan|all]``. Each artefact is one
translation unit and is rebuilt only when a source, a flag or the compiler has changed.
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
ZIG_CACHE_DIR = ROOT / ".cache" / "zig"
INCLUDE_DIRS = (CORE_DIR / "include", CORE_DIR / "src")

EXIT_COMPILE_ERROR = 1
EXIT_NO_GCC = 3

# zig's own default is the CPU at hand, whose code may not run elsewhere. What needs AVX2 or
# AVX-512 says so by target attributes and is chosen at run time.
CPU_BY_MACHINE = {"x86_64": "x86_64_v2", "amd64": "x86_64_v2"}

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
    name: str, compiler: tuple[str, ...], label: str, flags: tuple[str, ...]
) -> Artefact:
    source = CORE_DIR / "native" / "native.c"
    includes = [f"-I{path}" for path in INCLUDE_DIRS]

    def compile_to(out: Path) -> None:
        _run([*compiler, *flags, *COMMON_FLAGS, *includes, str(source), "-o", str(out)])

    return Artefact(BUILD_DIR / name, source, (label, *flags, *COMMON_FLAGS), compile_to)


def _native() -> Artefact:
    zig = (sys.executable, "-m", "ziglang", "cc")
    return _shared_object("libheadrace.so", zig, f"zig {version('ziglang')}", NATIVE_FLAGS)


def _asan() -> Artefact:
    gcc = shutil.which("gcc")
    if gcc is None:
        raise MissingCompilerError(
            "asan: no gcc on this machine, and the zig wheel ships no AddressSanitizer run-time"
        )
    label = subprocess.run([gcc, "--version"], capture_output=True, text=True, check=True).stdout
    return _shared_object("libheadrace_asan.so", (gcc,), label.splitlines()[0], ASAN_FLAGS)


def _guest() -> Artefact:
    source = CORE_DIR / "guest" / "guest.c"

    def compile_to(out: Path) -> None:
        try:
            guest_build.build_guest([source], out, INCLUDE_DIRS)
        except guest_build.GuestBuildError as error:
            raise BuildError(str(error)) from error

    settings = (
        f"zig {version('ziglang')}",
        *guest_build.TARGET_FLAGS,
        *guest_build.GUEST_FLAGS,
    )
    return Artefact(BUILD_DIR / "guest.elf", source, settings, compile_to)


ARTEFACTS: dict[str, Callable[[], Artefact]] = {"native": _native, "guest": _guest, "asan": _asan}


def fingerprint(settings: Sequence[str]) -> str:
    """Hash the settings and every C source of the core.

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
    for path in sorted(CORE_DIR.rglob("*")):
        if path.suffix in {".c", ".h", ".S", ".ld", ".inc"}:
            digest.update(f"\0{path.relative_to(CORE_DIR)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def build(name: str) -> Path:
    """Build one artefact if it is missing or outdated.

    Parameters
    ----------
    name
        ``native``, ``guest`` or ``asan``.

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
    os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(ZIG_CACHE_DIR))
    artefact = ARTEFACTS[name]()
    if not artefact.source.exists():
        raise BuildError(f"{artefact.source.relative_to(ROOT)} is missing")
    stamp = artefact.path.with_name(artefact.path.name + ".stamp")
    wanted = fingerprint(artefact.settings)
    if artefact.path.exists() and stamp.exists() and stamp.read_text() == wanted:
        return artefact.path
    BUILD_DIR.mkdir(parents=True, exist_ok=True)
    # Built beside its place and then moved there: a running process keeps its old mapping, and
    # two builds at once cannot mix.
    with tempfile.TemporaryDirectory(dir=BUILD_DIR) as scratch:
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
    parser.add_argument("target", nargs="?", default="native", choices=[*ARTEFACTS, "all"])
    target = parser.parse_args(arguments).target
    for name in ARTEFACTS if target == "all" else [target]:
        try:
            print(f"{name}: {build(name).relative_to(ROOT)}")
        except BuildError as error:
            print(f"{name}: build failed\n{error}", file=sys.stderr)
            return EXIT_COMPILE_ERROR
        except MissingCompilerError as error:
            print(error, file=sys.stderr)
            return EXIT_NO_GCC
    return 0


if __name__ == "__main__":
    sys.exit(main())
