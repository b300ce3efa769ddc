"""The escape hatch against its model: random tables, balances and accounts; attacks in sequence."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.settlement.escape import (
    CLAIM_WINDOW_S,
    OWNER_WINDOW_S,
    equity,
    open_chain,
)
from offchain.settlement.messages import Pledge
from offchain.settlement.valuation import (
    ADL_ONE,
    ENTRIES_MAX,
    INDEX_ONE_E12,
    AssetValue,
    MarketValue,
    Side,
    ValuationTable,
)
from offchain.spec.records import NO_ADDRESS, Position
from tests.onchain.escape_pair import (
    ASSETS,
    STRANGER,
    Pair,
    expected,
    fresh_scene,
    held,
    holdings,
    mostly,
    plain,
    record_of,
    refusal,
    tables,
    with_positions,
)
from tests.onchain.escape_scene import CHAIN, PEER
from tests.onchain.evm import Reverted

OPEN_FULL_GAS = 7_000_000
CLAIM_GAS = 180_000  # without the proofs of the records


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_contract_and_model_agree(data):
    with fresh_scene() as scene:
        table = data.draw(mostly(tables(), st.none()))
        free = {asset_id: data.draw(held) for asset_id in ASSETS}
        accounts = data.draw(st.lists(holdings(), min_size=2, max_size=4))
        pair = Pair(scene, table, free, accounts)
        indices = range(len(accounts))
        for index in data.draw(st.permutations(indices))[1:]:
            pair.claim(index)
        pair.check()
        pair.claim_remainder(0)
        scene.wait(CLAIM_WINDOW_S)
        for index in data.draw(st.permutations(indices)):
            pair.claim_remainder(index, data.draw(st.sampled_from((None, STRANGER))))
            pair.claim(index)
        scene.wait(OWNER_WINDOW_S)
        for index in indices:
            pair.claim_remainder(index, STRANGER)
        pair.check()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_nobody_gets_more_than_equity_and_nothing_is_paid_that_is_not_there(data):
    """Of the model, which the contract equals; remainders are paid in any order, some late."""
    table = data.draw(tables())
    free = {asset_id: data.draw(held) for asset_id in ASSETS}
    accounts = data.draw(st.lists(holdings(), min_size=1, max_size=5))
    model = open_chain(table.to_bytes(), table.digest(), free, 0)
    paid = [Counter() for _ in accounts]
    late = data.draw(st.sets(st.integers(0, len(accounts) - 1)))
    order = data.draw(st.permutations(range(len(accounts))))
    for now_s in (0, CLAIM_WINDOW_S):
        for index in order:
            if (index in late) == bool(now_s):
                claim, _ = expected(model.claim, index, accounts[index], now_s)
                paid[index].update(claim.paid if claim else {})
            if now_s:
                owner = accounts[index].account.owner
                units, _ = expected(model.claim_remainder, index, owner, now_s)
                paid[index].update(units or {})
    for who, units in zip(accounts, paid, strict=True):
        value = sum(a.value_floor(units[a.asset_id]) for a in table.assets)
        worth, _ = expected(equity, who, table)
        assert value <= max(worth or 0, 0)
    for asset_id in ASSETS:
        assert (
            sum(units[asset_id] for units in paid) == free[asset_id] - model.ledgers[asset_id].held
        )
        assert model.ledgers[asset_id].held >= 0


def opened(scene, free, accounts, *assets, markets=()):
    """Open a chain that has these units and accounts, and these prices."""
    table = ValuationTable(markets, assets)
    return Pair(scene, table, free, accounts)


def all_paid(pair):
    """Claim for everyone, and every remainder after the window."""
    for index in range(len(pair.accounts)):
        pair.claim(index)
    pair.scene.wait(CLAIM_WINDOW_S)
    for index in range(len(pair.accounts)):
        pair.claim_remainder(index)
    pair.check()
    return dict(pair.credits)


MAKER, LOSER, WINNER = (bytes([n]) * 20 for n in (1, 2, 3))


def long_of(lots, cost, **fields):
    return Position(market_plus_1=4, size_lots=lots, cost=cost, **fields)


def test_a_winner_who_closed_first_is_paid_out_of_the_losers_cash():
    """Three deposits of 200; one closed four lots at 150 that the others hold at 100 and 150."""
    accounts = [
        plain(WINNER, 400),
        with_positions(plain(LOSER, 200), long_of(-4, -400)),
        with_positions(plain(MAKER, 200), long_of(4, 600)),
    ]
    with fresh_scene() as scene:
        # A unit of price is 100 quote units; the mark of 1.5 is made of funding.
        side = Side(paid_index=-50 * 10**6)
        market = MarketValue(3, 1, side, side)
        pair = opened(scene, {0: 600}, accounts, AssetValue(0, supply_units=800), markets=(market,))
        assert all_paid(pair) == {(WINNER, 0): 400, (LOSER, 0): 0, (MAKER, 0): 200}
        assert scene.free_units(0) == 0


def test_cash_that_is_in_no_basket_pays_profits():
    """One closed at a loss of 50; the profit is still the other's position."""
    accounts = [
        plain(LOSER, 0),
        with_positions(plain(WINNER, 50), long_of(-1, -100)),
        with_positions(plain(MAKER, 50), long_of(1, 50)),
    ]
    with fresh_scene() as scene:
        side = Side(paid_index=50 * 10**6)
        market = MarketValue(3, 1, side, side)
        pair = opened(scene, {0: 150}, accounts, AssetValue(0, supply_units=100), markets=(market,))
        assert all_paid(pair) == {(LOSER, 0): 0, (WINNER, 0): 100, (MAKER, 0): 50}


