"""Gateway.consume_withdrawal; what it checks is in the vault's test_claim."""

from tests.contracts.support import CHAIN_ID, reverts


def test_only_through_the_vault(gateway, stranger, operator):
    for account in (stranger, operator):
        with reverts("E47"):
            gateway.consume_withdrawal(CHAIN_ID, 1, 0, account, 0, 1, [], sender=account)
