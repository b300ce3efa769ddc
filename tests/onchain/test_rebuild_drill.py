"""Rebuild drill: a stranger has nothing but events of L1, and takes everyone out of a frozen chain.

The state is generated: trades, funding, interest, deleveraging; solvent and insolvent.
"""

from functools import cache

import pytest

from offchain.settlement.escape import CLAIM_WINDOW_S, OWNER_WINDOW_S
from offchain.settlement.state_diff import LEAF_SIZES, UNPUBLISHED, RebuiltState, StateDiff
from offchain.settlement.state_proofs import StateProofs
from offchain.settlement.valuation import ValuationTable
from offchain.spec import poseidon2
from offchain.spec.kinds import Subtree
from offchain.spec.state import genesis
from offchain.spec.tree import Hasher
from tests.onchain.escape_scene import CHAIN, CONFIG_HASH, DA_ROLLUP, OWNER, RESCUER, EscapeScene
from tests.onchain.evm import Reverted
from tests.onchain.generated_chain import MARKET, OTHER_MARKET, PRICE, GeneratedChain

HASHER = Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))
GOVERNANCE = bytes.fromhex(OWNER[2:])
MASTERS = 3
CLAIM_GAS = 2_000_000
GENESIS = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
PIECE = 3_000  # bytes, so that a diff has several chunks


def leaves_of(state):
    return {(subtree, number): data for subtree, number, data in state.leaves()}


def settle(scene, chain, before, deposited=None):
    """Settle what has changed, with its diff and its table published; returns the leaves."""
    now = leaves_of(chain.state)
    changed = {
        place: now.get(place, bytes(LEAF_SIZES[place[0]]))
        for place in before.keys() | now.keys()
        if place[0] in LEAF_SIZES and before.get(place) != now.get(place)
    }
    proofs = StateProofs(chain.state.leaves(), HASHER)
    roots = {subtree: proofs.subtree_root(subtree) for subtree in UNPUBLISHED}
    table = chain.table()
    data = StateDiff(roots, changed, table.to_bytes()).to_bytes()
    commitment = scene.publish(data[k : k + PIECE] for k in range(0, len(data), PIECE))
    scene.settle(
        chain.state.root_bytes(),
        deposited=deposited,
        valuation_hash=table.digest(),
        da_mode=DA_ROLLUP,
        da_commitment=commitment,
    )
    return now


def traded(seed, *, is_solvent):
    """A chain before and after its trading day, on L1 up to its freeze."""
    chain = GeneratedChain(seed, CONFIG_HASH, GOVERNANCE, HASHER, MASTERS)
    scene = EscapeScene("StateProofs", DA_ROLLUP, GENESIS.root_bytes())
    scene.deposit(chain.deposited)
    before = settle(scene, chain, leaves_of(GENESIS), chain.deposited)
    chain.trade_at_random(12, 20_000, 100, MARKET, OTHER_MARKET)
    chain.fund(MARKET, 40_000_000)
    chain.fund(OTHER_MARKET, -7_000_001)
    loser, *makers = chain.traders[:4]
    for maker in makers:
        chain.trade(MARKET, maker, loser, 30_000, PRICE)
    chain.deleverage(MARKET, loser, PRICE + 20)
    chain.trade(MARKET, *chain.traders[-2:], 10_000, PRICE + 10)
    chain.trade_at_random(4, 20_000, 100, OTHER_MARKET)
    chain.fund(MARKET, 3_000_003)
    chain.isolate(5 * 10**9)
    chain.accrue(1_050_000_000_000)
    chain.state.header.batch_number = 2
    chain.state.orders.edit(7).remaining_lots = 1
    for book in chain.books.values():
        book.mark = PRICE + 30
    while min(chain.equities().values()) >= 0 and not is_solvent:
        chain.books[OTHER_MARKET].mark *= 2
    settle(scene, chain, before)
    scene.freeze()
    return scene, chain


