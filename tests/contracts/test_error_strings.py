"""Every error of the contracts has its own string and a test that hits it."""

import re
from collections import Counter
from pathlib import Path

from vyper.ast import parse_to_ast
from vyper.ast.nodes import Assert

from offchain.verifier.rejection import Reason
from tests.contracts.support import CONTRACTS, VERIFIER, error_sites

TESTS = Path(__file__).resolve().parent
REVERT_CALL = re.compile(r'reverts\("([A-Z]\d\d)"\)')
PARAMETER = re.compile(r'\("([A-Z]\d\d)", \{')
LOOKED_UP = re.compile(r'ERRORS\["([A-Z]\d\d)"\]')
REASON = re.compile(r'"([A-Z_]{5,})"')
ONLY_ON_L1 = {
    "OUTPUT_TOO_LONG",
    "RUN_UNKNOWN",
    "RUN_STATE_MISMATCH",
    "RUN_EXPIRED",
    "RUN_NOT_EXPIRED",
    "WRONG_STAGE",
    "WRONG_FINAL_POLYNOMIAL",
    "HELPER_CODE_MISMATCH",
    "WRONG_PADDING",
    "WRONG_SELECTOR",
}
"""Reasons about the hand-over between parts and about deployment."""
NOT_ON_L1 = {"INSECURE_PARAMETERS"}  # accepted sets have their bits at every height


def test_strings_and_codes_are_unique():
    sites = error_sites()
    assert [code for code, n in Counter(code for code, _ in sites).items() if n > 1] == []
    assert [text for text, n in Counter(t.split(": ")[1] for _, t in sites).items() if n > 1] == []


def test_codes_have_no_holes():
    codes = sorted(code for code, _ in error_sites())
    for letter in {code[0] for code in codes}:
        numbers = [int(code[1:]) for code in codes if code[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1))


def test_every_assert_has_an_error():
    for path in CONTRACTS.rglob("*.vy"):
        if "mocks" in path.parts or path in VERIFIER:
            continue
        source = path.read_text()
        assert source.count("assert ") == len(re.findall(r'"[A-Z]\d\d: ', source)), path.name


def test_every_error_is_hit():
    tested = {
        code
        for path in TESTS.rglob("test_*.py")
        for pattern in (REVERT_CALL, PARAMETER, LOOKED_UP)
        for code in pattern.findall(path.read_text())
    }
    assert {code for code, _ in error_sites()} - tested == set()


def test_the_verifier_gives_the_reasons_of_the_python_verifier():
    given = {reason for path in VERIFIER for reason in REASON.findall(path.read_text())}
    assert given == {reason.name for reason in Reason} - NOT_ON_L1 | ONLY_ON_L1


def test_every_assert_of_the_verifier_has_a_reason():
    for path in VERIFIER:
        for node in parse_to_ast(path.read_text()).get_descendants(Assert):
            assert node.msg is not None, f"{path.name}:{node.lineno}"
