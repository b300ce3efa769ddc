"""CollateralVault.claim, and behind it Gateway.consume_withdrawal."""

import ape
import pytest

from offchain.settlement.abi import address_word, keccak256, uint_word
from offchain.settlement.deployer import ETHER_ASSET, QUOTE_ASSET, TRUST_MODE_ATTESTED
from offchain.settlement.withdrawals import Withdrawal
from tests.contracts.support import CHAIN_ID, ETHER_WEI, UNITS_PER_TOKEN, address_bytes, reverts

OTHER_CHAIN_ID = 8


def ether_to(account, amount_units=UNITS_PER_TOKEN):
    return Withdrawal(address_bytes(account), ETHER_ASSET, amount_units)


@pytest.fixture
def settled(system, depositor, second_depositor):
    """Two funded assets and a settlement that pays five withdrawals."""
    system.deposit_ether(depositor, 3 * ETHER_WEI)
    system.deposit_quote(second_depositor, 500 * 10**6)
    return system.settle_withdrawals(
        [
            ether_to(depositor),
            Withdrawal(address_bytes(second_depositor), QUOTE_ASSET, 200 * UNITS_PER_TOKEN),
            ether_to(second_depositor),
            Withdrawal(address_bytes(depositor), QUOTE_ASSET, 100),
            ether_to(depositor),
        ]
    )


def test_every_withdrawal_is_paid_once(system, vault, gateway, settled, depositor, stranger):
    balance_before_wei = depositor.balance
    for index in range(5):
        assert not gateway.is_consumed(CHAIN_ID, settled.batch, index)
        system.claim(settled, index, sender=stranger)
        assert gateway.is_consumed(CHAIN_ID, settled.batch, index)
        with reverts("E44"):
            system.claim(settled, index, sender=stranger)
    assert depositor.balance == balance_before_wei + 2 * ETHER_WEI
    assert vault.balance == 0
    assert vault.chain_balance_units(CHAIN_ID, ETHER_ASSET) == 0
    # 100 units of a 6-decimal token are one base unit.
    assert system.quote.balanceOf(depositor) == 1
    assert system.quote.balanceOf(vault) == 300 * 10**6 - 1


def test_events(system, vault, gateway, settled, second_depositor, stranger):
    receipt = system.claim(settled, 1, sender=stranger)
    assert receipt.events.filter(vault.Claimed) == [
        vault.Claimed(
            chain_id=CHAIN_ID,
            owner=second_depositor,
            asset_id=QUOTE_ASSET,
            batch=settled.batch,
            index=1,
            amount_units=200 * UNITS_PER_TOKEN,
            amount_native=200 * 10**6,
        )
    ]
    assert receipt.events.filter(gateway.WithdrawalConsumed) == [
        gateway.WithdrawalConsumed(
            chain_id=CHAIN_ID,
            batch=settled.batch,
            index=1,
            owner=second_depositor,
            asset_id=QUOTE_ASSET,
            amount_units=200 * UNITS_PER_TOKEN,
        )
    ]


def test_single_withdrawal_has_an_empty_path(system, depositor, stranger):
    system.deposit_ether(depositor)
    tree = system.settle_withdrawals([ether_to(depositor)])
    assert tree.path(0) == []
    system.claim(tree, 0, sender=stranger)


def test_bits_of_two_slots_are_apart(system, gateway, depositor, stranger):
    system.deposit_ether(depositor)
    tree = system.settle_withdrawals([ether_to(depositor, 1)] * 258)
    for index in (0, 255, 256, 257):
        system.claim(tree, index, sender=stranger)
    assert not gateway.is_consumed(CHAIN_ID, tree.batch, 1)
    with reverts("E44"):
        system.claim(tree, 256, sender=stranger)


def test_later_settlement_keeps_earlier_claims(system, settled, stranger):
    system.settle()
    system.claim(settled, 0, sender=stranger)


def test_contract_wallet_gets_all_gas(system, project, depositor, stranger):
    wallet = project.ReceiverMock.deploy(sender=depositor)
    # The callback reads and writes storage: more than a 2,300 gas stipend.
    wallet.set_callback(system.quote, b"", sender=depositor)
    system.deposit_ether(depositor)
    tree = system.settle_withdrawals([ether_to(wallet)])
    system.claim(tree, 0, sender=stranger)
    assert wallet.balance == ETHER_WEI


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_units": UNITS_PER_TOKEN + 1},
        {"asset_id": QUOTE_ASSET},
        {"index": 2},
        {"path": [b"\x01" * 32] * 3},
        {"path": [b"\x01" * 32] * 20},
    ],
    ids=["amount", "asset", "index", "path", "deepest path"],
)
def test_forged(system, settled, stranger, changes):
    with reverts("E45"):
        system.claim(settled, 0, sender=stranger, **changes)


def test_wrong_owner(system, settled, stranger):
    with reverts("E45"):
        system.claim(settled, 0, sender=stranger, owner=stranger.address)


def test_node_is_no_leaf(system, settled, stranger):
    """The path of an inner node, one level short, proves nothing."""
    with reverts("E45"):
        system.claim(settled, 0, sender=stranger, path=settled.path(0)[1:])


