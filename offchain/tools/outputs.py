"""Checks of the places that a command writes to: before its work, not after it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click


def check_file(path: Path, option: str) -> None:
    """Refuse a file that cannot be written; make its folder if that is missing.

    Parameters
    ----------
    path
        File; left as it is, or absent.
    option
        Option that gives it, as the error names it.

    Raises
    ------
    click.BadParameter
        With the reason of the operating system.
    """
    is_new = not os.path.lexists(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise _refusal(path, option, error) from error


def check_folder(path: Path, option: str) -> None:
    """Refuse a folder that cannot be made, or that takes no files; make it if it is missing.

    Parameters
    ----------
    path
        Folder.
    option
        Option that gives it, as the error names it.

    Raises
    ------
    click.BadParameter
        With the reason of the operating system.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise _refusal(path, option, error) from error


def _refusal(path: Path, option: str, error: OSError) -> click.BadParameter:
    return click.BadParameter(f"cannot write {path}: {error.strerror}", param_hint=option)
