"""The cascade of 10 October 2025 in its shape.

Hyperliquid, twelve minutes: 63,637 liquidations and 34,983 automatic deleveragings; in the 64th
second 11,279 of each; the first deleveraging came 710 liquidations after the start (arXiv
2602.15182). Whoever was ranked first lost whole positions: 45 to 52 M USD were taken for a deficit
of 23 M USD.

One market is liquidated in tranches against bids, the other has neither bids nor an insurance fund:
there every account that is due is deleveraged against the shorts. The engine reaches an account
`_LAG_S` after it is due, when it is worth less than nothing: that is the deficit.
"""

import random
from typing import Final

import numpy as np

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import FIRST_MASTER, MAKER_MASTER, MARKET_MAKER, UNITS, Perp, World
from offchain.spec import op, risk_op
from offchain.spec.constants import PPM, QUOTE_ASSET, SUB_ACCOUNT_BITS
from offchain.spec.kinds import EventKind, PlaceFlag, TimeInForce

NAME = "oct10-cascade"
REQUIREMENT = (
    "63,637 liquidations and 34,983 deleveragings in twelve minutes, 11,279 of each within one "
    "second, leave no debt; nobody is deleveraged beyond the share of the side, as in a queue."
)
LIQUIDATIONS: Final = 63_637
DELEVERAGINGS: Final = 34_983
PEAK: Final = 11_279  # of each, in second PEAK_S
PEAK_S: Final = 64
SECONDS: Final = 720
FIRST_DELEVERAGING: Final = 710  # liquidations before it
_LAG_S: Final = 30
_LAST_DUE_S: Final = SECONDS - 1
_SHORTS: Final = 400
_FALL: Final = 0.5  # of the price, over all
_LOT_SIZE: Final = 1.0  # base tokens
_BAND = 900_000
_FEE_PPM: Final = 1_100  # what an order must be able to pay in fees, and a little more
_FIRST_DUE_S: Final = 2  # before it even the largest position is not due
_LIQUID = Perp(
    market=11,
    name="bids",
    sz_decimals=0,
    price=100,
    initial_ppm=30_000,
    maintenance_ppm=30_000,
    closeout_ppm=5_000,
    liquidation_fee_ppm=0,
    price_band_ppm=_BAND,
)
_THIN = Perp(
    market=12,
    name="no bids",
    sz_decimals=0,
    price=100,
    initial_ppm=10_000,
    maintenance_ppm=10_000,
    closeout_ppm=10_000,
    liquidation_fee_ppm=0,
    price_band_ppm=_BAND,
)


def run(seed: int) -> ScenarioResult:
    """Run the story.

    Parameters
    ----------
    seed
        Of which account is due in which second.
    """
    rng = random.Random(seed)
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 10**9})
    shorts = {
        world.open_account(FIRST_MASTER + i, {QUOTE_ASSET: 10**6 * (1 + i % 7)}): 1 + i % 7
        for i in range(_SHORTS)
    }
    world.list_perp(_LIQUID)
    world.list_perp(_THIN)
    liquid = _due_seconds(rng, LIQUIDATIONS, first_s=_FIRST_DUE_S)
    thin = _due_seconds(rng, DELEVERAGINGS, first_s=_first_deleveraging_s(liquid))
    first_long = FIRST_MASTER + _SHORTS
    groups = {
        _LIQUID: _open_longs(world, _LIQUID, liquid, [MARKET_MAKER], first_long),
        _THIN: _open_longs(world, _THIN, thin, list(shorts), first_long + LIQUIDATIONS),
    }
    world.events.clear()
    per_second = _crash(world, groups)
    _report(world, result, per_second, shorts)
    return result


def _due_seconds(rng: random.Random, count: int, *, first_s: int) -> list[int]:
    """Return the second of each event: PEAK of them in PEAK_S, the rest fading out over time."""
    seconds = [PEAK_S] * PEAK
    while len(seconds) < count:
        second = first_s + int(rng.expovariate(1 / 200))
        if second != PEAK_S and second <= _LAST_DUE_S:
            seconds.append(second)
    return sorted(seconds)


def _first_deleveraging_s(liquid: list[int]) -> int:
    """Return the first second that begins after so many liquidations."""
    return liquid[FIRST_DELEVERAGING] + 1


def _price(second: int) -> float:
    """Return the price at a second of the crash: a straight fall, in whole price units."""
    return round(_LIQUID.price * (1 - _FALL * (second + 1) / SECONDS), 6)


