"""Generated flow and the flow of a feed: shares, determinism, self-consistency."""

import numpy as np
import pytest

from offchain.replay.dbn_feed import read_dbn
from offchain.replay.flow import FlowKind, account_of_order, flow_from_feed, other_account
from offchain.replay.generators import (
    MID_TICKS,
    NEWEST_ORDERS,
    PROFILE_60_35_5,
    FlowProfile,
    flow_60_35_5,
    flow_exchange_core,
    generate_flow,
)
from tests.replay.feeds import WatchedBook, feed

MESSAGES = 40_000


@pytest.fixture(scope="module", params=[flow_60_35_5, flow_exchange_core])
def generator(request):
    return request.param


@pytest.fixture(scope="module")
def flow(generator):
    return generator(MESSAGES, 7)


def play(flow):
    """Feed a flow to a book that refuses dead references and crossing; return what happened."""
    book, account_of, fills, self_trades, resting = WatchedBook(), {}, [], 0, []
    for index, (kind, is_bid, _, account, ref, price_ticks, size) in enumerate(flow.tolist()):
        if kind == FlowKind.ADD:
            assert ref == index
            account_of[index] = account
            book.place(index, bool(is_bid), price_ticks, size)
        elif kind == FlowKind.IOC:
            assert ref == index
            new = book.aggress(index, bool(is_bid), price_ticks, size)
            self_trades += sum(account_of[fill.maker_feed_order_id] == account for fill in new)
            fills += new
        else:
            order = book.orders[ref]  # KeyError if the order no longer rests
            assert (order.is_bid, account_of[ref]) == (bool(is_bid), account)
            if kind == FlowKind.CANCEL:
                book.cancel(ref)
            else:
                book.modify(ref, price_ticks, size)
        resting.append(len(book.orders))
    return fills, self_trades, resting


def test_every_reference_rests_and_nothing_crosses(flow):
    fills, self_trades, _ = play(flow)
    assert len(fills) > 1000
    assert self_trades == 0


def test_same_seed_same_flow_and_other_seed_another(flow, generator):
    assert np.array_equal(flow, generator(MESSAGES, 7))
    assert not np.array_equal(flow, generator(MESSAGES, 8))


def shares(flow):
    return np.bincount(flow["kind"], minlength=4) / len(flow)


def test_shares_60_35_5():
    # Standard deviation of a share at 40,000 messages: at most 0.0025.
    assert shares(flow_60_35_5(MESSAGES, 7)) == pytest.approx([0.60, 0.35, 0.05, 0], abs=0.01)


def test_shares_exchange_core_after_the_first_thousand_adds():
    flow = flow_exchange_core(MESSAGES, 7)
    assert (flow["kind"][:1000] == FlowKind.ADD).all()
    assert shares(flow[1000:]) == pytest.approx([0.09, 0.06, 0.03, 0.82], abs=0.01)


def test_exchange_core_keeps_about_a_thousand_orders():
    _, _, resting = play(flow_exchange_core(MESSAGES, 7))
    assert min(resting[1000:]) > 700
    assert max(resting) < 1400


def test_prices_and_sizes_stay_in_their_bounds(flow):
    adds = flow[flow["kind"] == FlowKind.ADD]
    distance = np.abs(adds["price_ticks"].astype(np.int64) - MID_TICKS)
    assert distance.min() == 1
    assert distance.max() <= 501
    # An exponential of mean 20, rounded down, has mean 1 / (e^(1/20) - 1) = 19.5.
    assert distance.mean() - 1 == pytest.approx(19.5, rel=0.05)
    assert (adds["size"].min(), adds["size"].max()) == (1, 100)


def test_ioc_of_60_35_5_reaches_ten_ticks_through_the_best_price():
    flow = flow_60_35_5(MESSAGES, 7)
    iocs = flow[flow["kind"] == FlowKind.IOC]
    assert 50 <= iocs["size"].min() < iocs["size"].max() <= 450
    is_bid = iocs["is_bid"] == 1
    assert (iocs["price_ticks"][is_bid] >= MID_TICKS + 11).all()
    assert (iocs["price_ticks"][~is_bid] <= MID_TICKS - 11).all()


