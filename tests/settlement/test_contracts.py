"""Compilation and its cache."""

import pytest
from vyper.exceptions import VyperException

from offchain.settlement import contracts

TOKEN = "contracts/mocks/TokenMock.vy"


def test_cache_gives_the_same(tmp_path):
    first = contracts.compile_contract(TOKEN, tmp_path)
    (entry,) = tmp_path.iterdir()
    assert entry.name == f"TokenMock-{first.integrity}.json"
    assert contracts.compile_contract(TOKEN, tmp_path) == first
    assert first.bytecode.startswith("0x")


def test_edited_module_is_compiled_again(tmp_path, monkeypatch):
    """The stale-bytecode trap: only an imported module changes."""
    monkeypatch.setattr(contracts, "REPOSITORY_ROOT", tmp_path)
    (tmp_path / "library.vy").write_text("NUMBER: constant(uint256) = 1\n")
    (tmp_path / "User.vy").write_text(
        "import library\n\n@external\n@pure\ndef number() -> uint256:\n    return library.NUMBER\n"
    )
    first = contracts.compile_contract("User.vy", tmp_path)
    (tmp_path / "library.vy").write_text("NUMBER: constant(uint256) = 2\n")
    second = contracts.compile_contract("User.vy", tmp_path)
    assert first.integrity != second.integrity
    assert first.bytecode != second.bytecode


def test_missing_source(tmp_path):
    with pytest.raises(FileNotFoundError, match="no contract source"):
        contracts.compile_contract("contracts/Missing.vy", tmp_path)
    with pytest.raises(FileNotFoundError, match="0 contract sources"):
        contracts.compiled_by_name("Missing")


def test_source_that_does_not_compile(tmp_path, monkeypatch):
    monkeypatch.setattr(contracts, "REPOSITORY_ROOT", tmp_path)
    (tmp_path / "Broken.vy").write_text("x: public(nothing)\n")
    with pytest.raises(VyperException):
        contracts.compile_contract("Broken.vy", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["Broken.vy"]
