"""Reading and writing recordings."""

import databento_dbn
import numpy as np
import pytest
import zstandard

from offchain.replay.dbn_feed import read_dbn
from offchain.replay.driver import replay_file
from offchain.replay.feed import (
    FeedError,
    MessageFlag,
    MessageKind,
    MessageSide,
    load_feed,
    save_feed,
    write_hrflow,
)
from offchain.replay.flow import FLOW_DTYPE, load_flow, save_flow
from tests.replay.feeds import feed

F_LAST, F_SNAPSHOT = 128, 32


def mbo(action, side, order_id, price_e9, size, *, flags=F_LAST, instrument_id=7):
    return databento_dbn.MBOMsg(
        publisher_id=1, instrument_id=instrument_id, ts_event=5, order_id=order_id,
        price=price_e9, size=size, channel_id=0, action=databento_dbn.Action(action),
        side=databento_dbn.Side(side), ts_recv=6, flags=flags, ts_in_delta=0, sequence=1,
    )  # fmt: skip


def write_dbn(path, *records, is_compressed=False):
    metadata = databento_dbn.Metadata(
        dataset="GLBX.MDP3", start=0, stype_out=databento_dbn.SType.INSTRUMENT_ID,
        symbols=["TEST"], partial=[], not_found=[], mappings=[],
        schema=databento_dbn.Schema.MBO, stype_in=databento_dbn.SType.RAW_SYMBOL,
    )  # fmt: skip
    content = metadata.encode() + b"".join(bytes(record) for record in records)
    path.write_bytes(zstandard.compress(content) if is_compressed else content)
    return path


@pytest.mark.parametrize("is_compressed", [False, True])
def test_dbn_fields(tmp_path, is_compressed):
    path = write_dbn(
        tmp_path / "day.dbn",
        mbo("A", "B", 11, 4_800_250_000_000, 3, flags=F_SNAPSHOT),
        mbo("T", "N", 0, 4_800_500_000_000, 2, flags=0),
        mbo("C", "A", 12, 4_801_000_000_000, 1),
        is_compressed=is_compressed,
    )
    recording = read_dbn(path)
    messages = recording.messages
    assert (recording.tick_e9, recording.symbol) == (250_000_000, "TEST")
    assert messages["price_ticks"].tolist() == [19_201, 19_202, 19_204]
    assert messages["order_id"].tolist() == [11, 0, 12]
    assert messages["size"].tolist() == [3, 2, 1]
    kinds = [MessageKind.ADD, MessageKind.TRADE, MessageKind.CANCEL]
    assert messages["kind"].tolist() == kinds
    assert messages["side"].tolist() == [MessageSide.BID, MessageSide.NONE, MessageSide.ASK]
    snapshot = MessageFlag.SNAPSHOT | MessageFlag.END_OF_EVENT
    assert messages["flags"].tolist() == [snapshot, 0, MessageFlag.END_OF_EVENT]
    assert messages["time_ns"].tolist() == [5, 5, 5]


def test_dbn_clear_record_without_price(tmp_path):
    path = write_dbn(
        tmp_path / "day.dbn",
        mbo("R", "N", 0, databento_dbn.UNDEF_PRICE, 0),
        mbo("A", "B", 11, 500, 3),
    )
    messages = read_dbn(path).messages
    assert messages["kind"].tolist() == [MessageKind.CLEAR, MessageKind.ADD]
    assert messages["price_ticks"].tolist() == [0, 1]


def test_dbn_instruments_are_kept_apart(tmp_path):
    path = write_dbn(
        tmp_path / "day.dbn", mbo("A", "B", 1, 100, 1), mbo("A", "B", 2, 100, 1, instrument_id=8)
    )
    assert read_dbn(path, instrument_id=8).messages["order_id"].tolist() == [2]
    with pytest.raises(FeedError, match="several instruments"):
        read_dbn(path)
    with pytest.raises(FeedError, match="no record of instrument 9"):
        read_dbn(path, instrument_id=9)


def test_dbn_price_off_the_given_tick_is_refused(tmp_path):
    path = write_dbn(tmp_path / "day.dbn", mbo("A", "B", 1, 150, 1))
    with pytest.raises(FeedError, match="no multiple of the tick"):
        read_dbn(path, tick_e9=100)


@pytest.mark.parametrize(
    "content", [b"", b"no recording", b"DBN\x01", zstandard.compress(b"x" * 99)]
)
def test_damaged_dbn_is_refused(tmp_path, content):
    path = tmp_path / "day.dbn.zst"
    path.write_bytes(content)
    with pytest.raises(FeedError):
        read_dbn(path)


def test_dbn_without_orders_is_refused(tmp_path):
    with pytest.raises(FeedError, match="no market-by-order record"):
        read_dbn(write_dbn(tmp_path / "day.dbn"))


def test_hrflow_feed_round_trip(tmp_path):
    recording = feed("A A 1@101*2", "T B 9@101*1, F A 1@101*1, M A 1@101*1")
    path = tmp_path / "sub" / "day.hrflow"
    save_feed(path, recording)
    loaded = load_feed(path)
    assert np.array_equal(loaded.messages, recording.messages)
    assert (loaded.tick_e9, loaded.symbol) == (1, "TEST")
    assert [entry.name for entry in path.parent.iterdir()] == ["day.hrflow"]


def test_hrflow_flow_round_trip(tmp_path):
    messages = np.array([(0, 1, 0, 7, 0, 100, 5)], dtype=FLOW_DTYPE)
    save_flow(tmp_path / "flow.hrflow", messages, n_accounts=8)
    assert np.array_equal(load_flow(tmp_path / "flow.hrflow"), messages)


def test_hrflow_of_another_content_is_refused(tmp_path):
    path = tmp_path / "flow.hrflow"
    save_flow(path, np.zeros(1, FLOW_DTYPE), n_accounts=8)
    with pytest.raises(FeedError, match="holds 'flow', expected 'feed'"):
        replay_file(path)


def test_hrflow_of_another_version_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "day.hrflow"
    monkeypatch.setattr("offchain.replay.feed.HRFLOW_VERSION", 2)
    save_feed(path, feed("A A 1@101*2"))
    monkeypatch.undo()
    with pytest.raises(FeedError, match="not of version 1"):
        load_feed(path)


def test_hrflow_without_tick_is_refused(tmp_path):
    path = tmp_path / "day.hrflow"
    write_hrflow(path, "feed", feed("A A 1@101*2").messages, {"symbol": "TEST"})
    with pytest.raises(FeedError, match="tick_e9"):
        load_feed(path)


def test_hrflow_cannot_carry_objects(tmp_path):
    path = tmp_path / "day.hrflow"
    with path.open("wb") as file:
        np.savez(file, header=np.array("{}"), messages=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FeedError, match=r"not a \.hrflow recording"):
        load_feed(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_damaged_hrflow_is_refused(tmp_path, content):
    path = tmp_path / "day.hrflow"
    path.write_bytes(content)
    with pytest.raises(FeedError):
        load_feed(path)
