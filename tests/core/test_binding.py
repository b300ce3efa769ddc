"""The Python binding: batches, buffers, journal records, refusals of wrong arguments."""

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from offchain.core.binding import (
    JOURNAL_RECORD_BYTES,
    Core,
    CoreUnavailableError,
    as_op_array,
    load_library,
)
from offchain.spec import op
from offchain.spec.constants import OP_BYTES
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import PlaceFlag, Subtree, TimeInForce
from tests.strategies import CONFIG_HASH, GOVERNANCE, MID_PRICE, PERP, random_sequence, scene

MAKER, TAKER = 32, 64
CRC32C_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected; RFC 3720 section 12.1
BACKENDS = (0, 1, 2)


def new_core() -> Core:
    return Core(CONFIG_HASH, GOVERNANCE)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC32C_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_a_batch_equals_its_ops_one_by_one() -> None:
    ops = random_sequence(11, 150)
    together, apart = new_core(), new_core()
    applied = together.apply(ops)
    each = [apart.apply(data) for data in ops]
    assert applied.codes.tolist() == [int(one.codes[0]) for one in each]
    assert applied.events.tobytes() == b"".join(one.events.tobytes() for one in each)
    assert np.diff(applied.event_ends, prepend=0).tolist() == [len(one.events) for one in each]
    assert together.root() == apart.root()


def test_a_batch_whose_events_exceed_the_first_buffer() -> None:
    """Ops of 64 fills each, of which the first buffer holds one."""
    core = new_core()
    core.apply(scene())
    rest = op.Place(market=PERP, account=MAKER, price=MID_PRICE, size_lots=1)
    core.apply([rest.to_bytes()] * 640)
    sweep = op.Place(
        flags=PlaceFlag.IS_ASK,
        market=PERP,
        account=TAKER,
        time_in_force=TimeInForce.IOC,
        price=MID_PRICE,
        size_lots=64,
    )
    applied = core.apply([sweep.to_bytes()] * 10)
    assert (applied.codes == ErrorCode.OK).all()
    per_op = 64 * 3 + 1  # FILL, two POSITION; DONE
    assert applied.event_ends.tolist() == [per_op * (i + 1) for i in range(10)]
    assert (np.diff(applied.events["seq"].astype(np.int64)) == 1).all()


def test_an_empty_batch_does_nothing() -> None:
    core = new_core()
    before = core.root()
    applied = core.apply([])
    assert (len(applied.codes), len(applied.events)) == (0, 0)
    assert core.root() == before


def test_journal_records_carry_sequence_op_and_checksum() -> None:
    ops = random_sequence(5, 20)
    core = new_core()
    journal = np.zeros(len(ops) * JOURNAL_RECORD_BYTES, np.uint8)
    applied = core.apply(ops, journal)
    next_event = 1
    for i, data in enumerate(ops):
        start = i * JOURNAL_RECORD_BYTES
        record = journal[start : start + JOURNAL_RECORD_BYTES].tobytes()
        crc, length, seq = struct.unpack_from("<IIQ", record)
        assert (length, seq, record[16:]) == (OP_BYTES, next_event, data)
        assert crc == crc32c(record[8:])
        next_event = 1 + int(applied.event_ends[i])


def test_the_chunk_runner_equals_apply() -> None:
    ops = as_op_array(random_sequence(21, 100))
    plain, chunked = new_core(), new_core()
    expected = plain.apply(ops)
    runner = chunked.chunk_runner(ops, chunk_ops=64, with_journal=True)
    codes, events = [], b""
    for call, n in runner.calls:
        part = runner.result(call(), n)
        codes += part.codes.tolist()
        events += part.events.tobytes()
    assert codes == expected.codes.tolist()
    assert events == expected.events.tobytes()
    assert chunked.root() == plain.root()


def test_the_chunk_runner_refuses_a_chunk_that_was_not_applied_whole() -> None:
    core = new_core()
    core.take_hints_from(np.zeros(0, np.uint32))
    runner = core.chunk_runner(as_op_array(random_sequence(21, 100)), chunk_ops=500)
    ((call, n),) = runner.calls
    with pytest.raises(RuntimeError, match="not applied whole"):
        runner.result(call(), n)


def test_recording_and_a_tape_do_not_mix_their_buffers() -> None:
    core = new_core()
    core.record_hints(10)
    core.take_hints_from(np.full(3, 7, np.uint32))
    assert core.recorded_hints().tolist() == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_root_is_the_same_on_every_hash_backend(backend: int) -> None:
    library = load_library()
    if not library.hr_core_hash_backend(backend):
        pytest.skip(f"this machine has no hash backend {backend}")
    expected = new_core()
    expected.apply(random_sequence(2, 100))
    core = Core(CONFIG_HASH, GOVERNANCE, library)
    core.apply(random_sequence(2, 100))
    root = core.root()
    library.hr_core_hash_backend(0)
    assert root == expected.root()


def test_a_leaf_can_be_read_and_none_outside_the_tree() -> None:
    core = new_core()
    config = struct.unpack("<8Q", core.leaf(Subtree.CONFIG, 0))
    assert config == struct.unpack(">8I", CONFIG_HASH)
    for subtree, leaf in ((Subtree.HEADER, 1), (Subtree.ACCOUNTS, 2**22), (16, 0)):
        with pytest.raises(IndexError):
            core.leaf(subtree, leaf)


@pytest.mark.parametrize("length", [1, 63, 65, 127])
def test_ops_are_whole(length: int) -> None:
    with pytest.raises(ValueError, match="reshape"):
        new_core().apply(bytes(length))


@pytest.mark.parametrize(("config_hash", "governance"), [(31, 20), (33, 20), (32, 19), (32, 21)])
def test_genesis_takes_a_hash_and_an_address(config_hash: int, governance: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Core(bytes(config_hash), bytes(governance))


def test_a_missing_library_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CoreUnavailableError, match="make native"):
        load_library(tmp_path / "none.so")


def test_hints_are_recorded_only_on_request() -> None:
    with pytest.raises(RuntimeError, match="record_hints"):
        new_core().recorded_hints()


def test_hash_counts_grow_with_the_roots() -> None:
    core = new_core()
    core.root()
    leaves, nodes = core.hash_counts()
    core.apply(scene())
    core.root()
    assert core.hash_counts() > (leaves, nodes)


def test_ops_at_an_odd_address_are_read_right() -> None:
    ops = b"".join(random_sequence(13, 60))
    shifted = np.empty(len(ops) + 1, np.uint8)[1:]
    shifted[:] = np.frombuffer(ops, np.uint8)
    straight, odd = new_core(), new_core()
    assert straight.apply(ops).codes.tolist() == odd.apply(shifted).codes.tolist()
    assert straight.root() == odd.root()


def test_cores_on_different_threads_do_not_disturb_each_other() -> None:
    def run(seed: int) -> bytes:
        core = new_core()
        for data in random_sequence(seed, 120):
            core.apply(data)
            core.root()
        return core.root()

    seeds = range(20, 24)
    with ThreadPoolExecutor(len(seeds)) as pool:
        assert list(pool.map(run, seeds)) == [run(seed) for seed in seeds]
