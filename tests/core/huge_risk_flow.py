"""Random flow in margined markets with numbers up to their bounds."""

from dataclasses import replace

from offchain.spec import op, risk_op
from offchain.spec.constants import SIZE_LIMIT
from tests.risk_scene import (
    COLLATERAL_UNITS,
    COLLATERALS,
    MARGINED,
    QUOTE_UNITS,
    START_S,
    TRADERS,
    market_prices,
    market_snapshot,
    risk_parameters,
)
from tests.risk_strategies import RiskFlow
from tests.strategies import owner_of


class HugeRiskFlow(RiskFlow):
    """As RiskFlow, but with balances near their bounds and prices of any magnitude."""

    LOWEST = 5
    SCALE = 10**6

    def scene(self) -> list[bytes]:
        """Return the scene with a million times the money and two more prices of each market."""
        ops: list[op.Op] = []
        for asset in (0, *COLLATERALS):
            amount = self.SCALE * (COLLATERAL_UNITS if asset else QUOTE_UNITS)
            for trader in TRADERS:
                master = trader - trader % 32
                owner = owner_of(master)
                ops.append(op.Deposit(account=master, owner=owner, asset=asset, amount=amount))
                if trader != master:
                    ops.append(
                        op.Transfer(account=master, to_account=trader, asset=asset, amount=amount)
                    )
        perp, tiered, first, second, _ = risk_parameters()
        tiered = replace(tiered, tier1_micro=10**15, tier2_micro=10**16)
        for each in (perp, tiered):
            caps = SIZE_LIMIT - 1
            ops.append(replace(each, open_interest_cap_lots=caps, concentration_free_lots=caps))
        ops += [replace(each, user_cap_units=2**61, tier_units=2**59) for each in (first, second)]
        for step in (1, 2):
            ops.append(op.AdvanceTime(now_s=START_S + step))
            for market in MARGINED:
                wide = market_prices(market)
                ops.append(replace(wide, jump_ppm=2**32 - 1, impact_notional_micro=2**50))
                price = min(5 << self.rng.randrange(30), self.prices[market] * 4_000)
                self.prices[market] = price
                ops.append(market_snapshot(market, price, START_S + step))
                ops.append(
                    risk_op.PriceReport(
                        market=market, index_price=price, time_s=START_S + step, sources=3
                    )
                )
        return [*super().scene(), *(each.to_bytes() for each in ops)]
