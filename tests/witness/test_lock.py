"""The batch program is the committed one, whoever builds it."""

import hashlib

from offchain.prover import native_build
from offchain.tools import build_native, program_lock
from offchain.zkvm.guest_build import build_guest


def test_two_builds_are_equal(tmp_path) -> None:
    source = build_native.CORE_DIR / "guest" / "batch.c"
    first, second = tmp_path / "first" / "batch.elf", tmp_path / "second" / "other.elf"
    for out in (first, second):
        build_guest([source], out, build_native.INCLUDE_DIRS, build_native.BATCH_FLAGS)
    assert first.read_bytes() == second.read_bytes()
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert digest == program_lock.read_lock()["elf_sha256"], program_lock.OUTDATED


def test_program_ids_are_those_of_the_lock() -> None:
    native_build.build_all()
    assert program_lock.main(["--check"]) == 0, program_lock.OUTDATED


def test_check_notices_another_program(monkeypatch, capsys) -> None:
    lock = program_lock.read_lock()
    monkeypatch.setattr(program_lock, "make_lock", lambda: {**lock, "elf_sha256": "00"})
    assert program_lock.main(["--check"]) == 1
    assert program_lock.OUTDATED in capsys.readouterr().err
