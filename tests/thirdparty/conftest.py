"""Contracts of others, deployed beside the system; skipped where npm cannot fetch them."""

import pytest

from tests.thirdparty import fetch
from tests.thirdparty.artifacts import Artifacts
from tests.thirdparty.system import System


@pytest.fixture(scope="session")
def artifacts():
    try:
        return Artifacts(fetch.fetch(list(fetch.pinned().values())))
    except fetch.UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def deployed(artifacts):
    """Give every file a system of its own, which its fixtures add to."""
    return System()


@pytest.fixture
def system(deployed):
    """Undo what a test does."""
    with deployed.rolled_back():
        yield deployed
