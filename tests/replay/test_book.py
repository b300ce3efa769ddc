"""The plain Python book against rules written as sorting."""

import random

import pytest

from offchain.replay.book import Fill, ReferenceBook


def two_orders():
    book = ReferenceBook()
    book.place(1, True, 100, 4)
    book.place(2, True, 100, 4)
    return book


@pytest.mark.parametrize(
    ("price_ticks", "size", "queue"),
    [
        (100, 3, [(1, 3), (2, 4)]),
        (100, 4, [(1, 4), (2, 4)]),
        (100, 5, [(2, 4), (1, 5)]),
        (99, 3, [(2, 4)]),
    ],
    ids=["smaller", "equal", "larger", "price"],
)
def test_modify_keeps_priority_only_for_a_smaller_or_equal_size(price_ticks, size, queue):
    book = two_orders()
    book.modify(1, price_ticks, size)
    assert book.queue(True, 100) == queue


@pytest.mark.parametrize(
    ("size", "queue"), [(1, [(1, 3), (2, 4)]), (4, [(2, 4)]), (9, [(2, 4)]), (None, [(2, 4)])]
)
def test_cancel_by_size(size, queue):
    book = two_orders()
    book.cancel(1, size)
    assert book.queue(True, 100) == queue


def test_aggress_stops_at_its_limit_and_never_rests():
    book = two_orders()
    book.place(3, True, 99, 1)
    assert book.aggress(9, False, 100, 50) == [Fill(1, 100, 4), Fill(2, 100, 4)]
    assert list(book.orders) == [3]
    assert book.best_ticks(True) == 99
    assert book.best_ticks(False) is None


@pytest.mark.parametrize("seed", range(20))
def test_price_time_priority_equals_sorting(seed):
    rng = random.Random(seed)
    is_bid = bool(seed % 2)
    orders = [(order, rng.randrange(95, 105), rng.randrange(1, 9)) for order in range(40)]
    book = ReferenceBook()
    for order, price_ticks, size in orders:
        book.place(order, is_bid, price_ticks, size)
    limit_ticks = rng.randrange(95, 105)
    size_ordered = left = rng.randrange(1, 200)
    sign = -1 if is_bid else 1
    expected = []
    for order, price_ticks, size in sorted(orders, key=lambda order: (sign * order[1], order[0])):
        traded = min(left, size)
        if traded and sign * price_ticks <= sign * limit_ticks:
            expected.append(Fill(order, price_ticks, traded))
            left -= traded
    assert book.aggress(100, not is_bid, limit_ticks, size_ordered) == expected
    traded = {fill.maker_feed_order_id: fill.size for fill in expected}
    assert {order: book.orders[order].size for order in book.orders} == {
        order: size - traded.get(order, 0)
        for order, _, size in orders
        if size > traded.get(order, 0)
    }
