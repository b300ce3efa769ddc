"""Merged NatSpec and its lint, on a toy contract with a module and an interface."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from vyper.compiler.output import build_abi_output
from web3 import Web3

from offchain.tools import contract_lock, natspec

CONTRACT = '''# pragma version ==0.4.3
"""
@title Toy
@notice Counts.
@custom:kill None.
"""
from contracts.lib import counter
from interfaces import IToy

implements: IToy
initializes: counter
exports: (counter.count, counter.total_of)

struct Pair:
    left: uint256
    right: DynArray[bytes32, 3]

LIMIT: immutable(uint256)
# No notice: the function below has its own.
plain: uint256

@deploy
def __init__(limit: uint256):
    """
    @notice Create a toy.
    @param limit Largest step.
    """
    LIMIT = limit

@external
def step(amount: uint256, times: uint256 = 1) -> uint256:
    """
    @dev Adds once.
    @param times How often.
    """
    assert amount <= LIMIT
    return counter._add(amount * times)

@external
@view
def pair(left: Pair) -> (uint256, Pair):
    """
    @notice Both sides.
    @param left One side.
    @return Total.
    @return The same pair.
    """
    return left.left, left

@external
@payable
def __default__():
    """
    @notice Take ether.
    """
    pass
'''
MODULE = '''# pragma version ==0.4.3
# @notice Something was counted.
# @param amount How much,
#        as far as known.
event Counted:
    amount: indexed(uint256)

# @notice Count so far.
count: public(uint256)
_totals: HashMap[address, uint256]

@external
@view
def total_of(user: address) -> uint256:
    """
    @notice Total of a user.
    @param user Anyone.
    @return Sum.
    """
    return self._totals[user]

@internal
def _add(amount: uint256) -> uint256:
    self.count += amount
    log Counted(amount=amount)
    return self.count
'''
INTERFACE = '''# pragma version ==0.4.3
@external
def step(size: uint256, repeat: uint256) -> uint256:
    """
    @notice Add to the count.
    @param size Step.
    @param repeat Not shown: the contract has its own text.
    @return New count.
    """
    ...
'''

Files = Mapping[str, Path]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    files = {
        "contract": tmp_path / "contracts" / "Toy.vy",
        "module": tmp_path / "contracts" / "lib" / "counter.vy",
        "interface": tmp_path / "interfaces" / "IToy.vyi",
    }
    for path, text in zip(files.values(), (CONTRACT, MODULE, INTERFACE), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(contract_lock, "ROOT", tmp_path)
    monkeypatch.setattr(contract_lock, "CONTRACTS_DIR", tmp_path / "contracts")
    return {**files, "json": tmp_path / "interfaces" / "abi" / "Toy.json"}


def _entries(toy: Files) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = natspec.document(toy["contract"]).content["abi"]
    return entries


def _docs(toy: Files, name: str) -> list[dict[str, Any]]:
    return [entry["natspec"] for entry in _entries(toy) if entry.get("name") == name]


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_abi_is_the_compilers(toy: Files) -> None:
    bare = [{k: v for k, v in entry.items() if k != "natspec"} for entry in _entries(toy)]
    assert bare == build_abi_output(contract_lock.compiler(toy["contract"]))
    assert {"fallback", "constructor", "event", "function"} == {entry["type"] for entry in bare}


def test_abi_with_natspec_serves_a_client(toy: Files) -> None:
    client = Web3().eth.contract(abi=_entries(toy))
    assert {function.fn_name for function in client.all_functions()} == {
        "count", "pair", "step", "total_of",
    }  # fmt: skip


def test_contract_has_its_own_natspec(toy: Files) -> None:
    content = natspec.document(toy["contract"]).content
    assert content["contract"] == "Toy"
    assert content["natspec"] == {"title": "Toy", "notice": "Counts.", "custom:kill": "None."}


def test_exported_functions_and_events_bring_those_of_their_module(toy: Files) -> None:
    assert _docs(toy, "total_of") == [
        {"notice": "Total of a user.", "params": {"user": "Anyone."}, "returns": ["Sum."]}
    ]
    assert _docs(toy, "count") == [{"notice": "Count so far."}]
    assert _docs(toy, "Counted") == [
        {"notice": "Something was counted.", "params": {"amount": "How much, as far as known."}}
    ]


def test_interface_fills_what_the_implementation_leaves_out(toy: Files) -> None:
    short, full = _docs(toy, "step")
    assert full == {
        "notice": "Add to the count.",
        "dev": "Adds once.",
        "params": {"amount": "Step.", "times": "How often."},
        "returns": ["New count."],
    }
    assert short == {**full, "params": {"amount": "Step."}}


def test_several_returned_values_keep_their_order(toy: Files) -> None:
    assert _docs(toy, "pair")[0]["returns"] == ["Total.", "The same pair."]


def test_documented_contract_has_no_holes(toy: Files) -> None:
    assert natspec.document(toy["contract"]).holes == []


@pytest.mark.parametrize(
    ("file", "old", "new", "hole"),
    [
        ("contract", "@notice Counts.\n", "", "contracts/Toy.vy: the contract has no @notice"),
        ("contract", "@notice Create a toy.", "@dev Create.", "Toy.vy:23: __init__ has no @notice"),
        (
            "contract",
            "    @param limit Largest step.\n",
            "",
            "Toy.vy:23: __init__ does not document its parameter limit",
        ),
        ("contract", "    @return The same pair.\n", "", "documents 1 of 2 returned values"),
        ("contract", "@notice Take ether.", "@dev Ether.", "__default__ has no @notice"),
        ("interface", "    @param size Step.\n", "", "step does not document its parameter amount"),
        ("interface", "    @return New count.\n", "", "step documents 0 of 1 returned values"),
        ("module", "@param user", "@dev", "counter.vy:14: total_of does not document its"),
        ("module", "# @notice Count so far.\n", "", "counter.vy:8: count has no @notice"),
        ("module", "# @notice Count so far.", "# Count so far.", "count has no @notice"),
        (
            "module",
            "# @notice Something was counted.\n",
            "",
            "counter.vy:4: event Counted has no @notice",
        ),
        (
            "module",
            "# @param amount How much,\n#        as far as known.\n",
            "",
            "event Counted does not document its parameter amount",
        ),
    ],
)
def test_each_hole_is_named(
    toy: Files, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, hole: str
) -> None:
    _replace(toy[file], old, new)
    assert natspec.main([]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert hole in sentence
    assert not toy["json"].exists()


def test_check_passes_right_after_writing(toy: Files) -> None:
    assert natspec.main([]) == 0
    assert natspec.main(["--check"]) == 0
    written = json.loads(toy["json"].read_text())
    assert written == natspec.document(toy["contract"]).content


def test_check_notices_a_change_in_a_module(toy: Files, capsys: pytest.CaptureFixture[str]) -> None:
    natspec.main([])
    _replace(toy["module"], "Total of a user.", "Sum of a user.")
    before = toy["json"].read_text()
    assert natspec.main(["--check"]) == 1
    assert "interfaces/abi/Toy.json is not current; run make compile" in capsys.readouterr().err
    assert toy["json"].read_text() == before


def test_file_without_a_contract_is_noticed_and_removed(toy: Files) -> None:
    natspec.main([])
    surplus = toy["json"].with_name("Gone.json")
    surplus.write_text("{}")
    assert natspec.main(["--check"]) == 1
    assert natspec.main([]) == 0
    assert not surplus.exists()


def test_contract_that_does_not_compile_fails(
    toy: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    _replace(toy["contract"], "assert amount <= LIMIT", "assert amount <= LIMIT + undefined")
    assert natspec.main(["--check"]) == 1
    assert "contracts/Toy.vy: " in capsys.readouterr().err


def test_unknown_tag_in_a_comment_fails(toy: Files, capsys: pytest.CaptureFixture[str]) -> None:
    _replace(toy["module"], "# @param amount", "# @parameter amount")
    assert natspec.main([]) == 1
    assert "Unknown NatSpec field '@parameter'" in capsys.readouterr().err
