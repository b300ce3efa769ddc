"""A chain on which nearly every check of the transition can be made to fail.

Accounts: A has orders, a long position, agents and all builder approvals; B, of another owner, has
orders, a short position and all balance slots; C has just changed its tier; D has all position
records; FULL has as many open orders as it may. Margined markets: crowded_risk.py; funds:
crowded_funds.py.
"""

from offchain.spec import op
from offchain.spec.constants import APPROVALS_PER_ACCOUNT, MAX_OPEN_ORDERS, VALUE_LIMIT
from offchain.spec.kinds import AssetFlag, MarketKind, PlaceFlag, TimeInForce
from tests.core.crowded_funds import crowded_fund_ops
from tests.core.crowded_risk import crowded_risk_ops
from tests.strategies import PERP, SPOT, START_S, UNITS, agent_of, market_op, owner_of, scene

A, A_SUB, B, B_SUB, C, D = 32, 33, 64, 65, 96, 128
FULL = 97
ABSENT = 32 * 99
CLOSED_ASSET, CAPPED_ASSET, LAST_ASSET = 3, 4, 15
MORE_ASSETS = (10, 11, 12, 13, 14)  # with the scene's three assets: all slots of B
HALTED, COARSE, THIN = 4, 5, 6  # halted; minimum size 10; spot market of LAST_ASSET
FIRST_PERP = 100  # 16 markets in which D holds a record
CLIENT_ID = 77
NOW_S = START_S + 2
AGENT_EXPIRY_S = START_S + 1_000
CAP = 100


def crowded_ops() -> list[bytes]:
    """Return ops, all of which are accepted."""
    ops = [*_assets_and_markets(), *_money(), *_settings(), *_orders()]
    ops += [*crowded_risk_ops(NOW_S), *crowded_fund_ops(NOW_S)]
    return scene() + [each.to_bytes() for each in ops]


def _assets_and_markets() -> list[op.Op]:
    is_open = AssetFlag.DEPOSITS_OPEN
    assets = [(CLOSED_ASSET, 0, CAP), (CAPPED_ASSET, is_open, CAP)]
    assets += [(asset, is_open, VALUE_LIMIT - 1) for asset in (*MORE_ASSETS, LAST_ASSET)]
    return [
        *(
            op.AdminAsset(asset=asset, flags=flags, withdraw_step_units=1, deposit_cap_units=cap)
            for asset, flags, cap in assets
        ),
        market_op(HALTED, MarketKind.PERP, sz_decimals=0, status=0),
        market_op(COARSE, MarketKind.PERP, sz_decimals=0, min_size_lots=10),
        market_op(THIN, MarketKind.SPOT, sz_decimals=8, base_asset=LAST_ASSET),
        *(market_op(FIRST_PERP + i, MarketKind.PERP, sz_decimals=0) for i in range(17)),
    ]


def _money() -> list[op.Op]:
    deposits = [(B, asset) for asset in MORE_ASSETS]
    deposits += [(A, LAST_ASSET)]
    deposits += [(32 * master, 0) for master in range(5, 5 + APPROVALS_PER_ACCOUNT)]
    return [
        op.Deposit(account=account, owner=owner_of(account), asset=asset, amount=UNITS)
        for account, asset in deposits
    ]


def _settings() -> list[op.Op]:
    builders = range(2, APPROVALS_PER_ACCOUNT + 1)
    return [
        op.SetTier(account=C, tier=1),
        op.SetOwnerKey(account=A, is_on=1),
        op.SetAgent(account=A, slot=1, address=agent_of(1, 1), expiry_s=AGENT_EXPIRY_S),
        op.SetAgent(account=A, slot=2, address=agent_of(1, 2), expiry_s=START_S + 1),
        *(op.RegisterBuilder(account=32 * (5 + i)) for i in range(APPROVALS_PER_ACCOUNT)),
        *(op.ApproveBuilder(account=A, builder=builder, max_fee=9) for builder in builders),
        op.AdvanceTime(now_s=NOW_S),
    ]


def _orders() -> list[op.Op]:
    ask = PlaceFlag.IS_ASK
    ioc = TimeInForce.IOC
    return [
        # Slot 1: a bid of A, filled by B: A is long, B short; then slot 1 again.
        op.Place(market=PERP, account=A, price=1_000, size_lots=2),
        op.Place(flags=ask, market=PERP, account=B, price=1_000, size_lots=2, time_in_force=ioc),
        op.Place(market=PERP, account=A, price=1_000, size_lots=5, client_id_low=CLIENT_ID),
        # Slots 2 and 3: asks of B.
        op.Place(flags=ask, market=PERP, account=B, price=1_010, size_lots=5),
        op.Place(flags=ask, market=SPOT, account=B, price=1_000, size_lots=5),
        # B_SUB buys the asset for which B has no slot.
        op.Place(flags=ask, market=THIN, account=A, price=1, size_lots=50),
        op.Place(market=THIN, account=B_SUB, price=1, size_lots=50, time_in_force=ioc),
        *(op.Place(market=FIRST_PERP + i, account=D, price=10, size_lots=1) for i in range(16)),
        *(
            op.Place(market=SPOT, account=FULL, price=1, size_lots=1)
            for _ in range(MAX_OPEN_ORDERS)
        ),
    ]
