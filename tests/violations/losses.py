"""Batches in which prices fall and accounts lose what they have."""

from __future__ import annotations

from offchain.spec import op as ops
from offchain.spec import (
    risk_op,
)
from offchain.spec.constants import INSURANCE_ACCOUNT
from offchain.spec.event import Event
from offchain.spec.kinds import EventKind, PlaceFlag
from tests.risk_scene import PERP
from tests.strategies import owner_of
from tests.violations.scene import Batch, Chain, Run
from tests.violations.world import (
    BASE,
    BASE_UNITS,
    GOVERNOR,
    MAKER,
    OTHER,
    QUOTE,
    QUOTE_UNITS,
    VICTIM,
    VICTIM_LOTS,
    place,
    price_falls,
    sell,
)

UNSAFE, LOST = 9_200, 9_000  # indices below maintenance, and below close-out
HOUR_S = 3_700


def liquidated(run: Run) -> list[tuple[int, int]]:
    """Return lots and price of every tranche or takeover of the victim."""
    return [event.values[:2] for event in run.of(EventKind.LIQUIDATED) if event.account == VICTIM]


def the(run: Run, kind: EventKind) -> Event:
    (event,) = run.of(kind)
    return event


def liquidating(chain: Chain, price: int) -> Batch:
    """The index falls and the engine works on the victim."""
    batch = chain.batch()
    price_falls(batch, price)
    batch.system(risk_op.Liquidate(account=VICTIM))
    return batch.seal()


def insured_batch(chain: Chain) -> Batch:
    """Governance pays into the insurance account."""
    batch = chain.batch()
    move = ops.Transfer(
        account=GOVERNOR, to_account=INSURANCE_ACCOUNT, asset=QUOTE, amount=QUOTE_UNITS
    )
    batch.user(GOVERNOR, move)
    return batch


def insured(chain: Chain, price: int) -> Batch:
    """The engine works on the victim when the insurance can take its position."""
    batch = insured_batch(chain)
    price_falls(batch, price)
    batch.system(risk_op.Liquidate(account=VICTIM))
    return batch.seal()


def funded(chain: Chain) -> Batch:
    """An hour goes by, and its funding with it."""
    batch = chain.batch()
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 60), ops.RunDuties())
    batch.system(ops.AdvanceTime(now_s=batch.now_s + HOUR_S), ops.RunDuties())
    return batch


def indebted(chain: Chain, lots: int) -> Batch:
    """The victim brings collateral and loses more quote than it has by selling `lots`."""
    batch = insured_batch(chain)
    batch.deposit(owner_of(VICTIM), BASE, BASE_UNITS)
    for step, price in enumerate((9_300, 8_600), 1):
        price_falls(batch, price, step)
    batch.user(MAKER, ops.CancelAll(account=MAKER, market=PERP))
    batch.user(OTHER, ops.CancelAll(account=OTHER, market=PERP))
    batch.user(MAKER, place(MAKER, 8_600, VICTIM_LOTS))
    batch.user(VICTIM, sell(VICTIM, 8_600, lots, flags=PlaceFlag.REDUCE_ONLY))
    return batch
