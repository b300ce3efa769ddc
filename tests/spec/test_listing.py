"""What the valuation table lists, and the table itself (docs/spec/escape.md section 2)."""

import pytest

from offchain.settlement.valuation import AssetValue, MarketValue, Side, ValuationTable
from offchain.spec import op, risk_op
from offchain.spec.constants import LISTED_MAX, LISTING_LEAF, SHARE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import MarketKind, Subtree
from offchain.spec.l1_records import Listing
from offchain.spec.state import State
from offchain.spec.valuation import valuation_table
from tests.spec.fund_support import fund_exchange
from tests.spec.risk_support import (
    PRICE,
    advance,
    asset_risk,
    asset_snapshot,
    margined_exchange,
    market_prices,
    market_risk,
    reprice,
)
from tests.spec.support import BASE, MAKER, MAKER_SUB, PERP, TAKER, UNITS, refused, run, trade
from tests.strategies import market_op

ASSET = op.AdminAsset(asset=3, withdraw_step_units=1, deposit_cap_units=1)


def list_assets(state: State, count: int) -> None:
    """Make assets exist until `count` are listed, the highest id first."""
    for asset in reversed(range(len(state.listing().assets), count)):
        run(state, op.AdminAsset(asset=asset, withdraw_step_units=1, deposit_cap_units=0))


def margin_markets(state: State, *markets: int) -> None:
    """Make markets exist and ask for margin."""
    for market in markets:
        run(
            state,
            market_op(market, MarketKind.PERP, sz_decimals=3),
            market_prices(market),
            market_risk(market),
        )


# --- the listing ---------------------------------------------------------------------------


def test_assets_and_margined_markets_are_listed_once_and_ascend(spot_and_perp):
    state = spot_and_perp
    assert state.listing() == Listing([], [0, BASE])
    for asset in (127, 3, 127, BASE):
        run(state, op.AdminAsset(asset=asset, withdraw_step_units=1, deposit_cap_units=1))
    margin_markets(state, 1_023, 30)
    run(state, market_risk(30), market_prices(30))
    assert state.listing() == Listing([30, 1_023], [0, BASE, 3, 127])


def test_shares_of_funds_are_not_listed():
    state = fund_exchange()
    assert state.assets.read(SHARE_ASSET).flags
    assert state.listing() == Listing([PERP], [0, BASE])


def test_the_record_lies_where_the_page_puts_it(spot_and_perp):
    state = spot_and_perp
    list_assets(state, LISTED_MAX)
    margin_markets(state, 0, 7)
    leaves = {(subtree, number): data for subtree, number, data in state.leaves()}
    data = leaves[Subtree.RISK, LISTING_LEAF]
    words = [int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(64)]
    assert words[0] == 2 | LISTED_MAX << 32
    assert words[1] == 1 | 8 << 16
    assert not any(words[2:17])
    assert words[17] == 1 | 2 << 16 | 3 << 32 | 4 << 48
    assert words[32] == 61 | 62 << 16 | 63 << 32 | 64 << 48
    assert not any(words[33:])
    assert Listing.from_bytes(data) == state.listing()


def test_a_full_listing_refuses_a_new_asset_and_no_other(spot_and_perp):
    state = spot_and_perp
    list_assets(state, LISTED_MAX - 1)
    run(state, op.AdminAsset(asset=127, withdraw_step_units=1, deposit_cap_units=1))
    new = op.AdminAsset(asset=64, withdraw_step_units=1, deposit_cap_units=1)
    assert refused(state, new) == ErrorCode.LISTING_FULL
    bad = op.AdminAsset(asset=64, withdraw_step_units=0, deposit_cap_units=1)
    assert refused(state, bad) == ErrorCode.INVALID_ASSET_PARAMETER
    run(state, ASSET)


def test_a_full_listing_refuses_a_new_market_and_no_other(spot_and_perp):
    state = spot_and_perp
    margin_markets(state, *range(100, 100 + LISTED_MAX))
    run(state, market_prices(PERP))
    assert refused(state, market_risk(PERP)) == ErrorCode.LISTING_FULL
    assert not state.market_risk(PERP).initial_ppm
    run(state, market_risk(100, initial_ppm=200_000))
    trade(state, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=1, market=PERP)
    assert refused(state, market_risk(PERP)) == ErrorCode.MARKET_IN_USE


