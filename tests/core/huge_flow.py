"""Random flow with numbers up to their bounds: notionals near 2^62, sizes near 2^40."""

from offchain.spec import op
from offchain.spec.constants import PRICE_MAX, SIZE_LIMIT, VALUE_LIMIT
from offchain.spec.kinds import MarketKind, PlaceFlag, TimeInForce
from tests.strategies import MASTERS, PERP, TRADERS, Flow, market_op, owner_of

SIZE_BITS = 40
PRICE_BITS = 32
FIGURES = 4  # of the perpetual market


class HugeFlow(Flow):
    """As Flow, but rich accounts, sizes and prices of any magnitude."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        # Each asset's total stays below VALUE_LIMIT.
        amount = VALUE_LIMIT // (2 * len(MASTERS))
        for asset in (0, 1, 2):
            for master in MASTERS:
                account = 32 * master
                deposit = op.Deposit(
                    account=account, owner=owner_of(account), asset=asset, amount=amount
                )
                self.emit(deposit.to_bytes())
            for trader in TRADERS:
                if trader % 32:
                    share = op.Transfer(
                        account=trader - trader % 32,
                        to_account=trader,
                        asset=asset,
                        amount=amount // 2,
                    )
                    self.emit(share.to_bytes())
        market = market_op(PERP, MarketKind.PERP, sz_decimals=3)
        self.emit(market.to_bytes())

    def price(self, market: int) -> int:
        """Return a price of any magnitude; orders of both sides meet often."""
        price = self.rng.getrandbits(self.rng.randint(1, PRICE_BITS)) or 1
        return min(price, PRICE_MAX)

    def size(self) -> int:
        """Return a size of any magnitude."""
        size = self.rng.getrandbits(self.rng.randint(1, SIZE_BITS)) or 1
        return min(size, SIZE_LIMIT - 1)


class PositionFlow(HugeFlow):
    """Positions that grow until a limit stops them: half of the traders mostly buy, half sell."""

    def place(self) -> op.Place:
        """Return a large order in the perpetual market."""
        rng = self.rng
        buys = self.account() < 32 * MASTERS[2]
        account = rng.choice([trader for trader in TRADERS if (trader < 32 * MASTERS[2]) == buys])
        if rng.random() < 0.1:
            buys = not buys
        flags = 0 if buys else PlaceFlag.IS_ASK
        if rng.random() < 0.1:
            flags |= PlaceFlag.REDUCE_ONLY
        return op.Place(
            flags=flags,
            market=PERP,
            account=account,
            time_in_force=rng.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
            price=self.price(PERP),
            size_lots=self.size(),
        )

    def price(self, market: int) -> int:
        """Return one of few prices, which are far apart."""
        return self.rng.choice((1, 3, 1_000, 2**21, 2**21 + 1))

    def size(self) -> int:
        """Return an odd size, or one that soon reaches the largest position or cost."""
        rng = self.rng
        return rng.choice((7, rng.getrandbits(20) | 1, 2**33 + 1, 2**38 + rng.getrandbits(20)))
