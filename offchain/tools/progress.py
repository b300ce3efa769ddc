"""The progress bar of long commands."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr until the block ends; nothing where stderr is no terminal.

    Yields
    ------
    callable
        Takes (steps done, steps in all).
    """
    with _bar(description) as update:
        yield lambda done, total: update(completed=done, total=total)


@contextmanager
def stage_bar(description: str, stages: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """Show a bar like `progress_bar` with the stage at hand; each counts as one step.

    Yields
    ------
    callable
        Takes the name of a stage as it begins.
    """
    with _bar(description) as update:

        def begin(stage: str) -> None:
            label = f"{description}: {stage}"
            update(completed=stages.index(stage), total=len(stages), description=label)

        yield begin


@contextmanager
def _bar(description: str) -> Iterator[Callable[..., Any]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        yield partial(bar.update, bar.add_task(description, total=None))
