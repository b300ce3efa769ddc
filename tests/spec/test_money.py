"""DEPOSIT, WITHDRAW, TRANSFER: refusals, slots, and what L1 is owed."""

import pytest

from offchain.spec import op
from offchain.spec.constants import VALUE_LIMIT
from offchain.spec.encoding import address_words
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, SignerFlag
from offchain.spec.state import signer_index
from tests.spec.invariants import check_all
from tests.spec.support import (
    ABSENT,
    BASE,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    POOR,
    SPOT,
    TAKER,
    UNITS,
    deposit,
    order,
    refused,
    rest,
    run,
    snapshot,
    trade,
)
from tests.strategies import owner_of


def withdraw(account: int, amount: int, asset: int = 0) -> op.Withdraw:
    """Return a WITHDRAW of the quote asset unless `asset` says otherwise."""
    return op.Withdraw(account=account, asset=asset, amount=amount)


def transfer(account: int, to_account: int, amount: int, asset: int = 0) -> op.Transfer:
    """Return a TRANSFER of the quote asset unless `asset` says otherwise."""
    return op.Transfer(account=account, to_account=to_account, asset=asset, amount=amount)


def fill_slots(state, account):
    """Give an account its maximum of assets, with one unit of each."""
    for asset in range(2, 9):
        run(state, op.AdminAsset(asset=asset, flags=2, withdraw_step_units=1, deposit_cap_units=9))
    for asset in range(2, 8):
        run(state, deposit(account, asset=asset, amount=1))


def test_the_first_deposit_creates_the_account_and_its_owner_key(spot_and_perp):
    state = spot_and_perp
    run(state, deposit(ABSENT, asset=BASE, amount=7))
    account = state.account(ABSENT)
    assert account.owner == owner_of(ABSENT)
    assert account.asset_ids[:2] == [1, BASE + 1]
    assert account.free[:2] == [0, 7]
    signer = state.signers.read(signer_index(ABSENT, 0))
    assert (signer.address, signer.flags, signer.expiry_s) == (
        owner_of(ABSENT),
        SignerFlag.EXISTS,
        0,
    )
    check_all(state)


def refused_deposits(state):
    """Return (deposit, code) of every refusal, in the order of the checks."""
    state.assets.edit(0).deposit_cap_units = state.assets.read(0).total_units + 10
    fill_slots(state, TAKER)
    run(state, op.AdminAsset(asset=9, withdraw_step_units=1, deposit_cap_units=9))
    stranger = op.Deposit(account=MAKER, owner=owner_of(TAKER), asset=0, amount=1)
    return [
        (deposit(MAKER, asset=20), ErrorCode.UNKNOWN_ASSET),
        (deposit(MAKER, asset=256), ErrorCode.UNKNOWN_ASSET),
        (stranger, ErrorCode.NOT_SAME_OWNER),
        (deposit(MAKER, asset=9), ErrorCode.DEPOSITS_CLOSED),
        (deposit(MAKER, amount=11), ErrorCode.DEPOSIT_CAP),
        (deposit(ABSENT, amount=VALUE_LIMIT - 1), ErrorCode.DEPOSIT_CAP),
        (deposit(TAKER, asset=8, amount=1), ErrorCode.BALANCES_FULL),
    ]


def test_a_refused_deposit_goes_back_and_changes_nothing_else(spot_and_perp):
    state = spot_and_perp
    for refused_deposit, code in refused_deposits(state):
        before = snapshot(state)[1:]  # all but the header, which counts the event
        (event,) = run(state, refused_deposit)
        assert event.kind == EventKind.WITHDRAWAL
        assert event.account == refused_deposit.account
        owner = address_words(refused_deposit.owner)
        assert event.values == (refused_deposit.asset, refused_deposit.amount, *owner, code)
        assert snapshot(state)[1:] == before
    run(state, deposit(MAKER, amount=10))
    check_all(state)


WITHDRAW_REFUSALS = [
    (withdraw(ABSENT, 10), ErrorCode.UNKNOWN_ACCOUNT),
    (withdraw(2**22, 10), ErrorCode.UNKNOWN_ACCOUNT),
    (withdraw(MAKER, 10, asset=9), ErrorCode.UNKNOWN_ASSET),
    (withdraw(MAKER, 10, asset=256), ErrorCode.UNKNOWN_ASSET),
    (withdraw(MAKER, 0), ErrorCode.INVALID_AMOUNT),
    (withdraw(MAKER, VALUE_LIMIT), ErrorCode.INVALID_AMOUNT),
    (withdraw(MAKER, 11), ErrorCode.AMOUNT_NOT_REPRESENTABLE),
    (withdraw(MAKER, UNITS), ErrorCode.INSUFFICIENT_BALANCE),
    (withdraw(POOR, 10, asset=BASE), ErrorCode.INSUFFICIENT_BALANCE),
]


@pytest.mark.parametrize(("bad", "code"), WITHDRAW_REFUSALS, ids=str)
def test_a_bad_withdrawal_is_refused_with_its_code(spot_and_perp, bad, code):
    assert refused(spot_and_perp, bad) == code


def test_a_withdrawal_pays_the_owner_and_lowers_the_total(spot_and_perp):
    state = spot_and_perp
    total = state.assets.read(0).total_units
    (event,) = run(state, withdraw(MAKER_SUB, 40))
    assert event.kind == EventKind.WITHDRAWAL
    assert event.values == (0, 40, *address_words(owner_of(MAKER)), 0)
    assert state.assets.read(0).total_units == total - 40
    check_all(state)


