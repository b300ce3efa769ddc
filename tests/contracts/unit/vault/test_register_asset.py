"""CollateralVault.register_asset, the terms of assets and the conversions."""

import pytest

from tests.contracts.support import reverts
from tests.contracts.unit.vault.vault_system import (
    ATOKEN,
    ETHER,
    ETHER_ADDRESS,
    ETHER_ASSET,
    ETHER_WEI,
    FREE_ASSET,
    STETH,
    TOKEN,
    TOKEN_ASSET,
    UNIT,
    UNLIMITED,
    terms,
)

LAST_ASSET = 2**16 - 1


@pytest.fixture
def token(project, owner):
    return project.TokenMock.deploy("TKN", 12, sender=owner)


def asset_of(vault, asset_id):
    asset = vault.asset(asset_id)
    return (
        asset.token,
        asset.kind,
        asset.decimals,
        asset.may_take_fee,
        asset.is_impaired,
        asset.cap_units,
        asset.min_deposit_units,
    )


def test_registers(vault, owner, token):
    given = terms(
        token, may_take_fee=True, cap_units=5, min_deposit_units=3, hourly_outflow_units=4
    )
    receipt = vault.register_asset(LAST_ASSET, given, sender=owner)
    assert receipt.events == [
        vault.AssetRegistered(
            asset_id=LAST_ASSET, token=token, kind=TOKEN, decimals=12, may_take_fee=True
        ),
        vault.CapSet(asset_id=LAST_ASSET, cap_units=5),
        vault.MinDepositSet(asset_id=LAST_ASSET, min_deposit_units=3),
        vault.OutflowLimitSet(asset_id=LAST_ASSET, limit_units=4),
    ]
    assert asset_of(vault, LAST_ASSET) == (token, TOKEN, 12, True, False, 5, 3)
    assert vault.outflow(LAST_ASSET).limit_units == 4


def test_largest_terms(vault, owner, token):
    given = terms(token, ATOKEN, min_deposit_units=2**62 - 1)
    vault.register_asset(LAST_ASSET, given, sender=owner)
    expected = (token, ATOKEN, 12, False, False, UNLIMITED, 2**62 - 1)
    assert asset_of(vault, LAST_ASSET) == expected


def test_ether_has_18_decimals(vault):
    assert asset_of(vault, ETHER_ASSET)[:3] == (ETHER_ADDRESS, ETHER, 18)


def test_stranger(vault, stranger, token):
    with reverts("O03"):
        vault.register_asset(FREE_ASSET, terms(token), sender=stranger)


def test_id_out_of_bounds(vault, owner, token):
    with reverts("V01"):
        vault.register_asset(2**16, terms(token), sender=owner)


def test_taken_id(vault, owner, token):
    with reverts("V02"):
        vault.register_asset(TOKEN_ASSET, terms(token), sender=owner)


def test_taken_token(vault, owner):
    with reverts("V03"):
        vault.register_asset(FREE_ASSET, terms(ETHER_ADDRESS, ETHER), sender=owner)


@pytest.mark.parametrize("kind", [0, 5, 257])
def test_unknown_kind(vault, owner, token, kind):
    with reverts("V04"):
        vault.register_asset(FREE_ASSET, terms(token, kind), sender=owner)


def test_ether_as_another_kind(project, bare_vault, owner, token):
    with reverts("V05"):
        bare_vault.register_asset(FREE_ASSET, terms(ETHER_ADDRESS, STETH), sender=owner)
    with reverts("V05"):
        bare_vault.register_asset(FREE_ASSET, terms(token, ETHER), sender=owner)


def test_no_contract(vault, owner, stranger):
    with reverts("V06"):
        vault.register_asset(FREE_ASSET, terms(stranger), sender=owner)


@pytest.mark.parametrize("decimals", [37, 50, 255])
def test_too_many_decimals(vault, project, owner, decimals):
    token = project.TokenMock.deploy("T", decimals, sender=owner)
    with reverts("V07"):
        vault.register_asset(FREE_ASSET, terms(token), sender=owner)


