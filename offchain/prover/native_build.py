"""Compile the prover's kernels: one shared library per instruction-set level.

Usage: ``python -m offchain.prover.native_build``. All ``native/*.c`` go into each library, which is
rebuilt only when a source, a flag or the compiler has changed. Exit code 1: the code does not
compile.
"""

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from offchain.prover.generate import evaluator_sources
from offchain.tools.build_native import CORE_DIR, ROOT, ZIG_CACHE_DIR, BuildError

NATIVE_DIR: Final = Path(__file__).parent / "native"
BUILD_DIR: Final = Path(__file__).parent / "build"
GENERATED_DIR: Final = BUILD_DIR / "generated"

INCLUDE_DIRS: Final = (NATIVE_DIR, CORE_DIR / "include", CORE_DIR / "src", CORE_DIR / "native")
FLAGS: Final = (
    "-std=c23",
    "-O3",
    "-DNDEBUG",
    "-fomit-frame-pointer",  # zig keeps it otherwise, which costs a register
    "-Wall",
    "-Wextra",
    "-Werror",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
)
# zig's own default is the CPU at hand, whose code may not run elsewhere. Without the width clang
# splits vectors of 512 bits on x86_64_v4.
X86_LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "portable": ("-mcpu=x86_64_v2",),
    "avx2": ("-mcpu=x86_64_v3",),
    "avx512": ("-mcpu=x86_64_v4", "-mprefer-vector-width=512"),
}
OTHER_LEVELS: Final[dict[str, tuple[str, ...]]] = {"portable": ("-mcpu=baseline",)}


def level_flags() -> dict[str, tuple[str, ...]]:
    """Return the levels that are built on this kind of machine, lowest first, and their flags."""
    is_x86 = platform.machine().lower() in {"x86_64", "amd64"}
    return X86_LEVELS if is_x86 else OTHER_LEVELS


def library_path(level: str) -> Path:
    """Return where the library of a level is, built or not."""
    return BUILD_DIR / f"libheadrace_prover_{level}.so"


def build(level: str) -> Path:
    """Build the library of one level if it is missing or outdated.

    Parameters
    ----------
    level
        A key of :func:`level_flags`.

    Returns
    -------
    Path
        The library.

    Raises
    ------
    BuildError
        If a source does not compile without warnings; the message is the compiler's.
    """
    library = library_path(level)
    stamp = library.with_name(library.name + ".stamp")
    wanted = _fingerprint(level)
    if library.exists() and stamp.exists() and stamp.read_text() == wanted:
        return library
    BUILD_DIR.mkdir(parents=True, exist_ok=True)
    # Built beside its place and then moved there: a running process keeps its old mapping, and two
    # builds at once cannot mix.
    with tempfile.TemporaryDirectory(dir=BUILD_DIR) as scratch:
        fresh = Path(scratch) / library.name
        sources = sorted(NATIVE_DIR.glob("*.c"))
        for name, text in evaluator_sources().items():
            sources.append(Path(scratch) / name)
            sources[-1].write_text(text)
        compile_library(level, sources, fresh)
        stamp.unlink(missing_ok=True)
        fresh.replace(library)
    stamp.write_text(wanted)
    return library


def build_all() -> list[Path]:
    """Build the libraries of all levels, lowest first; see :func:`build`."""
    return [build(level) for level in level_flags()]


def compile_library(level: str, sources: Sequence[Path], out: Path) -> None:
    """Compile sources, which may include the prover's headers, to a shared library.

    Parameters
    ----------
    level
        A key of :func:`level_flags`.
    sources
        C files.
    out
        The library.

    Raises
    ------
    BuildError
        If a source does not compile without warnings; the message is the compiler's.
    """
    os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(ZIG_CACHE_DIR))
    zig = (sys.executable, "-m", "ziglang", "cc")
    command = [*zig, *_flags(level), *map(str, sources), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(done.stderr.strip())


def _flags(level: str) -> tuple[str, ...]:
    return (*FLAGS, *level_flags()[level], *(f"-I{path}" for path in INCLUDE_DIRS))


def _fingerprint(level: str) -> str:
    """Hash the compiler's version, the flags and all C that may be included."""
    digest = hashlib.sha256(repr((version("ziglang"), *_flags(level))).encode())
    for text in evaluator_sources().values():
        digest.update(text.encode())
    for directory in INCLUDE_DIRS:
        for path in sorted(directory.rglob("*.[ch]")):
            digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Build all levels and print the paths.

    Returns
    -------
    int
        Exit code; see the module's docstring.
    """
    try:
        for path in build_all():
            print(f"prover: {path.relative_to(ROOT)}")
    except BuildError as error:
        print(f"prover: build failed\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