def test_locked_money_cannot_leave(spot_and_perp):
    state = spot_and_perp
    run(state, deposit(POOR, amount=1_000))
    rest(state, POOR, 1_000, 1)
    assert refused(state, withdraw(POOR, 50)) == ErrorCode.INSUFFICIENT_BALANCE
    run(state, withdraw(POOR, 40))


def test_the_quote_stays_while_a_perpetual_is_open(spot_and_perp):
    state = spot_and_perp
    rest(state, TAKER, 100, 1, market=PERP)
    assert refused(state, withdraw(TAKER, 10)) == ErrorCode.POSITION_OPEN
    assert refused(state, transfer(TAKER, TAKER + 1, 10)) == ErrorCode.POSITION_OPEN
    run(state, withdraw(TAKER, 10, asset=BASE))
    run(state, op.CancelAll(account=TAKER), withdraw(TAKER, 10))


LEAVE = [withdraw(TAKER, UNITS, asset=BASE), transfer(TAKER, TAKER + 1, UNITS, asset=BASE)]


@pytest.mark.parametrize("leave", LEAVE, ids=lambda each: type(each).__name__)
def test_an_empty_slot_is_released_unless_orders_are_open(spot_and_perp, leave):
    state = spot_and_perp
    rest(state, TAKER, 100, 1)
    run(state, leave)
    assert state.account(TAKER).asset_ids[1] == BASE + 1
    run(state, op.CancelAll(account=TAKER), deposit(TAKER, asset=BASE))
    run(state, leave)
    assert state.account(TAKER).asset_ids[1] == 0
    run(state, withdraw(TAKER, UNITS))
    assert state.account(TAKER).asset_ids[0] == 1


TRANSFER_REFUSALS = [
    (transfer(ABSENT, MAKER, 1), ErrorCode.UNKNOWN_ACCOUNT),
    (transfer(MAKER, MAKER, 1), ErrorCode.SAME_ACCOUNT),
    (transfer(MAKER, 2**22, 1), ErrorCode.UNKNOWN_ACCOUNT),
    (transfer(MAKER, ABSENT, 1), ErrorCode.UNKNOWN_ACCOUNT),
    (transfer(MAKER, ABSENT + 1, 1), ErrorCode.UNKNOWN_ACCOUNT),
    (transfer(MAKER, TAKER, 1), ErrorCode.NOT_SAME_OWNER),
    (transfer(MAKER, MAKER_SUB, 1, asset=9), ErrorCode.UNKNOWN_ASSET),
    (transfer(MAKER, MAKER_SUB, 0), ErrorCode.INVALID_AMOUNT),
    (transfer(MAKER, MAKER_SUB, VALUE_LIMIT), ErrorCode.INVALID_AMOUNT),
    (transfer(MAKER, MAKER_SUB, UNITS), ErrorCode.INSUFFICIENT_BALANCE),
    (transfer(POOR, POOR + 1, 1, asset=BASE), ErrorCode.INSUFFICIENT_BALANCE),
]


@pytest.mark.parametrize(("bad", "code"), TRANSFER_REFUSALS, ids=str)
def test_a_bad_transfer_is_refused_with_its_code(spot_and_perp, bad, code):
    assert refused(spot_and_perp, bad) == code


def test_a_transfer_needs_room_at_the_other_end(spot_and_perp):
    state = spot_and_perp
    run(state, transfer(TAKER, TAKER + 1, 1))
    fill_slots(state, TAKER)
    run(state, *(transfer(TAKER, TAKER + 1, 1, asset=asset) for asset in (*range(2, 8), BASE)))
    run(state, deposit(TAKER, asset=8, amount=1))
    bad = transfer(TAKER, TAKER + 1, 1, asset=8)
    assert refused(state, bad) == ErrorCode.BALANCES_FULL


def test_a_transfer_creates_a_sub_account_without_a_key(spot_and_perp):
    state = spot_and_perp
    (event,) = run(state, transfer(TAKER, TAKER + 5, 30, asset=BASE))
    assert (event.account, event.values[:3]) == (TAKER, (BASE, 30, TAKER + 5))
    account = state.account(TAKER + 5)
    assert (account.owner, account.asset_ids[:2]) == (owner_of(TAKER), [1, BASE + 1])
    run(state, order(TAKER + 5, 1, 1, flags=0, market=PERP), op.CancelAll(account=TAKER + 5))
    rest(state, TAKER, 100, 1, flags=IS_ASK, market=SPOT)
    check_all(state)


def test_profit_without_money_behind_it_does_not_leave_the_chain(spot_and_perp):
    state = spot_and_perp
    lots = 10**10
    trade(state, buyer=TAKER, seller=MAKER, price=1, size_lots=lots, market=PERP)
    trade(state, buyer=MAKER, seller=TAKER, price=10_000, size_lots=lots, market=PERP)
    total_units = state.assets.read(0).total_units
    assert state.account(TAKER).free[0] > total_units
    before = snapshot(state)
    refusal = refused(state, withdraw(TAKER, total_units + 10))
    assert refusal == ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY
    assert snapshot(state) == before
    run(state, withdraw(TAKER, total_units // 10 * 10))
    check_all(state)
