"""Hypothesis profiles, and the guard against contract tests on outdated bytecode."""

import os

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
