"""Calls whose bytes are no canonical ABI encoding: refused, or read like the canonical one.

`begin` reads its data where the calldata has it, and hands a copy to a helper; no encoding may let
the two differ. A word has 32 bytes; word 0 follows the selector.
"""

from random import Random

import pytest
from eth_utils import keccak

from offchain.settlement.proof_parts import MAX_DATA_BYTES, Call
from offchain.settlement.verifier_client import PADDING_BYTES
from tests.onchain.deployed import Example, Verifier
from tests.onchain.evm import Reverted

ALICE = "0x" + "aa" * 20
SELECTOR_BYTES, WORD_BYTES = 4, 32
OFFSETS = {"begin": [2], "open": [2], "fold": [1, 2, 3]}
"""Words of the arguments' offsets, by function; the last one is that of the proof's bytes."""
RUN_OFFSETS = [11, 12, 13, 15, 16, 18]
"""Words of a run's offsets, from the run's first word."""
FLIPS = 150


@pytest.fixture(scope="module")
def deployed():
    return Verifier()


@pytest.fixture
def verifier(deployed):
    with deployed.evm.rolled_back():
        yield deployed


@pytest.fixture(scope="module")
def example():
    return Example("fibonacci", "settle-compact")


class Sent:
    """The canonical calldata of a part, and what it leads to."""

    def __init__(self, verifier, example, call):
        number = [part.call for part in example.parts].index(call)
        run, part = verifier.run_before(example, number, ALICE), example.parts[number]
        arguments = example.arguments(call, run, example.bytes_of(part))
        self._verifier, self._name = verifier, call.value
        self.calldata = verifier.entry.calldata(call.value, *arguments)
        self.offsets = OFFSETS[call.value]
        self.outcome = self.sent(self.calldata)

    def sent(self, calldata):
        """Events, or the reason of the refusal; the state stays as it was."""
        with self._verifier.evm.rolled_back():
            try:
                return self._verifier.entry.send(self._name, calldata, ALICE).events
            except Reverted as reverted:
                return reverted.reason

    def data_at(self):
        """Position of the length of the proof's bytes."""
        return SELECTOR_BYTES + word(self.calldata, self.offsets[-1])


@pytest.fixture(params=[*Call], ids=lambda call: call.value)
def part(request, verifier, example):
    sent = Sent(verifier, example, request.param)
    assert isinstance(sent.outcome, list)
    return sent


@pytest.fixture
def begun(verifier, example):
    return Sent(verifier, example, Call.BEGIN)


@pytest.fixture
def opened(verifier, example):
    return Sent(verifier, example, Call.OPEN)


@pytest.fixture
def folded(verifier, example):
    return Sent(verifier, example, Call.FOLD)


def word(calldata, number, start=SELECTOR_BYTES):
    at = start + WORD_BYTES * number
    return int.from_bytes(calldata[at : at + WORD_BYTES], "big")


def with_word(calldata, number, value, start=SELECTOR_BYTES):
    at = start + WORD_BYTES * number
    return (
        calldata[:at] + (value % 2**256).to_bytes(WORD_BYTES, "big") + calldata[at + WORD_BYTES :]
    )


def test_bytes_after_the_arguments_have_no_effect(part):
    for tail in (b"\0", b"\xff" * 31, b"\xff" * 5_000):
        assert part.sent(part.calldata + tail) == part.outcome


def test_the_padding_of_the_data_has_no_effect(part):
    length = word(part.calldata, 0, part.data_at())
    end = part.data_at() + WORD_BYTES + length
    padded = part.calldata[:end] + b"\xff" * (len(part.calldata) - end)
    assert part.sent(padded) == part.outcome
    assert part.sent(part.calldata[:end]) == part.outcome


@pytest.mark.parametrize("gap_bytes", [1, 31, 32, 2_000])
def test_arguments_that_stand_later_are_read_there(part, gap_bytes):
    head_end = SELECTOR_BYTES + WORD_BYTES * (part.offsets[-1] + 1)
    moved = part.calldata[:head_end] + b"\xff" * gap_bytes + part.calldata[head_end:]
    for number in part.offsets:
        moved = with_word(moved, number, word(moved, number) + gap_bytes)
    assert part.sent(moved) == part.outcome


def test_arguments_in_another_order_are_read_where_they_stand(folded):
    head_bytes, data_at = 4 * WORD_BYTES, folded.data_at()
    head_end = SELECTOR_BYTES + head_bytes
    others, data = folded.calldata[head_end:data_at], folded.calldata[data_at:]
    turned = with_word(folded.calldata[:head_end] + data + others, 3, head_bytes)
    for number in (1, 2):
        turned = with_word(turned, number, word(turned, number) + len(data))
    assert turned != folded.calldata
    assert folded.sent(turned) == folded.outcome


