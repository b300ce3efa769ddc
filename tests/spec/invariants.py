"""Invariants of the state that hold after every op; plain walks, independent of the book module."""

from collections import Counter

from offchain.spec import margin, positions, settling
from offchain.spec.book_records import Condition, Order
from offchain.spec.constants import (
    FRACTION_ONE,
    INDEX_ONE,
    MAX_FEE_PPM,
    PPM,
    QUOTE_ASSET,
    SHARE_ASSET,
    VALUE_LIMIT,
)
from offchain.spec.kinds import AccountFlag, Continuation, DutyKind, MarketKind, OrderFlag
from offchain.spec.records import Asset
from offchain.spec.state import State, account_index

# Each settlement and each deleveraging rounds a 48-bit fraction of a lot up.
MAX_ROUNDINGS = 10_000


def check_conservation(state: State) -> None:
    """Sums over accounts equal what L1 holds: an equality, per asset and per market."""
    held: Counter[int] = Counter()
    for account in state.accounts.values():
        for asset_id, free, locked in zip(
            account.asset_ids, account.free, account.locked, strict=True
        ):
            assert asset_id or (free, locked) == (0, 0)
            assert locked >= 0
            held[asset_id - 1] += free + locked
    for position in state.positions.values():
        held[QUOTE_ASSET] += position.isolated_margin - position.cost
    costs: Counter[int] = Counter()
    for position in state.positions.values():
        costs[position.market_plus_1 - 1] += position.cost
    for market_id, risk in state.market_risks.items():
        held[QUOTE_ASSET] += risk.pool
        assert risk.cost == (costs[market_id] if margin.is_margined(state, market_id) else 0)
    for asset, record in state.assets.items():
        if asset < SHARE_ASSET:
            assert held[asset] == record.supply_units, f"asset {asset}"
            check_backed(record)
        else:
            check_shares(state, asset - SHARE_ASSET, held[asset])
    check_open_interest(state)