def test_index_outside_of_the_path(system, settled, stranger):
    with reverts("E43"):
        system.claim(settled, 0, sender=stranger, index=8)


@pytest.mark.parametrize("batch", [0, 2, 2**256 - 1])
def test_batch_without_withdrawals(system, settled, stranger, batch):
    with reverts("E42"):
        system.claim(settled, 0, sender=stranger, batch=batch)


def test_other_chain(system, settled, stranger):
    with reverts("E42"):
        system.claim(settled, 0, sender=stranger, chain_id=OTHER_CHAIN_ID)


def test_chain_can_lose_only_its_own(system, vault, gateway, owner, settled, stranger):
    """An operator who signs anything reaches nothing of another chain."""
    hostile = type(system)(
        vault, gateway, system.quote, owner, stranger, stranger, chain_id=OTHER_CHAIN_ID
    )
    gateway.register_chain(
        OTHER_CHAIN_ID,
        TRUST_MODE_ATTESTED,
        stranger,
        stranger,
        b"\x01" * 32,
        b"\x02" * 32,
        sender=owner,
    )
    hostile.deposit_ether(stranger, ETHER_WEI)
    tree = hostile.settle_withdrawals([ether_to(stranger, UNITS_PER_TOKEN + 1)])
    with reverts("V19"):
        hostile.claim(tree, 0, sender=stranger)
    for index in range(5):
        system.claim(settled, index, sender=stranger)


def test_units_not_whole_in_native(system, second_depositor, stranger):
    system.deposit_quote(second_depositor, 10**6)
    tree = system.settle_withdrawals(
        [Withdrawal(address_bytes(second_depositor), QUOTE_ASSET, 101)]
    )
    with reverts("V07"):
        system.claim(tree, 0, sender=stranger)


def test_units_out_of_bounds(system, depositor, stranger):
    """Only a hostile operator can settle this: the encoder refuses it."""
    leaf = keccak256(
        b"\x00"
        + b"".join(uint_word(word) for word in (CHAIN_ID, 1, 0))
        + address_word(address_bytes(depositor))
        + uint_word(ETHER_ASSET)
        + uint_word(2**62)
    )
    system.settle(system.next_output(withdrawals_root=leaf))
    with reverts("V06"):
        system.vault.claim(CHAIN_ID, 1, 0, depositor, ETHER_ASSET, 2**62, [], sender=stranger)


def test_refusing_receiver_fails_alone(system, project, depositor, stranger):
    wallet = project.ReceiverMock.deploy(sender=depositor)
    wallet.set_refusing(True, sender=depositor)
    system.deposit_ether(depositor, 2 * ETHER_WEI)
    tree = system.settle_withdrawals([ether_to(wallet), ether_to(depositor)])
    with reverts("V11"):
        system.claim(tree, 0, sender=stranger)
    system.claim(tree, 1, sender=stranger)
    wallet.set_refusing(False, sender=depositor)
    system.claim(tree, 0, sender=stranger)
    assert wallet.balance == ETHER_WEI


def test_refusing_token(system, settled, stranger):
    system.quote.set_refusing(True, sender=stranger)
    with reverts("V12"):
        system.claim(settled, 1, sender=stranger)
    system.quote.set_refusing(False, sender=stranger)
    system.claim(settled, 1, sender=stranger)


@pytest.fixture
def reentering_wallet(system, vault, project, depositor):
    """A wallet with ether and a token allowance, whose calls would succeed outside of a claim."""
    wallet = project.ReceiverMock.deploy(sender=depositor)
    system.quote.mint(wallet, 10**6, sender=depositor)
    wallet.set_callback(
        system.quote, system.quote.approve.encode_input(vault, 10**6), sender=depositor
    )
    depositor.transfer(wallet, 1)
    assert wallet.is_callback_done()
    return wallet


@pytest.mark.parametrize("reentered", ["claim", "deposit"])
def test_reentry_is_locked_out(system, vault, reentering_wallet, depositor, stranger, reentered):
    wallet = reentering_wallet
    system.deposit_ether(depositor, 2 * ETHER_WEI)
    tree = system.settle_withdrawals([ether_to(wallet), ether_to(wallet)])
    call_data = {
        "claim": vault.claim.encode_input(
            CHAIN_ID, tree.batch, 1, wallet.address, ETHER_ASSET, UNITS_PER_TOKEN, tree.path(1)
        ),
        "deposit": vault.deposit.encode_input(CHAIN_ID, QUOTE_ASSET, 10**6),
    }[reentered]
    wallet.set_callback(vault, call_data, sender=depositor)
    system.claim(tree, 0, sender=stranger)
    assert not wallet.is_callback_done()
    assert wallet.balance == ETHER_WEI + 1
    assert vault.balance == ETHER_WEI
    # The same call from a plain payment goes through.
    depositor.transfer(wallet, 1)
    assert wallet.is_callback_done()


def test_path_longer_than_the_bound(system, settled, stranger):
    """The ABI decoder refuses it, without an error of ours."""
    with ape.reverts():
        system.claim(settled, 0, sender=stranger, path=[b"\x01" * 32] * 21)
