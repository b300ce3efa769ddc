"""A fund on the margined exchange: its leader, its investor, and short names for its ops."""

from offchain.spec import fund_op, funds, op
from offchain.spec.constants import FUND_MIN_LOCKUP_S
from offchain.spec.events import Event
from offchain.spec.state import State
from tests.spec.risk_support import advance, margined_exchange, reprice
from tests.spec.support import MAKER, PERP, TAKER, deposit, run, trade

LEADER, INVESTOR, TRADER = MAKER, TAKER, 32 * 7
SEED = 10**11  # 1,000 quote tokens
FUND = 0
SHARES = funds.share_asset(FUND)
BUCKET = funds.bucket_account(FUND, 0)
NEXT_BUCKET = funds.bucket_account(FUND, 1)
LOCKUP_S = FUND_MIN_LOCKUP_S
CREATE = fund_op.CreateFund(account=LEADER, fee_ppm=0, lockup_s=LOCKUP_S, amount=SEED)


def invest(amount: int = SEED, account: int = INVESTOR, fund: int = FUND) -> fund_op.Invest:
    """Return an INVEST of as much as the leader has given."""
    return fund_op.Invest(account=account, fund=fund, amount=amount)


def redeem(shares: int = SEED, account: int = INVESTOR, fund: int = FUND) -> fund_op.Redeem:
    """Return a REDEEM of as many shares."""
    return fund_op.Redeem(account=account, fund=fund, shares=shares)


def to_bucket(amount: int, *, source: int = BUCKET, target: int = NEXT_BUCKET) -> op.Transfer:
    """Return a transfer between two buckets."""
    return op.Transfer(account=source, to_account=target, asset=0, amount=amount)


def fund_exchange(**changes: int) -> State:
    """Return the margined exchange with a fund that the leader and the investor share evenly."""
    state = margined_exchange()
    fields = {name: getattr(CREATE, name) for name in ("fee_ppm", "lockup_s", "amount")}
    run(
        state,
        deposit(TRADER),
        fund_op.CreateFund(account=LEADER, **{**fields, **changes}),
        invest(),
    )
    return state


def open_long(state: State, lots: int, *, account: int = BUCKET, market: int = PERP) -> None:
    """Let a bucket buy lots at 1,000 from the trader; 10^6 of them are 1,000 quote tokens."""
    trade(state, buyer=account, seller=TRADER, price=1_000, size_lots=lots, market=market)


def pass_lockup(state: State, price: int = 1_000, **fields: int) -> list[Event]:
    """Let the lock-up pass with a fresh mark at its end; return the events of the duties."""
    events = advance(state, LOCKUP_S - 2)
    reprice(state, price, **fields)
    return events + advance(state, 1)


def shares_of(state: State, account: int) -> int:
    """Return an account's free shares."""
    owner = state.account(account)
    return owner.free[owner.asset_ids.index(SHARES + 1)] if SHARES + 1 in owner.asset_ids else 0
