"""A deployed chain for the tests of settlement."""

import pytest

from offchain.witness.format import DaMode
from tests.settlement.scene import deployed_system


@pytest.fixture
def system(tmp_path):
    with deployed_system(tmp_path) as started:
        yield started


@pytest.fixture
def rollup(tmp_path):
    """The same chain, but that its state diffs are public."""
    with deployed_system(tmp_path, DaMode.ROLLUP) as started:
        yield started
