"""Where proofs are divided for L1."""

from dataclasses import replace

import pytest

from offchain.security.parameters import PROFILES, SETTLE, SETTLE_COMPACT
from offchain.settlement import proof_parts
from offchain.settlement.proof_parts import (
    MAX_OUTPUT_BYTES,
    MAX_PART_BYTES,
    RUN_BYTES,
    Call,
    ProofTooLargeError,
    split,
)
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import DIGEST_BYTES
from tests.prover.proofs import openings, proof, run
from tests.verifier.encoding import encode

PROFILE_NAMES = (SETTLE.name, SETTLE_COMPACT.name)
TREES = 4


def honest(profile, guest="delegations"):
    return proof(guest, profile).data, run(guest, PROFILES[profile]).key.program_id


def cuts(data, program_id):
    decoded = decode(data)
    return proof_parts._cuts(decoded, program_id, len(data) - len(decoded.openings))


@pytest.mark.parametrize("guest", ["delegations", "fibonacci"])
@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_parts_may_end_after_rows_and_trees(profile, guest):
    data, program_id = honest(profile, guest)
    expected = [(len(data) - len(decode(data).openings), 0, 0)]
    for step, opening in enumerate(openings(data, program_id)):
        if step < TREES:
            rows = enumerate(opening.rows.values(), start=1)
            expected += [(place.stop, step, number) for number, place in rows]
        expected.append((opening.place.stop, step + 1, 0))
    assert [(cut.position, cut.step, cut.rows) for cut in cuts(data, program_id)] == expected
    assert expected[-1][0] == len(data)


@pytest.mark.parametrize("max_part_bytes", [50_000, 75_000, 100_000, MAX_PART_BYTES, 400_000])
@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_parts_are_the_proof_and_fit(profile, max_part_bytes):
    data, program_id = honest(profile)
    parts = split(data, program_id, max_part_bytes)
    assert b"".join(data[part.start : part.end] for part in parts) == data
    assert all(part.calldata_bytes <= max_part_bytes for part in parts)
    calls = [part.call for part in parts]
    assert calls[0] is Call.BEGIN
    assert calls[1:] == sorted(calls[1:], key=[Call.OPEN, Call.FOLD].index)
    assert calls[-1] is Call.FOLD
    rows = {cut.position: cut.rows for cut in cuts(data, program_id)}
    assert [part.digests for part in parts] == [0, *(rows[part.start] for part in parts[1:])]


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_no_division_has_fewer_parts(profile):
    """Greedy from every reachable place: breadth first over all divisions."""
    data, program_id = honest(profile)
    places = cuts(data, program_id)
    room = MAX_PART_BYTES - RUN_BYTES
    reached = {i for i, cut in enumerate(places) if cut.call is Call.OPEN and cut.position <= room}
    count = 1
    while len(places) - 1 not in reached:
        reached = {
            i
            for k in reached
            for i in range(k + 1, len(places))
            if places[i].call is places[k].next_call
            and places[i].position - places[k].position + DIGEST_BYTES * places[k].rows <= room
        }
        count += 1
    assert len(split(data, program_id)) == count


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_a_run_goes_on_from_every_place(profile):
    data, program_id = honest(profile)
    places = cuts(data, program_id)
    for cut in places[:: len(places) // 20]:
        parts = split(data, program_id, resume_at=(cut.step, cut.rows))
        assert parts[0].start == cut.position
        assert parts[0].digests == cut.rows
        assert parts[0].call is cut.next_call
        assert b"".join(data[part.start : part.end] for part in parts) == data[cut.position :]
    assert split(data, program_id, resume_at=(places[-1].step, 0)) == []


def test_what_is_missing_or_too_much_is_in_the_last_part():
    data, program_id = honest(SETTLE_COMPACT.name)
    parts = split(data, program_id)
    for other in (data[:-1], data + b"\0", data[: parts[-1].start]):
        *same, last = split(other, program_id)
        assert same == parts[:-1]
        assert (last.start, last.end) == (parts[-1].start, len(other))


def test_a_proof_cut_before_its_last_part_ends_with_an_empty_one():
    data, program_id = honest(SETTLE_COMPACT.name)
    parts = split(data, program_id)
    short = data[: parts[-1].start - 1]
    last = split(short, program_id)[-1]
    assert short[last.start : last.end] == b""


def test_a_malformed_head_is_rejected():
    data, program_id = honest(SETTLE_COMPACT.name)
    with pytest.raises(Rejected) as rejected:
        split(b"\0" + data, program_id)
    assert rejected.value.reason is Reason.BAD_MAGIC


def test_outputs_that_do_not_fit():
    data, program_id = honest(SETTLE_COMPACT.name)
    decoded = decode(data)
    longest = replace(decoded, output=(7,) * (MAX_OUTPUT_BYTES // 4))
    assert split(encode(longest), program_id)[0].start == 0
    longer = replace(decoded, output=(*longest.output, 7))
    with pytest.raises(ProofTooLargeError, match="longer than 8,192 bytes: write its hash"):
        split(encode(longer), program_id)


def test_pieces_that_do_not_fit():
    data, program_id = honest(SETTLE.name)
    with pytest.raises(ProofTooLargeError, match="does not fit into 30000 bytes"):
        split(data, program_id, max_part_bytes=30_000)
