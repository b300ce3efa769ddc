"""CollateralVault.register_asset and the conversions."""

import pytest

from offchain.settlement.deployer import ETHER_ADDRESS, ETHER_ASSET, QUOTE_ASSET
from tests.contracts.support import ETHER_WEI, UNITS_PER_TOKEN, reverts

FREE_ASSET = 9
LAST_ASSET = 2**16 - 1


@pytest.fixture
def token(project, owner):
    return project.TokenMock.deploy("TKN", 12, sender=owner)


def test_registers(vault, owner, token):
    receipt = vault.register_asset(LAST_ASSET, token, sender=owner)
    assert receipt.events == [vault.AssetRegistered(asset_id=LAST_ASSET, token=token, decimals=12)]
    asset = vault.asset(LAST_ASSET)
    assert (asset.token, asset.decimals) == (token.address, 12)


def test_ether_has_18_decimals(vault):
    asset = vault.asset(ETHER_ASSET)
    assert (asset.token, asset.decimals) == (ETHER_ADDRESS, 18)


def test_stranger(vault, stranger, token):
    with reverts("O03"):
        vault.register_asset(FREE_ASSET, token, sender=stranger)


def test_taken_id(vault, owner, token):
    with reverts("V01"):
        vault.register_asset(QUOTE_ASSET, token, sender=owner)


def test_taken_token(vault, owner):
    with reverts("V02"):
        vault.register_asset(FREE_ASSET, ETHER_ADDRESS, sender=owner)


def test_no_contract(vault, owner, stranger):
    with reverts("V03"):
        vault.register_asset(FREE_ASSET, stranger, sender=owner)


def test_too_many_decimals(vault, project, owner):
    vault.register_asset(FREE_ASSET, project.TokenMock.deploy("T", 36, sender=owner), sender=owner)
    with reverts("V04"):
        vault.register_asset(
            FREE_ASSET + 1, project.TokenMock.deploy("T", 37, sender=owner), sender=owner
        )


@pytest.mark.parametrize("decimals", [0, 6, 8, 18, 36])
def test_conversions_are_inverse(vault, project, owner, decimals):
    token = project.TokenMock.deploy("TKN", decimals, sender=owner)
    vault.register_asset(FREE_ASSET, token, sender=owner)
    assert vault.to_units(FREE_ASSET, 7 * 10**decimals) == 7 * UNITS_PER_TOKEN
    assert vault.to_native(FREE_ASSET, 7 * UNITS_PER_TOKEN) == 7 * 10**decimals


def test_conversion_bounds(vault):
    assert vault.to_units(ETHER_ASSET, 2 * ETHER_WEI - 1) == 2 * UNITS_PER_TOKEN - 1
    assert vault.to_units(QUOTE_ASSET, 2**256 - 1) >= 2**62
    with reverts("V05"):
        vault.to_units(FREE_ASSET, 1)
    with reverts("V06"):
        vault.to_native(ETHER_ASSET, 2**62)
    with reverts("V07"):
        vault.to_native(QUOTE_ASSET, 99)
