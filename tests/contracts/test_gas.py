"""Gas of the calls that users and the operator pay for, pinned in gas.json within 1 %.

A change that is meant is pinned by ``ape test tests/contracts/test_gas.py --write-gas``.
"""

from pathlib import Path

import pytest

from offchain.security.parameters import SETTLE_COMPACT
from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.verifier_client import VerifierClient
from offchain.settlement.verifier_deployment import deploy_verifier
from offchain.settlement.withdrawals import Withdrawal
from offchain.tools import gas_snapshot
from scripts._lib.ape_l1 import ApeL1
from tests.contracts.support import ETHER_WEI, UNITS_PER_TOKEN, address_bytes
from tests.prover.proofs import proof

PINNED = Path(__file__).parent / "gas.json"
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
    return gas | verification_gas()


def verification_gas():
    """Parts of a proof of the shortest kind; `headrace bench verify` measures longer ones."""
    chain = ApeL1.with_test_accounts(1)
    client = VerifierClient(chain, deploy_verifier(chain).entry, chain.accounts[0])
    parts = client.verify(proof("fibonacci", SETTLE_COMPACT.name).data).parts
    return {f"verify_{part.number}_{part.call.value}": part.gas_used for part in parts}


def test_gas_is_as_pinned(measured, request):
    if request.config.getoption("--write-gas", default=False):
        gas_snapshot.write(PINNED, measured)
    differing = gas_snapshot.differences(gas_snapshot.read(PINNED), measured)
    if differing:
        pytest.fail(differing, pytrace=False)
