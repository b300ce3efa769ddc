"""Generated pages for auditors: lines are counted as code, every error has a sentence."""

from offchain.settlement.error_meanings import MEANINGS, explained
from offchain.settlement.l1 import ContractRevertedError
from offchain.tools import gen_audit

SOURCE = '''\
# pragma version ==0.4.3
"""
@title Toy: counts
"""

LIMIT: constant(uint256) = 4  # a comment

event Counted:
    count: uint256


@external
def add(
    count: uint256,
) -> uint256:
    """
    @notice Adds.
    """
    # a comment
    assert count < LIMIT, "E01: too much"
    return (
        count
        + 1
    )
'''
CODE_LINES = 12
CONTRACTS = gen_audit.ROOT / gen_audit.CONTRACTS
SENTENCE_MAX = 110


def test_comments_docstrings_and_blank_lines_do_not_count():
    assert gen_audit.source_lines(SOURCE) == CODE_LINES
    assert gen_audit.source_lines('x: uint256\n"""doc\nstring\n"""\n') == 1


def test_every_error_has_one_sentence_and_no_sentence_is_left_over():
    strings = [error.string for error in gen_audit.errors(CONTRACTS)]
    assert sorted(strings) == sorted(MEANINGS)
    for string, sentence in MEANINGS.items():
        assert sentence[0].isupper(), string
        assert sentence.endswith("."), string
        assert len(sentence) <= SENTENCE_MAX, string


def test_pages_are_current():
    assert gen_audit.main(["--check"]) == 0


def test_an_outdated_page_is_named_and_not_written(monkeypatch, tmp_path, capsys):
    page = tmp_path / "scope.md"
    page.write_text("old\n")
    monkeypatch.setattr(gen_audit, "_pages", lambda: {page: "new\n"})
    assert gen_audit.main(["--check"]) == 1
    assert page.read_text() == "old\n"
    assert capsys.readouterr().err == "scope.md is outdated: run make gen\n"
    assert gen_audit.main([]) == 0
    assert page.read_text() == "new\n"


def test_an_error_without_sentence_is_named(monkeypatch, tmp_path, capsys):
    (tmp_path / "Toy.vy").write_text('assert x, "Z99: unheard of"\n')
    monkeypatch.setattr(gen_audit, "_pages", lambda: gen_audit.errors_page(tmp_path))
    assert gen_audit.main([]) == 1
    assert capsys.readouterr().err == f"'Z99: unheard of' {gen_audit.MISSING}\n"


def test_a_reverted_call_tells_what_to_do():
    error = ContractRevertedError("E02: chains do not ascend")
    assert str(error) == f"E02: chains do not ascend. {MEANINGS['E02: chains do not ascend']}"
    assert error.reason == "E02: chains do not ascend"
    for reason in ("no reason", "Z99: unheard of", "QUOTIENT_MISMATCH"):
        assert explained(reason) == str(ContractRevertedError(reason)) == reason
