"""The codec of witnesses refuses every other byte string, and says why."""

from dataclasses import replace

import pytest

from offchain.spec.constants import ENVELOPE_MAX_BYTES, GOLDILOCKS_P
from offchain.spec.kinds import Subtree
from offchain.spec.state import SUBTREE_DEPTHS
from offchain.witness import format as witness_format
from offchain.witness.format import (
    ENVELOPES_MAX,
    HINTS_MAX,
    Witness,
    WitnessError,
    WitnessFault,
)
from tests.witness.batches import with_opening

NOT_CANONICAL = GOLDILOCKS_P.to_bytes(8, "little")
ASSETS = Subtree.ASSETS
HEAD_BYTES = 104


def changed_word(data: bytes, word: int, value: int) -> bytes:
    return data[: 4 * word] + value.to_bytes(4, "little") + data[4 * word + 4 :]


def cases(witness: Witness) -> dict[str, tuple[WitnessFault, bytes]]:
    data = witness.to_bytes()
    opening = witness.openings[ASSETS]
    number, leaf = opening.leaves[0]
    unopened = next(s for s in Subtree if not witness.openings[s].leaves)
    fault = WitnessFault

    def with_leaves(*leaves: tuple[int, bytes]) -> bytes:
        return with_opening(witness, ASSETS, leaves=leaves).to_bytes_unchecked()

    def with_envelope(envelope: bytes) -> bytes:
        return replace(witness, envelopes=(envelope,)).to_bytes_unchecked()

    odd = witness.envelopes[0] + b"\x01"
    padded = with_envelope(odd).replace(odd + bytes(3), odd + b"\x00\x01\x00")
    too_many = tuple((n, leaf) for n in range(2 ** SUBTREE_DEPTHS[ASSETS] + 1))
    used_words = HEAD_BYTES // 4 + 2  # of the header's leaf, which is the first
    return {
        "empty": (fault.TRUNCATED, b""),
        "cut": (fault.TRUNCATED, data[:-1]),
        "longer": (fault.TOO_LONG, data + bytes(4)),
        "magic": (fault.MAGIC, b"X" + data[1:]),
        "version": (fault.VERSION, changed_word(data, 1, 2)),
        "hints": (fault.LIMIT, changed_word(data, 2, HINTS_MAX + 1)),
        "no envelopes": (fault.LIMIT, changed_word(data, 3, 0)),
        "envelopes": (fault.LIMIT, changed_word(data, 3, ENVELOPES_MAX + 1)),
        "mode": (fault.STATEMENT, changed_word(data, 4, 2)),
        "order": (fault.LEAF_ORDER, with_leaves((number + 1, leaf), (number, leaf))),
        "twice": (fault.LEAF_ORDER, with_leaves((number, leaf), (number, leaf))),
        "range": (fault.LEAF_RANGE, with_leaves((2 ** SUBTREE_DEPTHS[ASSETS], leaf))),
        "leaves": (fault.LIMIT, with_leaves(*too_many)),
        "used words": (fault.LEAF_RANGE, changed_word(data, used_words, 65)),
        "leaf": (fault.NOT_CANONICAL, with_leaves((number, NOT_CANONICAL + leaf[8:]))),
        "root": (
            fault.NOT_CANONICAL,
            with_opening(witness, unopened, root=NOT_CANONICAL + bytes(24)).to_bytes_unchecked(),
        ),
        "sibling": (
            fault.NOT_CANONICAL,
            with_opening(
                witness, ASSETS, siblings=(NOT_CANONICAL + bytes(24), *opening.siblings[1:])
            ).to_bytes_unchecked(),
        ),
        "envelope": (fault.ENVELOPE, with_envelope(bytes(ENVELOPE_MAX_BYTES + 1))),
        "padding": (fault.PADDING, padded),
    }


CASES = (
    *("empty", "cut", "longer", "magic", "version", "hints", "no envelopes", "envelopes", "mode"),
    *("order", "twice", "range", "leaves", "used words", "leaf", "root", "sibling", "envelope"),
    "padding",
)


@pytest.mark.parametrize("name", CASES)
def test_refusal(name: str, small) -> None:
    by_name = cases(small.witness)
    assert by_name.keys() == set(CASES)
    expected, data = by_name[name]
    with pytest.raises(WitnessError) as refused:
        Witness.from_bytes(data)
    assert refused.value.fault == expected


def test_zeros_at_the_end_of_a_leaf_are_left_out(small) -> None:
    opening = small.witness.openings[ASSETS]
    leaf = (8).to_bytes(8, "little") + bytes(len(opening.leaves[0][1]) - 8)
    leaves = ((opening.leaves[0][0], leaf), *opening.leaves[1:])
    witness = with_opening(small.witness, ASSETS, leaves=leaves)
    data = witness.to_bytes()
    assert Witness.from_bytes(data) == witness
    short = leaf[:8]
    longer = data.replace(b"\x01\x00\x00\x00" + short, b"\x02\x00\x00\x00" + short + bytes(8), 1)
    with pytest.raises(WitnessError) as refused:
        Witness.from_bytes(longer)
    assert refused.value.fault == WitnessFault.PADDING


def test_longer_than_the_limit(monkeypatch, small) -> None:
    data = small.witness.to_bytes()
    monkeypatch.setattr(witness_format, "WITNESS_BYTES_MAX", len(data) - 1)
    with pytest.raises(WitnessError) as refused:
        Witness.from_bytes(data)
    assert refused.value.fault == WitnessFault.TOO_LONG


def test_a_wrong_witness_is_not_encoded(small) -> None:
    with pytest.raises(WitnessError):
        replace(small.witness, envelopes=()).to_bytes()
