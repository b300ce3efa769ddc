"""The broken-chain drill on the contracts: a verifier that accepts all takes nothing of others."""

import pytest

from tests.onchain.gateway_twins import GatewayTwins
from tests.settlement.drill_run import OK, Drill
from tests.settlement.epochs import ASSETS

EPOCHS = 10_000
BROKEN, OTHERS = 2, [1, 3, 4]


@pytest.mark.slow
def test_a_broken_chain_takes_nothing_from_the_others_and_all_of_them_can_leave():
    twins = GatewayTwins(1 + len(OTHERS), broken=BROKEN)
    drill = Drill(twins, 11, BROKEN, OTHERS)
    drill.run(EPOCHS, check_every=100)
    # The drill shows something only if much of the cheating gets as far as the ledgers.
    assert drill.outcomes[OK] > EPOCHS // 20
    assert min(drill.outcomes[code] for code in ("E17", "E21", "E39", "E40", "E53")) > 50
    drill.leave()
    for chain_id in OTHERS:
        for asset in ASSETS:
            for name in ("balance_units", "unassigned_units", "claimable_units"):
                assert twins.gateway.call(name, chain_id, asset).values == (0,)
