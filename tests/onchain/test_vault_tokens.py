"""Odd tokens against every entry point of the vault: what happens, and that nobody else pays.

The table says how each token behaves from its registration on, or only after the first deposit,
and what the entry points answer: "ok", the code of our error, or the token's own reason.
"""

from dataclasses import dataclass, field

import pytest

from tests.onchain.evm import Reverted
from tests.onchain.vault_scene import (
    CHAIN,
    DEPOSITOR,
    ETHER,
    ETHER_ADDRESS,
    ETHER_WEI,
    FROZEN_CHAIN,
    HOUR_S,
    OWNER,
    RECEIVER,
    STRANGER,
    TREASURY,
    UNIT,
    UNLIMITED,
    ZERO_ADDRESS,
    mint_and_approve,
    vault_scene,
)

FEE, HOOKS, NO_RETURN, RETURNS_FALSE, NO_REVERT, PAUSED = 1, 2, 4, 8, 16, 32
REVERT_ZERO, REVERT_TO_ZERO, UINT96, APPROVAL_TO_ZERO, APPROVAL_OF_ZERO = 64, 128, 256, 512, 1_024
FROM_SELF, TAKES_EXTRA = 2_048, 4_096

ETHER_ASSET, ZOO_ASSET = 1, 2
DEPOSIT, PAYOUT = 100, 10  # whole tokens


@dataclass(frozen=True)
class Row:
    """A token and its outcomes; those that are not named are "ok"."""

    behaviour: int = 0
    later: int = 0  # instead, after the first deposit
    decimals: int = 18
    may_take_fee: bool = False
    index_e18: int = 10**18  # after the first deposit
    blocked: str = ""  # after the first deposit
    arriving_percent: int = 100  # of a payout
    gift: int = 5  # to the vault, before the outcomes are noted
    outcomes: dict[str, str] = field(default_factory=dict)


PAYOUTS = ("claim", "claim_credit", "pay_queued")
ALL = ("deposit", *PAYOUTS, "skim")


def each(names, outcome):
    return dict.fromkeys(names, outcome)


ZOO = {
    "plain": Row(),
    "takes a fee": Row(FEE, FEE, may_take_fee=True, arriving_percent=99),
    "takes a fee that it may not": Row(
        FEE, FEE, arriving_percent=99, outcomes={"first deposit": "V14", "deposit": "V14"}
    ),
    "takes a fee on top": Row(
        TAKES_EXTRA,
        TAKES_EXTRA,
        gift=0,
        outcomes={"deposit": "V17", "claim_credit": "V20", "pay_queued": "V20", "skim": "V35"},
    ),
    "calls hooks": Row(HOOKS, HOOKS),
    "returns nothing": Row(NO_RETURN, NO_RETURN),
    "returns false": Row(
        RETURNS_FALSE,
        RETURNS_FALSE,
        outcomes={"first deposit": "V13", "deposit": "V13"} | each((*PAYOUTS, "skim"), "V16"),
    ),
    "never reverts": Row(NO_REVERT, NO_REVERT),
    "never reverts, and is paused": Row(
        NO_REVERT,
        NO_REVERT | PAUSED,
        outcomes={"deposit": "V13"} | each((*PAYOUTS, "skim"), "V16"),
    ),
    "blocks the receiver": Row(blocked=RECEIVER, outcomes=each(PAYOUTS, "zoo")),
    "blocks the depositor": Row(blocked=DEPOSITOR, outcomes={"deposit": "zoo"}),
    "blocks the vault": Row(blocked="vault", outcomes=each(ALL, "zoo")),
    "pauses": Row(later=PAUSED, outcomes=each(ALL, "zoo")),
    "is upgraded to take a fee": Row(later=FEE, arriving_percent=99, outcomes={"deposit": "V14"}),
    "is upgraded to return nothing": Row(later=NO_RETURN),
    "refuses zero": Row(REVERT_ZERO, REVERT_ZERO),
    "refuses the zero address": Row(REVERT_TO_ZERO, REVERT_TO_ZERO),
    "has no decimals": Row(decimals=0),
    "has two decimals": Row(decimals=2),
    "has 36 decimals": Row(decimals=36),
    "has 50 decimals": Row(decimals=50, outcomes={"register": "V07"}),
    "counts in 96 bits": Row(UINT96, UINT96),
    "refuses to approve the zero address": Row(APPROVAL_TO_ZERO, APPROVAL_TO_ZERO),
    "refuses to approve zero": Row(APPROVAL_OF_ZERO, APPROVAL_OF_ZERO),
    "trusts its own holder": Row(FROM_SELF, FROM_SELF),
    "rebases up": Row(index_e18=11 * 10**17, outcomes={"deposit": "V14"}),  # by one base unit
    "rebases up, and may round": Row(index_e18=11 * 10**17, may_take_fee=True),
    "rebases down": Row(
        index_e18=5 * 10**17,
        outcomes={"deposit": "V17", "skim": "V35"} | each(PAYOUTS, "V20"),
    ),
}


