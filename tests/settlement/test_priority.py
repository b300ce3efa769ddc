"""Priority records; their accumulator on L1 is compared in test_local_chain and by ape."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.settlement.abi import keccak256
from offchain.settlement.priority import (
    ACCUMULATOR_START,
    RECORD_BYTES,
    PriorityKind,
    PriorityRecord,
    accumulate_all,
)

RECORDS = st.builds(
    PriorityRecord,
    index=st.integers(0, 2**64 - 1),
    kind=st.sampled_from(PriorityKind),
    sender=st.binary(min_size=20, max_size=20),
    account_id=st.integers(0, 2**64 - 1),
    asset_id=st.integers(0, 2**16 - 1),
    amount_units=st.integers(0, 2**256 - 1),
    data0=st.binary(min_size=32, max_size=32),
    data1=st.binary(min_size=32, max_size=32),
)
DEPOSIT = PriorityRecord(0, PriorityKind.DEPOSIT, b"\x01" * 20, 3, 1, 5)


@given(RECORDS)
def test_decoding_is_the_inverse(record):
    encoded = record.to_bytes()
    assert len(encoded) == RECORD_BYTES
    assert PriorityRecord.from_bytes(encoded) == record


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 2**256},
        {"sender": bytes(19)},
        {"account_id": -1},
        {"asset_id": 2**256},
        {"amount_units": 2**256},
        {"data0": bytes(31)},
        {"data1": bytes(33)},
    ],
)
def test_encoding_is_strict(changes):
    with pytest.raises(ValueError, match=r"has|is not"):
        dataclasses.replace(DEPOSIT, **changes).to_bytes()


def test_decoding_is_strict():
    encoded = DEPOSIT.to_bytes()
    with pytest.raises(ValueError, match="8 words"):
        PriorityRecord.from_bytes(encoded[:-1])
    with pytest.raises(ValueError, match="10 is not a valid PriorityKind"):
        PriorityRecord.from_bytes(encoded[:63] + b"\x0a" + encoded[64:])


def test_accumulator():
    second = dataclasses.replace(DEPOSIT, index=1)
    first_accumulator = keccak256(bytes(32) + DEPOSIT.to_bytes())
    assert accumulate_all([]) == ACCUMULATOR_START == bytes(32)
    assert accumulate_all([DEPOSIT]) == first_accumulator
    assert accumulate_all([DEPOSIT, second]) == second.accumulate(first_accumulator)
    assert accumulate_all([second], first_accumulator) == accumulate_all([DEPOSIT, second])


def test_engine_account():
    assert DEPOSIT.engine_account_id == 96
