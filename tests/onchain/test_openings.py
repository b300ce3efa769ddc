"""Rows of the trees: edges of the encoding, at every place of the words that are read at once."""

import pytest

from offchain.settlement.proof_parts import Call
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.onchain.deployed import Example, Verifier
from tests.onchain.evm import Reverted

WORD_BYTES = 8
BLOCK_WORDS = 16


@pytest.fixture(scope="module")
def verifier():
    return Verifier()


@pytest.fixture(scope="module")
def example():
    return Example("fibonacci", "settle-compact")


def reason_with(verifier, example, edits):
    """Reason with which the first part is refused if these words stand in its rows."""
    data = bytearray(example.bytes_of(example.parts[0]))
    for number, value in edits.items():
        at = example.head_bytes + WORD_BYTES * number
        data[at : at + WORD_BYTES] = value.to_bytes(WORD_BYTES, "big")
    with pytest.raises(Reverted) as reverted, verifier.evm.rolled_back():
        verifier.send(example, Call.BEGIN, None, bytes(data))
    return reverted.value.reason


@pytest.mark.parametrize("value", [P, P + 1, 2**64 - 2**32 + 2, 2**64 - 1])
def test_words_not_below_p_are_refused(verifier, example, value):
    for number in range(BLOCK_WORDS):
        assert reason_with(verifier, example, {number: value}) == "NON_CANONICAL_ELEMENT"


@pytest.mark.parametrize("value", [0, 1, 2**32, 2**64 - 2**33, P - 1])
def test_words_below_p_are_only_refused_by_the_root(verifier, example, value):
    everywhere = dict.fromkeys(range(BLOCK_WORDS), value)
    assert reason_with(verifier, example, everywhere) == "MERKLE_PREPROCESSED"
