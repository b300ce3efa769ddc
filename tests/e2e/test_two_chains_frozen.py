"""One of two linked chains is frozen: L1 gives what was pledged to the holder, whichever it is."""

from offchain.scenario.atomic_liquidation import PLEDGE_TOKENS
from offchain.scenario.linked_chains import (
    ALICE,
    HOLDER_ID,
    KEEPER_ID,
    MAKER,
    PLEDGED,
    UNITS,
    WSTETH,
)
from offchain.settlement.devnet import QUOTE_ASSET
from offchain.settlement.priority import FORCE_EXPIRY_S
from offchain.spec import op
from offchain.spec.constants import INSURANCE_ACCOUNT
from offchain.spec.kinds import EventKind
from offchain.spec.link_op import Release
from tests.e2e.two_chains import ledgers, liquidate, pledged_story

WHOLE = PLEDGE_TOKENS * UNITS
WEI_PER_UNIT = 10**10


def freeze(story, chain, who, asset):
    """Let a chain leave a deposit alone for too long; move what is pledged."""
    chain.deposit(who, asset, 1)
    l1, deployment = story.chains.l1, chain.deployment
    l1.advance_time(FORCE_EXPIRY_S + 1)
    l1.transact("ChainRegistry", deployment.registry, "freeze_overdue", chain.chain_id)
    before = ledgers(story.chains)
    arguments = KEEPER_ID, HOLDER_ID, WSTETH
    l1.transact("Gateway", deployment.gateway, "move_pledges", *arguments)
    after = ledgers(story.chains)
    assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == {
        (KEEPER_ID, WSTETH, "balance"): -WHOLE,
        (HOLDER_ID, WSTETH, "balance"): WHOLE,
        (KEEPER_ID, WSTETH, "pledged_total"): -WHOLE,
        "pledged": -WHOLE,
    }


def settle(chain):
    chain.sequencer.seal()
    return chain.service.settle(chain.service.unsettled())


def test_keeper_is_frozen():
    """The holder needs no answer any more: insurance and owner get the asset from its own books."""
    story = pledged_story()
    liquidate(story)
    (exchanged,) = story.of_kind(EventKind.EXCHANGED)
    claim = int(exchanged["v"][1])
    freeze(story, story.keeper, MAKER, WSTETH)
    holder = story.holder
    holder.feed()
    assert holder.sequencer.seize([KEEPER_ID], limit=1) == 0
    assert not holder.sequencer.waits_for_answer
    alice, rest = holder.account_of(ALICE), WHOLE - claim
    holder.submit(ALICE, Release(account=alice, asset=PLEDGED, amount=rest))
    holder.submit(ALICE, op.Withdraw(account=alice, asset=WSTETH, amount=rest))
    settlement = settle(holder)
    assert holder.service.claim(settlement).paid == 1
    l1, token = story.chains.l1, holder.deployment.assets[WSTETH]
    owner = l1.accounts[ALICE]
    assert l1.call("WstEthMock", token, "balanceOf", owner) == rest * WEI_PER_UNIT
    insurance = holder.sequencer.state.account(INSURANCE_ACCOUNT)
    assert insurance.free[insurance.asset_ids.index(WSTETH + 1)] == claim
    assert story.chains.balance(holder, WSTETH) == claim


def test_holder_is_frozen():
    """The keeper lives on without what was pledged; its books and L1's agree."""
    story = pledged_story()
    freeze(story, story.holder, MAKER, QUOTE_ASSET)
    keeper = story.keeper
    keeper.feed()
    assert keeper.sequencer.state.channel(0).is_severed
    keeper.deposit(MAKER, WSTETH, 1)
    keeper.feed()
    settle(keeper)
    total_units = keeper.sequencer.state.asset(WSTETH).total_units
    assert total_units == UNITS == story.chains.balance(keeper, WSTETH)