def check_backed(asset: Asset) -> None:
    """What all accounts hold of an asset is on L1, exactly so until yield is shared.

    What a peer keeps is looked at by :func:`tests.spec.link_invariants.check_pledges`.
    """
    if asset.is_linked:
        assert asset.total_units == 0
    elif asset.unit_index_e12:
        assert -(-asset.supply_units * asset.unit_index_e12 // INDEX_ONE) <= asset.total_units
    else:
        assert asset.supply_units == asset.total_units


def check_pot(state: State) -> None:
    """Nobody is promised interest that was not paid, and only debtors note that they owe."""
    credit = state.asset_risk(QUOTE_ASSET)
    assert 0 <= credit.lender_pot < VALUE_LIMIT
    for account in state.accounts.values():
        is_debtor = bool(account.flags & AccountFlag.OWES)
        index = credit.owed_index_e12 if is_debtor else credit.earned_index_e12
        assert account.quote_index == 0 or INDEX_ONE <= account.quote_index <= index
        assert account.quote_index or not is_debtor


def check_shares(state: State, fund: int, held: int) -> None:
    """All shares of a fund are somebody's, and those that wait have a redemption."""
    record = state.funds.read(fund)
    assert record.total_shares == held == state.assets.read(SHARE_ASSET + fund).supply_units
    waiting = [order.remaining_lots for order in redemptions(state).values() if order.level == fund]
    assert record.queued_shares == sum(waiting)


def redemptions(state: State) -> dict[int, Order]:
    """Return redemptions that wait, by their slot of the order table."""
    return {
        slot: order
        for slot, order in state.orders.items()
        if isinstance(order, Order) and order.attributes & OrderFlag.REDEMPTION
    }


def waiting_orders(state: State) -> dict[int, Order]:
    """Return triggers and TWAPs by their slot."""
    waiting = OrderFlag.TRIGGER | OrderFlag.TWAP
    return {
        slot: order
        for slot, order in state.orders.items()
        if order.order_id and order.attributes & waiting
    }


def check_conditions(state: State) -> set[int]:
    """Every linked order has a condition of its owner, and links go both ways; return the slots."""
    linked = {
        slot: order
        for slot, order in state.orders.items()
        if order.order_id and order.attributes & OrderFlag.LINKED
    }
    conditions = {order.client_id_low: slot for slot, order in linked.items()}
    assert len(conditions) == len(linked)
    pending = state.header.pending
    if pending.kind == Continuation.MATCH and pending.attributes & OrderFlag.LINKED:
        conditions[pending.client_id_low] = 0
    for condition_slot, slot in conditions.items():
        words = Condition.from_bytes(state.orders.read(condition_slot).to_bytes())
        order = linked.get(slot)
        assert words.owner == (order.owner if order else pending.account)
        if order is None or not order.is_conditional:
            for child in filter(None, (words.link_a, words.link_b)):
                own = linked[child].client_id_low
                assert state.orders.read(own).owner_prev == condition_slot
            assert order is None or words.lots >= order.remaining_lots
        elif order.attributes & OrderFlag.TRIGGER:
            _check_trigger(state, linked, slot, words, conditions)
        else:
            assert order.level == 0 < words.lots
            assert words.link_b < words.link_a
    return set(conditions)


def _check_trigger(state, linked, slot, words, conditions) -> None:
    order = linked[slot]
    if words.link_a:
        other = state.orders.read(linked[words.link_a].client_id_low)
        assert other.owner_next == slot
    if words.link_b:
        assert words.link_b in conditions
        assert (order.level, order.next, order.prev, order.remaining_lots) == (0, 0, 0, 0)
        assert words.lots > 0
    else:
        assert words.lots == 0 < order.remaining_lots
        assert state.levels.read(order.level).is_trigger


def check_open_interest(state: State) -> None:
    """Each side's settled lots, fractions and residue are the open interest.

    Fractions are rounded up, so that a side may seem to have a little more.
    """
    lots: Counter[tuple[int, bool]] = Counter()
    for position in state.positions.values():
        if position.size_lots:
            market = position.market_plus_1 - 1
            now = settling.settled_record(position, state.market_risk(market))
            whole = abs(now.size) * FRACTION_ONE
            lots[market, position.size_lots > 0] += whole + now.fraction
    for market, record in state.markets.items():
        risk = state.market_risk(market)
        for is_long, side in ((True, risk.longs), (False, risk.shorts)):
            residue = side.residue_lots * FRACTION_ONE + side.residue_fraction
            excess = lots[market, is_long] + residue - record.open_interest_lots * FRACTION_ONE
            assert 0 <= excess < MAX_ROUNDINGS, f"market {market}"
            assert side.residue_fraction < FRACTION_ONE


def check_book(state: State) -> None:
    """Levels are sorted, lists are consistent, totals equal sums, the book is not crossed."""
    resting = {slot for slot, order in state.orders.items() if order.order_id}
    listed: set[int] = set()
    levels: set[int] = set()
    for market_id, market in state.markets.items():
        risk = state.market_risk(market_id)
        for is_ask in (False, True):
            prices = _check_side(
                state, market_id, market.best(is_ask=is_ask), is_ask, levels, listed
            )
            assert prices == sorted(set(prices), reverse=not is_ask)
            head = (risk.triggers_below, risk.triggers_above)[is_ask]
            prices = _check_side(state, market_id, head, is_ask, levels, listed, is_trigger=True)
            assert prices == sorted(set(prices), reverse=not is_ask)
        bid, ask = (state.levels.read(slot).price for slot in (market.best_bid, market.best_ask))
        is_idle = state.header.pending.market != market_id or not state.header.pending.kind
        assert not (market.best_bid and market.best_ask and is_idle) or bid < ask
    waiting = waiting_orders(state)
    assert listed == resting - {slot for slot, order in waiting.items() if not order.level}
    assert {slot for slot, level in state.levels.items() if level.price} == levels
    _check_owners(state, resting)
    live = resting | redemptions(state).keys() | check_conditions(state)
    _check_free_list(state.header.order_free_head, state.header.orders_used, live, state.orders)
    _check_free_list(state.header.level_free_head, state.header.levels_used, levels, state.levels)


def _check_side(state, market_id, slot, is_ask, levels, listed, *, is_trigger=False) -> list[int]:
    prices, prev = [], 0
    while slot:
        level = state.levels.read(slot)
        assert (level.market, level.is_ask, level.prev) == (market_id, is_ask, prev)
        assert level.is_trigger == is_trigger
        orders, before, order_slot = [], 0, level.head
        while order_slot:
            order = state.orders.read(order_slot)
            assert (order.level, order.prev, order.market) == (slot, before, market_id)
            assert order.is_ask == is_ask or is_trigger
            assert bool(order.attributes & OrderFlag.TRIGGER) == is_trigger
            assert order.remaining_lots > 0
            listed.add(order_slot)
            orders.append(order)
            before, order_slot = order_slot, order.next
        assert level.tail == before
        assert level.count == len(orders) > 0
        assert level.total_lots == sum(order.remaining_lots for order in orders)
        levels.add(slot)
        prices.append(level.price)
        prev, slot = slot, level.next
    return prices


def _check_owners(state: State, resting: set[int]) -> None:
    owned: set[int] = set()
    for index, account in state.accounts.items():
        count, slot, newer = 0, account.order_head, 0
        while slot:
            order = state.orders.read(slot)
            assert account_index(order.owner) == index
            assert order.owner_prev == newer
            owned.add(slot)
            count += 1
            newer, slot = slot, order.owner_next
        assert count == account.order_count
    assert owned == resting


def _check_free_list(head, used, live, table) -> None:
    free = set()
    while head:
        assert head not in free
        free.add(head)
        head = table.read(head).next
    assert free.isdisjoint(live)
    assert free | live == set(range(1, used + 1))


def check_locks(state: State) -> None:
    """Locked balances and open lots are exactly what resting and pending orders need."""
    locked: Counter[tuple[int, int]] = Counter()
    lots: Counter[tuple[int, int, bool]] = Counter()
    takers = [
        (work.account, work.market, work.attributes, work.limit_price, work.remaining_lots)
        for work in [state.header.pending]
        if work.kind == Continuation.MATCH
    ]
    makers = [
        (o.owner, o.market, o.attributes, state.levels.read(o.level).price, o.remaining_lots)
        for o in state.orders.values()
        if o.order_id and not o.is_conditional
    ]
    for owner, market_id, attributes, price, remaining in takers + makers:
        market = state.markets.read(market_id)
        is_ask = bool(attributes & OrderFlag.IS_ASK)
        if market.kind == MarketKind.SPOT:
            asset = market.base_asset if is_ask else QUOTE_ASSET
            builder_ppm = (attributes >> 20) * 10
            per_lot = price - (-price * MAX_FEE_PPM // PPM) - (-price * builder_ppm // PPM)
            per_lot = market.base_units_per_lot if is_ask else per_lot
            locked[account_index(owner), asset] += remaining * per_lot
    for redemption in redemptions(state).values():
        asset = SHARE_ASSET + redemption.level
        locked[account_index(redemption.owner), asset] += redemption.remaining_lots
    for owner, market_id, attributes, _, remaining in makers:
        if state.markets.read(market_id).kind == MarketKind.PERP:
            lots[owner, market_id, bool(attributes & OrderFlag.IS_ASK)] += remaining
            assert positions.find(state, owner, market_id) != positions.NO_POSITION
    for index, account in state.accounts.items():
        for asset_id, units in zip(account.asset_ids, account.locked, strict=True):
            assert units == locked.pop((index, asset_id - 1), 0)
        used = [p for p in _positions_of(state, index) if p.market_plus_1]
        assert account.positions_used == len(used)
    assert not +locked
    for (owner, market_id, is_ask), total in lots.items():
        position = state.positions.read(positions.find(state, owner, market_id))
        assert total == (position.open_ask_lots if is_ask else position.open_bid_lots)
    open_total = sum(p.open_bid_lots + p.open_ask_lots for p in state.positions.values())
    assert open_total == sum(lots.values())


def _positions_of(state: State, index: int):
    return [state.positions.read(index * 16 + k) for k in range(16)]


def check_duties(state: State) -> None:
    """The heap is ordered and holds exactly the expiries and scheduled cancels."""
    entries = state.duties.entries
    assert state.header.duty_count == len(entries)
    assert all(entries[(i - 1) // 2] <= entries[i] for i in range(1, len(entries)))
    expiries = {
        (order.expiry_s, DutyKind.EXPIRY, slot)
        for slot, order in state.orders.items()
        if order.order_id and order.expiry_s
    }
    deadmen = {
        (
            state.accounts.read(index).deadman_s,
            DutyKind.DEADMAN,
            (index & 0x1FFFF) << 5 | index >> 17,
        )
        for index, account in state.accounts.items()
        if account.deadman_s
    }
    minutes = {
        (entry.due_s, DutyKind.MARKET_MINUTE, market)
        for market, _ in state.markets.items()
        if margin.is_margined(state, market)
        for entry in entries
        if (entry.kind, entry.ref) == (DutyKind.MARKET_MINUTE, market)
    }
    margined = [market for market, _ in state.markets.items() if margin.is_margined(state, market)]
    assert sorted(ref for *_, ref in minutes) == sorted(margined)
    payments = {entry for entry in entries if entry.kind == DutyKind.REDEEM}
    assert {entry.ref for entry in payments} == redemptions(state).keys()
    steps = {entry for entry in entries if entry.kind in (DutyKind.TRAIL, DutyKind.TWAP)}
    assert {(kind, slot) for _, kind, slot in steps} == set(_steps_of_conditions(state))
    kinds = (expiries, deadmen, minutes, payments, steps)
    # A record that was given up and made anew has the duty of either, and may have it twice.
    others = [entry for entry in entries if entry.kind != DutyKind.PLEDGE]
    assert set(others) == set().union(*kinds)
    assert len(others) == sum(len(each) for each in kinds)


def _steps_of_conditions(state: State):
    """Yield (kind, slot) of the duties that trailing triggers and TWAPs have."""
    for slot, order in waiting_orders(state).items():
        condition = Condition.from_bytes(state.orders.read(order.client_id_low).to_bytes())
        if order.attributes & OrderFlag.TWAP:
            yield DutyKind.TWAP, slot
        elif condition.trail:
            yield DutyKind.TRAIL, slot


def check_ring(state: State) -> None:
    """The sweep ring is linked both ways and holds every account with a margined record."""
    ids, before, account_id = [], 0, state.header.sweep_head
    while account_id:
        account = state.account(account_id)
        assert account.flags & AccountFlag.SWEPT
        assert account.sweep_prev == before
        ids.append(account_id)
        before, account_id = account_id, account.sweep_next
    assert len(set(ids)) == len(ids)
    assert state.header.sweep_cursor in (0, *ids)
    in_ring = {account_index(account_id) for account_id in ids}
    for index, account in state.accounts.items():
        assert bool(account.flags & AccountFlag.SWEPT) == (index in in_ring)
        markets = [p.market_plus_1 - 1 for p in _positions_of(state, index) if p.market_plus_1]
        needs_sweep = index != 0 and any(margin.is_margined(state, m) for m in markets)
        assert index in in_ring or not needs_sweep


def check_all(state: State) -> None:
    """Check every invariant."""
    check_conservation(state)
    check_pot(state)
    check_book(state)
    check_locks(state)
    check_duties(state)
    check_ring(state)
