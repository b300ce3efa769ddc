"""What was synced comes back; a torn end is cut off; damage is an error."""

import zlib

import pytest

from offchain.engine.journal import Journal, JournalError

CHAIN = b"\x01" * 32
ENVELOPES = [b"first", b"x" * 16_384, b"third"]
HEADER_BYTES = 40
RECORD_HEAD_BYTES = 12


def write(path, envelopes=ENVELOPES):
    with Journal(path, CHAIN) as journal:
        for envelope in envelopes:
            journal.append(envelope)


def read(path):
    with Journal(path, CHAIN) as journal:
        return list(journal.entries()), journal.torn_bytes


def test_envelopes_come_back_in_order(journal_path):
    write(journal_path)
    assert read(journal_path) == (ENVELOPES, 0)
    write(journal_path, [b"fourth"])
    assert read(journal_path) == ([*ENVELOPES, b"fourth"], 0)


def test_own_appends_are_seen_before_sync(journal_path):
    with Journal(journal_path, CHAIN) as journal:
        journal.append(b"now")
        assert list(journal.entries()) == [b"now"]


def test_every_torn_end_is_cut_off(journal_path):
    write(journal_path)
    whole = journal_path.read_bytes()
    last_record_bytes = RECORD_HEAD_BYTES + len(ENVELOPES[-1])
    for lost in range(1, last_record_bytes):
        journal_path.write_bytes(whole[:-lost])
        assert read(journal_path) == (ENVELOPES[:-1], last_record_bytes - lost)
        # The cut is on the disk, and the next record follows the last whole one.
        write(journal_path, [b"next"])
        assert read(journal_path) == ([*ENVELOPES[:-1], b"next"], 0)


def test_zeros_at_the_end_are_torn(journal_path):
    """A file that grew before its data was written: with no head, with a head, within one."""
    write(journal_path)
    whole = journal_path.read_bytes()
    last_start = len(whole) - RECORD_HEAD_BYTES - len(ENVELOPES[-1])
    for kept, count in ((len(whole), 3), (len(whole) - len(ENVELOPES[-1]), 2), (last_start, 2)):
        for zeros in (1, 11, 12, 4_096):
            journal_path.write_bytes(whole[:kept] + bytes(zeros))
            assert read(journal_path)[0] == ENVELOPES[:count]
            assert read(journal_path)[1] == 0


@pytest.mark.parametrize("record", [0, 1, 2], ids=["first", "middle", "last"])
@pytest.mark.parametrize(
    ("offset", "part"),
    [(0, "head"), (1, "head"), (3, "head"), (4, "head"), (8, "envelope"), (12, "envelope")],
)
def test_damage_is_an_error_that_names_the_byte(journal_path, record, offset, part):
    """A damaged length as well: it must not make the rest look like a torn write."""
    write(journal_path)
    start = HEADER_BYTES + sum(RECORD_HEAD_BYTES + len(each) for each in ENVELOPES[:record])
    whole = bytearray(journal_path.read_bytes())
    whole[start + offset] ^= 0x20
    journal_path.write_bytes(whole)
    named = start if part == "head" else start + RECORD_HEAD_BYTES
    with pytest.raises(JournalError, match=f"damaged (record )?{part} at byte {named}$"):
        Journal(journal_path, CHAIN)
    assert journal_path.read_bytes() == whole


def test_impossible_length_is_an_error(journal_path):
    write(journal_path)
    whole = bytearray(journal_path.read_bytes())
    length = b"\xff" * 4
    whole[40:48] = length + zlib.crc32(length).to_bytes(4, "little")
    journal_path.write_bytes(whole)
    with pytest.raises(JournalError, match="damaged record head at byte 40"):
        Journal(journal_path, CHAIN)


def test_journal_of_another_deployment_is_refused(journal_path):
    write(journal_path)
    before = journal_path.read_bytes()
    with pytest.raises(JournalError, match="no journal of this deployment"):
        Journal(journal_path, b"\x02" * 32)
    assert journal_path.read_bytes() == before


def test_journal_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "journal"
    write(path)
    assert read(path)[0] == ENVELOPES
