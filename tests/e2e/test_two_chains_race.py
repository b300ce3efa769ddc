"""The owner races the liquidation on L1, in the very settlement that seizes."""

from offchain.scenario.atomic_liquidation import PLEDGE_TOKENS
from offchain.scenario.linked_chains import ALICE, UNITS, WSTETH
from offchain.settlement.devnet import FORCED_FEE_WEI
from offchain.settlement.priority import SUB_ACCOUNTS_PER_MASTER, PriorityKind
from offchain.spec.kinds import EventKind
from tests.e2e.two_chains import ledgers, liquidate, pledged_story

FREE_TOKENS = 2
WEI_PER_UNIT = 10**10


def force_withdrawal(story, units):
    """Ask the keeper through L1 for everything."""
    chain, l1 = story.keeper, story.chains.l1
    l1.transact(
        "PriorityQueue",
        chain.deployment.queue,
        "enqueue_forced",
        chain.chain_id,
        PriorityKind.FORCED_WITHDRAW,
        chain.account_of(ALICE) // SUB_ACCOUNTS_PER_MASTER,
        WSTETH,
        units,
        bytes(32),
        bytes(32),
        sender=l1.accounts[ALICE],
        value_wei=FORCED_FEE_WEI,
    )


def test_pledged_units_cannot_be_withdrawn():
    story = pledged_story()
    chains, keeper = story.chains, story.keeper
    keeper.deposit(ALICE, WSTETH, FREE_TOKENS)
    liquidate(story)
    (exchanged,) = story.of_kind(EventKind.EXCHANGED)
    claimed = int(exchanged["v"][1])
    force_withdrawal(story, (PLEDGE_TOKENS + FREE_TOKENS) * UNITS)
    keeper.feed()
    before = ledgers(chains)
    assert chains.relay.seize() == 1
    settlements = [each for bundle in chains.bundler.settle_all() for each in bundle]
    withdrawals = [each for settlement in settlements for each in settlement.tree.withdrawals]
    (paid,) = withdrawals
    assert 0 < paid.amount_units <= FREE_TOKENS * UNITS
    keeper_sum = chains.balance(keeper, WSTETH) + paid.amount_units
    assert keeper_sum == (PLEDGE_TOKENS + FREE_TOKENS) * UNITS - claimed
    assert chains.balance(story.holder, WSTETH) == claimed
    assert chains.pledged(WSTETH) == before["pledged"] - claimed
    for settlement in settlements:
        if settlement.tree.withdrawals:
            assert keeper.service.claim(settlement).paid == 1
    token, owner = keeper.deployment.assets[WSTETH], chains.l1.accounts[ALICE]
    received = chains.l1.call("WstEthMock", token, "balanceOf", owner)
    assert received == paid.amount_units * WEI_PER_UNIT
