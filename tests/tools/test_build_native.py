"""The build of the C core, on a toy core of its own."""

import ctypes
import shutil
from pathlib import Path

import pytest

from offchain.tools import build_native

SOURCE = """
#include "value.h"
__attribute__((visibility("default"))) int hr_value(void) {{ return VALUE{tail}; }}
"""


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    core = tmp_path / "core"
    for folder in ("native", "include", "src", "guest"):
        (core / folder).mkdir(parents=True)
    (core / "include" / "value.h").write_text("#define VALUE 7\n")
    (core / "native" / "native.c").write_text(SOURCE.format(tail=""))
    monkeypatch.setattr(build_native, "ROOT", tmp_path)
    monkeypatch.setattr(build_native, "CORE_DIR", core)
    monkeypatch.setattr(build_native, "BUILD_DIR", core / "build")
    monkeypatch.setattr(build_native, "INCLUDE_DIRS", (core / "include", core / "src"))
    return core


def _value(library: Path) -> int:
    return int(ctypes.CDLL(str(library)).hr_value())


def test_builds_a_loadable_library(core: Path) -> None:
    assert _value(build_native.build("native")) == 7


def test_rebuilds_only_after_a_change(core: Path) -> None:
    library = build_native.build("native")
    first = library.stat().st_mtime_ns
    assert build_native.build("native").stat().st_mtime_ns == first

    (core / "include" / "value.h").write_text("#define VALUE 8\n")
    assert build_native.build("native").stat().st_mtime_ns > first
    # Under another name: the loader gives back the library that it knows by this one.
    assert _value(library.rename(library.with_name("renamed.so"))) == 8


def test_changed_flags_change_the_fingerprint(core: Path) -> None:
    assert build_native.fingerprint(["zig 1", "-O2"]) != build_native.fingerprint(["zig 1", "-O3"])
    assert build_native.fingerprint(["zig 1", "-O2"]) != build_native.fingerprint(["zig 2", "-O2"])


def test_a_failed_build_keeps_the_old_library_and_is_tried_again(
    core: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = build_native.build("native")
    before = library.read_bytes()
    (core / "native" / "native.c").write_text(SOURCE.format(tail=" + undeclared"))
    for _ in range(2):
        assert build_native.main(["native"]) == build_native.EXIT_COMPILE_ERROR
    assert library.read_bytes() == before
    assert "undeclared" in capsys.readouterr().err


def test_missing_source_is_named(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_native.main(["guest"]) == build_native.EXIT_COMPILE_ERROR
    assert "core/guest/guest.c is missing" in capsys.readouterr().err


def test_asan_without_gcc_has_its_own_exit_code(
    core: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(core))
    assert build_native.main(["asan"]) == build_native.EXIT_NO_GCC
    assert "no gcc" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_asan_library_refers_to_the_sanitizer(core: Path) -> None:
    assert b"__asan_init" in build_native.build("asan").read_bytes()
