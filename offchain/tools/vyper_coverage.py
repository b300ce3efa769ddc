"""Line coverage of contracts and their modules, from executions on the in-process EVM (py-evm).

Usage: ``ape test tests/contracts --vyper-coverage`` records, prints a table and writes
out/vyper-coverage.json. ``python -m offchain.tools.vyper_coverage out/vyper-coverage.json
--least 98`` fails when a file of contracts/, mocks excepted, is below 98 %.

While a Recorder runs, py-evm notes every program counter per code. Code is recognised by its
beginning (immutables follow runtime code, constructor arguments follow initcode), and Vyper's
own maps, of the initcode and of the runtime code, lead from a program counter to a statement.

A line is one on which a statement of a function begins, or a public variable whose getter is
compiled. It is hit when an instruction of it was executed. A function that no contract uses has
no code; its lines count as missing. `break`, `continue` and `return` without a value are no more
than a jump, which the compiler may thread away: such a line is left out, as is `pass`.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from eth.vm.code_stream import CodeStream
from eth.vm.opcode_values import JUMPI, PUSH2, STOP
from vyper import ast as vy_ast
from vyper.codegen.module import generate_ir_for_module
from vyper.compiler.phases import generate_assembly
from vyper.compiler.settings import anchor_settings
from vyper.exceptions import VyperException
from vyper.ir import compile_ir
from vyper.ir.optimizer import optimize

from offchain.tools import contract_lock

REPORT_PATH: Final = contract_lock.ROOT / "out" / "vyper-coverage.json"
MOCKS: Final = "mocks"

Line = tuple[Path, int]
Executed = Mapping[bytes, set[int]]


class CoverageError(Exception):
    """A contract does not compile, or nothing of any contract was executed."""


@dataclass(slots=True)
class Recorder:
    """Notes which program counters py-evm executes, as a context manager.

    Attributes
    ----------
    executed
        Program counters by code, initcode with its constructor arguments; and ~counter of each
        JUMPI that jumped.
    """

    executed: defaultdict[bytes, set[int]] = field(default_factory=lambda: defaultdict(set))
    _original: Any = None

    def __enter__(self) -> Self:
        """Replace py-evm's iteration over code; a contract that runs already is not seen."""
        executed = self.executed

        def recording(stream: Any) -> Iterator[int]:
            code = stream._raw_code_bytes  # noqa: SLF001 (as CodeStream.__iter__ reads it)
            note = executed[code].add
            while (position := stream.program_counter) < len(code):
                note(position)
                stream.program_counter = position + 1
                opcode = code[position]
                yield opcode
                if opcode == JUMPI and stream.program_counter != position + 1:
                    note(~position)
            yield STOP

        self._original = CodeStream.__iter__
        CodeStream.__iter__ = recording  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore py-evm."""
        CodeStream.__iter__ = self._original  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """Lines of one file.

    Attributes
    ----------
    lines
        All that can be hit, ascending.
    missing
        Those that were not, ascending.
    """

    lines: list[int]
    missing: list[int]

    @property
    def percent(self) -> float:
        """Share of lines that were hit, 0 to 100; a file without lines has 100."""
        if not self.lines:
            return 100.0
        return 100 * (len(self.lines) - len(self.missing)) / len(self.lines)

    def missing_ranges(self) -> str:
        """Return the missing lines, with ranges where no line between them was hit."""
        ranges: list[list[int]] = []
        previous_is_missing = False
        for line in self.lines:
            is_missing = line in self.missing
            if is_missing and previous_is_missing:
                ranges[-1][1] = line
            elif is_missing:
                ranges.append([line, line])
            previous_is_missing = is_missing
        return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges)


def measure(executed: Executed, contracts: Path | None = None) -> dict[str, FileCoverage]:
    """Compute the coverage of every source below a folder.

    Parameters
    ----------
    executed
        Program counters by code, as a Recorder has them.
    contracts
        Folder of the contracts, right below the root of their imports; the repository's
        contracts/ by default.

    Returns
    -------
    dict
        By path relative to the root, sorted.

    Raises
    ------
    CoverageError
        If a source does not compile, or no executed code is that of a contract here.
    """
    folder = (contracts or contract_lock.CONTRACTS_DIR).resolve()
    root = folder.parent
    compiled: set[Line] = set()
    hit: set[Line] = set()
    is_known = False
    for path in sorted(folder.rglob("*.vy")):
        if not path.stem[0].isupper():
            continue
        for code, code_map in _code_maps(path, root):
            compiled.update(code_map.values())
            for executed_code, counters in executed.items():
                if executed_code.startswith(code):
                    is_known = True
                    hit.update(code_map[counter] for counter in counters & code_map.keys())
    if not is_known:
        raise CoverageError(f"no contract of {folder.name}/ was executed in this process")
    report = {}
    for path in sorted(folder.rglob("*.vy")):
        lines = _lines(path, {line for file, line in compiled if file == path})
        missing = [line for line, shown_by in lines.items() if (path, shown_by) not in hit]
        report[path.relative_to(root).as_posix()] = FileCoverage(list(lines), missing)
    return report


def _code_maps(path: Path, root: Path) -> Iterator[tuple[bytes, dict[int, Line]]]:
    """Yield initcode and runtime code of a contract, and what its execution shows as lines."""
    compiler = contract_lock.compiler(path, root)
    settings = compiler.settings
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `ape compile` has shown the compiler's warnings
            with anchor_settings(settings):
                intermediate = generate_ir_for_module(compiler.global_ctx)
            plain = contract_lock.compiler(path, root)
            codes = plain.bytecode, plain.bytecode_runtime
    except VyperException as error:
        raise CoverageError(f"{path.relative_to(root)}: {error}") from error
    suffixes = bytes.fromhex(compiler.integrity_sum), None
    for code, ir, suffix in zip(codes, intermediate, suffixes, strict=True):
        assembly = generate_assembly(optimize(_attributed(ir, None)), settings.optimize)
        assembled, maps = compile_ir.assembly_to_evm(assembly, compiler_metadata=suffix)
        assert assembled == code, "the map is of the code that is deployed"
        yield code, _line_map(code, maps["pc_raw_ast_map"])


def _attributed(ir: Any, statement: Any) -> Any:
    """Copy intermediate code; every node gets the statement, or function, that it is part of.

    The compiler's own sources do not serve. Most nodes have none; its optimiser dissolves the one
    node of a statement that has it; and a node that stands for a variable is shared between the
    statements that read it and names the last of them.
    """
    node = copy.copy(ir)
    source = ir.ast_source
    is_outer = isinstance(source, vy_ast.Stmt | vy_ast.FunctionDef)
    # A getter's statements are made up by the compiler and have no line; its function has one.
    is_written = is_outer and source.get_original_node().lineno is not None
    node.ast_source = source if is_written else statement
    node.args = [_attributed(child, node.ast_source) for child in ir.args]
    return node


def _line_map(code: bytes, sources: Mapping[int, Any]) -> dict[int, Line]:
    """Return the line that each program counter, or ~counter of a JUMPI, is evidence for."""
    lines = {}
    for counter, node in sources.items():
        if isinstance(node, vy_ast.FunctionDef):
            continue
        # `if x: break` becomes one JUMPI whose target alone is of the `break`.
        after = counter + 3
        is_folded = (
            code[counter] == PUSH2 and code[after] == JUMPI and sources.get(after) is not node
        )
        evidence = ~after if is_folded else counter
        lines[evidence] = (Path(node.module_node.resolved_path), node.lineno)
    return lines


def _lines(path: Path, compiled: set[int]) -> dict[int, int]:
    """Return the lines of a file that can be hit, each with the line whose code shows it.

    Parameters
    ----------
    path
        Contract or module.
    compiled
        Lines of it that have code in some contract.
    """
    module = vy_ast.parse_to_ast(path.read_text(), is_interface=False)
    variables = {node.lineno for node in module.get_children(vy_ast.VariableDecl)}
    lines = {line: line for line in variables & compiled}
    for function in module.get_children(vy_ast.FunctionDef):
        _add_block(function.body, compiled, lines)
    return dict(sorted(lines.items()))


def _add_block(block: Sequence[Any], compiled: set[int], lines: dict[int, int]) -> None:
    previous: Any = None
    for node in block:
        line = node.lineno
        if isinstance(node, vy_ast.If | vy_ast.For):
            _add_block(node.body, compiled, lines)
            _add_block(getattr(node, "orelse", ()), compiled, lines)
        is_jump = isinstance(node, vy_ast.Break | vy_ast.Continue) or (
            isinstance(node, vy_ast.Return) and node.value is None
        )
        if isinstance(node, vy_ast.Pass) or (is_jump and line not in compiled):
            continue
        # The optimiser joins assignments in a row that copy memory; the first has the code.
        is_joined = line not in compiled and _is_assignment(node) and _is_assignment(previous)
        lines[line] = lines[previous.lineno] if is_joined else line
        previous = node


def _is_assignment(node: Any) -> bool:
    return isinstance(node, vy_ast.Assign | vy_ast.AnnAssign)


def table(report: Mapping[str, FileCoverage]) -> str:
    """Return one line per file: lines, hit, per cent, missing lines."""
    rows = [f"{'file':42} {'lines':>6} {'hit':>6} {'%':>6}  missing"]
    for name, file in report.items():
        hit = len(file.lines) - len(file.missing)
        rows.append(
            f"{name:42} {len(file.lines):>6} {hit:>6} {file.percent:>6.1f}"
            f"  {file.missing_ranges()}".rstrip()
        )
    return "\n".join(rows)


def write(report: Mapping[str, FileCoverage], path: Path = REPORT_PATH) -> None:
    """Write a report as JSON: per file its lines, the missing ones and the per cent hit."""
    content = {
        name: {"percent": round(file.percent, 2), "missing": file.missing, "lines": file.lines}
        for name, file in report.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content) + "\n")


def read(path: Path) -> dict[str, FileCoverage]:
    """Read a report that `write` has written.

    Raises
    ------
    CoverageError
        If there is none.
    """
    if not path.is_file():
        raise CoverageError(f"{path} does not exist; run ape test tests/contracts --vyper-coverage")
    content = json.loads(path.read_text())
    return {name: FileCoverage(file["lines"], file["missing"]) for name, file in content.items()}


def shortfalls(
    report: Mapping[str, FileCoverage], sources: Sequence[str], least_percent: float
) -> list[str]:
    """Name every file below a share of lines, one sentence each; mocks are excepted.

    Parameters
    ----------
    report
        Coverage by file.
    sources
        Files that the report must have.
    least_percent
        0 to 100.
    """
    found = []
    for name in sources:
        if MOCKS in Path(name).parts:
            continue
        if name not in report:
            found.append(f"{name} is not in the report")
        elif report[name].percent < least_percent:
            file = report[name]
            found.append(
                f"{name}: {file.percent:.1f} % of its lines are hit, at least {least_percent:g} %"
                f" must be; missing: {file.missing_ranges()}"
            )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a report and check it.

    Returns
    -------
    int
        0, or 1 if the report is missing or a file of contracts/ is below ``--least``.
    """
    parser = argparse.ArgumentParser(prog="vyper_coverage", description="Check line coverage.")
    parser.add_argument("report", type=Path, help="JSON file of a run with --vyper-coverage")
    parser.add_argument("--least", type=float, default=0.0, help="per cent of lines of each file")
    chosen = parser.parse_args(arguments)
    folder = contract_lock.CONTRACTS_DIR
    sources = [path.relative_to(folder.parent).as_posix() for path in sorted(folder.rglob("*.vy"))]
    try:
        report = read(chosen.report)
    except CoverageError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(report))
    found = shortfalls(report, sources, chosen.least)
    for sentence in found:
        print(sentence, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