def test_an_offset_beyond_the_calldata_is_refused(part):
    size = len(part.calldata)
    for offset in (size, 2**32, 2**64, 2**128, 2**255, 2**256 - 2**20):
        assert isinstance(part.sent(with_word(part.calldata, part.offsets[-1], offset)), str)


def test_an_offset_that_wraps_around_is_refused(begun):
    """Where the compiler's own decoding of `data` wraps, the position in the calldata does not."""
    head_end = SELECTOR_BYTES + 3 * WORD_BYTES
    for back in (*range(1, 101), *range(head_end, 4_000, 32)):
        assert isinstance(begun.sent(with_word(begun.calldata, 2, -back)), str)


def test_a_wrapping_offset_cannot_show_the_helper_other_bytes(begun, verifier, example):
    """A length of zero bytes where the wrapped offset points to does not help either."""
    data = example.bytes_of(example.parts[0])
    calldata = verifier.entry.calldata("begin", bytes(32), bytes(32), data)
    for back in range(1, 69):
        assert isinstance(begun.sent(with_word(calldata, 2, -back)), str)


def test_overlapping_arguments_are_refused(part):
    *_, data_offset = part.offsets
    for offset in range(0, WORD_BYTES * (data_offset + 1), 4):
        assert isinstance(part.sent(with_word(part.calldata, data_offset, offset)), str)


def test_a_final_polynomial_is_no_layer(folded):
    final_offset, data_offset = word(folded.calldata, 2), word(folded.calldata, 3)
    same = with_word(folded.calldata, 3, final_offset)
    assert folded.sent(same) == "TRUNCATED"
    same = with_word(folded.calldata, 2, data_offset)
    assert folded.sent(same) in {"", "WRONG_FINAL_POLYNOMIAL"}  # the first: too long


def test_data_that_the_calldata_lacks_are_zeros_or_refused(begun, example):
    data_at = begun.data_at() + WORD_BYTES
    length = word(begun.calldata, 0, begun.data_at())
    for missing in (1, 8, 64, 5_000, length - example.head_bytes):
        cut = begun.calldata[: data_at + length - missing]
        zeros = cut + bytes(missing)
        assert begun.sent(cut) == begun.sent(zeros)
    for present in range(0, example.head_bytes, 500):
        assert isinstance(begun.sent(begun.calldata[: data_at + present]), str)


def test_bytes_after_the_stated_length_are_not_read(begun, example, verifier):
    shorter = with_word(begun.calldata, 0, example.head_bytes - 1, begun.data_at())
    assert begun.sent(shorter) == "TRUNCATED"
    head_only = with_word(begun.calldata, 0, example.head_bytes, begun.data_at())
    arguments = example.arguments(Call.BEGIN, None, example.data[: example.head_bytes])
    assert begun.sent(head_only) == begun.sent(verifier.entry.calldata("begin", *arguments))
    ((_, event),) = begun.sent(head_only)
    assert event["run"][-2:] == (0, ())


def test_data_of_too_many_bytes_are_refused(part):
    for length in (MAX_DATA_BYTES + 1, 2**32, 2**256 - 1):
        assert isinstance(part.sent(with_word(part.calldata, 0, length, part.data_at())), str)


def test_a_run_s_arrays_may_stand_anywhere(folded):
    """What counts is the run; the hash is that of its canonical encoding."""
    calldata, run_at = folded.calldata, SELECTOR_BYTES + word(folded.calldata, 1)
    for number in RUN_OFFSETS:
        array_at = run_at + word(calldata, number, run_at)
        length = word(calldata, 0, array_at)
        array = calldata[array_at : array_at + WORD_BYTES * (1 + length)]
        copied = with_word(calldata + array, number, len(calldata) - run_at, run_at)
        assert folded.sent(copied) == folded.outcome
        other = copied[:-1] + bytes([copied[-1] ^ 1])
        assert folded.sent(other) == "RUN_STATE_MISMATCH"


def test_a_run_s_arrays_may_stand_before_it(folded):
    """Their offsets then wrap around; this is either refused or the same run."""
    head_end = SELECTOR_BYTES + 4 * WORD_BYTES
    run_at = SELECTOR_BYTES + word(folded.calldata, 1)
    array_at = run_at + word(folded.calldata, RUN_OFFSETS[0], run_at)
    length = word(folded.calldata, 0, array_at)
    array = folded.calldata[array_at : array_at + WORD_BYTES * (1 + length)]
    moved = folded.calldata[:head_end] + array + folded.calldata[head_end:]
    for number in (1, 2, 3):
        moved = with_word(moved, number, word(moved, number) + len(array))
    run_at += len(array)
    moved = with_word(moved, RUN_OFFSETS[0], -len(array), run_at)
    assert folded.sent(moved) in (folded.outcome, "")


