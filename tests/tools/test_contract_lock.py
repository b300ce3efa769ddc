"""The lock of compiled contracts, on a toy contract that imports a module."""

from pathlib import Path

import pytest

from offchain.tools import contract_lock

CONTRACT = """# pragma version ==0.4.3
from contracts.lib import figures
LIMIT: immutable(uint256)
total: uint256
@deploy
def __init__():
    LIMIT = 5
@external
def value() -> uint256:
    self.total += 1
    return figures._value() + LIMIT
"""
MODULE = """# pragma version ==0.4.3
@internal
@pure
def _value() -> uint256:
    return {value}
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    contracts = tmp_path / "contracts"
    (contracts / "lib").mkdir(parents=True)
    (contracts / "Toy.vy").write_text(CONTRACT)
    (contracts / "lib" / "figures.vy").write_text(MODULE.format(value=1))
    monkeypatch.setattr(contract_lock, "ROOT", tmp_path)
    monkeypatch.setattr(contract_lock, "CONTRACTS_DIR", contracts)
    monkeypatch.setattr(contract_lock, "LOCK_PATH", tmp_path / "contracts.lock.json")
    return contracts


def _runtime_code(contracts: Path) -> bytes:
    code: bytes = contract_lock.compiler(contracts / "Toy.vy").bytecode_runtime
    return code


def test_check_passes_right_after_writing(toy: Path) -> None:
    assert contract_lock.main([]) == 0
    assert contract_lock.main(["--check"]) == 0


def test_check_fails_without_a_lock(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert contract_lock.main(["--check"]) == 1
    assert "Toy is not locked; run make compile" in capsys.readouterr().err


def test_changed_module_is_noticed(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract_lock.main([])
    built = {"Toy": _runtime_code(toy)}
    assert contract_lock.outdated(built) == []

    (toy / "lib" / "figures.vy").write_text(MODULE.format(value=2))
    assert contract_lock.outdated(built) == ["the source of Toy or a module of it has changed"]
    assert contract_lock.main(["--check"]) == 1
    assert "Toy has changed: integrity, runtime_keccak" in capsys.readouterr().err


def test_code_built_from_older_modules_is_noticed(toy: Path) -> None:
    built = {"Toy": _runtime_code(toy)}
    (toy / "lib" / "figures.vy").write_text(MODULE.format(value=2))
    contract_lock.main([])
    assert contract_lock.outdated(built) == ["the compiled Toy is not the locked one"]
    assert contract_lock.outdated({}) == ["the compiled Toy is not the locked one"]
    assert contract_lock.outdated({"Toy": _runtime_code(toy)}) == []


def test_moved_storage_changes_the_layout_only_in_its_field(toy: Path) -> None:
    before = contract_lock.build_lock()["Toy"]
    source = CONTRACT.replace("total: uint256", "spare: uint256\ntotal: uint256")
    (toy / "Toy.vy").write_text(source)
    after = contract_lock.build_lock()["Toy"]
    assert after["layout_keccak"] != before["layout_keccak"]


def test_immutables_count_towards_the_size(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = contract_lock.build_lock()["Toy"]["runtime_bytes"]
    monkeypatch.setattr(contract_lock, "MAX_CODE_BYTES", size + 32)
    assert contract_lock.main([]) == 0
    monkeypatch.setattr(contract_lock, "MAX_CODE_BYTES", size + 31)
    assert contract_lock.main([]) == 1
    assert f"Toy.vy: {size + 32} bytes of code" in capsys.readouterr().err


def test_initcode_has_its_own_limit(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = contract_lock.build_lock()["Toy"]["initcode_bytes"]
    monkeypatch.setattr(contract_lock, "MAX_INITCODE_BYTES", size)
    assert contract_lock.main([]) == 0
    monkeypatch.setattr(contract_lock, "MAX_INITCODE_BYTES", size - 1)
    assert contract_lock.main([]) == 1
    assert f"Toy.vy: {size} bytes of initcode" in capsys.readouterr().err


def test_sizes_are_shown_beside_their_limits(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract_lock.main([])
    entry = contract_lock.build_lock()["Toy"]
    assert entry["deployed_bytes"] == entry["runtime_bytes"] + 32
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[:2] == ["Toy", str(entry["deployed_bytes"])]
    assert row[3] == str(entry["initcode_bytes"])


def test_a_contract_without_source_is_named(toy: Path) -> None:
    lock = contract_lock.build_lock()
    assert contract_lock.differences(lock, {}) == ["Toy is locked but has no source"]