def test_cap_out_of_bounds(vault, owner, token):
    with reverts("V08"):
        vault.register_asset(FREE_ASSET, terms(token, cap_units=2**80), sender=owner)
    with reverts("V08"):
        vault.set_cap(TOKEN_ASSET, 2**80, sender=owner)


@pytest.mark.parametrize("units", [0, 2**62])
def test_smallest_deposit_out_of_bounds(vault, owner, token, units):
    with reverts("V09"):
        vault.register_asset(FREE_ASSET, terms(token, min_deposit_units=units), sender=owner)
    with reverts("V09"):
        vault.set_min_deposit(TOKEN_ASSET, units, sender=owner)


def test_limit_out_of_bounds(vault, owner, token):
    with reverts("V21"):
        vault.register_asset(FREE_ASSET, terms(token, hourly_outflow_units=2**80), sender=owner)
    with reverts("V21"):
        vault.set_outflow_limit(TOKEN_ASSET, 2**80, sender=owner)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_cap", [1]),
        ("set_min_deposit", [1]),
        ("impair", []),
        ("restore", []),
        ("set_outflow_limit", [1]),
        ("skim", []),
    ],
)
def test_unregistered_asset(vault, owner, name, arguments):
    with reverts("V10"):
        getattr(vault, name)(FREE_ASSET, *arguments, sender=owner)


def test_views_of_an_unregistered_asset(vault):
    assert asset_of(vault, FREE_ASSET)[2:] == (0, False, False, 0, 0)
    for name, arguments in [
        ("to_units", [1]),
        ("to_native", [1]),
        ("holdings_native", []),
        ("surplus_native", []),
        ("deficit_native", []),
    ]:
        with reverts("V10"):
            getattr(vault, name)(FREE_ASSET, *arguments)


def test_each_term_leaves_the_others(vault, owner, guardian):
    receipts = [
        vault.set_cap(TOKEN_ASSET, 77, sender=owner),
        vault.set_min_deposit(TOKEN_ASSET, 2**62 - 1, sender=owner),
        vault.impair(TOKEN_ASSET, sender=guardian),
        vault.set_cap(TOKEN_ASSET, 78, sender=owner),
        vault.set_min_deposit(TOKEN_ASSET, 66, sender=owner),
    ]
    assert [receipt.events for receipt in receipts] == [
        [vault.CapSet(asset_id=TOKEN_ASSET, cap_units=77)],
        [vault.MinDepositSet(asset_id=TOKEN_ASSET, min_deposit_units=2**62 - 1)],
        [vault.ImpairmentSet(asset_id=TOKEN_ASSET, is_impaired=True)],
        [vault.CapSet(asset_id=TOKEN_ASSET, cap_units=78)],
        [vault.MinDepositSet(asset_id=TOKEN_ASSET, min_deposit_units=66)],
    ]
    assert asset_of(vault, TOKEN_ASSET)[3:] == (False, True, 78, 66)
    receipt = vault.restore(TOKEN_ASSET, sender=owner)
    assert receipt.events == [vault.ImpairmentSet(asset_id=TOKEN_ASSET, is_impaired=False)]
    assert asset_of(vault, TOKEN_ASSET)[3:] == (False, False, 78, 66)


@pytest.mark.parametrize("decimals", [0, 6, 8, 18, 36])
def test_conversions_are_inverse(system, vault, project, owner, decimals):
    system.register(project.TokenMock.deploy("TKN", decimals, sender=owner))
    assert vault.to_units(FREE_ASSET, 7 * 10**decimals) == 7 * UNIT
    assert vault.to_native(FREE_ASSET, 7 * UNIT) == 7 * 10**decimals


def test_conversions_round_down(vault):
    assert vault.to_units(ETHER_ASSET, 2 * ETHER_WEI - 1) == 2 * UNIT - 1
    assert vault.to_native(TOKEN_ASSET, 299) == 2
    assert vault.to_units(TOKEN_ASSET, 2**256 - 1) >= 2**62