def _open_longs(
    world: World, perp: Perp, seconds: list[int], sellers: list[int], first_master: int
) -> dict[int, list[int]]:
    """Open one long of a lot for each event; return the accounts by second.

    Each deposits what makes it due right at its second, or _LAG_S before in the thin market.
    """
    lag_s = _LAG_S if perp is _THIN else 0
    by_second: dict[int, list[int]] = {}
    deposits, orders = [], []
    step = _price(0) - _price(1)
    for i, second in enumerate(seconds):
        account = (first_master + i) << SUB_ACCOUNT_BITS
        by_second.setdefault(second, []).append(account)
        price = _price(max(second - lag_s, 0))
        equity = price * perp.maintenance_ppm / PPM - step / 2
        deposit = max(perp.price - price + equity, perp.price * (perp.initial_ppm + _FEE_PPM) / PPM)
        deposits.append(
            op.Deposit(
                account=account,
                owner=(first_master + i).to_bytes(20, "big"),
                asset=QUOTE_ASSET,
                amount=round(deposit * UNITS),
            ).to_bytes()
        )
        orders.append(
            op.Place(
                account=account,
                market=perp.market,
                time_in_force=TimeInForce.IOC,
                price=perp.price_units(perp.price),
                size_lots=1,
            ).to_bytes()
        )
        world.accounts.append(account)
    _must_all(world, deposits)
    world.refresh()
    share = -(-len(seconds) // len(sellers))
    for seller in sellers:
        world.must(
            op.Place(
                account=seller,
                market=perp.market,
                flags=PlaceFlag.IS_ASK,
                price=perp.price_units(perp.price),
                size_lots=share,
            )
        )
    _must_all(world, orders)
    for seller in sellers:
        world.send(op.CancelAll(account=seller, market=perp.market))
    return by_second


def _must_all(world: World, ops: list[bytes]) -> None:
    applied = world.core.apply(ops)
    if applied.codes.any():
        raise RuntimeError(f"op {int(np.flatnonzero(applied.codes)[0])} was refused")


def _crash(world: World, groups: dict[Perp, dict[int, list[int]]]) -> list[tuple[int, int]]:
    """Let the price fall for SECONDS; return (liquidations, deleveragings) of each second."""
    counts = []
    for second in range(SECONDS):
        price = _price(second)
        world.advance(1)
        for perp in groups:
            world.report(perp, price)
        due = [account for group in groups.values() for account in group.get(second, ())]
        bids = len(groups[_LIQUID].get(second, ()))
        if bids:
            world.order(MARKET_MAKER, _LIQUID, bids, price)
        before = len(world.events)
        if due:
            applied = world.core.apply([risk_op.Liquidate(account=each).to_bytes() for each in due])
            world.events.append(applied.events.copy())
        if second % 300 == _LAG_S:
            world.sweep()
        kinds = np.concatenate([part["kind"] for part in world.events[before:]] or [np.empty(0)])
        counts.append(
            (
                int((kinds == EventKind.LIQUIDATED).sum()),
                int((kinds == EventKind.DELEVERAGED).sum()),
            )
        )
    return counts


def _report(
    world: World,
    result: ScenarioResult,
    per_second: list[tuple[int, int]],
    shorts: dict[int, int],
) -> None:
    liquidated = len(world.of_kind(EventKind.LIQUIDATED))
    deleveraged = len(world.of_kind(EventKind.DELEVERAGED))
    peak = per_second[PEAK_S]
    result.check(
        "as many liquidations", passed=_is_close(liquidated, LIQUIDATIONS), figure=f"{liquidated:,}"
    )
    result.check(
        "as many deleveragings",
        passed=_is_close(deleveraged, DELEVERAGINGS),
        figure=f"{deleveraged:,}",
    )
    result.check(
        "the peak second", passed=peak == (PEAK, PEAK), figure=f"{peak[0]:,} + {peak[1]:,}"
    )
    deficit, queue, pro_rata = _overshoot(world, per_second, shorts)
    result.figures = {
        "deficit_usd": deficit,
        "overshoot_queue_usd": queue,
        "overshoot_pro_rata_usd": pro_rata,
    }
    result.check(
        "pro rata takes less beyond an account's share than a queue",
        passed=pro_rata < queue / 10,
        figure=f"{pro_rata:,.0f} against {queue:,.0f} USD of a deficit of {deficit:,.0f}",
    )
    result.check(
        "no debt is left",
        passed=not world.of_kind(EventKind.BAD_DEBT),
        figure=len(world.of_kind(EventKind.BAD_DEBT)),
    )
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    result.table.append(
        {
            "liquidations": f"{liquidated:,}",
            "deleveragings": f"{deleveraged:,}",
            "peak second": f"{peak[0]:,} + {peak[1]:,}",
            "deficit, USD": f"{deficit:,.0f}",
            "overshoot of a queue": f"{queue:,.0f}",
            "overshoot pro rata": f"{pro_rata:,.0f}",
        }
    )
    result.series = {
        "liquidations a second": [(float(s), a) for s, (a, _) in enumerate(per_second)],
        "deleveragings a second": [(float(s), b) for s, (_, b) in enumerate(per_second)],
        "price, USD": [(float(s), _price(s)) for s in range(SECONDS)],
    }


def _overshoot(
    world: World, per_second: list[tuple[int, int]], shorts: dict[int, int]
) -> tuple[float, float, float]:
    """Return the deficit, and what shorts bore beyond their share of it by queue and pro rata.

    A share is that of the position before the crash. The queue closes whole positions, the most
    leveraged first (all shorts entered at one price). Pro rata is what the core did: the lots that
    each short has lost bear the average deficit.
    """
    prices = [_price(second) for second, (_, count) in enumerate(per_second) for _ in range(count)]
    deficits = [
        max(_THIN.price_of(int(event["v"][1])) - price, 0) * int(event["v"][0])
        for event, price in zip(world.of_kind(EventKind.DELEVERAGED), prices, strict=True)
    ]
    deficit = sum(deficits)
    size = -(-DELEVERAGINGS // len(shorts))  # lots of each short before
    fair = deficit / len(shorts)
    lost = [size + world.position(short, _THIN) for short in shorts]
    by_core = [deficit * lots / sum(lost) for lots in lost]
    by_queue = [sum(deficits[first : first + size]) for first in range(0, len(deficits), size)]
    return deficit, _beyond(by_queue, fair), _beyond(by_core, fair)


def _is_close(count: int, expected: int) -> bool:
    """Within a thousandth: a sweep may find an account that the insurance fund can just take."""
    return abs(count - expected) * 1_000 <= expected


def _beyond(borne: list[float], fair: float) -> float:
    return sum(max(each - fair, 0) for each in borne)
