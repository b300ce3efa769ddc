"""Fixtures of the specification's tests."""

import pytest

from offchain.spec.state import State
from tests.spec.support import exchange


@pytest.fixture
def spot_and_perp() -> State:
    """Return a fresh exchange; see :func:`tests.spec.support.exchange`."""
    return exchange()
