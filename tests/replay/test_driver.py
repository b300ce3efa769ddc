"""The replay keeps our book equal to the exchange's, whatever the fills were."""

import json

import numpy as np
import pytest

from offchain.replay.book import ReferenceBook
from offchain.replay.dbn_feed import read_dbn
from offchain.replay.driver import FeedReplay, ReplayOptions, replay_file, replay_recording
from offchain.replay.events import split_events
from offchain.replay.feed import FeedError, save_feed
from tests.replay.feeds import WatchedBook, feed, levels_of, replay_checked, replay_plain


def test_updates_after_a_trade_are_not_applied_twice():
    _, book = replay_checked(
        feed(
            "A A 1@101*2",
            "A A 2@101*4",
            "T B 9@101*3, F A 1@101*2, F A 2@101*1, C A 1@101*2, M A 2@101*3",
        )
    )
    assert levels_of(book) == {(False, 101): [(2, 3)]}


def test_aggressor_is_one_order_with_its_worst_price_and_whole_size():
    report, book = replay_checked(
        feed(
            "A A 1@101*2",
            "A A 2@102*4",
            "T B 9@101*2, F A 1@101*2, T B 9@102*1, F B 9@102*1, F A 2@102*1, "
            "C A 1@101*2, M A 2@102*3",
        )
    )
    assert book.aggressors == [(9, True, 102, 3)]
    assert report.exact == report.aggressors == 1


def test_remainder_of_an_aggressor_rests_before_its_makers_are_deleted():
    report, book = replay_checked(
        feed("A A 1@101*2", "T B 9@101*2, F A 1@101*2, A B 9@101*5, C A 1@101*2")
    )
    assert report.exact == 1
    assert report.held_back == 0
    assert levels_of(book) == {(True, 101): [(9, 5)]}


def test_resting_order_that_is_modified_through_the_other_side():
    report, book = replay_checked(
        feed(
            "A B 1@100*3",
            "A A 2@101*5",
            "T A 2@100*3, F A 2@100*3, F B 1@100*3, M A 2@100*2, C B 1@100*3",
        )
    )
    assert report.exact == 1
    assert levels_of(book) == {(False, 100): [(2, 2)]}


def test_triggered_order_in_the_same_event_is_an_aggressor_of_its_own():
    report, book = replay_checked(
        feed(
            "A A 1@101*2",
            "A A 2@102*2",
            "T B 8@101*2, F A 1@101*2, T B 9@102*2, F A 2@102*2, C A 1@101*2, C A 2@102*2",
        )
    )
    assert [order_id for order_id, *_ in book.aggressors] == [8, 9]
    assert report.exact == 2


def test_a_wrong_fill_does_not_cascade_into_later_aggressors():
    # The exchange passes over order 1 for no reason that the feed shows. Afterwards order 1 must
    # stand in front of order 3 again, with all its size.
    report, _ = replay_checked(
        feed(
            "A B 1@100*2",
            "A B 2@100*3",
            "A B 3@100*1",
            "T A 7@100*3, F B 2@100*3, C B 2@100*3",
            "T A 8@100*1, F B 1@100*1, M B 1@100*1",
            "T A 9@100*2, F B 1@100*1, F B 3@100*1, C B 1@100*1, C B 3@100*1",
        )
    )
    assert (report.exact, report.unexplained) == (2, 1)
    assert report.levels_rebuilt == 1


def test_a_wrong_fill_does_not_cascade_within_its_event():
    report, _ = replay_checked(
        feed(
            "A B 1@100*2",
            "A B 2@100*3",
            "T A 8@100*3, F B 2@100*3, T A 9@100*1, F B 1@100*1, C B 2@100*3, M B 1@100*1",
        )
    )
    assert (report.exact, report.unexplained) == (1, 1)


def test_refilled_iceberg_queues_last():
    report, _ = replay_checked(
        feed(
            "A B 1@100*2",
            "A B 2@100*1",
            "T A 7@100*2, F B 1@100*2, M B 1@100*2",
            "T A 8@100*1, F B 2@100*1, C B 2@100*1",
        )
    )
    assert report.exact == 2


@pytest.mark.parametrize(
    ("change", "first"),
    [("M B 1@100*3", 1), ("M B 1@100*4", 1), ("M B 1@100*5", 2), ("C B 1@100*1", 1)],
    ids=["smaller keeps", "equal keeps", "larger loses", "partial cancel keeps"],
)
def test_priority_after_a_change(change, first):
    _, book = replay_checked(feed("A B 1@100*4", "A B 2@100*4", change))
    assert book.queue(is_bid=True, price_ticks=100)[0][0] == first