# --- the table -----------------------------------------------------------------------------


def test_without_margined_market_there_is_no_table(spot_and_perp):
    assert valuation_table(spot_and_perp) == b""


def test_the_table_has_prices_sides_supplies_and_indices():
    state = margined_exchange()
    run(state, asset_risk(), risk_op.AdminCredit(base_rate_ppm=0, slope_ppm=0, negative_cap=1))
    advance(state, 1)
    run(state, asset_snapshot(state, rate_e12=11 * 10**11))
    credit = state.edit_asset_risk(0)
    credit.earned_index_e12, credit.owed_index_e12 = 10**12 + 3, 10**12 + 5
    state.header.negative_quote = 77
    longs, shorts = state.edit_market_risk(PERP).longs, state.edit_market_risk(PERP).shorts
    longs.epoch, longs.taken, longs.paid, longs.ended_paid = 1, 2, -3, 4
    shorts.epoch, shorts.taken, shorts.paid, shorts.ended_paid = 5, 6, 7, -8
    quote, base = state.assets.read(0), state.assets.read(BASE)
    table = ValuationTable(
        markets=(MarketValue(PERP, PRICE, Side(1, 2, -3, 4), Side(5, 6, 7, -8)),),
        assets=(
            AssetValue(0, 10**8, 10**12, quote.total_units + 77),
            AssetValue(BASE, 20 * 10**8, 11 * 10**11, base.supply_units),
        ),
        earned_index_e12=10**12 + 3,
        owed_index_e12=10**12 + 5,
    )
    assert valuation_table(state) == table.to_bytes()


def test_what_has_no_price_or_credit_is_worth_nothing_and_earns_nothing():
    table = ValuationTable.from_bytes(valuation_table(margined_exchange()))
    assert (table.earned_index_e12, table.owed_index_e12) == (10**12, 10**12)
    assert (table.assets[1].price_e8, table.assets[1].rate_e12) == (0, 0)
    assert table.assets[1].supply_units > 0


def baskets(state: State) -> int:
    """Return the quote units that accounts and isolated positions hold, debtors at zero."""
    free = sum(max(each.free[0] + each.locked[0], 0) for each in state.accounts.values())
    return free + sum(max(each.isolated_margin, 0) for each in state.positions.values())


@pytest.mark.parametrize(("price", "size_lots"), [(900, 10**6), (1_090, 10**6), (1_090, 300_001)])
def test_the_supply_of_the_quote_is_what_accounts_hold(price, size_lots):
    state = margined_exchange()
    trade(state, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=10**6, market=PERP)
    reprice(state, price)
    # The maker has realised what the taker still carries in its cost.
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=price, size_lots=size_lots, market=PERP)
    advance(state, 3_600)  # and everybody owes funding that nobody has paid
    reprice(state, price)
    state.edit_account(MAKER_SUB).free[0] -= 2 * UNITS
    state.assets.edit(0).total_units -= 2 * UNITS
    state.header.negative_quote = -state.account(MAKER_SUB).free[0]
    quote = ValuationTable.from_bytes(valuation_table(state)).assets[0]
    assert quote.supply_units == baskets(state) != state.assets.read(0).total_units


@pytest.mark.parametrize("price", [900, 1_090])
def test_equities_of_the_table_add_up_to_what_the_chain_holds(price):
    state = margined_exchange()
    trade(state, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=10**6, market=PERP)
    reprice(state, price)
    table = ValuationTable.from_bytes(valuation_table(state))
    (market,) = table.markets
    total = state.assets.read(0).total_units
    worths = [
        position.size_lots * market.mark_price * 100 - position.cost
        for position in state.positions.values()
        if position.size_lots
    ]
    assert len(worths) == 2
    quote = sum(account.free[0] + account.locked[0] for account in state.accounts.values())
    assert quote + sum(worths) == total
