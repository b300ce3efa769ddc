"""Journals of the engine's tests."""

import pytest

from offchain.engine.journal import Journal
from tests.engine.scene import DEPLOYMENT


@pytest.fixture
def journal_path(tmp_path):
    return tmp_path / "chain.journal"


@pytest.fixture
def open_journal():
    """Open journals of the scene's chain, closed when the test ends."""
    opened = []

    def open_one(path):
        opened.append(Journal(path, DEPLOYMENT))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()
