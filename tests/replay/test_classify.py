"""Each category fires on a feed that shows its cause and stays silent on a near twin."""

import pytest

from offchain.replay.classify import Category
from offchain.replay.driver import ReplayOptions
from tests.replay.feeds import feed, replay_checked

BIDS = ("A B 1@100*2", "A B 2@100*3", "A B 3@99*5")


def outcome(*events, is_self_match_first=True):
    """Return the category of the single difference, None for unexplained, or 'exact'."""
    report, _ = replay_checked(
        feed(*events), ReplayOptions(is_self_match_first=is_self_match_first)
    )
    assert report.aggressors == 1
    return report.differences[0].category if report.differences else "exact"


def test_plain_trade_is_exact_and_no_predicate_fires_on_it():
    report, _ = replay_checked(
        feed(*BIDS, "T A 9@100*4, F B 1@100*2, F B 2@100*2, C B 1@100*2, M B 2@100*1")
    )
    assert report.exact == 1
    assert not report.fires_on_exact


def test_auction_fires_on_a_trade_without_side():
    assert outcome(
        *BIDS, "A A 4@99*2", "T N 0@100*2, F N 1@100*2, F N 4@100*2, C B 1@100*2, C A 4@99*2"
    ) == Category.AUCTION  # fmt: skip


def test_auction_does_not_fire_on_the_same_fills_with_a_side():
    assert outcome(*BIDS, "T A 9@99*3, F B 3@99*3, M B 3@99*2") is None


def test_trade_without_order_fires_when_fills_are_missing():
    # Size 7 traded at 100, but only 5 of it against orders; the rest against an implied leg.
    # At 99 price-time priority would go on.
    assert outcome(
        *BIDS, "T A 9@100*5, T A 9@99*2, F B 1@100*2, F B 2@100*3, C B 1@100*2, C B 2@100*3"
    ) == Category.TRADE_WITHOUT_ORDER  # fmt: skip


def test_trade_without_order_does_not_excuse_a_skipped_order():
    assert outcome(*BIDS, "T A 9@100*4, F B 2@100*3, C B 2@100*3") is None


def test_iceberg_hidden_size_fires_on_a_fill_beyond_the_display():
    assert outcome(
        *BIDS, "T A 9@100*9, F B 2@100*3, F B 1@100*6, C B 2@100*3, M B 1@100*2"
    ) == Category.ICEBERG_HIDDEN_SIZE  # fmt: skip


def test_iceberg_hidden_size_counts_earlier_aggressors_of_the_event():
    report, _ = replay_checked(
        feed("A B 1@100*2", "T A 8@100*2, F B 1@100*2, T A 9@100*1, F B 1@100*1, M B 1@100*1")
    )
    assert (report.exact, report.explained[Category.ICEBERG_HIDDEN_SIZE]) == (1, 1)


def test_iceberg_hidden_size_does_not_fire_within_the_display():
    assert outcome(*BIDS, "T A 9@100*2, F B 2@100*2, M B 2@100*1") is None


def test_iceberg_hidden_size_does_not_excuse_other_makers():
    # Order 1 is an iceberg, but order 2 is passed over although it was displayed and not filled.
    assert outcome(*BIDS, "T A 9@99*7, F B 1@100*6, F B 3@99*1, M B 1@100*2, M B 3@99*4") is None


def test_iceberg_refill_fires_when_a_refilled_maker_is_listed_last():
    assert outcome(
        *BIDS, "T A 9@100*4, F B 2@100*2, F B 1@100*2, M B 2@100*1, M B 1@100*2"
    ) == Category.ICEBERG_REFILL_LISTED_LAST  # fmt: skip


def test_iceberg_refill_does_not_fire_on_a_maker_filled_in_part():
    # Order 1 keeps 1 of its display of 2: nothing was refilled, so it had to stay in front.
    assert outcome(
        *BIDS, "T A 9@100*3, F B 2@100*2, F B 1@100*1, M B 2@100*1, M B 1@100*1"
    ) is None  # fmt: skip


