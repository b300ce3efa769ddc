"""Every function that a page of docs/math names exists in the file that it names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/math").glob("*.md"))
COLUMNS = 6
ROW = re.compile(r"\| `([a-z_/]+)\.([a-z_0-9]+)` \| `([a-z_]+\.h) (hr_[a-z_0-9]+)` \|$")


def rows(page: Path) -> list[tuple[str, str, str, str]]:
    """Return (spec module, spec function, core file, core function) of each row of a table."""
    return [match.groups() for line in page.read_text().splitlines() if (match := ROW.search(line))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_named_functions_exist(page: Path) -> None:
    for module, function, header, c_function in rows(page):
        spec = (ROOT / "offchain/spec" / f"{module}.py").read_text()
        assert f"def {function}(" in spec, f"{module}.{function}"
        core = (ROOT / "offchain/core/src" / header).read_text()
        assert f"{c_function}(" in core, f"{header} {c_function}"


def test_every_formula_names_its_functions() -> None:
    for page in PAGES:
        formulas = [
            line
            for line in page.read_text().splitlines()
            if line.replace("\\|", "").count("|") == COLUMNS + 1
            and not line.startswith(("| what |", "|---"))
        ]
        assert len(rows(page)) == len(formulas), page.name
