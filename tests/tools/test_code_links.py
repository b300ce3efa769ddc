"""Line numbers in links from pages into code, on a toy page."""

import pytest

from offchain.tools import code_links

SOURCE = '''\
"""Sums; `_add` is below. TRUNCATED is a reason."""

struct Sums:
    total: uint256

LIMIT: constant(uint256) = 4

interface Adder:
    def _add(total: uint256): view
    def other(): view

@internal
def _add(total: uint256):
    assert total < LIMIT, "TRUNCATED"
    assert total > 0, "TRUNCATED"

@internal
def _add_all():
    _add(1)
'''
PAGE = """\
[`sums._add`](../../src/sums.vy#L1) and [`_add_all`](../../src/sums.vy#L99),
[`TRUNCATED`](../../src/sums.vy#L1), [`sums.Sums`](../../src/sums.vy#L3),
[`sums.LIMIT`](../../src/sums.vy#L5), [`other`](../../src/sums.vy#L1);
[a section](other.md#L1), `sums._add`
"""
CURRENT = """\
[`sums._add`](../../src/sums.vy#L13) and [`_add_all`](../../src/sums.vy#L18),
[`TRUNCATED`](../../src/sums.vy#L14), [`sums.Sums`](../../src/sums.vy#L3),
[`sums.LIMIT`](../../src/sums.vy#L6), [`other`](../../src/sums.vy#L10);
[a section](other.md#L1), `sums._add`
"""


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(code_links, "ROOT", tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "sums.vy").write_text(SOURCE)
    path = tmp_path / "docs" / "audit" / "sums.md"
    path.parent.mkdir(parents=True)
    path.write_text(PAGE)
    return path


def test_numbers_are_rewritten_and_nothing_else(page, capsys):
    assert code_links.main([]) == 0
    assert page.read_text() == CURRENT
    assert capsys.readouterr().err == ""
    assert code_links.main(["--check"]) == 0


def test_a_check_names_each_stale_link_and_writes_nothing(page, capsys):
    assert code_links.main(["--check"]) == 1
    assert page.read_text() == PAGE
    assert capsys.readouterr().err.splitlines() == [
        f"docs/audit/sums.md:{place} of src/sums.vy, not {old}; run make gen"
        for place, old in (
            ("1: sums._add is at line 13", 1),
            ("1: _add_all is at line 18", 99),
            ("2: TRUNCATED is at line 14", 1),
            ("3: sums.LIMIT is at line 6", 5),
            ("3: other is at line 10", 1),
        )
    ]


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("[`sums._gone`](../../src/sums.vy#L1)", "src/sums.vy has no sums._gone"),
        ("[`GRINDING`](../../src/sums.vy#L1)", "src/sums.vy has no GRINDING"),
        ("[`a._add`](../../src/gone.vy#L1)", "src/gone.vy does not exist"),
        ("[`sums._twice`](../../src/sums.vy#L1)", "src/sums.vy defines sums._twice more than once"),
    ],
)
def test_a_link_that_leads_nowhere_is_named_and_the_others_are_rewritten(
    page, capsys, link, sentence
):
    source = page.parents[2] / "src" / "sums.vy"
    source.write_text(SOURCE + "\ndef _twice():\n    pass\n\ndef _twice():\n    pass\n")
    page.write_text(f"{link}\n{PAGE}")
    assert code_links.main([]) == 1
    assert page.read_text() == f"{link}\n{CURRENT}"
    assert capsys.readouterr().err == f"docs/audit/sums.md:1: {sentence}\n"


def test_a_page_without_links_stays(page, capsys):
    page.write_text("Nothing here.\n")
    assert code_links.main([]) == 0
    assert page.read_text() == "Nothing here.\n"
