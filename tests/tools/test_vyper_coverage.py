"""Coverage of contracts on toy contracts whose executed lines are known."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth.vm.code_stream import CodeStream
from eth_abi import encode
from eth_hash.auto import keccak
from eth_tester import EthereumTester, PyEVMBackend

from offchain.tools import contract_lock, vyper_coverage
from offchain.tools.vyper_coverage import CoverageError, FileCoverage, Recorder

# Comments name the statements; the tests look their lines up.
MODULE = """# pragma version ==0.4.3
STEP: immutable(uint256)
count: public(uint256)
spare: public(uint256)

@deploy
def __init__(step: uint256):
    if step > 9:
        self.spare = step  # large step
    STEP = step

@internal
def _grow(kind: uint256, weight: uint256) -> uint256:
    first: uint256 = kind  # copy one
    second: uint256 = weight  # copy two
    third: uint256 = second
    if kind == 0:  # kinds
        return STEP  # kind zero
    elif (
        kind == 1  # inside the elif
    ):
        self.count += 1  # kind one
    else:
        self.count += 2  # other kind
    for i: uint256 in range(3):  # loop
        if i == kind:
            continue
        if i + kind == 7:
            break
        third += i
    self._stop(kind)
    return third

@internal
def _stop(kind: uint256):
    if kind == 6:
        return
    self.count += 1  # not stopped

@internal
def _unused() -> uint256:
    return 1  # in no contract
"""
CONTRACT = """# pragma version ==0.4.3
from contracts.lib import growth

initializes: growth
exports: growth.count

LIMIT: immutable(uint256)

@deploy
def __init__(step: uint256, limit: uint256):
    growth.__init__(step)
    LIMIT = limit  # limit

@external
@view
def limit() -> uint256:
    return LIMIT  # get limit

@external
def grow(kind: uint256) -> uint256:
    assert kind < LIMIT, "too large"
    return growth._grow(kind, kind)  # grow
