"""Funds: accounts, value, the leader's fee, and shares (docs/spec/funds.md sections 1 and 3)."""

from collections.abc import Iterator
from dataclasses import dataclass

from offchain.spec import balances, prices, settling
from offchain.spec.bounds import clamp
from offchain.spec.checks import require
from offchain.spec.collateral import counts, unit_price_e8
from offchain.spec.constants import (
    FUND_MAX_POSITIONS,
    MASTER_BITS,
    PERP_QUOTE_MULTIPLIER,
    POSITIONS_PER_ACCOUNT,
    PPM,
    QUOTE_ASSET,
    SHARE_ASSET,
    SHARE_PRICE_ONE_E8,
    SUB_ACCOUNT_BITS,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import MarginMode, MarketRiskFlag
from offchain.spec.records import Position
from offchain.spec.state import State, position_index

_UNIT = 10**8  # engine units in a whole unit


@dataclass(frozen=True, slots=True)
class FundValue:
    """What a fund is worth, in quote units: for who enters (`up`) and for who leaves (`down`)."""

    up: int
    down: int


@dataclass(frozen=True, slots=True)
class Fee:
    """Shares that the leader gets for a new highest price, and that price."""

    shares: int
    high_water_e8: int


def bucket_account(fund: int, number: int) -> int:
    """Return the account of a bucket: a sub-account of the fund's master."""
    master = (1 << MASTER_BITS) - 1 - fund
    return master << SUB_ACCOUNT_BITS | number


def share_asset(fund: int) -> int:
    """Return the asset whose units are the fund's shares."""
    return SHARE_ASSET + fund


def count_bucket(state: State, account_id: int) -> None:
    """Note a new bucket, of which the account is in a fund."""
    master, number = divmod(account_id, 1 << SUB_ACCOUNT_BITS)
    record = state.funds.edit((1 << MASTER_BITS) - 1 - master)
    record.buckets = max(record.buckets, number + 1)


def buckets(state: State, fund: int) -> Iterator[int]:
    """Yield the accounts of the fund's buckets that exist, in their order."""
    for number in range(state.funds.read(fund).buckets):
        account_id = bucket_account(fund, number)
        if state.account_exists(account_id):
            yield account_id


def value(state: State, fund: int) -> FundValue:
    """Return what the fund's buckets are worth together, none of them less than nothing.

    Raises
    ------
    OpError
        FUND_TOO_WIDE, STALE_PRICE.
    """
    accounts = list(buckets(state, fund))
    sized = [market for account_id in accounts for market in _open_markets(state, account_id)]
    require(len(sized) <= FUND_MAX_POSITIONS, ErrorCode.FUND_TOO_WIDE)
    has_marks = all(_has_mark(state, market) for market in sized)
    has_prices = all(_has_priced_assets(state, account_id) for account_id in accounts)
    require(has_marks and has_prices, ErrorCode.STALE_PRICE)
    up = sum(_bucket_value(state, account_id, is_up=True) for account_id in accounts)
    down = sum(_bucket_value(state, account_id, is_up=False) for account_id in accounts)
    return FundValue(min(up, VALUE_LIMIT - 1), min(down, VALUE_LIMIT - 1))


def _positions(state: State, account_id: int) -> Iterator[Position]:
    for k in range(POSITIONS_PER_ACCOUNT):
        position = state.positions.read(position_index(account_id, k))
        if position.market_plus_1:
            yield position


def _open_markets(state: State, account_id: int) -> Iterator[int]:
    for position in _positions(state, account_id):
        market = position.market_plus_1 - 1
        if settling.settled_record(position, state.market_risk(market)).size:
            yield market


def _has_mark(state: State, market: int) -> bool:
    is_margined = state.market_risk(market).flags & MarketRiskFlag.MARGINED
    return bool(is_margined) and prices.is_mark_fresh(state, market)


def _has_priced_assets(state: State, account_id: int) -> bool:
    account = state.account(account_id)
    for asset_id, free, locked in zip(account.asset_ids, account.free, account.locked, strict=True):
        is_other = asset_id > QUOTE_ASSET + 1
        if is_other and (free or locked) and not counts(state.asset_risk(asset_id - 1)):
            return False
    return True


def _bucket_value(state: State, account_id: int, *, is_up: bool) -> int:
    """Return quote units: balances, and positions at the price that favours the fund, or not."""
    account = state.account(account_id)
    total = sum(
        _position_value(state, position, is_up=is_up) for position in _positions(state, account_id)
    )
    for asset_id, free, locked in zip(account.asset_ids, account.free, account.locked, strict=True):
        if asset_id == QUOTE_ASSET + 1:
            total += free + locked
        elif asset_id and (free or locked):
            total += (free + locked) * unit_price_e8(state, asset_id - 1) // _UNIT
    return max(0, total)


def _position_value(state: State, position: Position, *, is_up: bool) -> int:
    risk = state.market_risk(position.market_plus_1 - 1)
    now = settling.settled_record(position, risk)
    choose = max if (now.size > 0) == is_up else min
    price = choose(risk.mark_price, risk.index_price)
    worth = now.size * price * PERP_QUOTE_MULTIPLIER - now.cost
    worth = clamp(position.isolated_margin + now.cash + worth, -VALUE_LIMIT, VALUE_LIMIT)
    # Nobody pays more into an isolated position than it has.
    return max(0, worth) if position.mode == MarginMode.ISOLATED else worth


def fee(state: State, fund: int, value_down: int) -> Fee:
    """Return the fee on the rise of the share's price above its highest so far.

    Parameters
    ----------
    state
        Only read.
    fund
        An existing fund.
    value_down
        Its value for who leaves, in quote units.
    """
    record = state.funds.read(fund)
    total = record.total_shares
    none = Fee(0, record.high_water_e8)
    if total == 0 or record.fee_ppm == 0:
        return none
    price = min(value_down * SHARE_PRICE_ONE_E8 // total, VALUE_LIMIT - 1)
    if price <= record.high_water_e8:
        return none
    risen = (price - record.high_water_e8) * total // price
    shares = risen * record.fee_ppm // PPM
    leader, asset = state.account(record.leader), share_asset(fund)
    has_room = balances.has_room(leader, asset) and balances.can_receive(leader, asset, shares)
    return Fee(shares, price) if has_room and total + shares < VALUE_LIMIT else none


def take_fee(state: State, log: EventLog, fund: int, due: Fee, value_down: int) -> None:
    """Mint the shares of a fee and move the high-water mark."""
    if due.shares:
        leader = state.funds.read(fund).leader
        mint(state, log, fund, leader, shares=due.shares, amount=0, fund_value=value_down)
    if due.high_water_e8 != state.funds.read(fund).high_water_e8:
        state.funds.edit(fund).high_water_e8 = due.high_water_e8


def mint(
    state: State,
    log: EventLog,
    fund: int,
    account_id: int,
    *,
    shares: int,
    amount: int,
    fund_value: int,
) -> None:
    """Give new shares to an account that has a slot or a free one, and write SHARES_MINTED."""
    account = state.edit_account(account_id)
    account.free[balances.open_slot(account, share_asset(fund))] += shares
    state.assets.edit(share_asset(fund)).supply_units += shares
    record = state.funds.edit(fund)
    record.total_shares += shares
    log.shares_minted(
        account=account_id,
        fund=fund,
        amount=amount,
        shares=shares,
        value=fund_value,
        total_shares=record.total_shares,
    )