class Rescuer:
    """Knows the events and can call."""

    def __init__(self, scene):
        self.scene = scene
        found = [(name, event) for name, event in scene.emitted if event["chain_id"] == CHAIN]
        self.events = {name: [e for n, e in found if n == name] for name, _ in found}
        self.rebuilt, self.proofs = self._rebuild()
        accounts = {n for s, n in self.rebuilt.leaves if s == Subtree.ACCOUNTS}
        self.accounts = sorted(accounts)

    def _rebuild(self):
        (registered,) = self.events["ChainRegistered"]
        config_hash = self.events["VersionActivated"][0]["config_hash"]
        first = genesis(config_hash, bytes.fromhex(registered["governance"][2:]), HASHER)
        assert first.root_bytes() == registered["genesis_root"]
        published = {
            event["commitment"]: (event["previous"], event["data"])
            for event in self.events["ChunkPublished"]
        }
        rebuilt = RebuiltState.from_genesis(first.leaves())
        for event in self.events["Settled"]:
            arguments = (event["da_commitment"], event["new_root"], published)
            proofs = rebuilt.settle(*arguments, HASHER)
        return rebuilt, proofs

    def is_known(self, number):
        arguments = (self.proofs.root, number)
        return self.scene.proofs.call("verified_digest", *arguments).values[0] != bytes(32)

    def arguments(self, index):
        account = self.proofs.record(Subtree.ACCOUNTS, index)
        positions = self.proofs.positions(index)
        return (
            CHAIN,
            index,
            account.record,
            account.path.up_to(self.is_known).siblings,
            positions.slots,
            positions.records,
            positions.path.up_to(self.is_known).siblings,
        )

    def claim(self, index):
        arguments = self.arguments(index)
        return self.scene.call(self.scene.hatch, "claim", *arguments, sender=RESCUER)

    def take_everyone_out(self):
        """Return the gas of each claim."""
        self.scene.open(self.rebuilt.table)
        gas = [self.claim(index).gas_used for index in self.accounts]
        self.scene.wait(CLAIM_WINDOW_S + OWNER_WINDOW_S)
        for name, event in list(self.scene.emitted):
            if name == "AccountClaimed" and event["remainder_units"]:
                self.scene.claim_remainder(event["account_index"], bytes.fromhex(RESCUER[2:]))
        return gas


def paid_value(scene, chain, owner):
    """Value of an owner's credits in quote units, rounded down per asset."""
    assets = chain.table().assets
    return sum(a.value_floor(scene.credit_units(owner, a.asset_id)) for a in assets)


def owed(chain):
    """Positive equity by owner."""
    equities, owners = chain.equities(), {}
    for index, value in equities.items():
        owner = chain.state.accounts.read(index).owner
        owners[owner] = owners.get(owner, 0) + max(value, 0)
    return owners


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("is_solvent", [True, False], ids=["solvent", "insolvent"])
def test_everyone_leaves_and_nothing_stays(seed, is_solvent):
    scene, chain = traded(seed, is_solvent=is_solvent)
    assert (min(chain.equities().values()) >= 0) == is_solvent
    rescuer = Rescuer(scene)
    assert ValuationTable.from_bytes(rescuer.rebuilt.table) == chain.table()
    gas = rescuer.take_everyone_out()
    assert max(gas) < CLAIM_GAS
    # Dust as docs/spec/escape.md section 4 bounds it.
    count, assets = len(rescuer.accounts), chain.table().assets
    a_unit_of_each = sum(asset.value_ceil(1) for asset in assets)
    roundings = count * (len(assets) + 2 * len(chain.books) + 4 + a_unit_of_each)
    for asset in assets:
        left = scene.free_units(asset.asset_id)
        in_value = roundings // asset.value_floor(1) if is_solvent else 0
        assert 0 <= left <= 2 * count + in_value
    for owner, value in owed(chain).items():
        assert paid_value(scene, chain, owner) <= value
        if is_solvent:
            assert paid_value(scene, chain, owner) >= value - roundings


def test_the_first_of_all_claims_pays_for_the_whole_path():
    scene, _ = traded(1, is_solvent=True)
    rescuer = Rescuer(scene)
    scene.open(rescuer.rebuilt.table)
    index = next(i for i in rescuer.accounts if rescuer.proofs.positions(i).slots == 0b11)
    assert rescuer.claim(index).gas_used < CLAIM_GAS


def test_a_leaf_of_another_account_is_refused():
    scene, _ = traded(1, is_solvent=True)
    rescuer = Rescuer(scene)
    scene.open(rescuer.rebuilt.table)
    first, second, *_ = rescuer.accounts
    chain_id, _, *rest = rescuer.arguments(first)
    for index in (second, 77, 2**22):
        with pytest.raises(Reverted, match=r"^R\d\d"):
            scene.hatch.call("claim", chain_id, index, *rest)
    absent = rescuer.arguments(77)
    with pytest.raises(Reverted, match="X12"):
        scene.hatch.call("claim", *absent)
    rescuer.claim(first)
    with pytest.raises(Reverted, match="X11"):
        rescuer.claim(first)


def test_positions_cannot_be_left_out():
    scene, chain = traded(2, is_solvent=True)
    rescuer = Rescuer(scene)
    scene.open(rescuer.rebuilt.table)
    index = next(i for i in rescuer.accounts if rescuer.proofs.positions(i).slots)
    *head, _, _, path = rescuer.arguments(index)
    with pytest.raises(Reverted, match=r"^R\d\d"):
        scene.hatch.call("claim", *head, 0, b"", path)
    assert chain.deposited[0] == scene.free_units(0)
