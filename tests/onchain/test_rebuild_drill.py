"""Rebuild drill: a stranger has nothing but events of L1, and takes everyone out of a frozen chain.

The state is generated: trades, funding, interest, deleveraging; solvent and insolvent.
"""

from collections import Counter
from functools import cache

import pytest

from offchain.settlement.escape import CLAIM_WINDOW_S, OWNER_WINDOW_S
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.rebuild import RescueCode, RescueError, rebuild
from offchain.settlement.rescue import Rescue
from offchain.settlement.rescue_run import run_rescue
from offchain.settlement.state_diff import LEAF_SIZES, UNPUBLISHED, StateDiff
from offchain.settlement.state_proofs import StateProofs
from offchain.settlement.valuation import ValuationTable
from offchain.spec import poseidon2
from offchain.spec.state import genesis
from offchain.spec.tree import Hasher
from tests.onchain.escape_scene import CHAIN, CONFIG_HASH, DA_ROLLUP, OWNER, EscapeScene
from tests.onchain.evm import Reverted
from tests.onchain.generated_chain import MARKET, OTHER_MARKET, PRICE, GeneratedChain
from tests.onchain.scene_l1 import SceneL1

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


def rescue_of(scene):
    """What a stranger makes of the events, and the L1 on which it acts."""
    l1 = SceneL1(scene)
    rebuilt = rebuild(l1, l1.deployment, CHAIN, hasher=HASHER)
    return Rescue(l1, l1.deployment, CHAIN, rebuilt), rebuilt, l1


def take_everyone_out(scene, rescue):
    """Let all that is due be done: at once, and when strangers may claim remainders."""
    everyone = rescue.accounts()
    steps = run_rescue(rescue, everyone)
    scene.wait(CLAIM_WINDOW_S + OWNER_WINDOW_S)
    steps += run_rescue(rescue, everyone)
    assert [step for step in steps if step.code] == []
    assert len([step for step in steps if step.action == "claim"]) == len(everyone)
    assert run_rescue(rescue, everyone) == []


def paid_value(l1, chain, owner):
    """Value of what an owner was paid in quote units, rounded down per asset."""
    assets = chain.table().assets
    return sum(a.value_floor(l1.paid["0x" + owner.hex(), a.asset_id]) for a in assets)


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
    rescue, rebuilt, l1 = rescue_of(scene)
    assert ValuationTable.from_bytes(rebuilt.state.table) == chain.table()
    expected = Counter()
    for outlook in rescue.outlooks(rescue.accounts()):
        for units in (outlook.basket_units, outlook.remainder_units):
            expected.update({(outlook.owner, a): n for a, n in units.items()})
    take_everyone_out(scene, rescue)
    assert l1.paid == expected
    assert max(l1.claim_gas) < CLAIM_GAS
    # Dust as docs/spec/escape.md section 4 bounds it.
    count, assets = len(rescue.accounts()), chain.table().assets
    a_unit_of_each = sum(asset.value_ceil(1) for asset in assets)
    roundings = count * (len(assets) + 2 * len(chain.books) + 4 + a_unit_of_each)
    for asset in assets:
        left = scene.free_units(asset.asset_id)
        in_value = roundings // asset.value_floor(1) if is_solvent else 0
        assert 0 <= left <= 2 * count + in_value
    for owner, value in owed(chain).items():
        assert paid_value(l1, chain, owner) <= value
        if is_solvent:
            assert paid_value(l1, chain, owner) >= value - roundings


def opened(seed):
    """A rescue that has opened its chain, and the scene."""
    scene, _ = traded(seed, is_solvent=True)
    rescue, rebuilt, l1 = rescue_of(scene)
    rescue.open()
    return scene, rescue, rebuilt, l1


def test_the_first_of_all_claims_pays_for_the_whole_path():
    _, rescue, rebuilt, l1 = opened(1)
    index = next(i for i in rescue.accounts() if rebuilt.proofs.positions(i).slots == 0b11)
    rescue.claim(index)
    assert max(l1.claim_gas) < CLAIM_GAS


def test_a_leaf_of_another_account_is_refused():
    scene, rescue, *_ = opened(1)
    first, second, *_ = rescue.accounts()
    chain_id, _, *rest = rescue.claim_arguments(first)
    for index in (second, 77, 2**22):
        with pytest.raises(Reverted, match=r"^R\d\d"):
            scene.hatch.call("claim", chain_id, index, *rest)
    with pytest.raises(ContractRevertedError, match="X12"):
        rescue.claim(77)
    rescue.claim(first)
    with pytest.raises(ContractRevertedError, match="X11"):
        rescue.claim(first)


def test_positions_cannot_be_left_out():
    scene, chain = traded(2, is_solvent=True)
    rescue, rebuilt, _ = rescue_of(scene)
    rescue.open()
    index = next(i for i in rescue.accounts() if rebuilt.proofs.positions(i).slots)
    *head, _, _, path = rescue.claim_arguments(index)
    with pytest.raises(Reverted, match=r"^R\d\d"):
        scene.hatch.call("claim", *head, 0, b"", path)
    assert chain.deposited[0] == scene.free_units(0)


def test_only_some_accounts_are_taken_out():
    scene, chain = traded(3, is_solvent=True)
    rescue, *_, l1 = rescue_of(scene)
    owner = chain.state.account(chain.traders[0]).owner
    steps = run_rescue(rescue, rescue.accounts(owners=[owner]))
    assert {owner for owner, _ in l1.paid} == {"0x" + owner.hex()}
    assert sum(step.action == "claim" for step in steps) == len(rescue.accounts(owners=[owner]))
    with pytest.raises(RescueError) as absent:
        rescue.accounts(ids=[77])
    assert absent.value.code == RescueCode.NO_ACCOUNT


def test_refusals_are_told_and_stop_nothing():
    """Somebody claims an account between the look and the call."""
    scene, rescue, _, l1 = opened(1)
    first, *others = rescue.accounts()
    arguments = rescue.claim_arguments(first)
    is_claimed = rescue.is_claimed
    rescue.is_claimed = lambda index: index != first and is_claimed(index)
    scene.call(scene.hatch, "claim", *arguments)
    claims = [s for s in run_rescue(rescue, [first, *others]) if s.action == "claim"]
    assert [step.code for step in claims] == ["X11", *[""] * len(others)]
    assert len(l1.claim_gas) == len(others)


def test_a_missing_chunk_and_an_unknown_chain_are_named():
    scene, _ = traded(1, is_solvent=True)
    scene.emitted = [(name, event) for name, event in scene.emitted if name != "ChunkPublished"]
    with pytest.raises(RescueError, match="no chunk is published under") as missing:
        rescue_of(scene)
    assert missing.value.code == RescueCode.STATE_MISMATCH
    scene.emitted = []
    with pytest.raises(RescueError) as unknown:
        rescue_of(scene)
    assert unknown.value.code == RescueCode.NO_CHAIN