class Trial:
    """One token in a vault that holds ether too."""

    def __init__(self, row):
        self.row = row
        self.scene = vault_scene()
        self.vault = self.scene.vault
        self.unit = 10**row.decimals
        self.token = self.scene.evm.deploy("ZooToken", row.decimals, row.behaviour)
        self.token.call("set_hook", self.scene.evm.deploy("AttackerMock").address)
        self.scene.register(ETHER_ASSET, ETHER_ADDRESS, ETHER)
        self.scene.deposit(ETHER_ASSET, ETHER_WEI, ETHER_WEI)

    def balance(self, account):
        return self.token.call("balanceOf", account).values[0]

    def register(self):
        self.scene.register(ZOO_ASSET, self.token, may_take_fee=self.row.may_take_fee)

    def deposit(self):
        self.scene.deposit(ZOO_ASSET, DEPOSIT * self.unit)

    def claim(self):
        self.scene.claim(ZOO_ASSET, PAYOUT * UNIT)

    def claim_credit(self):
        self.scene.credit(ZOO_ASSET, PAYOUT * UNIT)
        self.vault.call("claim_credit", FROZEN_CHAIN, RECEIVER, ZOO_ASSET, sender=STRANGER)

    def pay_queued(self):
        payout_id = self.scene.view("payout_count") - 1
        self.vault.call("pay_queued", payout_id, sender=STRANGER)

    def skim(self):
        self.vault.call("skim", ZOO_ASSET, sender=OWNER)

    def queue(self):
        """Queue a payout while the token is sound."""
        self.vault.call("set_outflow_limit", ZOO_ASSET, 0, sender=OWNER)
        self.scene.claim(ZOO_ASSET, PAYOUT * UNIT)
        self.vault.call("set_outflow_limit", ZOO_ASSET, UNLIMITED, sender=OWNER)
        self.scene.wait(24 * HOUR_S)
        self.vault.call("activate_outflow_limit", ZOO_ASSET)

    def change(self):
        """Behave as the table says from now on."""
        self.token.call("set_behaviour", self.row.later)
        self.token.call("rebase", self.row.index_e18)
        if self.row.blocked:
            is_vault = self.row.blocked == "vault"
            blocked = self.vault.address if is_vault else self.row.blocked
            self.token.call("set_blocked", blocked, True)

    def relent(self):
        """Become an ordinary token with full balances."""
        self.token.call("set_behaviour", 0)
        self.token.call("rebase", 10**18)
        for account in (self.vault.address, RECEIVER, DEPOSITOR):
            self.token.call("set_blocked", account, False)

    def outcome(self, name, method=None):
        try:
            getattr(self, method or name)()
        except Reverted as reverted:
            return {name: reverted.reason.partition(":")[0]}
        return {name: "ok"}

    def payout(self, name):
        """Outcome, and the receiver's gain checked."""
        before, ledger = self.balance(RECEIVER), self.scene.view("ledger_units", ZOO_ASSET)
        found = self.outcome(name)
        is_paid = found[name] == "ok"
        gained = self.balance(RECEIVER) - before
        expected = PAYOUT * self.unit * self.row.arriving_percent // 100 if is_paid else 0
        # A rebasing token rounds its shares.
        assert expected - 1 <= gained <= expected
        assert self.scene.view("ledger_units", ZOO_ASSET) == ledger - PAYOUT * UNIT * is_paid
        return found


def run(row):
    """All outcomes of a row, in the order in which the entry points are called."""
    trial = Trial(row)
    found = trial.outcome("register")
    if found["register"] != "ok":
        return found
    mint_and_approve(trial.scene, trial.token, 1_000 * trial.unit)
    found |= trial.outcome("first deposit", "deposit")
    if found["first deposit"] != "ok":
        trial.token.call("set_behaviour", 0)
        trial.deposit()
    received = DEPOSIT * (99 if row.behaviour == FEE and row.may_take_fee else 100) // 100
    assert trial.scene.view("ledger_units", ZOO_ASSET) == received * UNIT
    assert trial.scene.view("holdings_native", ZOO_ASSET) == received * trial.unit
    trial.queue()
    trial.token.call("mint", trial.vault.address, row.gift * trial.unit)
    assert trial.scene.view("surplus_native", ZOO_ASSET) == row.gift * trial.unit
    trial.change()
    for name in PAYOUTS:
        found |= trial.payout(name)
    found |= trial.outcome("deposit")
    found |= trial.outcome("skim")
    check_isolation(trial)
    check_recovery(trial)
    return found


