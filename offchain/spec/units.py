"""Engine units and the units of L1 that they stand for (docs/spec/risk.md section 13).

One is the other until yield is shared: then an engine unit is worth a little less of L1.
"""

from offchain.spec.constants import INDEX_ONE, VALUE_LIMIT
from offchain.spec.fees import ceil_div
from offchain.spec.state import State


def index_e12(state: State, asset: int) -> int:
    """Return how much of a unit of L1 an engine unit of the asset is, in 10^-12."""
    return state.assets.read(asset).unit_index_e12 or INDEX_ONE


def credited(state: State, asset: int, amount: int) -> int:
    """Return the engine units that `amount` units of L1 bring, rounded down."""
    return amount * INDEX_ONE // index_e12(state, asset)


def debited(state: State, asset: int, amount: int) -> int:
    """Return the engine units that `amount` units of L1 cost, rounded up."""
    return ceil_div(amount * INDEX_ONE, index_e12(state, asset))


def payable(state: State, asset: int, engine_units: int) -> int:
    """Return the units of L1 that engine units come to, rounded down."""
    return engine_units * index_e12(state, asset) // INDEX_ONE


def can_supply(state: State, asset: int, units: int) -> bool:
    """Return whether all accounts together stay below VALUE_LIMIT with `units` more."""
    return state.assets.read(asset).supply_units + units < VALUE_LIMIT
