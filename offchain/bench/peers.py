"""The C++ peer of the matching benchmark: fetch its headers, compile our loop, run it.

The peer is the header-only engine inside the source distribution of ``orderly-chaos`` (MIT). None
of it is kept in this repository: the distribution is downloaded on demand, held to the hash in the
requirements file, and unpacked for the compilation only.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from offchain.bench.harness import Contender, Run
from offchain.bench.workload import MESSAGE
from offchain.tools.build_native import NATIVE_FLAGS, ZIG_CACHE_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

PEER_NAME: Final = "orderly-chaos C++"
PEER_SOURCE: Final = (
    Path(__file__).resolve().parents[2] / "benchmarks" / "matching" / "peer_orderly_chaos.cpp"
)
#: Compiler of the core, as C++ compiler. Its first use builds zig's C++ library: about a minute.
ZIG_CXX: Final = (sys.executable, "-m", "ziglang", "c++")
#: Flags of the core, but for the language standard.
CORE_FLAGS: Final = tuple(flag for flag in NATIVE_FLAGS if not flag.startswith("-std="))
_SDIST_PATTERN: Final = "orderly_chaos-*.tar.gz"
_CONSTRAINTS_NAME: Final = "build-constraints.txt"
# Relative to the unpacked distribution, as the peer's README says.
_INCLUDE_DIRS: Final = ("include", "third_party/robin_map/include")
# Hidden visibility as in the peer's own setup.py: its calls inside the library stay direct.
_LIBRARY_FLAGS: Final = (
    *("-std=c++17", "-shared", "-fPIC", "-Wall", "-Wextra"),
    *("-fvisibility=hidden", "-fvisibility-inlines-hidden"),
)
_DOWNLOAD_TIMEOUT_S: Final = 180


class PeerUnavailableError(RuntimeError):
    """The peer's source distribution cannot be fetched here."""


def fetch_sdist(requirements: Path, cache_dir: Path) -> Path:
    """Return the peer's source distribution, downloading it if the cache has none.

    Parameters
    ----------
    requirements
        Hashed requirements file that pins the peer.
    cache_dir
        Directory for the archive; made when missing.

    Returns
    -------
    Path
        Archive whose SHA-256 stands in `requirements`.

    Raises
    ------
    PeerUnavailableError
        If pip fails; the message is pip's.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    cached = _pinned_archive(requirements, cache_dir)
    if cached is not None:
        return cached
    # pip asks the archive for its metadata and installs setuptools aside for that: the version of
    # requirements/build.txt, not the newest of the day. By name, as paths may hold spaces.
    constraints = [f"{name}=={version(name)}" for name in ("setuptools", "wheel")]
    (cache_dir / _CONSTRAINTS_NAME).write_text("\n".join(constraints), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
    command += ["--no-binary", "orderly-chaos", "--no-deps", "--require-hashes", "--retries", "2"]
    command += ["--dest", str(cache_dir.resolve()), "-r", str(requirements.resolve())]
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_TIMEOUT_S,
            cwd=cache_dir,
            env={**os.environ, "PIP_CONSTRAINT": _CONSTRAINTS_NAME},
        )
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailableError(f"no download within {_DOWNLOAD_TIMEOUT_S} s") from error
    except subprocess.CalledProcessError as error:
        reasons = [line for line in error.stderr.splitlines() if line.startswith("ERROR:")]
        reason = reasons[-1] if reasons else f"pip failed:\n{error.stderr}"
        raise PeerUnavailableError(reason) from error
    downloaded = _pinned_archive(requirements, cache_dir)
    if downloaded is None:
        raise PeerUnavailableError(f"{requirements.name} does not pin {_SDIST_PATTERN}")
    return downloaded


def _pinned_archive(requirements: Path, cache_dir: Path) -> Path | None:
    # The cache is not trusted: an archive counts only while its hash is a pinned one.
    pins = requirements.read_text(encoding="utf-8")
    for archive in cache_dir.glob(_SDIST_PATTERN):
        if f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}" in pins:
            return archive
    return None


def build_peer(sdist: Path, out_dir: Path, cxx: Sequence[str], flags: Sequence[str]) -> Path:
    """Compile the benchmark loop against the peer's headers.

    Parameters
    ----------
    sdist
        Archive from `fetch_sdist`.
    out_dir
        Directory for the library; made when missing.
    cxx
        C++ compiler command; `ZIG_CXX` for a comparison with the core.
    flags
        Optimisation and target flags; `CORE_FLAGS` for a comparison with the core.

    Returns
    -------
    Path
        Shared library that exports ``peer_run``.

    Raises
    ------
    RuntimeError
        If the compiler fails; the message holds its output.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    library = out_dir / "peer_orderly_chaos.so"
    with tempfile.TemporaryDirectory(dir=out_dir) as scratch:
        with tarfile.open(sdist) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(scratch, filter="data")
            else:  # Python before 3.11.4; the archive's hash is pinned
                archive.extractall(scratch)  # noqa: S202
        root = Path(scratch) / sdist.name.removesuffix(".tar.gz")
        # Moved into place when complete: a process that has the old library loaded keeps it.
        fresh = Path(scratch) / library.name
        command = [*cxx, *flags, *_LIBRARY_FLAGS]
        for include_dir in _INCLUDE_DIRS:
            command += ["-isystem", str(root / include_dir)]
        command += [str(PEER_SOURCE), "-o", str(fresh)]
        environment = {"ZIG_GLOBAL_CACHE_DIR": str(ZIG_CACHE_DIR), **os.environ}
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment
        )
        if result.returncode != 0:
            raise RuntimeError(f"the peer does not compile:\n{result.stderr}")
        fresh.replace(library)
    return library


def peer_contender(library: Path, messages: npt.NDArray[np.void]) -> Contender:
    """Return the contender that runs the peer.

    Parameters
    ----------
    library
        From `build_peer`.
    messages
        Contiguous array of ``workload.MESSAGE``.

    Returns
    -------
    Contender
        Raises ValueError when run on messages that the peer refuses, such as a cancel of an order
        that does not rest.

    Raises
    ------
    ValueError
        If the array has another dtype or is not contiguous.
    """
    if messages.dtype != MESSAGE or not messages.flags.c_contiguous:
        raise ValueError("messages must be a contiguous array of MESSAGE")
    peer_run = ctypes.CDLL(str(library)).peer_run
    peer_run.restype = ctypes.c_double
    peer_run.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_uint64),
        ctypes.POINTER(ctypes.c_uint64),
    ]

    def run() -> Run:
        fill_hash, fill_count = ctypes.c_uint64(), ctypes.c_uint64()
        seconds: float = peer_run(
            messages.ctypes.data, len(messages), ctypes.byref(fill_hash), ctypes.byref(fill_count)
        )
        if seconds < 0:
            raise ValueError("the peer refused a message")
        return Run(seconds, fill_hash.value, fill_count.value)

    return run
