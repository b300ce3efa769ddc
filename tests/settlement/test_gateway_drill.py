"""The broken-chain drill on the model: a chain that can prove anything takes nothing of others."""

import pytest

from tests.settlement.drill_run import OK, Drill, wealth
from tests.settlement.epochs import ASSETS
from tests.settlement.gateway_scene import ModelWorld

EPOCHS = 10_000
BROKEN, OTHERS = 2, [1, 3, 4]


@pytest.mark.slow
def test_a_broken_chain_takes_nothing_from_the_others_and_all_of_them_can_leave():
    world = ModelWorld(4, broken=BROKEN)
    drill = Drill(world, 7, BROKEN, OTHERS)
    drill.run(EPOCHS, check_every=100)
    # The drill shows something only if much of the cheating gets as far as the ledgers.
    assert drill.outcomes[OK] > EPOCHS // 20
    assert min(drill.outcomes[code] for code in ("E17", "E21", "E39", "E40", "E53")) > 50
    drill.leave()
    ledger = world.state.ledger
    for asset in ASSETS:
        assert [wealth(world.model, chain_id)[asset] for chain_id in OTHERS] == [0, 0, 0]
        assert ledger.booked[asset] == wealth(world.model, BROKEN)[asset]
