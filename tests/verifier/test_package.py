"""The verifier is one small package: short, plain Python, and nothing under it but the tables."""

import ast
import io
import tokenize
from pathlib import Path

import offchain.verifier

PACKAGE = Path(offchain.verifier.__file__).parent
CODE_LINES_MAX = 800
ALLOWED_IMPORTS = ("offchain.air", "offchain.security", "offchain.spec", "offchain.verifier")
LAYOUT_TOKENS = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            docstrings |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT_TOKENS:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def test_the_verifier_is_short():
    assert sum(code_lines(path.read_text()) for path in PACKAGE.glob("*.py")) <= CODE_LINES_MAX


def test_the_verifier_needs_nothing_but_a_keccak():
    standard = {"collections", "dataclasses", "enum", "operator", "struct", "typing", "__future__"}
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                is_ours = name.startswith(ALLOWED_IMPORTS)
                assert is_ours or name.split(".")[0] in standard | {"eth_hash"}, (path.name, name)
