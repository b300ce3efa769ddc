"""Hashes of envelopes: the C core's are those of the specification, whatever the bytes are."""

from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from offchain.core.binding import Core
from offchain.spec.constants import GOLDILOCKS_P
from offchain.spec.poseidon2 import digest_from_bytes, digest_to_bytes
from offchain.spec.receipts import inputs_after
from offchain.spec.tree import ZERO_DIGEST, Hasher
from tests.strategies import CONFIG_HASH, GOVERNANCE

EDGES = (0, 1, 2**32 - 1, 2**32, GOLDILOCKS_P - 1, GOLDILOCKS_P, 2**64 - 2**32, 2**64 - 1)
WORDS = st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, 2**64 - 1)), max_size=70)


@given(st.lists(WORDS, min_size=1, max_size=3))
def test_native_chain_is_that_of_the_specification(lists: list[list[int]]) -> None:
    core = Core(CONFIG_HASH, GOVERNANCE)
    native, expected = digest_to_bytes(ZERO_DIGEST), ZERO_DIGEST
    for words in lists:
        data = pack(f"<{len(words)}Q", *words)
        native = core.inputs_after(native, data)
        expected = inputs_after(expected, data, Hasher())
    assert digest_from_bytes(native) == expected