"""


class Toy:
    """The toy contract on an EVM of its own."""

    def __init__(self, contracts: Path) -> None:
        self.path = contracts / "Toy.vy"
        self.module = contracts / "lib" / "growth.vy"
        self.tester = EthereumTester(PyEVMBackend())
        self.sender = self.tester.get_accounts()[0]
        self.address = ""

    def deploy(self, step: int = 2) -> None:
        compiled: bytes = contract_lock.compiler(self.path, self.path.parents[1]).bytecode
        self.address = ""
        assert self.send(None, compiled + encode(["uint256"] * 2, [step, 100]))

    def call(self, signature: str, *arguments: int) -> bool:
        selector = keccak(signature.encode())[:4]
        return self.send(self.address, selector + encode(["uint256"] * len(arguments), arguments))

    def send(self, receiver: str | None, data: bytes) -> bool:
        transaction: dict[str, Any] = {
            "from": self.sender,
            "data": "0x" + data.hex(),
            "gas": 2_000_000,
            "max_fee_per_gas": 10**10,
            "max_priority_fee_per_gas": 10**9,
        }
        if receiver:
            transaction["to"] = receiver
        sent = self.tester.send_transaction(transaction)
        receipt = self.tester.get_transaction_receipt(sent)
        self.address = self.address or receipt["contract_address"]
        return bool(receipt["status"])

    def grow(self, *kinds: int) -> None:
        for kind in kinds:
            assert self.call("grow(uint256)", kind)

    def measure(self, recorder: Recorder) -> tuple[FileCoverage, FileCoverage]:
        report = vyper_coverage.measure(recorder.executed, self.path.parent)
        return report["contracts/Toy.vy"], report["contracts/lib/growth.vy"]


def line(text: str, source: str = MODULE) -> int:
    """Number of the only line that contains a text."""
    (found,) = [n for n, row in enumerate(source.splitlines(), 1) if text in row]
    return found


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    contracts = tmp_path / "contracts"
    (contracts / "lib").mkdir(parents=True)
    (contracts / "Toy.vy").write_text(CONTRACT)
    (contracts / "lib" / "growth.vy").write_text(MODULE)
    return Toy(contracts)


UNUSED = line("# in no contract")
LARGE = line("# large step")


def test_branches_of_a_module_that_were_not_taken_are_missing(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy()
        toy.grow(0)
    contract, module = toy.measure(recorder)
    assert contract.missing == [line("# get limit", CONTRACT)]
    taken = {"# kinds", "# kind zero", "# copy one", "# copy two", "third: uint256", "step > 9"}
    hit = set(module.lines) - set(module.missing)
    assert hit == {line(text) for text in taken} | {line("STEP = step")}


def test_each_branch_is_told_apart(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy()
        toy.grow(1)
    _, module = toy.measure(recorder)
    texts = ["# kind zero", "# other kind", "# large step", "break", "return\n", "count: public"]
    expected = {line(text) for text in texts if text != "return\n"} | {UNUSED}
    bare_return = MODULE.splitlines().index("        return") + 1
    assert set(module.missing) == expected | {bare_return}


def test_a_jump_folded_into_its_condition_is_hit_only_when_taken(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy()
        toy.grow(9)
    _, before = toy.measure(recorder)
    assert {line("continue"), line("break")} <= set(before.missing)
    with recorder:
        toy.grow(2)
    _, after_continue = toy.measure(recorder)
    assert line("continue") not in after_continue.missing
    assert line("break") in after_continue.missing
    with recorder:
        toy.grow(5)
    _, after_break = toy.measure(recorder)
    assert line("break") not in after_break.missing


def test_fully_exercised_contract_has_all_lines(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy(step=10)
        toy.grow(0, 1, 2, 5, 6)
        toy.call("limit()")
        toy.call("count()")
    contract, module = toy.measure(recorder)
    assert (contract.percent, contract.missing) == (100.0, [])
    assert module.missing == [UNUSED]
    toy.module.write_text(MODULE[: MODULE.index("@internal\ndef _unused")])
    with recorder:
        toy.deploy(step=10)
        toy.grow(0, 1, 2, 5, 6)
        toy.call("count()")
    assert toy.measure(recorder)[1].percent == 100.0


def test_constructor_counts_only_what_it_executed(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy(step=10)
    contract, module = toy.measure(recorder)
    assert line("# limit", CONTRACT) not in contract.missing
    assert line("# grow", CONTRACT) in contract.missing
    assert LARGE not in module.missing
    assert line("# kinds") in module.missing


def test_failed_check_hits_its_line_and_none_behind(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy()
        assert not toy.call("grow(uint256)", 100)
    contract, _ = toy.measure(recorder)
    assert line("too large", CONTRACT) not in contract.missing
    assert line("# grow", CONTRACT) in contract.missing


def test_nothing_is_recorded_outside_and_py_evm_is_restored(toy: Toy) -> None:
    original = CodeStream.__iter__
    with Recorder() as recorder:
        toy.deploy()
    assert CodeStream.__iter__ is original
    toy.grow(0)
    assert line("# kinds") in toy.measure(recorder)[1].missing


def test_code_of_other_contracts_is_no_coverage(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy()
    toy.path.write_text(CONTRACT.replace("kind < LIMIT", "kind <= LIMIT"))
    with pytest.raises(CoverageError, match="no contract of contracts/ was executed"):
        toy.measure(recorder)


def test_source_that_does_not_compile_is_an_error(toy: Toy) -> None:
    with Recorder() as recorder:
        toy.deploy()
    toy.path.write_text(CONTRACT.replace("growth._grow", "growth._shrink"))
    with pytest.raises(CoverageError, match=r"contracts/Toy\.vy: .*_shrink"):
        toy.measure(recorder)


def test_ranges_join_lines_without_a_hit_between() -> None:
    assert FileCoverage([3, 4, 8, 9, 12], [4, 8, 12]).missing_ranges() == "4-8, 12"
    assert FileCoverage([3], []).missing_ranges() == ""


@pytest.fixture
def report(toy: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(contract_lock, "CONTRACTS_DIR", toy.path.parent)
    path = tmp_path / "out" / "coverage.json"
    vyper_coverage.write(
        {
            "contracts/Toy.vy": FileCoverage(list(range(100)), [7]),
            "contracts/lib/growth.vy": FileCoverage([1, 2], []),
        },
        path,
    )
    return path


def test_command_fails_below_the_least_share(
    report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vyper_coverage.main([str(report), "--least", "99"]) == 0
    assert vyper_coverage.main([str(report), "--least", "99.5"]) == 1
    error = capsys.readouterr().err
    assert error == (
        "contracts/Toy.vy: 99.0 % of its lines are hit, at least 99.5 % must be; missing: 7\n"
    )


def test_command_fails_for_a_source_without_a_report(
    report: Path, toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    (toy.path.parent / "Other.vy").write_text("")
    (toy.path.parent / "mocks").mkdir()
    (toy.path.parent / "mocks" / "AMock.vy").write_text("")
    assert vyper_coverage.main([str(report)]) == 1
    assert capsys.readouterr().err == "contracts/Other.vy is not in the report\n"


def test_command_fails_without_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert vyper_coverage.main([str(tmp_path / "none.json")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_report_is_json_by_file(report: Path) -> None:
    assert json.loads(report.read_text())["contracts/lib/growth.vy"] == {
        "percent": 100.0,
        "missing": [],
        "lines": [1, 2],
    }
