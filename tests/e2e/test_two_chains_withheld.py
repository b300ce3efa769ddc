"""A peer withholds what its message says: governance voids it before anyone freezes the chain."""

from dataclasses import replace

import pytest

from offchain.scenario.linked_chains import (
    ACCOUNTS,
    ALICE,
    CHANNEL,
    HOLDER_ID,
    KEEPER_ID,
    PLEDGED,
    UNITS,
    WSTETH,
    open_linked_chains,
)
from offchain.scenario.messages_sent import pledge, pledge_withheld, release, void_messages
from offchain.settlement.chain_lists import gateway_envelope
from offchain.settlement.devnet import QUOTE_ASSET
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.local_chain import LocalChain
from offchain.settlement.model.channels import DELIVERY_S
from offchain.settlement.withheld import message_without_body, take_without_body
from offchain.spec.checks import OpError
from offchain.spec.constants import DAY_S
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.spec.link_op import AdminVoid, Pledge

TOKENS = 3
NEAR_S = 60  # before anyone may freeze the holder


@pytest.fixture
def chains():
    return open_linked_chains(LocalChain(account_count=ACCOUNTS))


@pytest.fixture
def message(chains):
    """L1 has a pledge in flight that the keeper says nothing of; soon it is overdue."""
    keeper, holder = chains.chains
    keeper.deposit(ALICE, WSTETH, 2 * TOKENS)
    holder.deposit(ALICE, QUOTE_ASSET, 1)
    for chain in chains.chains:
        chain.feed()
    submit_pledge(chains)
    (sent,) = keeper.sequencer.unsealed_messages
    chains.holder.sequencer.seal()
    keeper.sequencer.seal()
    chains.bundler.settle_all()
    chains.l1.advance_time(sent.expires_at_s + DELIVERY_S - NEAR_S - chains.l1.now_s)
    return sent


def submit_pledge(chains):
    keeper, holder = chains.chains
    terms = {"channel": CHANNEL, "peer_account": holder.account_of(ALICE)}
    terms |= {"amount": TOKENS * UNITS, "expires_at_s": chains.l1.now_s + 30 * DAY_S}
    keeper.submit(ALICE, Pledge(account=keeper.account_of(ALICE), asset=WSTETH, **terms))


def take(chains, peer=KEEPER_ID):
    holder = chains.holder
    return take_without_body(chains.l1, holder.deployment.gateway, holder.sequencer, peer)


def refusal(chains, message):
    with pytest.raises(OpError) as caught:
        chains.holder.sequencer.submit_message(message)
    return caught.value.code


def freeze(chains, message):
    """Anyone says that the holder has let a message lie; return L1's code, or "ok"."""
    registry = chains.holder.deployment.registry
    envelope = gateway_envelope(message).to_tuple()
    try:
        chains.l1.transact("ChainRegistry", registry, "freeze_undelivered", envelope)
    except ContractRevertedError as error:
        return error.reason[:3]
    return "ok"


def channel_of(chain):
    return chain.sequencer.state.channel(CHANNEL)


def test_nothing_else_takes_it(chains, message):
    """Without the body nobody can make one, and what comes behind it waits."""
    void = message.without_body()
    assert void == replace(message_without_body(gateway_envelope(message)), channel=CHANNEL)
    assert refusal(chains, void) == ErrorCode.MESSAGE_NEEDS_BODY
    assert take(chains) == 0
    invented = replace(void, body=b"\1" + bytes(63))
    assert refusal(chains, invented) == ErrorCode.ENVELOPE_MALFORMED
    assert refusal(chains, replace(message, index=2)) == ErrorCode.MESSAGE_OUT_OF_ORDER
    with pytest.raises(OpError) as caught:
        take(chains, peer=HOLDER_ID)
    assert caught.value.code == ErrorCode.UNKNOWN_PEER


def test_a_body_of_ones_own_does_not_settle(chains, message):
    """Whoever guesses another one has an envelope that L1 does not know."""
    chains.holder.sequencer.submit_message(replace(message, body=b"\1" + bytes(63)))
    chains.holder.sequencer.seal()
    with pytest.raises(ContractRevertedError) as caught:
        chains.bundler.settle_all()
    assert caught.value.reason[:3] == "E52"


def test_the_holder_freezes_if_nobody_voids_it(chains, message):
    assert freeze(chains, message) == "C04"
    chains.l1.advance_time(2 * NEAR_S)
    assert freeze(chains, message) == "ok"


def test_governance_voids_it_and_both_chains_go_on(chains, message):
    keeper, holder = chains.chains
    assert void_messages(chains, message.index) == 1
    assert take(chains) == 0  # it is not taken twice
    taken = holder.sequencer.seal()
    assert taken.event_counts[EventKind.MESSAGE_TAKEN] == 1
    assert EventKind.PLEDGE_TAKEN not in taken.event_counts
    chains.bundler.settle_all()
    chains.l1.advance_time(2 * NEAR_S)
    assert freeze(chains, message) == "C29"
    assert chains.pledged(WSTETH) == TOKENS * UNITS  # lost to Alice until L1 moves it
    submit_pledge(chains)
    chains.seal()
    chains.bundler.settle_all()
    (held, *_) = holder.sequencer.state.reservations(holder.account_of(ALICE))
    assert held.units == TOKENS * UNITS
    assert (channel_of(keeper).sent_count, channel_of(holder).received_count) == (2, 2)
    assert channel_of(keeper).sent_accumulator == channel_of(holder).received_accumulator
    for chain in chains.chains:
        assert chain.service.settled_root() == chain.sequencer.open_batch_root


def test_one_that_is_voided_is_taken_with_its_body_if_the_peer_gives_it(chains, message):
    """The relay goes first; then nothing is left to void."""
    holder = chains.holder
    holder.administer([AdminVoid(channel=CHANNEL, index=message.index)])
    holder.feed()
    assert chains.relay.carry() == 1
    assert take(chains) == 0
    account = holder.account_of(ALICE)
    assert holder.sequencer.state.reservations(account)[0].units == TOKENS * UNITS
    assert channel_of(holder).linked_asset(WSTETH) == PLEDGED


def test_the_story_that_ape_tells(chains):
    withheld = pledge_withheld(chains, TOKENS, chains.l1)
    assert (withheld.is_void, withheld.ok, withheld.told) == (True, True, "PLEDGED")
    there = pledge(chains, TOKENS)
    assert (there.is_void, there.ok, there.index) == (False, True, 2)
    assert release(chains, TOKENS).ok