def check_isolation(trial):
    """Ether is paid in full whatever the token has done."""
    before_wei = trial.scene.evm.balance_wei(RECEIVER)
    trial.scene.claim(ETHER_ASSET, UNIT)
    assert trial.scene.evm.balance_wei(RECEIVER) == before_wei + ETHER_WEI
    assert trial.scene.view("deficit_native", ETHER_ASSET) == 0


def check_recovery(trial):
    """What was refused is still owed, and paid once the token allows it."""
    trial.relent()
    deficit = trial.scene.view("deficit_native", ZOO_ASSET)
    trial.token.call("mint", trial.vault.address, deficit + 1)
    for payout_id in range(trial.scene.view("payout_count")):
        if trial.scene.view("queued_payout", payout_id)[0] != ZERO_ADDRESS:
            trial.vault.call("pay_queued", payout_id, sender=STRANGER)
    ledger = trial.scene.view("ledger_units", ZOO_ASSET)
    before = trial.balance(STRANGER)
    trial.scene.claim(ZOO_ASSET, ledger, STRANGER)
    assert trial.balance(STRANGER) == before + ledger * trial.unit // UNIT
    assert trial.scene.view("ledger_units", ZOO_ASSET) == 0


@pytest.mark.parametrize("name", ZOO)
def test_outcomes(name):
    row = ZOO[name]
    found = run(row)
    expected = dict.fromkeys(found, "ok") | row.outcomes
    assert found == expected


def test_zero_native_is_not_sent():
    """A token that refuses zero, and a claim of less than one of its units."""
    trial = Trial(Row(REVERT_ZERO, REVERT_ZERO, decimals=2))
    trial.register()
    mint_and_approve(trial.scene, trial.token, DEPOSIT * trial.unit)
    trial.deposit()
    trial.scene.claim(ZOO_ASSET, 10**6 - 1)
    assert trial.balance(RECEIVER) == 0
    assert trial.scene.view("surplus_native", ZOO_ASSET) == 0


def test_payout_to_the_zero_address():
    trial = Trial(Row(REVERT_TO_ZERO))
    trial.register()
    mint_and_approve(trial.scene, trial.token, DEPOSIT * trial.unit)
    trial.deposit()
    with pytest.raises(Reverted, match="zoo"):
        trial.scene.claim(ZOO_ASSET, UNIT, ZERO_ADDRESS)
    trial.claim()


def test_amount_beyond_the_tokens_own_integers():
    trial = Trial(Row(UINT96, decimals=18))
    trial.register()
    mint_and_approve(trial.scene, trial.token, 2**96)
    with pytest.raises(Reverted, match="zoo"):
        trial.scene.deposit(ZOO_ASSET, 2**96)
    # The largest amount of 96 bits is more than an engine's account can hold.
    with pytest.raises(Reverted, match="V32"):
        trial.scene.deposit(ZOO_ASSET, 2**96 - 1)
    trial.deposit()


def test_what_comes_during_a_deposit_is_surplus():
    """A hook that sends tokens to the vault, as a rebase in the middle of a transfer would."""
    trial = Trial(Row(HOOKS, HOOKS))
    trial.register()
    mint_and_approve(trial.scene, trial.token, DEPOSIT * trial.unit)
    hook = trial.scene.evm.deploy("AttackerMock")
    gift = trial.token.calldata("mint", trial.vault.address, trial.unit)
    hook.call("set_callback", trial.token.address, gift)
    trial.token.call("set_hook", hook.address)
    trial.deposit()
    assert trial.scene.view("ledger_units", ZOO_ASSET) == DEPOSIT * UNIT
    assert trial.scene.view("surplus_native", ZOO_ASSET) == 2 * trial.unit


def test_permit_of_dai():
    trial = Trial(Row())
    trial.register()
    trial.token.call("mint", DEPOSITOR, DEPOSIT * trial.unit)
    grant = (DEPOSITOR, trial.vault.address, 0, 0, True, 27, bytes(32), bytes(32))
    trial.token.call("permit", *grant)
    trial.deposit()


def test_vault_approves_nobody():
    """So no approval oddity can touch it, and no allowance can be left behind."""
    trial = Trial(Row())
    trial.register()
    mint_and_approve(trial.scene, trial.token, DEPOSIT * trial.unit)
    trial.deposit()
    trial.claim()
    for account in (DEPOSITOR, RECEIVER, OWNER, TREASURY, trial.scene.gateway.address):
        assert trial.token.call("allowance", trial.vault.address, account).values[0] == 0


def test_insufficient_allowance():
    for behaviour, reason in ((0, ""), (NO_REVERT, "V13")):
        trial = Trial(Row(behaviour))
        trial.register()
        trial.token.call("mint", DEPOSITOR, DEPOSIT * trial.unit)
        with pytest.raises(Reverted) as caught:
            trial.deposit()
        assert caught.value.reason.startswith(reason)
        assert trial.scene.gateway.call("deposit_count", CHAIN).values[0] == 1
