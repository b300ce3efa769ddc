"""The documents: their code runs, their commands exist, their links lead somewhere."""

import importlib.util
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest

from offchain.cli import main
from offchain.tools import gen_constants

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES_MAX = 150
FOLDERS = (
    "benchmarks|contracts|docs|interfaces|offchain|out|requirements|scripts|tests|deployments|.ci"
)
OUTPUTS = ("offchain/core/build/", "out/", "deployments/")  # made by commands, not kept
CHEAP = {("make",), ("headrace", "--version")}  # run as they stand; `--help` always is
TIMEOUT_S = 60

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{FOLDERS})/[\w./-]*")
TARGET = re.compile(r"^([a-z-]+):.*?## ", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    text = page.read_text()
    return tuple(
        Block(page, found[1], found[2], text.count("\n", 0, found.start(2)) + 1)
        for found in FENCE.finditer(text)
    )


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def console_commands() -> list[tuple[Block, list[str]]]:
    return [
        (block, shlex.split(line.removeprefix("$ ")))
        for page in PAGES
        for block in blocks(page)
        if block.language in ("console", "bash")
        for line in block.text.splitlines()
        if line.startswith("$ ")
    ]


def inline_commands() -> list[tuple[str, list[str]]]:
    return [
        (page.name, shlex.split(code))
        for page in PAGES
        for code in INLINE.findall(prose(page))
        if re.match(r"(?:\S*/)?(?:make|headrace)(?: |$)", code)
    ]


@cache
def make_targets() -> frozenset[str]:
    return frozenset(TARGET.findall((ROOT / "Makefile").read_text()))


def check_headrace(words: list[str]) -> None:
    """Every word up to the first argument is a command, every option one of the last command."""
    command: click.Command = main
    context = click.Context(main)
    for word in words:
        if word.startswith("-"):
            known = {name for option in command.get_params(context) for name in option.opts}
            assert word in known, f"{word} is no option of {command.name}"
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            assert found is not None, f"headrace has no command {word}"
            command = found


def check_command(words: list[str]) -> None:
    name, arguments = Path(words[0]).name, words[1:]
    if name == "make":
        assert set(arguments) <= make_targets(), f"make has no target {arguments}"
    elif name == "headrace":
        check_headrace(arguments)
    elif name == "ape":
        assert arguments[0] == "run"
        assert (ROOT / "scripts" / f"{arguments[1]}.py").exists(), f"no script {arguments[1]}"
    else:
        pytest.fail(f"a document names {name}, which no test knows")


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.language == "python" for block in blocks(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_python_runs(page, tmp_path, monkeypatch):
    """The blocks of a page follow each other in one namespace."""
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "python":
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, str(page), "exec"), namespace)


def test_the_tutorial_is_run():
    assert sum(block.language == "python" for page in PAGES for block in blocks(page)) >= 5


@pytest.mark.parametrize(("block", "words"), console_commands(), ids=str)
def test_console_commands_exist(block, words):
    check_command(words)


@pytest.mark.parametrize(("page", "words"), inline_commands(), ids=str)
def test_named_commands_exist(page, words):
    check_command(words)


@pytest.mark.parametrize(
    "words",
    sorted(
        {
            tuple(words)
            for _, words in console_commands()
            if (Path(words[0]).name, *words[1:]) in CHEAP
            or (words[-1] == "--help" and Path(words[0]).name == "headrace")
        }
    ),
    ids=" ".join,
)
def test_cheap_commands_run(words):
    # Run inside another make, it would join that one's job server and print its folder.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    expected = "make setup" if words[0] == "make" else "Usage: headrace"
    assert expected in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_paths_exist(page):
    for code in INLINE.findall(prose(page)):
        if PATH.fullmatch(code) and not code.startswith(OUTPUTS):
            assert (ROOT / code).exists(), code


def test_named_modules_exist():
    for page in PAGES:
        for name in re.findall(r"python -m (offchain[\w.]+)", page.read_text()):
            assert importlib.util.find_spec(name) is not None, name


def test_the_tree_of_the_architecture_exists():
    (tree,) = (b for b in blocks(ROOT / "ARCHITECTURE.md") if b.language == "text")
    parent = ""
    for line in tree.text.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            parent = name
        assert (ROOT / (parent if name == parent else parent + name)).exists(), line


def test_packages_are_in_the_tree_of_the_architecture():
    tree = (ROOT / "ARCHITECTURE.md").read_text()
    for package in (ROOT / "offchain").glob("*/__init__.py"):
        assert f"\n  {package.parent.name}/ " in tree, package.parent.name


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES_MAX


def test_readme_names_what_ci_runs():
    found = re.search(r"^for target in (.+); do$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert found is not None
    readme = (ROOT / "README.md").read_text()
    for target in found[1].split():
        assert f"make {target}" in readme, target


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text())}
    assert {page for page in PAGES if page.is_relative_to(index.parent)} - linked == {index}


def test_every_make_target_is_described():
    page = (ROOT / "docs" / "operations" / "commands.md").read_text()
    undescribed = {name for name in make_targets() if f"`make {name}`" not in page}
    assert undescribed == {"help"}


def test_the_table_of_constants_is_current():
    assert (ROOT / "docs/spec/constants.md").read_text() == gen_constants.docs_table(), "make gen"
