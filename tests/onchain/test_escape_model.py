"""Random histories of an escape against its model, with every error of hatch and state proofs."""

from random import Random

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from offchain.settlement.abi import keccak256
from offchain.settlement.escape import CLAIM_WINDOW_S, OWNER_WINDOW_S
from offchain.settlement.messages import Pledge
from offchain.settlement.valuation import TABLE_TAG, AssetValue, MarketValue, ValuationTable
from offchain.spec.records import Position
from tests.onchain.escape_pair import (
    ASSETS,
    STRANGER,
    Pair,
    expected,
    held,
    holdings,
    plain,
    record_of,
    refusal,
    tables,
    with_positions,
)
from tests.onchain.escape_scene import CHAIN, PEER, EscapeScene
from tests.onchain.proof_refusals import WrongProofs
from tests.onchain.refusals import every_error_of, refused

OWNER = b"\x07" * 20
NOBODY = "0x" + "0" * 40
PLEDGED = 1_000
UNLISTED = 9
ACCOUNTS = st.integers(0, 7)
SEEDS = st.integers(0, 2**32 - 1).map(Random)
SECONDS = st.sampled_from((60, CLAIM_WINDOW_S // 2, CLAIM_WINDOW_S))


def with_id(table, offset, new_id):
    """Return the bytes of a table with another id of a market or an asset."""
    data = bytearray(table.to_bytes())
    data[offset : offset + 8] = new_id.to_bytes(8, "big")
    return bytes(data)


WORD, MARKET_BYTES = 32, 96
TWO_MARKETS = ValuationTable((MarketValue(3, 1), MarketValue(4, 1)), ())
TWO_ASSETS = ValuationTable((), (AssetValue(0), AssetValue(1)))
MALFORMED = (
    ("X06", b"\x01" * 31),
    ("X20", TWO_ASSETS.to_bytes() + bytes(WORD)),
    ("X07", with_id(TWO_MARKETS, WORD + MARKET_BYTES, 3)),
    ("X08", with_id(TWO_ASSETS, 2 * WORD, 0)),
    ("X09", with_id(TWO_ASSETS, 2 * WORD, 256)),
)


def fixed_accounts():
    """Accounts that cannot be valued or do not exist, and one that is owed a remainder."""
    return [
        with_positions(plain(OWNER), Position(market_plus_1=1, cost=-(10**6))),
        with_positions(plain(OWNER), Position(market_plus_1=UNLISTED + 1, size_lots=1)),
        with_positions(plain(OWNER), Position(market_plus_1=1, size_lots=1, adl_index=-1)),
        plain(OWNER, 1, 1, 1),
    ]


class EscapeMachine(RuleBasedStateMachine):
    @initialize(data=st.data(), table=st.one_of(tables(), tables(), st.none()))
    def freeze_and_open(self, data, table):
        self.scene = scene = EscapeScene()
        accounts = fixed_accounts()
        accounts[3].account.asset_ids[2] = UNLISTED + 1
        accounts += data.draw(st.lists(holdings(), min_size=2, max_size=4))
        accounts[4].account.flags = 2
        refused("X03", scene.open, b"")
        refused("X10", scene.claim, 0, record_of(accounts[0]))
        refused("X10", scene.claim_remainder, 0, OWNER)
        free = {asset_id: PLEDGED + data.draw(held) for asset_id in ASSETS}
        self.pair = Pair(scene, table, free, accounts, pledged=dict.fromkeys(ASSETS, PLEDGED))
        self.left = dict.fromkeys(ASSETS, PLEDGED)
        self.wrong_proofs = WrongProofs(scene.evm)

    @rule()
    def call_wrongly(self):
        scene, deploy = self.scene, self.scene.evm.deploy
        refused("X04", scene.open, b"")
        refused("X01", deploy, "EscapeHatch", NOBODY, scene.proofs.address)
        refused("X02", deploy, "EscapeHatch", scene.gateway.address, NOBODY)
        for code, data in (*MALFORMED, ("X05", None)):
            other = EscapeScene()
            digest = keccak256(TABLE_TAG + (data or b"another"))
            other.settle(valuation_hash=digest)
            other.freeze()
            refused(code, other.open, data or b"")

    @rule(index=ACCOUNTS)
    def claim(self, index):
        if index < len(self.pair.accounts):
            self.pair.claim(index)

    @rule(index=ACCOUNTS, is_owner=st.booleans())
    def claim_remainder(self, index, is_owner):
        self.pair.claim_remainder(index, None if is_owner else STRANGER)

    @rule(asset_id=st.sampled_from(ASSETS), units=st.integers(1, PLEDGED))
    def release(self, asset_id, units):
        """The peer gives back what the chain had pledged to it."""
        units = min(units, self.left[asset_id])
        if units:
            self.left[asset_id] -= units
            released = Pledge(PEER, CHAIN, asset_id, released_units=units)
            self.scene.settle(chain_id=PEER, pledges=[released])

    @rule(asset_id=st.sampled_from((*ASSETS, UNLISTED)))
    def collect(self, asset_id):
        free = self.scene.free_units(asset_id)
        _, code = expected(self.pair.model.collect, asset_id, free)
        assert refusal(self.scene.collect, asset_id) == code

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self.scene.wait(seconds)

    @rule(rng=SEEDS)
    def prove(self, rng):
        self.wrong_proofs.prove(rng)
        self.wrong_proofs.make_all(rng)

    @invariant()
    def agree(self):
        for asset_id in ASSETS:
            if asset_id in self.pair.model.ledgers:
                ledger = self.pair.model.ledgers[asset_id]
                found = self.scene.view("asset_ledger", CHAIN, asset_id)
                assert found == (ledger.backed, ledger.left, ledger.pot, ledger.held)

    def teardown(self):
        """Take everyone out, each step too early and once too often."""
        indices = range(len(self.pair.accounts))
        for index in (*indices, *indices):
            self.pair.claim(index)
        for _ in range(2):
            for index in indices:
                self.pair.claim_remainder(index, STRANGER)
            for asset_id in ASSETS:
                self.collect(asset_id)
            self.scene.wait(max(0, self.pair.model.window_ends_s - self.scene.time_s))
        for index in indices:
            self.pair.claim_remainder(index)
        self.scene.wait(OWNER_WINDOW_S)
        self.pair.claim_remainder(0, STRANGER)


# Shrinking would not make what was drawn simpler to read.
EscapeMachine.TestCase.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, phases=[Phase.generate]
)


class TestEscape(EscapeMachine.TestCase):
    def runTest(self):  # noqa: N802  # unittest's name
        with every_error_of("escape"):
            super().runTest()
