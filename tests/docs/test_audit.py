"""Auditors' pages: every test that they name exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "audit").glob("*.md"))
TEST_ID = re.compile(r"`([\w/.-]+\.py)::(\w+)`")
CHECKLIST = ROOT / "docs" / "audit" / "checklist.md"
LINES = range(16, 36)


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Names of the tests of a file: functions, and state machines that are given a test case."""
    tree = ast.parse(path.read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    cases = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return frozenset(
        {name for name in functions if name.startswith("test_")}
        | {name for name in cases | classes if name.startswith("Test")}
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_tests_exist(page):
    for file, name in TEST_ID.findall(page.read_text()):
        path = ROOT / "tests" / file
        assert path.is_file(), file
        assert name in functions_of(path), f"{file} has no {name}"


def test_every_line_of_the_checklist_has_a_test():
    rows = re.findall(
        r"^\| (\d+) \|(.*)$", (ROOT / "docs/audit/checklist.md").read_text(), re.MULTILINE
    )
    assert [int(number) for number, _ in rows] == list(LINES)
    for number, row in rows:
        assert TEST_ID.search(row), number


def test_every_invariant_has_a_test():
    rows = (ROOT / "docs/audit/invariants.md").read_text().partition("|---|---|\n")[2].splitlines()
    assert rows
    for row in rows:
        assert TEST_ID.search(row), row
