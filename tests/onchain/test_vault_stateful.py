"""Random histories of the vault against its model, with losses, gifts and dust."""

from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.onchain.evm import Reverted
from tests.onchain.refusals import every_error_of
from tests.onchain.vault_model import NOTICE_S, Asset, Refused, VaultModel
from tests.onchain.vault_refusals import WrongCalls
from tests.onchain.vault_scene import (
    ATOKEN,
    CHAIN,
    DEPOSITOR,
    ETHER,
    ETHER_ADDRESS,
    FROZEN_CHAIN,
    GUARDIAN,
    HOUR_S,
    OWNER,
    RECEIVER,
    START_S,
    STETH,
    STRANGER,
    TOKEN,
    TREASURY,
    UNIT,
    ZERO_ADDRESS,
    mint_and_approve,
    vault_scene,
)

ETHER_ID, TOKEN_ID, FEE_ID, STETH_ID, ATOKEN_ID = range(5)
DECIMALS = {ETHER_ID: 18, TOKEN_ID: 6, FEE_ID: 2, STETH_ID: 18, ATOKEN_ID: 18}
KINDS = {ETHER_ID: ETHER, TOKEN_ID: TOKEN, FEE_ID: TOKEN, STETH_ID: STETH, ATOKEN_ID: ATOKEN}
FEE = 1
CAP = 10**6 * UNIT
LIMIT = 2_000 * UNIT
MINTED = 10**40
INDEX_RAY = 10**27 * 9 // 7

ASSETS = st.sampled_from(sorted(DECIMALS))
UNITS = st.one_of(st.integers(0, 300), st.integers(0, 3_000 * UNIT), st.integers(0, 10**7 * UNIT))
OWNERS = st.sampled_from([RECEIVER, STRANGER])
CHAINS = st.sampled_from([CHAIN, FROZEN_CHAIN])
SECONDS = st.one_of(st.integers(0, 100), st.integers(HOUR_S, 30 * HOUR_S))


