"""Keep the line numbers in links from the auditors' pages into the code.

Usage: ``python -m offchain.tools.code_links`` rewrites docs/audit/*.md; ``--check`` fails when a
link is stale. A link is written [`module.function`](path#L1), with the path relative to its page,
and leads to the definition; any struct, class, event or constant will do. [`REASON`](path#L1)
leads to the first line that has the word in quotes. Every such line number is looked up.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = "docs/audit"
OUTDATED: Final = "run make gen"

_LINK: Final = re.compile(r"\[`(?P<name>[^`\n]+)`\]\((?P<path>[^)#\s]+)#L(?P<line>\d+)\)")
_REASON: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_KEYWORDS: Final = "def|class|struct|event|interface"


class CodeLinkError(Exception):
    """A link names a file, or a name in it, that does not exist."""


def line_of(name: str, source: Path) -> int:
    """Find the line that a link's name stands for.

    Parameters
    ----------
    name
        Of a reason (capitals only), or of what is defined, with or without a module before it.
    source
        The file.

    Returns
    -------
    int
        Its number, from 1.

    Raises
    ------
    CodeLinkError
        If the file has no such line, or several definitions of the name.
    """
    if not source.is_file():
        raise CodeLinkError(f"{_display(source)} does not exist")
    is_reason = _REASON.fullmatch(name) is not None
    last = re.escape(name.rpartition(".")[2])
    text = rf'"{last}"' if is_reason else rf"^(\s*({_KEYWORDS}) {last}\b|{last}:)"
    lines = dict(enumerate(source.read_text().splitlines(), 1))
    matches = [number for number, line in lines.items() if re.search(text, line)]
    # What an interface declares or a class defines counts only if nothing else has the name.
    found = [number for number in matches if not lines[number][0].isspace()] or matches
    if not found:
        raise CodeLinkError(f"{_display(source)} has no {name}")
    if len(found) > 1 and not is_reason:
        raise CodeLinkError(f"{_display(source)} defines {name} more than once")
    return found[0]


def updated(page: Path) -> tuple[str, list[str], list[str]]:
    """Look up every link of a page.

    Returns
    -------
    text : str
        The page with current line numbers.
    stale : list of str
        One sentence for each link whose number was another one.
    broken : list of str
        One sentence for each link that leads nowhere; it stays as it is.
    """
    text, pieces, end = page.read_text(), [], 0
    stale, broken = [], []
    for link in _LINK.finditer(text):
        place = f"{_display(page)}:{text.count(chr(10), 0, link.start()) + 1}"
        source, old = (page.parent / link["path"]).resolve(), int(link["line"])
        try:
            line = line_of(link["name"], source)
        except CodeLinkError as error:
            broken.append(f"{place}: {error}")
            continue
        if line != old:
            stale.append(
                f"{place}: {link['name']} is at line {line} of {_display(source)}, not {old}; "
                f"{OUTDATED}"
            )
        pieces += [text[end : link.start("line")], str(line)]
        end = link.end("line")
    return "".join([*pieces, text[end:]]), stale, broken


def _display(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite the pages, or compare them with ``--check``.

    Returns
    -------
    int
        0; 1 if a link leads nowhere or, with ``--check``, to another line.
    """
    parser = argparse.ArgumentParser(prog="code_links", description="Find the lines of links.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    is_check = parser.parse_args(arguments).check
    sentences = []
    for page in sorted((ROOT / PAGES).glob("*.md")):
        text, stale, broken = updated(page)
        sentences += broken
        if is_check:
            sentences += stale
        elif stale:
            page.write_text(text)
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return int(bool(sentences))


if __name__ == "__main__":
    sys.exit(main())
