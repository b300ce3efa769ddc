"""The hourly outflow limit of the CollateralVault, and the queue behind it."""

import ape
import pytest

from tests.contracts.support import reverts
from tests.contracts.unit.vault.vault_system import (
    CHAIN_ID,
    DAY_S,
    ETHER_ASSET,
    ETHER_WEI,
    FROZEN_CHAIN,
    HOUR_S,
    TOKEN_ASSET,
    TOKEN_NATIVE,
    UNIT,
)

LIMIT = 10 * UNIT


def wait(seconds):
    ape.chain.mine(deltatime=seconds)


@pytest.fixture
def limited(system, vault, owner, depositor):
    system.deposit_ether(depositor, 100 * ETHER_WEI)
    vault.set_outflow_limit(ETHER_ASSET, LIMIT, sender=owner)
    return system


def test_lowering_counts_at_once(vault, owner):
    receipt = vault.set_outflow_limit(TOKEN_ASSET, LIMIT, sender=owner)
    assert receipt.events == [vault.OutflowLimitSet(asset_id=TOKEN_ASSET, limit_units=LIMIT)]
    assert vault.outflow(TOKEN_ASSET).limit_units == LIMIT


def test_raising_takes_a_day(vault, owner, stranger):
    vault.set_outflow_limit(TOKEN_ASSET, LIMIT, sender=owner)
    receipt = vault.set_outflow_limit(TOKEN_ASSET, LIMIT + 1, sender=owner)
    active_from_s = receipt.timestamp + DAY_S
    assert receipt.events == [
        vault.OutflowLimitScheduled(
            asset_id=TOKEN_ASSET, limit_units=LIMIT + 1, active_from_s=active_from_s
        )
    ]
    state = vault.outflow(TOKEN_ASSET)
    assert (state.limit_units, state.free_units) == (LIMIT, LIMIT)
    assert (state.scheduled_units, state.active_from_s) == (LIMIT + 1, active_from_s)
    with reverts("V23"):
        vault.activate_outflow_limit(TOKEN_ASSET, sender=stranger)
    wait(DAY_S)
    receipt = vault.activate_outflow_limit(TOKEN_ASSET, sender=stranger)
    assert receipt.events == [vault.OutflowLimitSet(asset_id=TOKEN_ASSET, limit_units=LIMIT + 1)]
    state = vault.outflow(TOKEN_ASSET)
    assert (state.limit_units, state.scheduled_units, state.active_from_s) == (LIMIT + 1, 0, 0)


def test_nothing_announced(vault, stranger):
    with reverts("V22"):
        vault.activate_outflow_limit(TOKEN_ASSET, sender=stranger)


def test_lowering_withdraws_what_was_announced(vault, owner, stranger):
    vault.set_outflow_limit(TOKEN_ASSET, LIMIT, sender=owner)
    vault.set_outflow_limit(TOKEN_ASSET, 2 * LIMIT, sender=owner)
    vault.set_outflow_limit(TOKEN_ASSET, LIMIT, sender=owner)
    wait(DAY_S)
    with reverts("V22"):
        vault.activate_outflow_limit(TOKEN_ASSET, sender=stranger)


def test_second_announcement_begins_anew(vault, owner, stranger):
    vault.set_outflow_limit(TOKEN_ASSET, LIMIT, sender=owner)
    vault.set_outflow_limit(TOKEN_ASSET, 2 * LIMIT, sender=owner)
    wait(DAY_S - HOUR_S)
    vault.set_outflow_limit(TOKEN_ASSET, 3 * LIMIT, sender=owner)
    wait(HOUR_S)
    with reverts("V23"):
        vault.activate_outflow_limit(TOKEN_ASSET, sender=stranger)


def test_payout_beyond_the_limit_waits(limited, vault, second_depositor, stranger):
    limited.claim(ETHER_ASSET, LIMIT, second_depositor, stranger)
    before_wei = second_depositor.balance
    receipt = limited.claim(ETHER_ASSET, LIMIT, second_depositor, stranger)
    ready_at_s = receipt.timestamp + 3 * HOUR_S
    assert receipt.events == [
        vault.PayoutQueued(
            payout_id=0,
            owner=second_depositor,
            asset_id=ETHER_ASSET,
            amount_units=LIMIT,
            ready_at_s=ready_at_s,
        )
    ]
    assert second_depositor.balance == before_wei
    assert vault.ledger_units(ETHER_ASSET) == 90 * UNIT
    assert vault.payout_count() == 1
    payout = vault.queued_payout(0)
    assert (payout.owner, payout.asset_id) == (second_depositor, ETHER_ASSET)
    assert (payout.amount_units, payout.ready_at_s) == (LIMIT, ready_at_s)
    with reverts("V25"):
        vault.pay_queued(0, sender=second_depositor)