def test_half_of_the_cancels_name_a_new_order():
    flow = flow_60_35_5(MESSAGES, 7)
    add_rank = np.cumsum(flow["kind"] == FlowKind.ADD)
    cancels = np.flatnonzero(flow["kind"] == FlowKind.CANCEL)
    age = add_rank[cancels] - add_rank[flow["order_ref"][cancels]]
    # The other half is uniform over all resting orders, some of which are new as well.
    assert 0.5 < (age < NEWEST_ORDERS).mean() < 0.75


def test_accounts_cover_their_range():
    flow = flow_60_35_5(MESSAGES, 7)
    assert flow["account"].max() < PROFILE_60_35_5.n_accounts
    assert len(np.unique(flow["account"])) > 9000


def test_cancel_without_any_order_becomes_an_add():
    profile = FlowProfile({FlowKind.CANCEL: 1.0}, n_accounts=3)
    assert generate_flow(profile, 4, 1)["kind"].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("account", "makers", "chosen"), [(1, set(), 1), (1, {1}, 2), (2, {2, 0}, 1), (1, {0, 1, 2}, 1)]
)
def test_other_account(account, makers, chosen):
    assert other_account(account, makers, 3) == chosen


def test_account_hash_is_splitmix64():
    # First output of splitmix64 seeded with 0, a published test vector.
    assert account_of_order(0, 1 << 64) == 0xE220A8397B1DCDAF
    counts = np.bincount([account_of_order(6_412_777_262_812 + i, 20) for i in range(20_000)])
    assert counts.min() > 850
    assert counts.max() < 1150


def test_flow_of_a_feed():
    flow = flow_from_feed(
        feed(
            "A A 501@101*2",
            "A A 502@101*4",
            "T B 9@101*3, F A 501@101*2, F A 502@101*1, C A 501@101*2, M A 502@101*3",
            "M A 502@102*3",
            "C A 502@102*1",
            "C A 502@102*2",
        ),
        n_accounts=64,
    )
    fields = flow[["kind", "is_bid", "order_ref", "price_ticks", "size"]].tolist()
    assert fields == [
        (FlowKind.ADD, 0, 0, 101, 2),
        (FlowKind.ADD, 0, 1, 101, 4),
        (FlowKind.IOC, 1, 2, 101, 3),
        (FlowKind.MODIFY, 0, 1, 102, 3),
        (FlowKind.MODIFY, 0, 1, 102, 2),
        (FlowKind.CANCEL, 0, 1, 0, 0),
    ]
    assert flow["account"][1] == flow["account"][3] == account_of_order(502, 64)


def test_flow_of_a_feed_repairs_the_book_after_a_difference():
    flow = flow_from_feed(
        feed("A B 1@100*2", "A B 2@100*3", "T A 9@100*3, F B 2@100*3, C B 2@100*3"), n_accounts=9
    )
    kinds = [FlowKind.ADD, FlowKind.ADD, FlowKind.IOC, FlowKind.CANCEL, FlowKind.ADD]
    assert flow["kind"].tolist() == kinds
    play(flow)


@pytest.mark.parametrize(
    ("recording", "n_accounts", "message"),
    [
        (feed("A B 1@100*2"), 0, "n_accounts must be at least 1"),
        (feed("A B 1@0*2"), 4, "positive prices"),
    ],
)
def test_flow_of_a_feed_refuses(recording, n_accounts, message):
    with pytest.raises(ValueError, match=message):
        flow_from_feed(recording, n_accounts)


@pytest.mark.real_data
def test_flow_of_the_real_day(real_day):
    flow = flow_from_feed(read_dbn(real_day), n_accounts=50)
    fills, self_trades, _ = play(flow)
    assert len(flow) > 30_000
    assert len(fills) > 2500
    assert self_trades == 0
    assert len(np.unique(flow["account"])) == 50