def test_price_change_loses_priority():
    _, book = replay_checked(feed("A B 1@100*4", "A B 2@99*4", "M B 1@99*4", "M B 2@99*1"))
    assert levels_of(book) == {(True, 99): [(2, 1), (1, 4)]}


def test_crossed_book_is_held_back_until_the_auction():
    report, book = replay_checked(
        feed(
            "A B 1@100*2",
            "A A 2@100*2",  # crosses: from here our book waits
            "A B 3@101*1",
            "A B 4@100*1",
            "M B 1@99*2",
            "T N 0@100*1, F N 3@100*1, F N 2@100*1, C B 3@101*1, M A 2@100*1, M B 4@98*1",
            "T B 9@100*1, F A 2@100*1, C A 2@100*1",
        )
    )
    assert report.held_back == 3
    assert (report.aggressors, report.exact, report.unexplained) == (2, 1, 0)
    assert levels_of(book) == {(True, 99): [(1, 2)], (True, 98): [(4, 1)]}


def test_clear_empties_the_book():
    _, book = replay_checked(feed("A B 1@100*2", "A A 2@101*2", "R N 0@0*0", "A B 1@100*7"))
    assert levels_of(book) == {(True, 100): [(1, 7)]}


def test_messages_without_meaning_for_the_book_are_skipped():
    report, book = replay_checked(feed("A B 1@100*2", "N N 0@0*0", "C B 5@100*2"))
    assert levels_of(book) == {(True, 100): [(1, 2)]}
    assert report.aggressors == 0
    assert report.exact_share == 1.0


def test_trade_after_an_update_opens_a_new_event():
    recording = feed("A A 1@101*2, T B 9@101*2, F A 1@101*2, C A 1@101*2")
    events = list(split_events(recording.messages))
    assert [(len(event.aggressors), len(event.updates)) for event in events] == [(0, 1), (1, 1)]
    assert replay_plain(recording).exact == 1


def test_feed_that_breaks_off_is_replayed_to_its_end():
    recording = feed("A A 1@101*2", "T B 9@101*1, F A 1@101*1, M A 1@101*1")
    recording.messages["flags"] = 0
    assert replay_plain(recording).exact == 1


def test_book_equals_exchange_after_every_event_of_a_random_feed():
    rng = np.random.default_rng(20_231_225)
    events, book = [], ReferenceBook()
    for order_id in range(1, 1500):
        is_bid = bool(rng.integers(2))
        price = int(100 - rng.integers(1, 6) if is_bid else 100 + rng.integers(1, 6))
        events.append(f"A {'B' if is_bid else 'A'} {order_id}@{price}*{rng.integers(1, 9)}")
        book.place(order_id, is_bid, price, 1)
        if order_id % 5 == 0:
            # A trade against a random maker, not the first: most of these are differences.
            maker = int(rng.choice(list(book.orders)))
            order = book.orders[maker]
            maker_side, side = ("B", "A") if order.is_bid else ("A", "B")
            at = f"{maker}@{order.price_ticks}"
            events.append(
                f"T {side} {order_id + 10_000}@{order.price_ticks}*1, F {maker_side} {at}*1, "
                f"C {maker_side} {at}*9"
            )
            book.cancel(maker)
    report, _ = replay_checked(feed(*events))
    assert report.aggressors == 299
    assert report.exact + len(report.differences) == report.aggressors
    assert report.unexplained > 100


@pytest.mark.real_data
def test_real_day_keeps_the_books_equal(real_day):
    recording = read_dbn(real_day)
    book = WatchedBook()
    replay = FeedReplay(book, ReplayOptions())
    for event in split_events(recording.messages):
        replay.apply(event)
        if event.aggressors and not replay._is_holding:
            assert book.orders == replay._shadow.orders
    assert levels_of(book) == levels_of(replay._shadow)


def test_progress_reaches_the_end():
    seen = []
    recording = feed(*(f"A B {order}@100*1" for order in range(1, 301)))
    replay_recording(recording, ReferenceBook, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (300, 300)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) <= 101


def test_report_is_json_with_every_category(tmp_path):
    path = tmp_path / "small.hrflow"
    save_feed(path, feed("A A 1@101*2", "T B 9@101*1, F A 1@101*1, M A 1@101*1"))
    result = json.loads(replay_file(path).to_json())
    assert (result["messages"], result["aggressors"], result["exact"]) == (4, 1, 1)
    assert result["unexplained"] == 0
    assert set(result["explained"].values()) == {0}


def test_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(FeedError, match="unknown kind of recording"):
        replay_file(tmp_path / "feed.csv")
