"""Hypothesis profiles, and the guard against contract tests on outdated bytecode."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# `ci` gives the same examples on every machine; `nightly` looks for new ones.
# Chosen by HYPOTHESIS_PROFILE or by pytest's --hypothesis-profile.
_COMMON = {
    "deadline": None,  # a busy machine is no failure
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("ci", max_examples=100, derandomize=True, **_COMMON)
settings.register_profile("nightly", max_examples=2_000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


# Whose batches tests/equality.py follows; tests/witness/test_equal.py compares its own.
FOLLOWED = ("engine", "proving", "witness", "settlement", "e2e")
COMPARES_ITSELF = "test_equal.py"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse contract tests when sources, contracts.lock.json and ape's build disagree."""
    contract_tests = config.rootpath / "tests" / "contracts"
    if not config.pluginmanager.hasplugin("ape_test"):
        return
    if not any(item.path.is_relative_to(contract_tests) for item in items):
        return
    from ape import project

    from offchain.tools import contract_lock

    built = {
        name: bytes.fromhex(contract.runtime_bytecode.bytecode.removeprefix("0x"))
        for name, contract in project.load_contracts().items()
    }
    found = contract_lock.outdated(built)
    if found:
        raise pytest.UsageError("; ".join(found) + f": {contract_lock.OUTDATED}")


def is_followed(path: Path) -> bool:
    """Return whether the batches of a test file are compared after each of its tests."""
    folder = path.relative_to(Path(__file__).parent).parts[0]
    return folder in FOLLOWED and path.name != COMPARES_ITSELF


@pytest.fixture(scope="session", autouse=True)
def sealed_batches(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Record every batch that a sequencer of this process seals, if any test is followed."""
    if not any(is_followed(item.path) for item in request.session.items):
        yield None
        return
    from tests.equality import Recorder

    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch.setattr)
        yield recorder


@pytest.fixture(autouse=True)
def follow_sealed_batches(request: pytest.FixtureRequest, sealed_batches: Any) -> Iterator[None]:
    """Compare specification, core and guest on what a test has sealed."""
    yield
    if is_followed(request.path):
        sealed_batches.check()
    elif sealed_batches is not None:
        sealed_batches.discard()
