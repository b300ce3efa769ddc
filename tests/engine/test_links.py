"""Messages in and out of two sequencers, and the relay between them."""

from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from offchain.engine.journal import Journal
from offchain.engine.mail import BATCH_MESSAGES_MAX, ChannelTotals, PledgeSums
from offchain.engine.row_meter import BatchLimits, RowMeter
from offchain.engine.sequencer import CongestedError, Sequencer
from offchain.proving.program import tape_words
from offchain.scenario.atomic_liquidation import PLEDGE_TOKENS
from offchain.scenario.linked_chains import (
    ALICE,
    CHANNEL,
    HOLDER_ID,
    KEEPER_ID,
    MAKER,
    PLEDGED,
    UNITS,
    WSTETH,
)
from offchain.settlement.relay import Relay
from offchain.spec import op
from offchain.spec.checks import OpError
from offchain.spec.constants import (
    INSURANCE_ACCOUNT,
    PLEDGE_MIN_S,
    PLEDGE_RETRY_S,
    QUOTE_ASSET,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MessageFlag
from offchain.spec.link_op import Pledge, Release
from offchain.spec.message import NO_VALUES, Message, accumulator_after
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import BATCH_ELF, Statement
from offchain.zkvm.executor import execute
from offchain.zkvm.program import load_program
from tests.engine.linked_scene import claimed, funded, given, held, kinds, pledged

WHOLE = PLEDGE_TOKENS * UNITS
FORCED_WITHDRAW, PLEDGES_MOVED = 3, 9
KECCAK_ROWS = 1_792  # of its table, for one call
KECCAK_CALLS_MISSED = 6  # by the estimate, more or less


def pledge_op(story, units, expires_in_s=2 * PLEDGE_MIN_S):
    return Pledge(
        account=story.keeper.account_of(ALICE),
        asset=WSTETH,
        channel=CHANNEL,
        peer_account=story.holder.account_of(ALICE),
        amount=units,
        expires_at_s=story.chains.l1.now_s + expires_in_s,
    )


# --- pledge and release ------------------------------------------------------------------


def test_pledge_and_release():
    story = pledged()
    alice, there = story.keeper.account_of(ALICE), story.holder.account_of(ALICE)
    assert given(story).units == held(story).units == WHOLE
    assert story.keeper.free(alice, WSTETH) == 0
    assert story.holder.free(there, PLEDGED) == WHOLE
    story.holder.submit(ALICE, Release(account=there, asset=PLEDGED, amount=WHOLE // 4))
    story.chains.seal()
    assert given(story).units == held(story).units == 3 * WHOLE // 4
    assert story.keeper.free(alice, WSTETH) == WHOLE // 4


def test_mail_of_a_batch():
    """What L1 is told is what the events say, and the channel's record."""
    story = funded()
    story.keeper.submit(ALICE, pledge_op(story, UNITS), pledge_op(story, 2 * UNITS))
    batch = story.keeper.sequencer.seal()
    first, second = batch.mail.sent
    assert (first.index, second.index) == (1, 2)
    assert (first.from_chain, first.to_chain, first.flags) == (KEEPER_ID, HOLDER_ID, 0)
    now_ms = 1_000 * batch.last_time_s
    assert (batch.first_slot, first.slot, second.slot) == (0, now_ms, now_ms + 1)
    assert batch.last_slot == second.slot
    assert int.from_bytes(second.body[8:10], "little") == EventKind.PLEDGED
    accumulator = bytes(32)
    for message in batch.mail.sent:
        accumulator = accumulator_after(accumulator, message.envelope())
    assert batch.mail.channels == (ChannelTotals(HOLDER_ID, 2, accumulator, 0, bytes(32)),)
    assert batch.mail.pledges == (PledgeSums(HOLDER_ID, WSTETH, 3 * UNITS, 0),)
    story.chains.relay.carry()
    there = story.holder.account_of(ALICE)
    story.holder.submit(ALICE, Release(account=there, asset=PLEDGED, amount=UNITS))
    mail = story.holder.sequencer.seal().mail
    assert mail.taken == batch.mail.sent
    assert mail.pledges == (PledgeSums(KEEPER_ID, WSTETH, 0, UNITS),)
    (totals,) = mail.channels
    assert (totals.sent_count, totals.received_count) == (1, 2)
    assert totals.received_accumulator == accumulator


def test_batch_is_sealed_before_its_messages_are_too_many():
    story = funded()
    for _ in range(3):
        story.keeper.submit(ALICE, *[pledge_op(story, 1_000) for _ in range(30)])
    story.keeper.sequencer.seal()
    counts = [len(batch.mail.sent) for batch in story.keeper.sequencer.sealed]
    assert [count for count in counts if count] == [30, 30, 30]
    assert max(counts) <= BATCH_MESSAGES_MAX
    assert story.chains.relay.carry() == 90
    assert held(story).units == 90_000


def test_batches_are_sealed_between_duties_that_send():
    """More pledges end in one second than one batch may send messages."""
    story = funded()
    owners, expires_at_s = range(5, 75), story.chains.l1.now_s + PLEDGE_MIN_S
    for who in owners:
        story.keeper.deposit(who, WSTETH, 1)
        story.holder.deposit(who, QUOTE_ASSET, 1)
        pledge = replace(
            pledge_op(story, UNITS),
            account=story.keeper.account_of(who),
            peer_account=story.holder.account_of(who),
            expires_at_s=expires_at_s,
        )
        story.keeper.submit(who, pledge)
    story.chains.seal()
    sequencer = story.holder.sequencer
    first = len(sequencer.sealed)
    story.chains.wait(PLEDGE_MIN_S)
    sequencer.tick()
    sequencer.seal()
    counts = [len(batch.mail.sent) for batch in sequencer.sealed[first:]]
    assert max(counts) <= BATCH_MESSAGES_MAX < sum(counts) == len(owners)
    assert story.chains.relay.carry() == len(owners)
    assert all(story.keeper.free(story.keeper.account_of(w), WSTETH) == UNITS for w in owners)


def test_meter_counts_the_hashes_of_messages():
    """A batch of messages alone."""
    story = claimed()
    story.chains.relay.seize()
    chain = story.keeper
    builder = WitnessBuilder.at_genesis(chain.genesis.config_hash(), chain.genesis.governance)
    core, program = chain.genesis.new_core(), load_program(BATCH_ELF.read_bytes())
    for batch in chain.sequencer.sealed:
        meter = RowMeter(BatchLimits())
        for envelope in batch.envelopes:
            meter.add(envelope, core.apply_envelope(envelope)[1])
        witness = builder.build(Statement(1, chain.chain_id, bytes(20)), batch.envelopes)
        rows = execute(program, tape_words(witness.to_bytes())).row_counts["keccak_f"]
        assert abs(rows // KECCAK_ROWS - meter.keccak_calls) <= KECCAK_CALLS_MISSED


# --- messages ----------------------------------------------------------------------------


@pytest.fixture
def two_sent():
    """Two messages of the keeper that nobody has taken."""
    story = funded()
    story.keeper.submit(ALICE, pledge_op(story, UNITS), pledge_op(story, UNITS))
    return story, story.keeper.sequencer.seal().mail.sent


def refused(story, message):
    before = story.holder.sequencer._core.root()
    with pytest.raises(OpError) as refusal:
        story.holder.sequencer.submit_message(message)
    assert story.holder.sequencer._core.root() == before
    return refusal.value.code


def test_messages_are_taken_once_and_in_order(two_sent):
    story, (first, second) = two_sent
    assert refused(story, second) == ErrorCode.MESSAGE_OUT_OF_ORDER
    story.holder.sequencer.submit_message(first)
    assert refused(story, first) == ErrorCode.MESSAGE_OUT_OF_ORDER
    story.holder.sequencer.submit_message(second)
    assert held(story).units == 2 * UNITS


def test_messages_of_others_and_of_the_future(two_sent):
    story, (first, _) = two_sent
    assert refused(story, replace(first, from_chain=7)) == ErrorCode.UNKNOWN_PEER
    assert refused(story, replace(first, to_chain=7)) == ErrorCode.UNKNOWN_PEER
    ahead = replace(first, slot=1_000 * (story.chains.l1.now_s + 1))
    assert refused(story, ahead) == ErrorCode.MESSAGE_AHEAD


def test_altered_body_is_no_message(two_sent, monkeypatch):
    """The payload hash of the envelope is that of the body that was sent."""
    story, (first, _) = two_sent
    payload = replace(first, channel=CHANNEL).to_payload()
    assert keccak(first.body) in payload
    altered = payload[:-1] + bytes([payload[-1] ^ 1])
    monkeypatch.setattr(Message, "to_payload", lambda _: altered)
    assert refused(story, first) == ErrorCode.ENVELOPE_MALFORMED


# --- seizure -----------------------------------------------------------------------------


def test_request_waits_for_its_answer():
    """Neither sealed nor filled up by users: request and answer are in one batch."""
    story = claimed()
    sequencer = story.holder.sequencer
    claim = held(story).claimed_units
    assert claim > 0
    assert sequencer.seize([KEEPER_ID], limit=1) == 1
    assert sequencer.waits_for_answer
    assert (held(story).claimed_units, held(story).asked_units) == (0, claim)
    with pytest.raises(CongestedError, match="waits for the answer"):
        sequencer.seal()
    there = story.holder.account_of(MAKER)
    with pytest.raises(CongestedError, match="waits for the answer"):
        story.holder.submit(MAKER, op.CancelAll(account=there, market=1))
    assert story.chains.relay.seize() == 0  # nothing more to ask for, but it brings the answer
    assert not sequencer.waits_for_answer
    assert sequencer.is_batch_empty
    story.holder.submit(MAKER, op.CancelAll(account=there, market=1))


def test_seizure_moves_what_was_claimed():
    story = claimed()
    claim = held(story).claimed_units
    assert story.holder.free(INSURANCE_ACCOUNT, PLEDGED) == claim
    assert story.chains.relay.seize() == 1
    assert story.holder.free(INSURANCE_ACCOUNT, PLEDGED) == 0
    assert story.holder.free(INSURANCE_ACCOUNT, WSTETH) == claim
    assert given(story).units == held(story).units == WHOLE - claim
    requests = story.holder.sequencer.sealed[-1].mail
    answers = story.keeper.sequencer.sealed[-1].mail
    (request,), (answer,) = requests.sent, answers.sent
    assert (requests.taken, answers.taken) == ((answer,), (request,))
    assert request.flags == MessageFlag.ATOMIC
    assert answer.flags == MessageFlag.ATOMIC | MessageFlag.SEIZURE
    assert answer.values == ((WSTETH, claim), *NO_VALUES[1:])
    assert answer.slot > request.slot
    assert story.chains.relay.seize() == 0


def test_claims_can_wait_for_a_limit():
    story = claimed()
    assert story.chains.relay.seize(limit=0) == 0
    alone = Relay({HOLDER_ID: story.holder.sequencer}, story.chains.clock)
    assert alone.seize() == 0  # the keeper would not hear it
    assert len(story.holder.sequencer.claims([KEEPER_ID])) == 1
    assert not story.holder.sequencer.waits_for_answer


def test_keeper_that_has_nothing_left():
    """A broken keeper let the pledge go: it answers 0 units, and the insurance account bears it."""
    story = claimed()
    sequencer = story.holder.sequencer
    claim, quote = held(story).claimed_units, story.holder.free(INSURANCE_ACCOUNT, 0)
    sequencer.seize([KEEPER_ID], limit=1)
    (request,) = sequencer.unsealed_messages
    (pledge,) = story.keeper.sequencer.sealed[-1].mail.sent
    words = (WSTETH, 0, story.holder.account_of(ALICE), claim, 0, 0)
    body = pledge.body[:8] + EventKind.SEIZED.to_bytes(2, "little") + pledge.body[10:16]
    body += b"".join(value.to_bytes(8, "little") for value in words)
    flags = MessageFlag.ATOMIC | MessageFlag.SEIZURE
    answer = replace(pledge, index=pledge.index + 1, slot=request.slot + 1, flags=flags, body=body)
    events = sequencer.submit_message(answer).events
    (done,) = events[events["kind"] == EventKind.LIQUIDATION_DONE]
    assert done["v"][:3].tolist() == [WSTETH, 0, claim]
    assert story.holder.free(INSURANCE_ACCOUNT, PLEDGED) == 0
    assert story.holder.free(INSURANCE_ACCOUNT, WSTETH) == 0
    assert story.holder.free(INSURANCE_ACCOUNT, 0) == quote
    assert held(story).asked_units == 0
    sequencer.seal()


def test_restart_between_request_and_answer(tmp_path):
    story = claimed()
    chain = story.holder
    deployment = chain.domain.deployment_hash(chain.genesis.config_hash())
    chain.sequencer.seize([KEEPER_ID], limit=1)
    journal = Journal(tmp_path / "journal", deployment)
    batches = [*chain.sequencer.sealed]
    for envelope in [e for batch in batches for e in batch.envelopes]:
        journal.append(envelope)
    for envelope in chain.sequencer._collector._envelopes:
        journal.append(envelope)
    again = Sequencer(
        chain.genesis.new_core(),
        chain.domain,
        chain.genesis.config_hash(),
        journal=journal,
        clock_ms=story.chains.clock,
    )
    assert again.waits_for_answer
    relay = Relay({HOLDER_ID: again, KEEPER_ID: story.keeper.sequencer}, story.chains.clock)
    assert relay.seize() == 0
    assert not again.waits_for_answer
    assert given(story).units < WHOLE
    journal.close()


# --- what the owner may try --------------------------------------------------------------


def test_pledged_units_cannot_be_withdrawn():
    """Forced through L1 in the same moment as the seizure: only what is free goes."""
    story = claimed()
    story.keeper.deposit(ALICE, WSTETH, 2)
    claim = held(story).claimed_units
    events = story.keeper.queue(FORCED_WITHDRAW, ALICE, asset=WSTETH, amount=WHOLE + 2 * UNITS)
    (paid,) = events[events["kind"] == EventKind.WITHDRAWAL]
    assert paid["v"][1] <= 2 * UNITS
    assert given(story).units == WHOLE
    events = story.keeper.queue(FORCED_WITHDRAW, ALICE, asset=WSTETH, amount=WHOLE)
    assert EventKind.WITHDRAWAL not in kinds(events)
    assert story.chains.relay.seize() == 1
    assert story.holder.free(INSURANCE_ACCOUNT, WSTETH) == claim
    assert given(story).units == WHOLE - claim


def test_pledge_that_is_needed_outlives_its_expiry():
    story = pledged(expires_in_s=PLEDGE_MIN_S)
    story.open_position()
    needed = 9 * UNITS  # 5 BTC at 60,000 and 5 %: 15,000 of margin, 1,000 of it in quote
    story.chains.wait(PLEDGE_MIN_S - 1)
    story.price(60_000)
    story.chains.wait(1)
    story.holder.sequencer.tick()
    assert needed <= held(story).units
    there = story.holder.account_of(ALICE)
    for who, flags in ((MAKER, 1), (ALICE, 0)):
        order = op.Place(
            account=story.holder.account_of(who),
            market=1,
            flags=flags,
            price=60_000 * 1_000,
            size_lots=5_000,
        )
        story.holder.submit(who, order)
    for _ in range(6):
        story.chains.wait(PLEDGE_RETRY_S)
        story.price(60_000)
    story.chains.seal()
    assert story.holder.free(there, PLEDGED) == 0
    assert held(story).role == given(story).role == 0
    assert story.keeper.free(story.keeper.account_of(ALICE), WSTETH) == WHOLE


def test_pledge_that_is_not_needed_ends_at_its_expiry():
    story = pledged(expires_in_s=PLEDGE_MIN_S)
    story.chains.wait(PLEDGE_MIN_S + 1)
    story.holder.sequencer.tick()
    story.chains.seal()
    assert held(story).role == given(story).role == 0
    assert story.keeper.free(story.keeper.account_of(ALICE), WSTETH) == WHOLE


# --- a peer is frozen --------------------------------------------------------------------


def moved(chain, peer, *, is_holder):
    data = {"data0": peer, "data1": is_holder}
    return chain.queue(PLEDGES_MOVED, 0, account=0, asset=WSTETH, amount=WHOLE, **data)


def test_keeper_is_frozen():
    """L1 gave the units to the holder: claims and releases are redeemed there."""
    story = claimed()
    claim = held(story).claimed_units
    moved(story.holder, KEEPER_ID, is_holder=1)
    assert story.holder.sequencer.seize([KEEPER_ID], limit=1) == 0  # nobody is asked
    assert story.holder.free(INSURANCE_ACCOUNT, WSTETH) == claim
    there = story.holder.account_of(ALICE)
    story.holder.submit(ALICE, Release(account=there, asset=PLEDGED, amount=WHOLE - claim))
    assert story.holder.free(there, WSTETH) == WHOLE - claim
    assert held(story).role == 0
    assert not story.holder.sequencer.unsealed_messages
    assert story.holder.sequencer.state.asset(WSTETH).total_units == WHOLE


def test_holder_is_frozen():
    """What was pledged is the holder's; the keeper neither pledges to it nor takes it back."""
    story = pledged()
    story.keeper.deposit(ALICE, WSTETH, 1)
    moved(story.keeper, HOLDER_ID, is_holder=0)
    alice = story.keeper.account_of(ALICE)
    events = story.keeper.submit(ALICE, pledge_op(story, UNITS)).events
    (refusal,) = events[events["kind"] == EventKind.REJECTED]
    assert ErrorCode.UNKNOWN_PEER in refusal["v"].tolist()
    assert story.keeper.free(alice, WSTETH) == UNITS
    assert given(story).units == WHOLE
