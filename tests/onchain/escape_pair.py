"""An opened chain beside its model, and random tables, balances and accounts to open it with."""

from collections import Counter
from contextlib import contextmanager
from functools import cache
from struct import pack_into

from hypothesis import strategies as st

from offchain.settlement.escape import (
    QUOTE_INDEX_OFFSET,
    EscapeRefusedError,
    Holdings,
    open_chain,
)
from offchain.settlement.messages import Pledge
from offchain.settlement.valuation import (
    ADL_ONE,
    INDEX_ONE_E12,
    AssetValue,
    MarketValue,
    Side,
    ValuationTable,
)
from offchain.spec.kinds import AccountFlag
from offchain.spec.records import NO_ADDRESS, Account, Position
from tests.onchain.escape_scene import CHAIN, PEER, EscapeScene
from tests.onchain.evm import Reverted

MARKETS = (0, 3)
ASSETS = (0, 1, 5)
UNITS = 10**10
STRANGER = b"\x5e" * 20


def mostly(usual, *rare):
    """Nine times in ten of the first strategy: one rare value decides over a whole account."""
    return st.integers(0, 9).flatmap(lambda n: st.one_of(*rare) if n == 9 else usual)


sizes = mostly(st.integers(-1_000, 1_000), st.integers(-(2**40), 2**40))
money = mostly(st.integers(-UNITS, UNITS), st.integers(-(2**61), 2**61))
indices = mostly(st.integers(-(10**12), 10**12), st.integers(-(2**61), 2**61))
takens = mostly(st.just(0), st.integers(0, ADL_ONE - 1), st.just(-1))
held = mostly(st.integers(0, UNITS), st.integers(0, 2**61))
owners = mostly(st.sampled_from([bytes([n]) * 20 for n in range(1, 5)]), st.just(NO_ADDRESS))
sides = st.builds(Side, st.integers(0, 1), st.integers(0, ADL_ONE - 1), indices, indices)
marks = mostly(st.integers(0, 10**4), st.integers(0, 2**32))
prices = mostly(st.integers(0, 10**9), st.integers(0, 2**63))
growths = st.integers(INDEX_ONE_E12, 3 * INDEX_ONE_E12)
assets = st.tuples(prices, st.integers(1, 3 * INDEX_ONE_E12), held)


@st.composite
def tables(draw):
    markets = tuple(MarketValue(m, draw(marks), draw(sides), draw(sides)) for m in MARKETS)
    quote = AssetValue(0, supply_units=draw(held))
    others = tuple(AssetValue(a, *draw(assets)) for a in ASSETS[1:])
    return ValuationTable(markets, (quote, *others), draw(growths), draw(growths))


positions = st.builds(
    Position,
    market_plus_1=mostly(st.sampled_from((1, 4)), st.just(9)),
    mode=st.integers(0, 1),
    adl_epoch=st.integers(0, 1),
    size_lots=sizes,
    cost=money,
    funding_index=indices,
    adl_index=takens,
    isolated_margin=mostly(st.integers(0, UNITS), st.just(-UNITS)),
)


flags = st.sampled_from((AccountFlag.EXISTS, AccountFlag.EXISTS | AccountFlag.OWES))


@st.composite
def holdings(draw):
    account = Account(flags=draw(mostly(flags, st.just(2))), owner=draw(owners))
    owned = draw(st.lists(st.sampled_from(ASSETS), unique=True, max_size=3))
    owned += draw(mostly(st.just([]), st.just([9])))
    for slot, asset_id in enumerate(owned):
        account.asset_ids[slot] = asset_id + 1
        account.free[slot] = draw(money) if asset_id == 0 else draw(held)
        account.locked[slot] = draw(held)
    chosen = draw(st.lists(positions, max_size=2))
    account.positions_used = len(chosen)
    index = draw(st.one_of(st.just(0), growths))
    return Holdings(account, tuple(chosen), index)


