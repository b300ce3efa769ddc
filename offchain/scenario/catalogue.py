"""The scenarios by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from offchain.scenario import (
    atomic_liquidation,
    bank_run,
    depeg,
    jan2022,
    jelly,
    llp_bucket,
    lp_skew,
    oct10,
    popcat,
    weekend_gap,
    whale,
    zero_price,
)
from offchain.scenario.result import ScenarioResult


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story: its name, what must hold, and the function that runs it for a seed."""

    name: str
    requirement: str
    run: Callable[[int], ScenarioResult]


SCENARIOS: Final[dict[str, Scenario]] = {
    module.NAME: Scenario(module.NAME, module.REQUIREMENT, module.run)
    for module in (
        whale,
        jelly,
        oct10,
        depeg,
        popcat,
        zero_price,
        lp_skew,
        weekend_gap,
        bank_run,
        jan2022,
        llp_bucket,
        atomic_liquidation,
    )
}
