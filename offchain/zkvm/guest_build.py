"""Compile guests, and the shim under which Spike runs them, with the pinned zig C compiler."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

GUEST_DIR = Path(__file__).resolve().parents[1] / "core" / "guest"
BUILD_DIR = GUEST_DIR.parent / "build"
CORE_INCLUDE_DIRS = (GUEST_DIR.parent / "include", GUEST_DIR.parent / "src")
SHIM_SOURCES = tuple(Path(__file__).with_name(f"spike_shim.{kind}") for kind in ("S", "c"))
SHIM_SCRIPT = Path(__file__).with_name("spike_shim.ld")

TARGET_FLAGS = ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m", "-nostdlib")

C_FLAGS = (
    "-ffreestanding",
    "-std=c23",
    "-O2",
    "-fomit-frame-pointer",  # zig keeps it otherwise, at three cycles a call and a register
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
)
# compiler_rt, built by zig from its own sources for the same CPU, has what the compiler calls
# on its own: 64-bit division, memcpy, memset. Its debug information would be 99 % of the file;
# zig's --strip-debug drops the symbols as well, which the shim needs (tohost).
GUEST_FLAGS = (*C_FLAGS, "-lcompiler_rt", "-Wl,--strip-debug")


class GuestBuildError(Exception):
    """The compiler or linker refused a guest; the message is its own."""


def _compile(arguments: Sequence[str], out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    # Linked beside its place and then moved there: a reader never sees half a file.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        linked = Path(scratch) / out.name
        command = [sys.executable, "-m", "ziglang", "cc", *TARGET_FLAGS, *arguments]
        done = subprocess.run(
            [*command, "-o", str(linked)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise GuestBuildError(f"{out.name} does not build:\n{done.stderr.strip()}")
        linked.replace(out)


def build_guest(
    sources: Sequence[Path],
    out: Path,
    include_dirs: Sequence[Path] = (),
    flags: Sequence[str] = (),
) -> None:
    """Build a guest ELF from C or assembly sources, start.S and link.ld.

    The zkVM and Spike run the same file.

    Parameters
    ----------
    sources
        Sources of the guest, one of which defines ``hr_guest_main``; start.S is added.
    out
        The ELF to write; its directory is made.
    include_dirs
        Include directories besides that of guest_io.h.
    flags
        Further compiler flags, after ours.

    Raises
    ------
    GuestBuildError
        If the compiler or linker fails, or warns.
    """
    includes = [f"-I{path}" for path in (GUEST_DIR, *include_dirs)]
    script = ["-T", str(GUEST_DIR / "link.ld")]
    files = [str(path) for path in (GUEST_DIR / "start.S", *sources)]
    _compile([*GUEST_FLAGS, *flags, *includes, *script, *files], out)


@cache
def spike_shim() -> Path:
    """Give the shim that Spike loads beside a guest; build it if it is missing or outdated.

    Returns
    -------
    Path
        The shim's ELF.

    Raises
    ------
    GuestBuildError
        If it does not build.
    """
    out = BUILD_DIR / "spike_shim.elf"
    core_sources = [path for folder in CORE_INCLUDE_DIRS for path in folder.rglob("*.h")]
    inputs = (*SHIM_SOURCES, SHIM_SCRIPT, GUEST_DIR / "guest_io.h", *core_sources, Path(__file__))
    changed = max(path.stat().st_mtime for path in inputs)
    if not out.exists() or out.stat().st_mtime <= changed:
        includes = [f"-I{path}" for path in (GUEST_DIR, *CORE_INCLUDE_DIRS)]
        files = [str(path) for path in SHIM_SOURCES]
        _compile([*C_FLAGS, *includes, "-T", str(SHIM_SCRIPT), *files], out)
    return out
