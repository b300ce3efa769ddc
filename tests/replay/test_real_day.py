"""The recorded exchange day: 40,000 messages of the E-mini S&P 500 future, 2023-12-25."""

import json

import pytest

from offchain.replay.classify import Category
from offchain.replay.dbn_feed import read_dbn
from offchain.replay.driver import ReplayOptions, replay_file
from offchain.replay.feed import MessageKind, load_feed, save_feed

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def report(real_day):
    return replay_file(real_day)


def test_decoding(real_day):
    recording = read_dbn(real_day)
    assert (recording.symbol, recording.tick_e9) == ("ESH4", 250_000_000)
    kinds = recording.messages["kind"].tolist()
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {
        MessageKind.ADD: 19_543, MessageKind.CANCEL: 8_914, MessageKind.MODIFY: 6_797,
        MessageKind.TRADE: 1_627, MessageKind.FILL: 3_119,
    }  # fmt: skip


def test_at_least_96_percent_exact_and_all_else_explained(report):
    assert report.messages == 40_000
    assert report.aggressors == 1_594
    assert report.exact_share >= 0.96
    assert report.unexplained == 0
    assert report.exact + sum(report.explained.values()) == report.aggressors


def test_predicates_are_specific(report):
    # Self-match prevention is an input of the replay, so aggressors that met it are exact; the
    # other predicates describe what price-time priority on displayed orders cannot produce.
    assert set(report.fires_on_exact) <= {Category.SELF_MATCH_PREVENTION}
    assert report.fires_on_exact[Category.SELF_MATCH_PREVENTION] < 0.05 * report.exact
    assert report.exact == report.exact_in_feed_order + sum(report.fires_on_exact.values())


def test_feed_order_gives_the_naive_share(real_day):
    report = replay_file(real_day, options=ReplayOptions(is_self_match_first=False))
    assert 0.95 <= report.exact_share < 0.96
    assert report.unexplained == 0
    assert report.explained[Category.SELF_MATCH_PREVENTION] > 30


def test_recorded_copy_gives_the_same_result(real_day, report, tmp_path):
    path = tmp_path / "day.hrflow"
    recording = read_dbn(real_day)
    save_feed(path, recording)
    assert (load_feed(path).messages == recording.messages).all()
    result, copy = report.to_dict(), json.loads(replay_file(path).to_json())
    result.pop("seconds")
    copy.pop("seconds")
    assert copy == result