def test_iceberg_refill_does_not_fire_on_a_refill_in_queue_order():
    report, _ = replay_checked(
        feed(*BIDS, "T A 9@100*3, F B 1@100*2, F B 2@100*1, M B 2@100*2, M B 1@100*2")
    )
    assert report.exact == 1
    assert not report.fires_on_exact


def test_unpublished_priority_loss_fires_when_a_deleted_maker_is_listed_last():
    assert outcome(
        *BIDS, "T A 9@100*5, F B 2@100*3, F B 1@100*2, C B 2@100*3, C B 1@100*2"
    ) == Category.UNPUBLISHED_PRIORITY_LOSS  # fmt: skip


def test_unpublished_priority_loss_does_not_fire_on_shuffled_makers():
    # Two makers are out of place, and only the last one can be named.
    assert outcome(
        "A B 1@100*1", "A B 2@100*1", "A B 3@100*1", "A B 4@100*1",
        "T A 9@100*4, F B 4@100*1, F B 3@100*1, F B 2@100*1, F B 1@100*1, "
        "C B 1@100*1, C B 2@100*1, C B 3@100*1, C B 4@100*1",
    ) is None  # fmt: skip


def test_unpublished_priority_loss_does_not_fire_on_a_maker_that_lives_on():
    assert outcome(*BIDS, "T A 9@100*4, F B 2@100*3, F B 1@100*1, C B 2@100*3, M B 1@100*1") is None


def test_unpublished_priority_loss_does_not_fire_on_a_maker_that_is_never_deleted():
    assert outcome(*BIDS, "T A 9@100*5, F B 2@100*3, F B 1@100*2, C B 2@100*3") is None


SELF_MATCH = "T A 9@100*3, F B 2@100*3, C B 2@100*3, C B 1@100*2"


def test_self_match_cancel_is_exact_when_it_precedes_the_trade():
    report, _ = replay_checked(feed(*BIDS, SELF_MATCH))
    assert (report.exact, report.exact_in_feed_order) == (1, 0)
    assert report.fires_on_exact == {Category.SELF_MATCH_PREVENTION: 1}


def test_self_match_fires_when_the_feed_order_is_kept():
    assert outcome(*BIDS, SELF_MATCH, is_self_match_first=False) == Category.SELF_MATCH_PREVENTION


@pytest.mark.parametrize("is_first", [True, False])
def test_self_match_does_not_fire_on_a_cancel_in_a_later_event(is_first):
    events = (*BIDS, "T A 9@100*3, F B 2@100*3, C B 2@100*3", "C B 1@100*2")
    assert outcome(*events, is_self_match_first=is_first) is None


@pytest.mark.parametrize("is_first", [True, False])
def test_self_match_does_not_fire_on_a_cancel_beyond_the_limit(is_first):
    events = (*BIDS, "T A 9@100*3, F B 2@100*3, C B 2@100*3, C B 3@99*5")
    assert outcome(*events, is_self_match_first=is_first) is None


@pytest.mark.parametrize("cancel", ["C B 3@99*5", "C A 4@101*1"], ids=["beyond", "own side"])
def test_self_match_does_not_fire_on_an_unrelated_cancel_after_an_exact_trade(cancel):
    report, _ = replay_checked(
        feed(*BIDS, "A A 4@101*1", f"T A 9@100*2, F B 1@100*2, C B 1@100*2, {cancel}")
    )
    assert (report.exact, report.exact_in_feed_order) == (1, 1)
    assert not report.fires_on_exact


def test_self_match_together_with_an_iceberg():
    event = "T A 9@100*5, F B 2@100*5, C B 1@100*2, M B 2@100*3"
    for is_first in (True, False):
        assert outcome(*BIDS, event, is_self_match_first=is_first) == Category.ICEBERG_HIDDEN_SIZE


def test_wrong_price_is_unexplained():
    assert outcome(*BIDS, "T A 9@99*2, F B 3@99*2, M B 3@99*3") is None
