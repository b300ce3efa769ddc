"""Limits of the head of a proof; every refusal comes before any work."""

from dataclasses import replace

import pytest

from offchain.air.machine import TABLES
from offchain.security.parameters import FAST, PROFILE_BY_NUMBER, SETTLE, program_id
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import ONE, ZERO
from offchain.verifier.proof_format import MAX_OUTPUT_WORDS, Proof, decode, out_of_domain_count
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.verify import verify
from tests.verifier.encoding import encode

HEIGHTS_AT = 10
COUNT_AT = HEIGHTS_AT + len(TABLES)
LOG_HEIGHTS = (12,) * len(TABLES)
PREPROCESSED = tuple(12 for table in TABLES if table.preprocessed)

HEAD = Proof(
    parameters=SETTLE,
    log_heights=LOG_HEIGHTS,
    output=(1, 2**32 - 1),
    entry_pc=0x1000,
    preprocessed_root=b"p" * 32,
    preprocessed_log_heights=PREPROCESSED,
    main_root=b"m" * 32,
    aux_root=b"a" * 32,
    quotient_root=b"q" * 32,
    out_of_domain=(ZERO,) * out_of_domain_count(TABLES),
    fri_roots=(b"f" * 32,) * len(SETTLE.fold_logs(12)),
    final=(ONE,) * (1 << SETTLE.final_log),
    nonce=2**64 - 1,
    openings=b"the rest",
)
DATA = encode(HEAD)
NAME = program_id(SETTLE, HEAD.preprocessed_root, PREPROCESSED, HEAD.entry_pc)


def changed(position, value, length=1):
    return DATA[:position] + value.to_bytes(length, "big") + DATA[position + length :]


def reason_of(call, *arguments, **options):
    with pytest.raises(Rejected) as caught:
        call(*arguments, **options)
    return caught.value.reason


def test_decoding_inverts_encoding():
    assert decode(DATA) == HEAD


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.TRUNCATED),
        (b"HRproof2" + DATA[8:], Reason.BAD_MAGIC),
        (changed(8, 0), Reason.UNKNOWN_PROFILE),
        (changed(8, 99), Reason.UNKNOWN_PROFILE),
        (changed(9, len(TABLES) - 1), Reason.WRONG_TABLE_COUNT),
        (changed(HEIGHTS_AT, SETTLE.min_log_height - 1), Reason.HEIGHT_OUT_OF_RANGE),
        (changed(COUNT_AT - 1, 255), Reason.HEIGHT_OUT_OF_RANGE),
        (changed(COUNT_AT, MAX_OUTPUT_WORDS + 1, 4), Reason.TOO_MANY_OUTPUT_WORDS),
        (changed(COUNT_AT, 2**32 - 1, 4), Reason.TOO_MANY_OUTPUT_WORDS),
        (changed(COUNT_AT, MAX_OUTPUT_WORDS, 4), Reason.TRUNCATED),
    ],
)
def test_malformed_heads_are_refused(data, reason):
    assert reason_of(decode, data) is reason


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_the_table_of_time_is_half_as_high_as_others_may_be(number):
    most = 21 if TABLES[number].name == "cpu" else 22
    heights = (*LOG_HEIGHTS[:number], most, *LOG_HEIGHTS[number + 1 :])
    roots = (b"f" * 32,) * len(SETTLE.fold_logs(most))
    highest = replace(HEAD, log_heights=heights, fri_roots=roots)
    assert decode(encode(highest)) == highest
    higher = changed(HEIGHTS_AT + number, most + 1)
    assert reason_of(decode, higher) is Reason.HEIGHT_OUT_OF_RANGE


def test_shorter_heads_are_truncated():
    head_length = len(DATA) - len(HEAD.openings)
    for length in (
        8,
        9,
        10,
        HEIGHTS_AT,
        COUNT_AT + 3,
        *range(COUNT_AT, head_length, 97),
        head_length - 1,
    ):
        assert reason_of(decode, DATA[:length]) is Reason.TRUNCATED


@pytest.mark.parametrize("value", [P, 2**64 - 1])
def test_out_of_domain_values_and_coefficients_are_canonical(value):
    start = DATA.index(b"q" * 32) + 32
    for position in (start, start + 24 * len(HEAD.out_of_domain) - 8, len(DATA) - 24):
        assert reason_of(decode, changed(position, value, 8)) is Reason.NON_CANONICAL_ELEMENT


def test_the_profile_must_be_accepted():
    assert reason_of(verify, DATA, NAME, accepted=["fast"]) is Reason.PROFILE_NOT_ACCEPTED


def test_an_insecure_profile_is_refused(monkeypatch):
    weak = replace(SETTLE, queries=10)
    monkeypatch.setitem(PROFILE_BY_NUMBER, SETTLE.number, weak)
    assert reason_of(verify, DATA, NAME) is Reason.INSECURE_PARAMETERS


def test_the_output_must_be_the_expected_one():
    assert reason_of(verify, DATA, NAME, [1, 2]) is Reason.WRONG_OUTPUT
    assert reason_of(verify, DATA, NAME, [1, 2**32 - 1, 0]) is Reason.WRONG_OUTPUT


def test_the_program_must_be_the_expected_one():
    other = program_id(FAST, HEAD.preprocessed_root, PREPROCESSED, HEAD.entry_pc)
    assert reason_of(verify, DATA, other) is Reason.WRONG_PROGRAM
    moved = encode(replace(HEAD, entry_pc=0x1004))
    assert reason_of(verify, moved, NAME) is Reason.WRONG_PROGRAM


def test_the_program_s_heights_are_those_of_the_proof():
    heights = (13, *PREPROCESSED[1:])
    data = encode(replace(HEAD, preprocessed_log_heights=heights))
    assert reason_of(verify, data, NAME) is Reason.WRONG_PREPROCESSED_HEIGHT


def test_values_that_prove_nothing_are_refused():
    assert reason_of(verify, DATA, NAME, HEAD.output) is Reason.QUOTIENT_MISMATCH


def test_a_rejection_says_what_and_where():
    with pytest.raises(Rejected, match=r"UNKNOWN_PROFILE: .*verify with the version.* \(99\)"):
        decode(changed(8, 99))