QUARTER = ADL_ONE // 4
LONGS, SHORTS = Side(1, QUARTER, 3 * 10**6, 5 * 10**6), Side(0, 0, -2_000_001)


@pytest.mark.parametrize(
    ("position", "worth"),
    [
        # A quarter is taken, and 3 are paid per lot.
        (long_of(2, 100, adl_epoch=1), 150_000 - 6 - 100),
        # An eighth was taken already: 6/7 are left, and the payment is of the whole.
        (long_of(2, 0, adl_epoch=1, adl_index=QUARTER // 2), (150_000 - 6) * 8 // 7),
        (long_of(2, 100, adl_epoch=1, funding_index=10**6), 150_000 - 4 - 100),
        # Of the epoch that has ended nothing is left but what was paid.
        (long_of(2, 100), -10 - 100),
        # A short receives less than it pays by a rounding against it.
        (long_of(-1, -100_000), -3),
        (long_of(2, 200_000, adl_epoch=1, mode=1, isolated_margin=30), 0),
        (long_of(2, 200_000, adl_epoch=1, isolated_margin=30), 30 - 50_006),
        (long_of(0, 7), -7),
    ],
)
def test_equity_by_hand(position, worth):
    with fresh_scene() as scene:
        markets = (MarketValue(3, 1_000, LONGS, SHORTS),)
        who = with_positions(plain(MAKER, 0), position)
        pair = opened(scene, {}, [who], AssetValue(0), markets=markets)
        (event,) = (e for n, e in scene.claim(0, record_of(who)).events if n == "AccountClaimed")
        assert event["equity_units"] == worth == equity(who, pair.model.table)


def test_debts_grow_and_cash_earns_unless_the_sign_has_changed():
    with fresh_scene() as scene:
        table = ValuationTable((), (AssetValue(0),), 1_500_000_000_000, 2_500_000_000_000)
        accounts = [
            replace(plain(owner, units, owes=owes), quote_index_e12=INDEX_ONE_E12)
            for owner, units, owes in (
                (MAKER, 3, False),
                (LOSER, -3, True),
                (WINNER, 3, True),
                (MAKER, -3, False),
                (LOSER, 0, True),
            )
        ]
        pair = Pair(scene, table, {}, accounts)
        claims = [scene.claim(index, record_of(who)).events for index, who in enumerate(accounts)]
        worths = [e["equity_units"] for c in claims for n, e in c if n == "AccountClaimed"]
        assert worths == [4, -8, 3, -3, 0] == [equity(who, pair.model.table) for who in accounts]


def test_a_table_that_counts_too_little_makes_the_last_short_but_not_stuck():
    with fresh_scene() as scene:
        accounts = [plain(MAKER, 10), plain(LOSER, 10)]
        pair = opened(scene, {0: 15}, accounts, AssetValue(0, supply_units=15))
        assert all_paid(pair) == {(MAKER, 0): 10, (LOSER, 0): 5}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_a_chain_that_lost_money_pays_the_same_in_any_order(order):
    accounts = [plain(bytes([n]) * 20, 1_000 * n) for n in (1, 2, 3)]
    with fresh_scene() as scene:
        pair = opened(scene, {0: 1_500}, accounts, AssetValue(0, supply_units=6_000))
        for index in order:
            pair.claim(index)
        assert sorted(pair.credits.values()) == [250, 500, 750]
        assert scene.free_units(0) == 0


def test_no_table_is_first_come_first_served():
    with fresh_scene() as scene:
        pair = Pair(scene, None, {0: 10, 1: 5}, [plain(MAKER, 8, 5), plain(LOSER, 3)])
        pair.claim(0)
        assert refusal(scene.claim, 1, record_of(pair.accounts[1])) == "E21"
        assert not scene.view("is_claimed", CHAIN, 1)
        pair.check()


def test_a_fund_without_owner_is_the_pots():
    """Two shares of asset 1, worth 50 each; the fund itself has the cash."""
    accounts = [plain(NO_ADDRESS, 100), plain(MAKER, 0, 1), plain(WINNER, 0, 1)]
    with fresh_scene() as scene:
        share = AssetValue(1, price_e8=50 * 10**8, supply_units=2)
        pair = opened(scene, {0: 100}, accounts, AssetValue(0, supply_units=100), share)
        paid = all_paid(pair)
        assert (paid[MAKER, 0], paid[WINNER, 0], paid[MAKER, 1]) == (50, 50, 0)


def test_claimable_withdrawals_are_apart_from_what_is_escaped():
    with fresh_scene() as scene:
        scene.deposit({0: 100})
        table = ValuationTable((), (AssetValue(0, supply_units=100),))
        words = {"valuation_hash": table.digest(), "withdrawals_root": b"\x09" * 32}
        scene.settle(deposited={0: 100}, withdrawn={0: 60}, **words)
        scene.freeze()
        scene.open(table.to_bytes())
        who = plain(MAKER, 100)
        scene.tell_leaf(0, who.account)
        scene.claim(0, record_of(who))
        assert scene.credit_units(MAKER, 0) == 40
        assert scene.gateway.call("claimable_units", CHAIN, 0).values[0] == 60


def test_a_released_pledge_is_collected_into_the_pot():
    accounts = [plain(MAKER, 100)]
    with fresh_scene() as scene:
        scene.deposit({0: 100})
        table = ValuationTable((), (AssetValue(0, supply_units=100),))
        scene.settle(
            deposited={0: 100},
            pledges=[Pledge(CHAIN, PEER, 0, pledged_units=30)],
            valuation_hash=table.digest(),
        )
        scene.freeze()
        scene.open(table.to_bytes())
        scene.tell_leaf(0, accounts[0].account)
        scene.claim(0, record_of(accounts[0]))
        assert scene.credit_units(MAKER, 0) == 70
        assert refusal(scene.collect, 0) == "X19"
        released = [Pledge(PEER, CHAIN, 0, released_units=30)]
        scene.settle(chain_id=PEER, pledges=released)
        scene.collect(0)
        scene.wait(CLAIM_WINDOW_S)
        scene.claim_remainder(0, MAKER)
        assert scene.credit_units(MAKER, 0) == 100


def test_a_stranger_cannot_have_a_remainder_paid_before_the_pot_is_full():
    """The owner waits for a released pledge; a stranger must wait for the owner."""
    with fresh_scene() as scene:
        scene.deposit({0: 100})
        table = ValuationTable((), (AssetValue(0, supply_units=100),))
        pledge = Pledge(CHAIN, PEER, 0, pledged_units=30)
        scene.settle(deposited={0: 100}, pledges=[pledge], valuation_hash=table.digest())
        scene.freeze()
        scene.open(table.to_bytes())
        scene.tell_leaf(0, plain(MAKER, 100).account)
        scene.claim(0, record_of(plain(MAKER, 100)))
        scene.wait(CLAIM_WINDOW_S + OWNER_WINDOW_S - 1)
        assert refusal(scene.claim_remainder, 0, STRANGER) == "X21"
        scene.settle(chain_id=PEER, pledges=[Pledge(PEER, CHAIN, 0, released_units=30)])
        scene.collect(0)
        scene.wait(1)
        scene.claim_remainder(0, STRANGER)
        assert scene.credit_units(MAKER, 0) == 100


def test_who_comes_late_gets_the_basket_and_no_remainder():
    accounts = [plain(MAKER, 40), plain(WINNER, 60)]
    with fresh_scene() as scene:
        pair = opened(scene, {0: 50}, accounts, AssetValue(0, supply_units=100))
        pair.claim(0)
        scene.wait(CLAIM_WINDOW_S)
        pair.claim(1)
        assert (pair.credits[MAKER, 0], pair.credits[WINNER, 0]) == (20, 30)
        assert scene.view("remainder", CHAIN, 0)[1] == 20
        assert scene.view("remainder", CHAIN, 1)[1] == 0
        pair.check()


def test_a_table_of_another_chain_is_refused():
    with fresh_scene() as scene:
        own, others = (ValuationTable((), (AssetValue(0, supply_units=n),)) for n in (1, 2))
        scene.settle(valuation_hash=own.digest())
        scene.settle(chain_id=PEER, valuation_hash=others.digest())
        scene.freeze()
        assert refusal(scene.open, others.to_bytes()) == "X05"
        assert refusal(scene.open, b"") == "X05"
        assert refusal(scene.open, others.to_bytes(), PEER) == "X03"
        scene.open(own.to_bytes())


def test_state_proofs_that_call_back_change_nothing():
    with fresh_scene() as scene:
        pair = Pair(scene, None, {0: 10}, [plain(MAKER, 10)])
        scene.proofs.call("call_back", True)
        with pytest.raises(Reverted):
            scene.claim(0, record_of(pair.accounts[0]))
        scene.proofs.call("call_back", False)
        pair.claim(0)
        pair.check()


def test_gas():
    markets = tuple(MarketValue(m, 1) for m in range(ENTRIES_MAX))
    listed = tuple(AssetValue(a, supply_units=10) for a in range(ENTRIES_MAX))
    who = plain(MAKER, 10, 10)
    who = with_positions(who, *(Position(m, size_lots=1, cost=100) for m in (1, 2)))
    with fresh_scene() as scene:
        table = ValuationTable(markets, listed)
        scene.deposit({0: 5, 1: 5})
        scene.settle(deposited={0: 5, 1: 5}, valuation_hash=table.digest())
        scene.freeze()
        opened_gas = scene.open(table.to_bytes()).gas_used
        assert opened_gas < OPEN_FULL_GAS
        scene.tell_leaf(0, who.account, who.positions)
        claim_gas = scene.claim(0, record_of(who)).gas_used
        assert claim_gas < CLAIM_GAS
