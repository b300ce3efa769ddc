"""The batch guest, and the libraries that the tests of witnesses load."""

import pytest

from offchain.tools import build_native
from offchain.zkvm.program import Program, load_program
from tests.witness.batches import Batch, random_batches


@pytest.fixture(scope="session", autouse=True)
def libraries() -> None:
    for name in ("native", "witness", "zkvm"):
        build_native.build(name)


@pytest.fixture(scope="session")
def program(libraries: None) -> Program:
    return load_program(build_native.build("batch").read_bytes())


@pytest.fixture(scope="session")
def small(libraries: None) -> Batch:
    """A batch in the middle of a chain, with orders, cancels, deposits and withdrawals."""
    return random_batches(seed=2, length=60, batch_envelopes=25)[-2]
