"""What was synced comes back; a torn end is cut off; damage is an error."""

import pytest

from offchain.engine.journal import Journal, JournalError

CHAIN = b"\x01" * 32
ENVELOPES = [b"first", b"x" * 16_384, b"third"]
RECORD_HEAD_BYTES = 8


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


def test_damaged_last_record_is_torn(journal_path):
    write(journal_path)
    whole = bytearray(journal_path.read_bytes())
    whole[-1] ^= 1
    journal_path.write_bytes(whole)
    assert read(journal_path)[0] == ENVELOPES[:-1]


@pytest.mark.parametrize(
    ("offset", "message"),
    [(40, "at byte 40"), (44, "damaged record at byte 40"), (50, "damaged record at byte 40")],
    ids=["length", "checksum", "envelope"],
)
def test_damage_before_the_end_is_an_error(journal_path, offset, message):
    write(journal_path)
    whole = bytearray(journal_path.read_bytes())
    whole[offset] ^= 1
    journal_path.write_bytes(whole)
    with pytest.raises(JournalError, match=message):
        Journal(journal_path, CHAIN)


def test_impossible_length_is_an_error(journal_path):
    write(journal_path)
    whole = bytearray(journal_path.read_bytes())
    whole[40:44] = b"\xff" * 4
    journal_path.write_bytes(whole)
    with pytest.raises(JournalError, match="no record length at byte 40"):
        Journal(journal_path, CHAIN)


def test_journal_of_another_chain_is_refused(journal_path):
    write(journal_path)
    before = journal_path.read_bytes()
    with pytest.raises(JournalError, match="config hash differs"):
        Journal(journal_path, b"\x02" * 32)
    assert journal_path.read_bytes() == before


def test_journal_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "journal"
    write(path)
    assert read(path)[0] == ENVELOPES