def record_of(who: Holdings) -> bytes:
    record = bytearray(who.account.to_bytes())
    pack_into("<Q", record, QUOTE_INDEX_OFFSET, who.quote_index_e12)
    return bytes(record)


def plain(owner: bytes, *units: int, owes: bool = False) -> Holdings:
    """An account with these units of the assets, in order, and no positions."""
    owed = AccountFlag.OWES if owes else 0
    account = Account(flags=AccountFlag.EXISTS | owed, owner=owner)
    for slot, amount in enumerate(units):
        account.asset_ids[slot], account.free[slot] = ASSETS[slot] + 1, amount
    return Holdings(account)


def with_positions(who, *positions):
    who.account.positions_used = len(positions)
    return Holdings(who.account, positions, who.quote_index_e12)


@cache
def scene_of() -> EscapeScene:
    return EscapeScene()


@contextmanager
def fresh_scene():
    """The scene as it was deployed; what happens in it is undone."""
    scene = scene_of()
    started_s = scene.time_s
    with scene.evm.rolled_back():
        yield scene
    scene.wait(started_s - scene.time_s)


def refusal(call, *arguments):
    """Code with which the contract refuses, or None."""
    try:
        call(*arguments)
    except Reverted as reverted:
        return reverted.reason[:3]
    return None


def expected(call, *arguments):
    """What the model answers, and the code with which it refuses."""
    try:
        return call(*arguments), None
    except EscapeRefusedError as refused:
        return None, refused.code


class Pair:
    """The contract and its model with one chain opened; every step must agree."""

    def __init__(self, scene, table, free, accounts, pledged=None):
        self.scene = scene
        scene.deposit(free)
        data = table.to_bytes() if table else b""
        digest = table.digest() if table else bytes(32)
        pledged = pledged or {}
        pledges = [Pledge(CHAIN, PEER, a, pledged_units=n) for a, n in pledged.items()]
        scene.settle(deposited=free, pledges=pledges, valuation_hash=digest)
        scene.freeze()
        scene.open(data)
        unpledged = {asset_id: units - pledged.get(asset_id, 0) for asset_id, units in free.items()}
        self.model = open_chain(data, digest, unpledged, scene.time_s)
        self.credits = Counter()
        self.accounts = accounts
        for index, who in enumerate(accounts):
            scene.tell_leaf(index, who.account, who.positions)

    def claim(self, index):
        who = self.accounts[index]
        outcome, code = expected(self.model.claim, index, who, self.scene.time_s)
        assert refusal(self.scene.claim, index, record_of(who)) == code
        if outcome:
            self.credit(who.account.owner, outcome.paid)

    def claim_remainder(self, index, caller=None):
        """As the owner, if nobody else calls."""
        owner, _ = self.model.remainders.get(index, (STRANGER, 0))
        caller = caller or owner
        paid, code = expected(self.model.claim_remainder, index, caller, self.scene.time_s)
        assert refusal(self.scene.claim_remainder, index, caller) == code
        if paid:
            self.credit(owner, paid)

    def credit(self, owner, paid):
        for asset_id, units in paid.items():
            self.credits[owner, asset_id] += units

    def check(self):
        for asset_id, ledger in self.model.ledgers.items():
            found = self.scene.view("asset_ledger", CHAIN, asset_id)
            assert found == (ledger.backed, ledger.left, ledger.pot, ledger.held)
            assert self.scene.free_units(asset_id) == ledger.held
        for (owner, asset_id), units in self.credits.items():
            assert self.scene.credit_units(owner, asset_id) == units
        for index in range(len(self.accounts)):
            owner, remainder = self.model.remainders.get(index, (NO_ADDRESS, 0))
            assert self.scene.view("remainder", CHAIN, index) == ("0x" + owner.hex(), remainder)
        total = self.scene.view("remainders_total_units", CHAIN)
        assert total == self.model.remainders_total
