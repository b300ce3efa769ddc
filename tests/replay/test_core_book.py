"""Replays through the exchange give what the plain Python book gives, call by call."""

import json

import pytest
from click.testing import CliRunner

from offchain.commands.replay import replay
from offchain.replay.book import Fill, MatchingBook, ReferenceBook
from offchain.replay.core_book import (
    MARKET,
    N_MAKERS,
    N_TAKERS,
    ExchangeBook,
    ReplayRefusedError,
    account_id,
    core_book,
    core_engine,
    exchange_ops,
    spec_book,
    spec_engine,
)
from offchain.replay.driver import ReplayOptions, replay_file, replay_recording
from offchain.replay.feed import StructArray, save_feed
from offchain.replay.flow import FlowKind
from offchain.replay.generators import PROFILE_EXCHANGE_CORE, flow_60_35_5, generate_flow
from offchain.spec import op
from offchain.spec.constants import MAX_STEPS
from tests.replay.feeds import feed


def drive(book: MatchingBook, flow: StructArray) -> list[list[Fill]]:
    """Play a generated flow; return the fills of each IOC order."""
    fills = []
    for kind, is_bid, _, _, ref, price_ticks, size in flow.tolist():
        if kind == FlowKind.ADD:
            book.place(ref, bool(is_bid), price_ticks, size)
        elif kind == FlowKind.CANCEL:
            book.cancel(ref)
        elif kind == FlowKind.MODIFY:
            book.modify(ref, price_ticks, size)
        else:
            fills.append(book.aggress(ref, bool(is_bid), price_ticks, size))
    return fills


def outcome(report) -> dict:
    fields = report.to_dict()
    fields.pop("seconds")
    return fields


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_core_fills_60_35_5_like_the_python_book(seed):
    flow = flow_60_35_5(4_000, seed)
    expected = drive(ReferenceBook(), flow)
    assert sum(map(len, expected)) > 500
    assert drive(core_book(), flow) == expected


@pytest.mark.parametrize("new_book", [core_book, spec_book])
def test_exchange_fills_a_flow_of_modifies_like_the_python_book(new_book):
    flow = generate_flow(PROFILE_EXCHANGE_CORE, 4_000, seed=4)
    expected = drive(ReferenceBook(), flow)
    assert sum(map(len, expected)) > 50
    assert drive(new_book(), flow) == expected


