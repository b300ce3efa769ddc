"""stETH, wstETH and aTokens: what the vault counts does not change by itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.onchain.evm import Reverted
from tests.onchain.vault_scene import (
    ATOKEN,
    DEPOSITOR,
    ETHER_WEI,
    FROZEN_CHAIN,
    HOUR_S,
    OWNER,
    RECEIVER,
    STETH,
    STRANGER,
    TREASURY,
    UNIT,
    UNLIMITED,
    mint_and_approve,
    vault_scene,
)

ASSET = 5
RAY = 10**27
WEI_PER_UNIT = 10**10
HELD = 1_000 * ETHER_WEI
ROUNDINGS = pytest.mark.parametrize("is_directed", [False, True], ids=["half up", "since 3.5"])


def steth_scene(kind=STETH, **terms):
    """The depositor has all of the pool but one ether."""
    scene = vault_scene()
    token = scene.evm.deploy("StEthMock")
    token.call("mint_shares", STRANGER, ETHER_WEI)
    mint_and_approve(scene, token, HELD, "mint_shares")
    scene.register(ASSET, token, kind, **terms)
    return scene, token


def atoken_scene(is_directed, decimals=18):
    scene = vault_scene()
    token = scene.evm.deploy("ATokenMock", decimals, is_directed)
    mint_and_approve(scene, token, HELD, "mint_scaled")
    scene.register(ASSET, token, ATOKEN)
    return scene, token


def pay_by_every_way(scene, units):
    """Pay by claim, credit and queue; returns how often."""
    scene.claim(ASSET, units)
    scene.credit(ASSET, units)
    scene.vault.call("claim_credit", FROZEN_CHAIN, RECEIVER, ASSET, sender=STRANGER)
    scene.vault.call("set_outflow_limit", ASSET, 0, sender=OWNER)
    scene.claim(ASSET, units)
    scene.vault.call("set_outflow_limit", ASSET, UNLIMITED, sender=OWNER)
    scene.wait(24 * HOUR_S)
    scene.vault.call("activate_outflow_limit", ASSET)
    scene.vault.call("pay_queued", 0, sender=STRANGER)
    return 3


@pytest.mark.parametrize("pooled_percent", [37, 99, 100, 101, 250])
def test_steth_is_kept_in_shares(pooled_percent):
    scene, token = steth_scene()
    scene.deposit(ASSET, 100 * ETHER_WEI)
    token.call("rebase", (HELD + ETHER_WEI) * pooled_percent // 100 + 1)
    assert scene.view("deficit_native", ASSET) == scene.view("surplus_native", ASSET) == 0
    scene.deposit(ASSET, 10 * ETHER_WEI)
    assert scene.view("ledger_units", ASSET) == 110 * UNIT
    times = pay_by_every_way(scene, 7 * UNIT)
    assert token.call("sharesOf", RECEIVER).values[0] == times * 7 * ETHER_WEI
    token.call("mint_shares", scene.vault.address, 3)
    scene.vault.call("skim", ASSET, sender=TREASURY)
    assert token.call("sharesOf", TREASURY).values[0] == 3
    scene.claim(ASSET, (110 - 7 * times) * UNIT)
    assert scene.view("holdings_native", ASSET) == scene.view("ledger_units", ASSET) == 0


def test_steth_as_a_plain_token_loses_a_wei_or_two():
    scene, token = steth_scene(kind=2)
    token.call("rebase", (HELD + ETHER_WEI) * 10 // 9)
    with pytest.raises(Reverted, match="V14"):
        scene.deposit(ASSET, 100 * ETHER_WEI)


def test_steth_as_a_token_that_may_round():
    scene, token = steth_scene(kind=2, may_take_fee=True)
    token.call("rebase", (HELD + ETHER_WEI) * 10 // 9)
    for amount in range(10 * ETHER_WEI, 10 * ETHER_WEI + 20):
        before = scene.view("holdings_native", ASSET)
        scene.deposit(ASSET, amount)
        arrived = scene.view("holdings_native", ASSET) - before
        assert amount - 2 <= arrived <= amount
        scene.claim(ASSET, 5 * UNIT)
        assert scene.view("deficit_native", ASSET) == 0
    # As a plain token it has the yield as surplus, and a slashing as a deficit.
    token.call("rebase", HELD)
    with pytest.raises(Reverted, match="V20"):
        scene.claim(ASSET, 5 * UNIT)


def test_wsteth_keeps_its_amount_through_a_slashing():
    scene = vault_scene()
    steth = scene.evm.deploy("StEthMock")
    wsteth = scene.evm.deploy("WstEthMock", steth.address)
    steth.call("mint_shares", DEPOSITOR, HELD)
    steth.call("approve", wsteth.address, 2 * HELD, sender=DEPOSITOR)
    wsteth.call("wrap_shares", HELD, sender=DEPOSITOR)
    wsteth.call("approve", scene.vault.address, HELD, sender=DEPOSITOR)
    scene.register(ASSET, wsteth)
    scene.deposit(ASSET, 100 * ETHER_WEI)
    steth.call("rebase", HELD // 2)
    assert scene.view("deficit_native", ASSET) == 0
    times = pay_by_every_way(scene, 7 * UNIT)
    wsteth.call("unwrap", times * 7 * ETHER_WEI, sender=RECEIVER)
    assert steth.call("sharesOf", RECEIVER).values[0] == times * 7 * ETHER_WEI


@ROUNDINGS
def test_atoken_is_kept_in_scaled_units(is_directed):
    scene, token = atoken_scene(is_directed)
    scene.deposit(ASSET, 100 * ETHER_WEI)
    assert scene.view("ledger_units", ASSET) == 100 * UNIT
    token.call("set_index", RAY * 5 // 4)
    assert scene.view("surplus_native", ASSET) == 0
    scene.deposit(ASSET, 100 * ETHER_WEI)
    assert scene.view("ledger_units", ASSET) == 180 * UNIT
    times = pay_by_every_way(scene, 8 * UNIT)
    received = token.call("balanceOf", RECEIVER).values[0]
    assert times * 10 * ETHER_WEI - 6 <= received <= times * 10 * ETHER_WEI
    token.call("mint_scaled", scene.vault.address, 100)
    scene.vault.call("skim", ASSET, sender=TREASURY)
    assert 98 <= token.call("scaledBalanceOf", TREASURY).values[0] <= 106
    assert scene.view("deficit_native", ASSET) == 0


@ROUNDINGS
def test_loss_of_an_atoken_is_shared(is_directed):
    scene, token = atoken_scene(is_directed)
    scene.deposit(ASSET, 100 * ETHER_WEI)
    token.call("burn_scaled", scene.vault.address, 20 * ETHER_WEI)
    with pytest.raises(Reverted, match="V20"):
        scene.claim(ASSET, 50 * UNIT)
    scene.claim(ASSET, 50 * UNIT, RECEIVER, RECEIVER)
    assert token.call("scaledBalanceOf", RECEIVER).values[0] == 40 * ETHER_WEI


class AtokenPair:
    """One vault per rounding, reused by all examples."""

    made = None

    @classmethod
    def scene(cls, is_directed):
        if cls.made is None:
            cls.made = {flag: atoken_scene(flag) for flag in (False, True)}
        return cls.made[is_directed]


@ROUNDINGS
@settings(max_examples=150)
@given(
    index_ray=st.integers(RAY, 20 * RAY),
    amounts=st.lists(st.integers(0, 2**33) | st.integers(2**38, 10**20), max_size=4),
    units=st.lists(st.integers(0, 400) | st.integers(0, 10**10), max_size=6),
    dust=st.integers(0, 3 * WEI_PER_UNIT),
)
def test_atoken_payout_takes_at_most_what_is_debited(is_directed, index_ray, amounts, units, dust):
    scene, token = AtokenPair.scene(is_directed)
    with scene.evm.rolled_back():
        token.call("set_index", index_ray)
        scene.deposit(ASSET, 50 * ETHER_WEI)
        token.call("mint_scaled", scene.vault.address, dust)
        for amount in amounts:
            if amount < WEI_PER_UNIT:
                with pytest.raises(Reverted, match="V31"):
                    scene.deposit(ASSET, amount)
                continue
            before = scene.view("ledger_units", ASSET), scene.view("holdings_native", ASSET)
            scene.deposit(ASSET, amount)
            credited = scene.view("ledger_units", ASSET) - before[0]
            assert credited * WEI_PER_UNIT <= scene.view("holdings_native", ASSET) - before[1]
        ledger = scene.view("ledger_units", ASSET)
        wanted = [min(u, ledger) for u in units]
        for amount_units in [*wanted, ledger]:
            debited = min(amount_units, scene.view("ledger_units", ASSET)) * WEI_PER_UNIT
            before = scene.view("holdings_native", ASSET)
            scene.claim(ASSET, debited // WEI_PER_UNIT)
            taken = before - scene.view("holdings_native", ASSET)
            assert debited - 2 <= taken <= debited
            assert scene.view("deficit_native", ASSET) == 0
        assert scene.view("ledger_units", ASSET) == 0
