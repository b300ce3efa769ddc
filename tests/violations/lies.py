"""Dishonest transitions: the specification with a rule taken out or changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest import mock

from offchain.spec import checks
from offchain.spec.errors import ErrorCode

Lie = AbstractContextManager[Any]


@contextmanager
def without(*codes: ErrorCode) -> Iterator[None]:
    """Leave out every check that refuses with one of these codes."""

    def require(condition: bool, code: ErrorCode) -> None:
        if code not in codes:
            checks.require(condition, code)

    users = [
        module
        for name, module in sys.modules.items()
        if name.startswith("offchain.spec.") and getattr(module, "require", None) is checks.require
    ]
    with ExitStack() as stack:
        for module in users:
            if module is not checks:
                stack.enter_context(mock.patch.object(module, "require", require))
        yield


def replaced(owner: Any, name: str, new: Any) -> Lie:
    """Put another function in the place of one."""
    return mock.patch.object(owner, name, new)


def wrapped(owner: Any, name: str, wrapper: Callable[..., Any]) -> Lie:
    """Put `wrapper(original, *arguments)` in the place of a function or method."""
    original = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        return wrapper(original, *arguments, **named)

    return mock.patch.object(owner, name, call)