class VaultMachine(RuleBasedStateMachine):
    @initialize()
    def deploy(self):
        self.scene = vault_scene()
        evm = self.scene.evm
        self.tokens = {
            TOKEN_ID: evm.deploy("ZooToken", 6, 0),
            FEE_ID: evm.deploy("ZooToken", 2, FEE),
            STETH_ID: evm.deploy("StEthMock"),
            ATOKEN_ID: evm.deploy("ATokenMock", 18, False),
        }
        evm.fund(DEPOSITOR, MINTED)
        self.mints = {STETH_ID: "mint_shares", ATOKEN_ID: "mint_scaled"}
        for asset_id, token in self.tokens.items():
            mint_and_approve(self.scene, token, MINTED, self.mints.get(asset_id, "mint"))
        self.tokens[ATOKEN_ID].call("set_index", INDEX_RAY)
        for asset_id, kind in KINDS.items():
            self.scene.register(
                asset_id,
                self.tokens.get(asset_id, ETHER_ADDRESS),
                kind,
                may_take_fee=asset_id == FEE_ID,
                cap_units=CAP,
                hourly_outflow_units=LIMIT,
            )
        assets = {
            asset_id: Asset(decimals, CAP, 1, LIMIT, updated_s=START_S)
            for asset_id, decimals in DECIMALS.items()
        }
        self.model = VaultModel(assets, START_S)
        self.touched = set(assets)
        self.has_lost = set()
        for asset_id in assets:
            self.deposit(asset_id, 5_000 * UNIT, 0)
        self.wrong_calls = WrongCalls(self.scene, self.tokens[TOKEN_ID].address)

    def holdings(self, asset_id):
        return self.scene.view("holdings_native", asset_id)

    def agree(self, predict, act):
        """Model and contract both refuse with the same code, or both give their result."""
        try:
            predicted = predict()
        except Refused as refused:
            predicted = refused.code
        code, outcome = None, None
        try:
            outcome = act()
        except Reverted as reverted:
            code = reverted.reason.partition(":")[0]
        if code is not None or isinstance(predicted, str):
            assert code == predicted
            return None
        return predicted, outcome

    @rule(asset_id=ASSETS, units=UNITS, dust=st.integers(0, 10**10))
    def deposit(self, asset_id, units, dust):
        self.deposit_units(asset_id, units, dust)

    @rule(asset_id=ASSETS)
    def deposit_beyond_the_cap(self, asset_id):
        self.deposit_units(asset_id, min(2 * self.model.assets[asset_id].cap + 1, 10**7 * UNIT), 0)

    def deposit_units(self, asset_id, units, dust):
        self.touched.add(asset_id)
        asset = self.model.assets[asset_id]
        amount = asset.to_native(units) + dust % 10 ** max(0, asset.decimals - 8)
        arrived = amount
        if asset_id == FEE_ID:
            arrived = amount - amount * 10_000 // 10**6
        if asset_id == ATOKEN_ID:
            arrived = (amount * 10**27 + INDEX_RAY // 2) // INDEX_RAY
        if asset_id == TOKEN_ID and self.token_rounds():
            return
        value_wei = amount if asset_id == ETHER_ID else 0
        self.agree(
            lambda: self.model.deposit(asset_id, arrived),
            lambda: self.scene.deposit(asset_id, amount, value_wei),
        )

    def token_rounds(self):
        """After a loss, transfers of this token round; the model has no rule for that."""
        return TOKEN_ID in self.has_lost

    @rule(asset_id=ASSETS, units=UNITS, owner=OWNERS, caller=OWNERS, chain=CHAINS)
    def claim(self, asset_id, units, owner, caller, chain):
        self.touched.add(asset_id)
        name, *arguments = self.scene.claim_arguments(asset_id, units, owner, chain)
        self.pay(
            asset_id,
            lambda: self.model.claim(asset_id, units, owner, caller, chain == FROZEN_CHAIN),
            lambda: self.scene.vault.call(name, *arguments, sender=caller),
        )

    @rule(asset_id=ASSETS, units=UNITS, owner=OWNERS, caller=OWNERS)
    def claim_credit(self, asset_id, units, owner, caller):
        self.touched.add(asset_id)
        self.scene.credit(asset_id, units + 1, owner)
        arguments = FROZEN_CHAIN, owner, asset_id
        self.pay(
            asset_id,
            lambda: self.model.claim(asset_id, units + 1, owner, caller, is_frozen=True),
            lambda: self.scene.vault.call("claim_credit", *arguments, sender=caller),
        )

    @precondition(lambda self: self.model.payout_count > 0)
    @rule(data=st.data(), caller=OWNERS, is_patient=st.booleans())
    def pay_queued(self, data, caller, is_patient):
        payout_id = data.draw(st.integers(0, self.model.payout_count))
        queued = self.model.queue.get(payout_id)
        asset_id = queued.asset_id if queued else ETHER_ID
        self.touched.add(asset_id)
        if is_patient:
            self.wait(3 * HOUR_S)
        for _ in range(2):  # what is paid is not paid again
            self.pay(
                asset_id,
                lambda: self.model.pay_queued(payout_id, caller),
                lambda: self.scene.vault.call("pay_queued", payout_id, sender=caller),
            )
        if payout_id not in self.model.queue:
            assert self.scene.view("queued_payout", payout_id) == (ZERO_ADDRESS, 0, 0, 0)

    @rule(asset_id=ASSETS)
    def skim(self, asset_id):
        self.touched.add(asset_id)
        self.pay(
            asset_id,
            lambda: self.model.skim(asset_id),
            lambda: self.scene.vault.call("skim", asset_id, sender=TREASURY),
        )

    def pay(self, asset_id, predict, act):
        """Compare what left the vault with what the model sends."""
        before = self.holdings(asset_id)
        agreed = self.agree(predict, act)
        taken = before - self.holdings(asset_id)
        if agreed is None:
            assert taken == 0
            return
        sent = max(0, agreed[0])
        asset = self.model.assets[asset_id]
        if asset_id == ATOKEN_ID or asset_id in self.has_lost:
            # Transfers round, and never against the vault.
            assert sent - 2 <= taken <= sent
            asset.held_native += sent - taken
        else:
            assert taken == sent

    @rule(asset_id=ASSETS, count=st.integers(1, 30), units=st.integers(1, 150))
    def dust_loop(self, asset_id, count, units):
        """Many smallest claims and deposits win nothing."""
        for _ in range(count):
            self.claim(asset_id, units, RECEIVER, RECEIVER, CHAIN)
            self.deposit(asset_id, units, 1)

    @rule(asset_id=ASSETS, native=st.integers(1, 10**12))
    def give(self, asset_id, native):
        """Force ether upon the vault, or send it tokens: surplus, not ledger."""
        self.touched.add(asset_id)
        vault = self.scene.vault.address
        if asset_id == ETHER_ID:
            self.scene.evm.fund(vault, self.scene.evm.balance_wei(vault) + native)
        else:
            self.tokens[asset_id].call(self.mints.get(asset_id, "mint"), vault, native)
        held = self.holdings(asset_id)
        asset = self.model.assets[asset_id]
        rounding = 1 if asset_id in self.has_lost else 0
        assert native - rounding <= held - asset.held_native <= native
        asset.held_native = held

    @rule(asset_id=st.sampled_from([TOKEN_ID, ATOKEN_ID]), percent=st.integers(1, 100))
    def lose(self, asset_id, percent):
        """The token takes a part of the vault's holdings."""
        self.touched.add(asset_id)
        held = self.holdings(asset_id)
        if asset_id == ATOKEN_ID:
            burnt = held * percent // 100
            self.tokens[asset_id].call("burn_scaled", self.scene.vault.address, burnt)
        elif TOKEN_ID not in self.has_lost:
            self.tokens[asset_id].call("rebase", 10**18 - percent * 10**16 + 1)
        self.has_lost.add(asset_id)
        self.model.assets[asset_id].held_native = self.holdings(asset_id)

    @rule(pooled_percent=st.integers(1, 300))
    def rebase_steth(self, pooled_percent):
        self.touched.add(STETH_ID)
        self.tokens[STETH_ID].call("rebase", MINTED * pooled_percent // 100)

    @rule(asset_id=ASSETS, limit=UNITS)
    def set_outflow_limit(self, asset_id, limit):
        self.touched.add(asset_id)
        self.model.set_outflow_limit(asset_id, limit)
        self.scene.vault.call("set_outflow_limit", asset_id, limit, sender=OWNER)

    @rule(asset_id=ASSETS)
    def activate_outflow_limit(self, asset_id):
        self.touched.add(asset_id)
        self.agree(
            lambda: self.model.activate_outflow_limit(asset_id),
            lambda: self.scene.vault.call("activate_outflow_limit", asset_id, sender=STRANGER),
        )

    @rule(asset_id=ASSETS, cap=UNITS, smallest=st.integers(1, 1_000))
    def set_deposit_terms(self, asset_id, cap, smallest):
        asset = self.model.assets[asset_id]
        asset.cap, asset.min_deposit = max(cap, 100 * UNIT), smallest
        self.scene.vault.call("set_cap", asset_id, asset.cap, sender=OWNER)
        self.scene.vault.call("set_min_deposit", asset_id, smallest, sender=OWNER)

    @rule(asset_id=ASSETS)
    def impair_and_restore(self, asset_id):
        self.scene.vault.call("impair", asset_id, sender=GUARDIAN)
        self.model.assets[asset_id].is_impaired = True
        self.deposit(asset_id, UNIT, 0)
        self.claim(asset_id, 1, RECEIVER, RECEIVER, CHAIN)
        self.scene.vault.call("restore", asset_id, sender=OWNER)
        self.model.assets[asset_id].is_impaired = False

    @rule(asset_id=ASSETS)
    def pause_and_resume(self, asset_id):
        self.scene.vault.call("pause", sender=GUARDIAN)
        self.model.is_paused = True
        self.deposit(asset_id, UNIT, 0)
        self.claim(asset_id, 1, RECEIVER, RECEIVER, CHAIN)
        self.scene.vault.call("resume", sender=OWNER)
        self.model.is_paused = False

    @rule()
    def call_wrongly(self):
        """Make calls that are refused in this state, as in every other."""
        self.wrong_calls.make_all()
        self.deposit(ETHER_ID, 2**62, 0)
        ether = self.model.assets[ETHER_ID]
        self.claim(ETHER_ID, ether.ledger + 1, RECEIVER, RECEIVER, CHAIN)
        self.set_outflow_limit(ETHER_ID, 0)
        self.activate_outflow_limit(ETHER_ID)
        self.set_outflow_limit(ETHER_ID, LIMIT)
        self.activate_outflow_limit(ETHER_ID)
        waiting = self.model.payout_count
        self.claim(ETHER_ID, min(1, ether.ledger), RECEIVER, STRANGER, CHAIN)
        for payout_id in (waiting, waiting + 1):
            self.pay(
                ETHER_ID,
                partial(self.model.pay_queued, payout_id, STRANGER),
                partial(self.scene.vault.call, "pay_queued", payout_id, sender=STRANGER),
            )
        self.wait(NOTICE_S)
        self.activate_outflow_limit(ETHER_ID)
        self.deposit(ETHER_ID, 1, 0)
        if ether.ledger:
            self.wrong_calls.refuse_ether()

    @rule()
    def claim_for_others_what_has_lost(self):
        self.lose(ATOKEN_ID, 1)
        self.claim(ATOKEN_ID, 1, RECEIVER, STRANGER, CHAIN)

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self.scene.wait(seconds)
        self.model.now_s += seconds

    @invariant()
    def books_fit(self):
        for asset_id in sorted(self.touched):
            self.check(asset_id)
        self.touched.clear()

    def check(self, asset_id):
        asset = self.model.assets[asset_id]
        view = self.scene.view
        assert view("ledger_units", asset_id) == asset.ledger
        assert view("holdings_native", asset_id) == asset.held_native
        assert view("surplus_native", asset_id) == asset.surplus_native()
        assert view("deficit_native", asset_id) == asset.deficit_native()
        limit, active_from_s = asset.scheduled or (0, 0)
        assert view("outflow", asset_id) == (
            asset.limit,
            asset.free_at(self.model.now_s),
            limit,
            active_from_s,
        )
        if asset_id not in self.has_lost:
            assert asset.deficit_native() == 0
        assert view("payout_count") == self.model.payout_count

    def teardown(self):
        for asset_id in DECIMALS:
            self.check(asset_id)


VaultMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)


class TestVault(VaultMachine.TestCase):
    def runTest(self):  # noqa: N802  # unittest's name
        with every_error_of("vault"):
            super().runTest()
