"""The page of violations is current, and what it is made from is read as it is declared."""

import pytest

from offchain.tools import gen_proof_coverage as coverage

SOURCE = '''"""What is attempted here.

More.
"""

@violation(rule="risk.md#7-margin", result="no proof", why="A reason.", status="bounded")
def first_one(chain):
    """Do
    wrong."""


def helper(chain):
    """Not one."""
'''


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "matching.py"
    path.write_text(SOURCE)
    return path


def test_group_of_a_file(source):
    group = coverage.read_group(source)
    assert (group.title, group.sentence) == ("Matching", "What is attempted here.")
    (found,) = group.violations
    assert (found.name, found.attempt) == ("first_one", "Do wrong.")
    assert (found.rule, found.status) == ("risk.md#7-margin", "bounded")
    row = next(row for row in coverage.page([group]).splitlines() if "first one" in row)
    link = "[risk: Margin](risk.md#7-margin)"
    assert row == f"| first one | Do wrong. | {link} | bounded | no proof | A reason. |"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('why="A reason.", ', "", "first_one has no"),
        ("#7-margin", "#7-margins", "risk.md has no section 7-margins"),
    ],
)
def test_wrong_declaration(old, new, message, source):
    source.write_text(SOURCE.replace(old, new))
    with pytest.raises(coverage.CoverageError, match=message):
        coverage.page([coverage.read_group(source)])


def test_violations_of_a_file_in_no_group(tmp_path, source):
    for name in coverage.GROUPS:
        (tmp_path / f"{name}.py").write_text(SOURCE)
    assert len(coverage.read_groups(tmp_path)) == len(coverage.GROUPS)
    (tmp_path / "forgotten.py").write_text(SOURCE)
    with pytest.raises(coverage.CoverageError, match=r"forgotten\.py is in no group"):
        coverage.read_groups(tmp_path)


def test_page_is_current():
    assert coverage.main(["--check"]) == 0


def test_outdated_page(tmp_path, monkeypatch, capsys):
    (tmp_path / coverage.PAGE).write_text("old\n")
    monkeypatch.setattr(coverage, "page", lambda groups: "new\n")
    monkeypatch.setattr(coverage, "SPEC", tmp_path)
    assert coverage.main(["--check"]) == 1
    assert capsys.readouterr().err == f"{coverage.PAGE} is outdated: {coverage.OUTDATED}\n"
    assert coverage.main([]) == 0
    assert (tmp_path / coverage.PAGE).read_text() == "new\n"