def test_queued_payout_is_paid_once_without_limit(limited, vault, second_depositor, stranger):
    limited.claim(ETHER_ASSET, 50 * UNIT, second_depositor, stranger)
    wait(3 * HOUR_S)
    limited.claim(ETHER_ASSET, LIMIT, stranger, stranger)
    before_wei = second_depositor.balance
    receipt = vault.pay_queued(0, sender=stranger)
    assert second_depositor.balance == before_wei + 50 * ETHER_WEI
    assert receipt.events == [
        vault.PaidOut(
            owner=second_depositor,
            asset_id=ETHER_ASSET,
            payout_id=0,
            amount_units=50 * UNIT,
            amount_native=50 * ETHER_WEI,
        )
    ]
    assert vault.ledger_units(ETHER_ASSET) == 40 * UNIT
    assert vault.queued_payout(0).ready_at_s == 0
    with reverts("V24"):
        vault.pay_queued(0, sender=stranger)


def test_unknown_payout(vault, stranger):
    with reverts("V24"):
        vault.pay_queued(0, sender=stranger)


def test_queued_payout_of_a_refusing_receiver_stays(limited, vault, project, owner, stranger):
    wallet = project.ReceiverMock.deploy(sender=owner)
    wallet.set_refusing(True, sender=owner)
    limited.claim(ETHER_ASSET, 50 * UNIT, wallet, stranger)
    limited.claim(ETHER_ASSET, 20 * UNIT, stranger, stranger)
    wait(3 * HOUR_S)
    with reverts("V15"):
        vault.pay_queued(0, sender=stranger)
    vault.pay_queued(1, sender=stranger)
    wallet.set_refusing(False, sender=owner)
    vault.pay_queued(0, sender=stranger)
    assert wallet.balance == 50 * ETHER_WEI


def test_queued_payout_shares_a_later_loss(system, vault, project, owner, depositor, stranger):
    token = project.ZooToken.deploy(6, 0, sender=depositor)
    system.register(token, hourly_outflow_units=0)
    system.deposit_token(depositor, 100 * TOKEN_NATIVE, token)
    system.claim(9, 50 * UNIT, depositor, stranger)
    token.rebase(5 * 10**17, sender=stranger)
    with reverts("V20"):
        system.claim(9, UNIT, depositor, stranger)
    wait(3 * HOUR_S)
    with reverts("V20"):
        vault.pay_queued(0, sender=stranger)
    vault.pay_queued(0, sender=depositor)
    assert token.balanceOf(depositor) == 25 * TOKEN_NATIVE


def test_frozen_chain_is_not_limited_and_fills_no_bucket(
    limited, vault, gateway, depositor, stranger
):
    gateway.set_credit(FROZEN_CHAIN, stranger, ETHER_ASSET, 20 * UNIT, sender=stranger)
    before_wei = depositor.balance
    limited.claim(ETHER_ASSET, 50 * UNIT, depositor, stranger, FROZEN_CHAIN)
    assert depositor.balance == before_wei + 50 * ETHER_WEI
    vault.claim_credit(FROZEN_CHAIN, stranger, ETHER_ASSET, sender=stranger)
    assert vault.ledger_units(ETHER_ASSET) == 30 * UNIT
    assert vault.payout_count() == 0
    assert vault.outflow(ETHER_ASSET).free_units == LIMIT


def test_credit_of_a_live_chain_is_limited(limited, vault, gateway, stranger):
    gateway.set_credit(CHAIN_ID, stranger, ETHER_ASSET, LIMIT + 1, sender=stranger)
    vault.claim_credit(CHAIN_ID, stranger, ETHER_ASSET, sender=stranger)
    assert vault.payout_count() == 1


def test_bucket_empties_with_time(limited, vault, stranger):
    limited.claim(ETHER_ASSET, LIMIT, stranger, stranger)
    wait(HOUR_S // 2)
    assert LIMIT // 2 <= vault.outflow(ETHER_ASSET).free_units < LIMIT * 51 // 100
    wait(HOUR_S)
    assert vault.outflow(ETHER_ASSET).free_units == LIMIT


def test_lowered_below_what_has_left(limited, vault, owner, stranger):
    limited.claim(ETHER_ASSET, LIMIT, stranger, stranger)
    vault.set_outflow_limit(ETHER_ASSET, UNIT, sender=owner)
    assert vault.outflow(ETHER_ASSET).free_units == 0
    wait(8 * HOUR_S)
    assert vault.outflow(ETHER_ASSET).free_units == 0
    wait(2 * HOUR_S)
    assert vault.outflow(ETHER_ASSET).free_units == UNIT