class Reading:
    """What `open` hands to the openings verifier: selector, run, the proof's bytes, padding."""

    def __init__(self, opened):
        self._opened = opened
        self._at = opened.data_at() + WORD_BYTES
        self.length = word(opened.calldata, 0, opened.data_at())
        self.run_end = SELECTOR_BYTES + word(opened.calldata, 1)

    def sent(self, edits, run_bytes=None):
        """Outcome with other bytes at some places."""
        calldata = bytearray(self._opened.calldata)
        for place, new in edits.items():
            calldata[self._at + place : self._at + place + len(new)] = new
        run_bytes = self.run_end - SELECTOR_BYTES if run_bytes is None else run_bytes
        return self._opened.sent(with_word(bytes(calldata), 1, run_bytes))

    def bytes_at(self, place, count):
        return self._opened.calldata[self._at + place : self._at + place + count]


def test_open_calls_no_other_function(opened):
    reading = Reading(opened)
    selectors = [keccak(text="opened_sums(bytes32,uint256,uint256[364])")[:4], bytes(4)]
    for selector in selectors:
        assert reading.sent({0: selector}) == "WRONG_SELECTOR"


def test_every_byte_before_the_proof_s_is_bound(opened):
    reading, random = Reading(opened), Random(8)
    for place in random.sample(range(SELECTOR_BYTES, reading.run_end), FLIPS):
        flipped = bytes([reading.bytes_at(place, 1)[0] ^ 1 << random.randrange(8)])
        assert reading.sent({place: flipped}) == "RUN_STATE_MISMATCH"


def test_a_run_of_another_length_is_refused(opened):
    reading = Reading(opened)
    run_bytes = reading.run_end - SELECTOR_BYTES
    for other in (0, 32, run_bytes - 1, run_bytes + 1, run_bytes + WORD_BYTES):
        assert reading.sent({}, other) == "RUN_STATE_MISMATCH"
    for other in (reading.length, 2**255, 2**256 - 1):
        assert isinstance(reading.sent({}, other), str)


def test_bytes_to_skip_are_skipped_and_no_more(opened):
    """The last word says how many; nothing but the rest is read."""
    reading = Reading(opened)
    last = reading.length - WORD_BYTES
    rest = reading.bytes_at(reading.run_end, reading.length - reading.run_end)
    for skipped in (1, 8, 10**6, 2**256 - 1):
        found = reading.sent({last: skipped.to_bytes(WORD_BYTES, "big")})
        assert isinstance(found, str)
    shifted = bytes([0xFF] * 8) + rest[: -WORD_BYTES - 8] + (8).to_bytes(WORD_BYTES, "big")
    assert reading.sent({reading.run_end: shifted}) in {"TRUNCATED", "TRAILING_BYTES"}


def test_padding_is_not_read(opened):
    reading = Reading(opened)
    padding = b"\xff" * (PADDING_BYTES - WORD_BYTES)
    assert reading.sent({reading.length - PADDING_BYTES: padding}) == opened.outcome


def test_a_flipped_bit_in_an_offset_or_length_changes_nothing_or_is_refused(part):
    random, flipped = Random(7), 0
    places = [(number, SELECTOR_BYTES) for number in part.offsets]
    if len(part.offsets) > 1:
        run_at = SELECTOR_BYTES + word(part.calldata, 1)
        places += [(number, run_at) for number in RUN_OFFSETS]
        places += [(0, run_at + word(part.calldata, number, run_at)) for number in RUN_OFFSETS]
    while flipped < FLIPS:
        number, start = random.choice(places)
        value = word(part.calldata, number, start) ^ 1 << random.randrange(256)
        found = part.sent(with_word(part.calldata, number, value, start))
        assert isinstance(found, str) or found == part.outcome
        flipped += 1


def test_an_address_with_more_than_20_bytes_is_refused(verifier, example):
    run = verifier.run_before(example, 1, ALICE)
    calldata = verifier.entry.calldata("discard", ALICE, example.claim.proof_id, tuple(run))
    for bit in (160, 255):
        changed = with_word(calldata, 0, word(calldata, 0) | 1 << bit)
        with pytest.raises(Reverted):
            verifier.entry.send("discard", changed, ALICE)
    verifier.entry.send("discard", calldata, ALICE)
