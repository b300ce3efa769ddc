"""The chain whose sequencer is dishonest."""

import ctypes

import pytest

from offchain.tools import build_native
from offchain.zkvm.program import load_program
from tests.core.conftest import compile_hashes, hash_library
from tests.core.pair import native_hasher
from tests.violations.scene import Chain
from tests.violations.world import new_world

__all__ = ["compile_hashes", "hash_library"]


@pytest.fixture(scope="session")
def chain(hash_library: ctypes.CDLL) -> Chain:
    """The chain before the batches under attack; no attempt changes it."""
    for name in ("native", "witness", "zkvm"):
        build_native.build(name)
    program = load_program(build_native.build("batch").read_bytes())
    return new_world(native_hasher(hash_library), program)
