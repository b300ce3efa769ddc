"""The hashes of the core as a library of their own (hash_unity.c)."""

import ctypes
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

CORE_DIR = Path(__file__).parents[2] / "offchain" / "core"
HASH_UNITY = Path(__file__).with_name("hash_unity.c")
HASH_FLAGS = (
    "-std=c23",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
    f"-I{CORE_DIR / 'include'}",
    f"-I{CORE_DIR / 'src'}",
    f"-I{CORE_DIR / 'native'}",
)


CompileHashes = Callable[[Path, Sequence[str]], None]


def _compile(out: Path, flags: Sequence[str]) -> None:
    command = [sys.executable, "-m", "ziglang", "cc", *HASH_FLAGS, *flags, str(HASH_UNITY)]
    done = subprocess.run([*command, "-o", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def compile_hashes() -> CompileHashes:
    return _compile


@pytest.fixture(scope="session")
def hash_library(
    tmp_path_factory: pytest.TempPathFactory, compile_hashes: CompileHashes
) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("hash") / "hash_unity.so"
    # baseline: what the library uses beyond it must come from run-time dispatch alone.
    compile_hashes(path, ["-mcpu=baseline", "-fPIC", "-shared"])
    return load_hashes(path)


@pytest.fixture(scope="session")
def narrow_library(
    tmp_path_factory: pytest.TempPathFactory, compile_hashes: CompileHashes
) -> ctypes.CDLL:
    """The library with the guest's arithmetic: products of 32-bit halves."""
    path = tmp_path_factory.mktemp("hash") / "hash_unity_narrow.so"
    compile_hashes(path, ["-mcpu=baseline", "-fPIC", "-shared", "-U__SIZEOF_INT128__"])
    return load_hashes(path)


def load_hashes(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    u64, u32, pointer = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "test_permute": (None, [pointer]),
        "test_compress": (None, [pointer, pointer, pointer]),
        "test_hash_words": (None, [pointer, u64, pointer, u32]),
        "test_is_canonical": (ctypes.c_bool, [u64]),
        "test_field_mul_add": (u64, [u64, u64, u64]),
        "test_backend_set": (ctypes.c_bool, [ctypes.c_int]),
        "test_compress_many": (None, [pointer, pointer, u32]),
        "test_hash_words_many": (None, [pointer, u64, pointer, u32, u32]),
        "test_keccak256": (None, [pointer, ctypes.c_char_p, u32]),
        "test_keccak256_split": (None, [pointer, ctypes.c_char_p, u32, u32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
