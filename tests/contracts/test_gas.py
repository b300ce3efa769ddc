"""Gas of the calls that users and the operator pay for, pinned in gas.json within 1 %.

A change that is meant writes the printed figures into gas.json.
"""

import json
from pathlib import Path

import pytest

from offchain.settlement.deployer import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.withdrawals import Withdrawal
from tests.contracts.support import ETHER_WEI, UNITS_PER_TOKEN, address_bytes

PINNED = json.loads((Path(__file__).parent / "gas.json").read_text())
WITHDRAWALS = 64  # a path of six


@pytest.fixture
def measured(system, depositor, second_depositor, stranger):
    gas = {}

    def note(name, receipt):
        gas[name] = receipt.gas_used

    # The first of a chain touches counters that are zero; users pay for a later one.
    for _ in range(4):
        system.deposit_ether(second_depositor)
    system.deposit_quote(second_depositor, 10**6)
    note("deposit_ether_new_account", system.deposit_ether(depositor))
    note("deposit_ether", system.deposit_ether(depositor, ETHER_WEI * WITHDRAWALS))
    note("deposit_token", system.deposit_quote(depositor, WITHDRAWALS * 10**6))
    system.settle()
    withdrawals = [
        Withdrawal(address_bytes(depositor), asset_id, UNITS_PER_TOKEN)
        for asset_id in (ETHER_ASSET, QUOTE_ASSET) * (WITHDRAWALS // 2)
    ]
    tree = system.settle_withdrawals(withdrawals)
    note("settle", system.settle())
    system.claim(tree, 0, sender=stranger)
    system.claim(tree, 1, sender=stranger)
    note("claim_ether", system.claim(tree, 2, sender=stranger))
    note("claim_token", system.claim(tree, 3, sender=stranger))
    return gas


def test_gas_is_as_pinned(measured):
    print(json.dumps(measured, indent=2))
    assert measured.keys() == PINNED.keys()
    for name, gas in measured.items():
        assert gas == pytest.approx(PINNED[name], rel=0.01), name
