"""The trace fillers of the delegation tables as a library of their own (fillers.c)."""

import ctypes
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from offchain.air.columns_header import columns_header
from offchain.air.machine import TABLE_BY_NAME, TABLES

ROOT = Path(__file__).parents[2]
FLAGS = (
    "-std=c23",
    "-O3",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
    "-fPIC",
    "-shared",
    "-mcpu=x86_64_v2" if platform.machine() == "x86_64" else "-mcpu=baseline",
    f"-I{ROOT / 'offchain' / 'core' / 'include'}",
    f"-I{ROOT / 'offchain' / 'core' / 'src'}",
    f"-I{ROOT / 'offchain' / 'zkvm' / 'native'}",
)

Fill = Callable[..., list[list[int]]]
"""(height, rows to fill, time, code of poseidon2, words of each call) -> columns of the rows."""

UNTOUCHED = 2**64 - 1
"""No field element, on all rows before they are filled."""


@pytest.fixture(scope="session")
def fillers(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("fillers")
    (folder / "air_columns.h").write_text(columns_header(TABLES), encoding="utf-8")
    library = folder / "fillers.so"
    source = Path(__file__).with_name("fillers.c")
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, f"-I{folder}", str(source)]
    done = subprocess.run(
        [*command, "-o", str(library)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


def _filler(function: ctypes._CFuncPtr, width: int) -> Fill:
    def fill(
        height: int, rows: int, *of_calls: Sequence[int] | Sequence[Sequence[int]]
    ) -> list[list[int]]:
        columns = np.full((width, height), UNTOUCHED, dtype=np.uint64)
        inputs = [np.array(values, dtype=np.uint32) for values in of_calls]
        out, *inputs_at = (ctypes.c_void_p(array.ctypes.data) for array in (columns, *inputs))
        size = ctypes.c_size_t
        function(out, size(height), size(rows), *inputs_at, size(len(of_calls[0])))
        assert (columns[:, rows:] == UNTOUCHED).all()
        return [[int(cell) for cell in column] for column in columns[:, :rows]]

    return fill


@pytest.fixture(scope="session")
def fill_poseidon2(fillers: ctypes.CDLL) -> Fill:
    return _filler(fillers.test_fill_poseidon2, len(TABLE_BY_NAME["poseidon2"].main))


@pytest.fixture(scope="session")
def fill_keccak_f(fillers: ctypes.CDLL) -> Fill:
    return _filler(fillers.test_fill_keccak_f, len(TABLE_BY_NAME["keccak_f"].main))
