"""Generate what docs/audit counts or lists: lines of the contracts in scope, and their errors.

Usage: ``python -m offchain.tools.gen_audit`` rewrites the table in docs/audit/scope.md and all of
docs/audit/errors.md; ``--check`` fails when they differ from the sources. A line counts (SLOC) if
it has code: blank lines, comments and docstrings do not.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offchain.settlement.error_meanings import MEANINGS

ROOT: Final = Path(__file__).resolve().parents[2]
CONTRACTS: Final = "contracts"
SCOPE: Final = "docs/audit/scope.md"
ERRORS: Final = "docs/audit/errors.md"
OUTDATED: Final = "run make gen"
MISSING: Final = "has no sentence in offchain/settlement/error_meanings.toml"
OUT_OF_SCOPE: Final = ("mocks", "devnet")
"""Folders of contracts for tests and local networks."""
VERIFIER: Final = ("ConstraintEvaluator", "FriVerifier", "OpeningsVerifier", "StarkVerifier")
BEGIN, END = "<!-- begin generated -->\n", "<!-- end generated -->\n"

_TITLE: Final = re.compile(r"^@title (.+)$", re.MULTILINE)
_ERROR: Final = re.compile(r'"([A-Z]\d\d): ([^"]+)"')
_NOTHING: Final = "-"
_NO_CODE: Final = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}


class MissingMeaningError(Exception):
    """An error of the contracts has no sentence."""


@dataclass(frozen=True, slots=True)
class ContractError:
    """An error of the contracts.

    Attributes
    ----------
    code, text
        ``E01`` and ``chain is frozen``.
    path
        Source, relative to the folder of the contracts.
    """

    code: str
    text: str
    path: str

    @property
    def string(self) -> str:
        """What the contract says."""
        return f"{self.code}: {self.text}"


def source_lines(source: str) -> int:
    """Count the lines of a Vyper source that have code.

    Parameters
    ----------
    source
        Text of a contract, module or interface; its tokens are those of Python.
    """
    lines: set[int] = set()
    begins_statement = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _NO_CODE:
            if token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}:
                begins_statement = True
            continue
        is_docstring = begins_statement and token.type == tokenize.STRING
        if not is_docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
        begins_statement = False
    return len(lines)


def errors(contracts: Path) -> list[ContractError]:
    """Return the errors of all contracts but mocks, by code.

    Parameters
    ----------
    contracts
        Folder of the contracts.
    """
    found = [
        ContractError(code, text, path.relative_to(contracts).as_posix())
        for path in (*_sources(contracts), *sorted((contracts / "devnet").glob("*.vy")))
        for code, text in _ERROR.findall(path.read_text())
    ]
    return sorted(found, key=lambda error: error.code)


def scope_table(root: Path) -> str:
    """Return the tables of docs/audit/scope.md: one for the exchange, one for the verifier."""
    contracts = root / CONTRACTS
    lock = json.loads((root / "contracts.lock.json").read_text())["contracts"]
    parts: dict[str, list[str]] = {"exchange": [], "proof verifier": []}
    sums = dict.fromkeys(parts, 0)
    for path in _sources(contracts):
        name = path.relative_to(contracts).as_posix()
        text = path.read_text()
        is_verifier = name.startswith("verifier/") or path.stem in VERIFIER
        part = "proof verifier" if is_verifier else "exchange"
        lines, title = source_lines(text), _TITLE.search(text)
        size = f"{lock[path.stem]['deployed_bytes']:,}" if path.stem in lock else _NOTHING
        what = title[1].partition(": ")[2] or title[1] if title else _NOTHING
        parts[part].append(f"| [`{name}`](../../contracts/{name}) | {what} | {lines} | {size} |")
        sums[part] += lines
    pieces = []
    for part, rows in parts.items():
        head = f"| {part} | what | SLOC | bytes of code |\n|---|---|---|---|"
        total = f"| **together** | {len(rows)} files | **{sums[part]:,}** | |"
        pieces.append("\n".join([head, *rows, total]))
    return "\n\n".join(pieces) + "\n"


def errors_page(contracts: Path) -> str:
    """Return docs/audit/errors.md.

    Raises
    ------
    MissingMeaningError
        If an error has no sentence.
    """
    found = errors(contracts)
    for error in found:
        if error.string not in MEANINGS:
            raise MissingMeaningError(f"{error.string!r} {MISSING}")
    rows = [
        f"| {error.code} | {error.text} | `{error.path}` | {MEANINGS[error.string]} |"
        for error in found
    ]
    head = (
        "# Errors of the contracts\n\n"
        "Generated by `make gen` from the contracts and\n"
        "`offchain/settlement/error_meanings.toml`.\n"
        "A revert carries code and string; `ContractRevertedError` adds the sentence. Reasons of\n"
        "the proof verifier have no codes: [guide](verifier.md). Letters: A devnet attestations,\n"
        "C registry, D data, E settlement, F oracle hub, G pause, N exits, O ownership, Q queue,\n"
        "R state proofs, V vault, X escape hatch.\n\n"
        "| code | string | source | what to do |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def _sources(contracts: Path) -> Iterator[Path]:
    """Yield sources in scope: deployable contracts first."""
    found = sorted(contracts.glob("*.vy")) + sorted(contracts.glob("*/*.vy"))
    for path in found:
        if path.parent.name not in OUT_OF_SCOPE:
            yield path


def _pages() -> dict[Path, str]:
    scope = ROOT / SCOPE
    before, _, rest = scope.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        scope: before + BEGIN + scope_table(ROOT) + END + after,
        ROOT / ERRORS: errors_page(ROOT / CONTRACTS),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite the pages, or compare them with ``--check``.

    Returns
    -------
    int
        0; 1 if an error has no sentence or, with ``--check``, a page is outdated.
    """
    parser = argparse.ArgumentParser(prog="gen_audit", description="Count lines, list errors.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    is_check = parser.parse_args(arguments).check
    try:
        pages = _pages()
    except MissingMeaningError as error:
        print(error, file=sys.stderr)
        return 1
    stale = []
    for page, text in pages.items():
        if not is_check:
            page.write_text(text)
        elif not page.exists() or page.read_text() != text:
            stale.append(f"{page.name} is outdated: {OUTDATED}")
    for sentence in stale:
        print(sentence, file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