@pytest.mark.parametrize("new_book", [core_book, spec_book])
def test_aggressor_through_more_makers_than_one_op_may_touch(new_book):
    book = new_book()
    n_makers = 2 * MAX_STEPS + 3
    for order_id in range(n_makers):
        book.place(order_id, False, 100 + order_id // 50, 2)
    fills = book.aggress(n_makers, True, 200, 2 * n_makers - 1)
    assert [fill.maker_feed_order_id for fill in fills] == list(range(n_makers))
    assert fills[-1].size == 1
    assert book.aggress(n_makers + 1, True, 200, 5) == [Fill(n_makers - 1, 102, 1)]


@pytest.mark.parametrize("new_book", [core_book, spec_book, ReferenceBook])
def test_partial_cancel_keeps_priority_and_growth_loses_it(new_book):
    book = new_book()
    for order_id in (1, 2, 3):
        book.place(order_id, True, 100, 5)
    book.cancel(1, 2)
    book.modify(2, 100, 6)
    book.modify(3, 100, 5)  # changes nothing
    book.cancel(3, 7)
    book.place(3, True, 100, 1)  # an id that comes back queues last
    expected = [Fill(1, 100, 3), Fill(2, 100, 6), Fill(3, 100, 1)]
    assert book.aggress(9, False, 100, 50) == expected


def test_price_that_is_none_of_the_exchange_is_refused():
    with pytest.raises(ReplayRefusedError, match="price 0 ticks"):
        core_book().place(1, True, 0, 1)


@pytest.mark.parametrize("new_book", [core_book, spec_book])
def test_crossing_order_breaks_the_contract_of_the_book(new_book):
    book = new_book()
    book.place(1, False, 100, 1)
    book.place(2, True, 101, 3)
    with pytest.raises(ReplayRefusedError, match="crossed the book"):
        book.aggress(3, True, 200, 1)


@pytest.mark.parametrize("new_engine", [core_engine, spec_engine])
def test_refused_op_is_named(new_engine):
    _, apply = new_engine(exchange_ops(1, 1_000))
    unknown = op.Cancel(market=MARKET, account=account_id(0), order_id=1_025, slot=1)
    with pytest.raises(ReplayRefusedError, match=r"UNKNOWN_ORDER: Cancel.*order_id=1025"):
        apply([unknown.to_bytes()])


@pytest.mark.real_data
def test_real_day_on_the_core_equals_the_python_book(real_day):
    for options in (ReplayOptions(), ReplayOptions(is_self_match_first=False)):
        expected = replay_file(real_day, options=options)
        actual = replay_file(real_day, core_book, options=options)
        assert outcome(actual) == outcome(expected)
        assert actual.differences == expected.differences


@pytest.mark.real_data
def test_real_day_leaves_core_and_specification_in_the_same_state(real_day):
    scene = exchange_ops(N_MAKERS + N_TAKERS, 2**48)
    core, apply_core = core_engine(scene)
    chain, apply_spec = spec_engine(scene)
    for apply in (apply_core, apply_spec):
        book = ExchangeBook(apply)
        replay_file(real_day, lambda book=book: book)
        book.flush()
    leaves = list(chain.leaves())
    assert len(leaves) > N_MAKERS
    for subtree, number, content in leaves:
        assert core.leaf(subtree, number) == content


@pytest.mark.real_data
@pytest.mark.parametrize("book", ["core", "python"])
def test_command_on_the_real_day(real_day, book):
    result = CliRunner().invoke(replay, [str(real_day), "--book", book, "--json"])
    assert result.exit_code == 0, result.output
    fields = json.loads(result.output)
    assert (fields["messages"], fields["aggressors"]) == (40_000, 1_594)
    assert (fields["exact"], fields["unexplained"]) == (1_558, 0)
    assert fields["exact"] + sum(fields["explained"].values()) == fields["aggressors"]
    assert fields["strict"] == {"exact": 1_519, "exact_share": 0.952949, "unexplained": 0}
    assert (fields["book"], fields["strict_feed_order"]) == (book, False)


SELF_MATCH = (
    "A A 1@101*2",
    "A A 2@101*4",
    "T B 9@101*3, F A 2@101*3, C A 1@101*2, M A 2@101*1",
)


def test_command_shows_the_strict_figure_too(tmp_path):
    path = tmp_path / "day.hrflow"
    save_feed(path, feed(*SELF_MATCH))
    text = CliRunner().invoke(replay, [str(path)]).output
    assert "exact: 1 of 1 (100.00%)" in text
    assert "does not say who owns an order" in text
    assert "0 of 1 (0.00%), unexplained 0." in text
    strict = CliRunner().invoke(replay, [str(path), "--strict-feed-order", "--json"])
    fields = json.loads(strict.output)
    assert (fields["exact"], fields["strict_feed_order"]) == (0, True)
    assert fields["explained"]["self_match_prevention"] == 1


def test_command_says_what_is_wrong_with_a_file(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("1,2,3\n")
    result = CliRunner().invoke(replay, [str(path)])
    assert result.exit_code == 1
    assert "day.csv: unknown kind of recording" in result.output
    negative = tmp_path / "spread.hrflow"
    save_feed(negative, feed("A A 1@-5*2"))
    result = CliRunner().invoke(replay, [str(negative)])
    assert result.exit_code == 1
    assert "price -5 ticks" in result.output


def test_replay_without_aggressors_is_exact():
    report = replay_recording(feed("A A 1@101*2", "C A 1@101*2"), core_book)
    assert (report.aggressors, report.exact_share) == (0, 1.0)
