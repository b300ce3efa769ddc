"""Channels and pledges, on contract and model at once: backlogs, deadlines, order, refunds."""

from dataclasses import replace
from random import Random

import pytest

from offchain.settlement.messages import (
    AssetSum,
    ChannelEntry,
    Envelope,
    EnvelopeFlag,
    Flow,
    Pledge,
    channel_accumulator,
    pad_sums,
)
from offchain.settlement.priority import FORCE_EXPIRY_S, PriorityKind
from tests.onchain.gateway_twins import GatewayTwins
from tests.settlement.epochs import Draft, rebound
from tests.settlement.gateway_scene import DAY_S, DEPOSITORS, UNITS

LOW, MIDDLE, HIGH, ASSET = 1, 3, 5, 0  # validiums without an oracle
OK = "ok"


class Quiet(Draft):
    """An epoch that consumes deposits and does nothing else."""

    def _exchange(self):
        return (), (), ()

    def _pledge(self):
        return ()

    def some(self, most):
        return 0


@pytest.fixture
def twins():
    twins = GatewayTwins(HIGH)
    twins.deposit(LOW, DEPOSITORS[0], ASSET, UNITS)
    assert settle(twins, LOW, flows=(Flow(LOW, ASSET, UNITS),)) == OK
    return twins


def settle(twins, *chain_ids, **lists):
    """Settle these chains with these lists, proven, after a block; return the outcome."""
    twins.wait()
    outcome = twins.settle(prove(twins, *chain_ids, **lists))
    twins.check()
    return outcome


def prove(twins, *chain_ids, last_time_s=None, **lists):
    """Have a settlement of these chains with these lists proven."""
    quiet = Quiet(Random(1), twins.model, list(chain_ids)).epoch().settlement
    outputs = []
    for output in quiet.outputs:
        time_s = twins.state.now_s if last_time_s is None else last_time_s
        length = twins.state.queue.length(output.chain_id)
        outputs.append(
            replace(
                output,
                first_time_s=time_s,
                last_time_s=time_s,
                last_slot=output.first_slot + 99,
                priority_next=length,
                priority_accumulator=twins.state.queue.accumulator_after(output.chain_id, length),
            )
        )
    settlement = rebound(replace(quiet, outputs=tuple(outputs), **({"flows": ()} | lists)))
    twins.record(settlement)
    return settlement


def envelopes(twins, sender, receiver, count=1, units=1, flags=0, expires_in_s=DAY_S):
    """Return the next envelopes of a channel."""
    channel = twins.state.channels[sender, receiver]
    first_slot = twins.state.registry[sender].position.last_slot + 4
    return [
        Envelope(
            sender,
            receiver,
            channel.sent_count + 1 + i,
            first_slot + i,
            twins.state.now_s + 12 + expires_in_s,
            flags,
            bytes(32),
            pad_sums([AssetSum(ASSET, units)]),
        )
        for i in range(count)
    ]


def entry(twins, chain_id, peer, sent=(), read=()):
    """Return the totals of a chain's channels with a peer after sending and reading these."""
    out, into = twins.state.channels[chain_id, peer], twins.state.channels[peer, chain_id]
    return ChannelEntry(
        chain_id,
        peer,
        out.sent_count + len(sent),
        channel_accumulator(sent, out.sent_accumulator),
        into.received_count + len(read),
        channel_accumulator(read, into.received_accumulator),
    )


def send(twins, sender, receiver, sent, **more):
    channels = (entry(twins, sender, receiver, sent=sent),)
    return settle(twins, sender, channels=channels, sent=tuple(sent), **more)


def read(twins, receiver, sender, received):
    channels = (entry(twins, receiver, sender, read=received),)
    return settle(twins, receiver, channels=channels, received=tuple(received))


def test_a_backlog_grows_and_is_read_from_its_beginning(twins):
    first = envelopes(twins, LOW, MIDDLE)
    assert send(twins, LOW, MIDDLE, first) == OK
    second = envelopes(twins, LOW, MIDDLE)
    assert send(twins, LOW, MIDDLE, second) == OK
    assert read(twins, MIDDLE, LOW, second) == "E51"
    assert read(twins, MIDDLE, LOW, first) == OK
    third = envelopes(twins, LOW, MIDDLE)
    assert send(twins, LOW, MIDDLE, third) == OK
    assert read(twins, MIDDLE, LOW, second + third) == OK
    assert twins.state.ledger.balance[MIDDLE, ASSET] == 3
    fourth = envelopes(twins, LOW, MIDDLE)
    assert send(twins, LOW, MIDDLE, fourth) == OK
    assert read(twins, MIDDLE, LOW, fourth) == OK


def test_an_envelope_is_read_once(twins):
    sent = envelopes(twins, LOW, MIDDLE)
    assert send(twins, LOW, MIDDLE, sent) == OK
    assert read(twins, MIDDLE, LOW, sent) == OK
    assert read(twins, MIDDLE, LOW, sent) == "E51"
    again = [replace(sent[0], index=2)]
    assert read(twins, MIDDLE, LOW, again) == "E52"


def test_a_receiver_has_three_days_however_late_its_sender_settles(twins):
    twins.wait(FORCE_EXPIRY_S)
    past_s = twins.state.now_s + 12 - FORCE_EXPIRY_S + 1
    sent = [replace(e, expires_at_s=past_s + 1) for e in envelopes(twins, LOW, MIDDLE)]
    assert send(twins, LOW, MIDDLE, sent, last_time_s=past_s) == "E45"
    sent = envelopes(twins, LOW, MIDDLE, expires_in_s=1)
    assert send(twins, LOW, MIDDLE, sent, last_time_s=past_s + 12) == OK
    twins.wait(FORCE_EXPIRY_S)
    assert twins.freeze_undelivered(sent[0]) == "C04"
    twins.wait(1)
    assert twins.freeze_undelivered(sent[0]) == OK


def test_a_channel_holds_256_envelopes(twins):
    for _ in range(4):
        assert send(twins, LOW, MIDDLE, envelopes(twins, LOW, MIDDLE, 64)) == OK
    assert send(twins, LOW, MIDDLE, envelopes(twins, LOW, MIDDLE)) == "E47"
    assert send(twins, LOW, HIGH, envelopes(twins, LOW, HIGH)) == OK


def test_an_atomic_envelope_is_read_in_its_settlement_or_nothing_moves(twins):
    sent = envelopes(twins, LOW, MIDDLE, flags=int(EnvelopeFlag.ATOMIC))
    assert send(twins, LOW, MIDDLE, sent) == "E19"
    both = entry(twins, LOW, MIDDLE, sent=sent), entry(twins, MIDDLE, LOW, read=sent)
    assert settle(twins, LOW, MIDDLE, channels=both[:1], sent=tuple(sent)) == "E19"
    other = [replace(sent[0], payload_hash=b"\x01" * 32)]
    wrong = both[0], entry(twins, MIDDLE, LOW, read=other)
    assert settle(twins, LOW, MIDDLE, channels=wrong, sent=tuple(sent)) == "E53"
    assert settle(twins, LOW, MIDDLE, channels=both, sent=tuple(sent)) == OK
    assert twins.state.ledger.balance[MIDDLE, ASSET] == 1


def test_a_chain_may_pass_on_what_a_lower_one_sends_it_in_the_same_settlement(twins):
    first = envelopes(twins, LOW, MIDDLE, units=UNITS)
    onward = envelopes(twins, MIDDLE, HIGH, units=UNITS)
    channels = (
        entry(twins, LOW, MIDDLE, sent=first),
        entry(twins, MIDDLE, LOW, read=first),
        entry(twins, MIDDLE, HIGH, sent=onward),
    )
    assert settle(twins, LOW, MIDDLE, channels=channels, sent=(*first, *onward)) == OK
    assert read(twins, HIGH, MIDDLE, onward) == OK
    # The other way round the middle one sends before it has.
    back = envelopes(twins, HIGH, MIDDLE, units=UNITS)
    onward = envelopes(twins, MIDDLE, LOW, units=UNITS)
    channels = (
        entry(twins, MIDDLE, LOW, sent=onward),
        entry(twins, MIDDLE, HIGH, read=back),
        entry(twins, HIGH, MIDDLE, sent=back),
    )
    assert settle(twins, MIDDLE, HIGH, channels=channels, sent=(*onward, *back)) == "E21"


def test_nothing_that_is_pledged_leaves_but_by_its_holder(twins):
    pledge = Pledge(LOW, MIDDLE, ASSET, UNITS)
    assert settle(twins, LOW, pledges=(replace(pledge, pledged_units=UNITS + 1),)) == "E40"
    assert settle(twins, LOW, pledges=(pledge,)) == OK
    assert settle(twins, LOW, flows=(Flow(LOW, ASSET, 0, 1),)) == "E21"
    assert send(twins, LOW, MIDDLE, envelopes(twins, LOW, MIDDLE)) == "E21"
    seizure = int(EnvelopeFlag.SEIZURE)
    assert send(twins, LOW, HIGH, envelopes(twins, LOW, HIGH, flags=seizure)) == "E21"
    more = envelopes(twins, LOW, MIDDLE, units=UNITS + 1, flags=seizure)
    assert send(twins, LOW, MIDDLE, more) == "E21"
    assert send(twins, LOW, MIDDLE, envelopes(twins, LOW, MIDDLE, flags=seizure)) == OK
    release = Pledge(MIDDLE, LOW, ASSET, 0, UNITS - 1)
    assert settle(twins, HIGH, pledges=(replace(release, chain_id=HIGH),)) == OK
    assert twins.state.ledger.pledged[LOW, MIDDLE, ASSET] == UNITS - 1
    assert settle(twins, MIDDLE, pledges=(release,)) == OK
    assert settle(twins, LOW, flows=(Flow(LOW, ASSET, 0, UNITS - 1),)) == OK


def test_a_proven_release_settles_whatever_its_owner_seizes_first(twins):
    assert settle(twins, LOW, pledges=(Pledge(LOW, MIDDLE, ASSET, 1_000),)) == OK
    proven = prove(twins, MIDDLE, pledges=(Pledge(MIDDLE, LOW, ASSET, 0, 1_000),))
    taken = envelopes(twins, LOW, MIDDLE, flags=int(EnvelopeFlag.SEIZURE))
    assert send(twins, LOW, MIDDLE, taken) == OK
    assert twins.settle(proven) == OK
    twins.check()
    assert twins.state.ledger.pledged_total[LOW, ASSET] == 0
    assert twins.state.ledger.balance[LOW, ASSET] == UNITS - 1


def test_a_proven_release_settles_after_its_owner_is_frozen(twins):
    assert settle(twins, LOW, pledges=(Pledge(LOW, MIDDLE, ASSET, 1_000),)) == OK
    proven = prove(twins, MIDDLE, pledges=(Pledge(MIDDLE, LOW, ASSET, 0, 1_000),))
    first, second = (prove(twins, LOW).outputs[0] for _ in range(2))
    second = replace(second, new_root=b"\x09" * 32)
    twins.record(replace(proven, outputs=(second,)))
    assert twins.raise_alarm(first, second) == OK
    assert twins.move_pledges(LOW, MIDDLE, ASSET) == OK
    assert twins.settle(proven) == OK
    twins.check()
    assert twins.state.ledger.balance[MIDDLE, ASSET] == 1_000


def test_a_proven_seizure_settles_whatever_its_holder_releases_first(twins):
    assert settle(twins, LOW, pledges=(Pledge(LOW, MIDDLE, ASSET, 1_000),)) == OK
    taken = envelopes(twins, LOW, MIDDLE, units=1_000, flags=int(EnvelopeFlag.SEIZURE))
    channels = (entry(twins, LOW, MIDDLE, sent=taken),)
    proven = prove(twins, LOW, channels=channels, sent=tuple(taken))
    assert settle(twins, MIDDLE, pledges=(Pledge(MIDDLE, LOW, ASSET, 0, 1),)) == OK
    assert twins.settle(proven) == OK
    twins.check()
    assert twins.state.ledger.pledged_total[LOW, ASSET] == 0
    assert twins.state.ledger.balance[LOW, ASSET] == UNITS - 1_000


def test_a_chain_passes_on_what_it_receives_also_when_its_sender_settled_alone(twins):
    first = envelopes(twins, LOW, MIDDLE, units=UNITS)
    onward = envelopes(twins, MIDDLE, HIGH, units=UNITS)
    low = prove(twins, LOW, channels=(entry(twins, LOW, MIDDLE, sent=first),), sent=tuple(first))
    channels = entry(twins, MIDDLE, LOW, read=first), entry(twins, MIDDLE, HIGH, sent=onward)
    middle = prove(twins, MIDDLE, channels=channels, sent=tuple(onward), received=tuple(first))
    assert twins.settle(low) == OK
    assert twins.settle(middle) == OK
    twins.check()
    assert twins.state.ledger.in_flight[ASSET] == UNITS


def test_a_release_and_a_pledge_of_one_settlement_count_both(twins):
    pledge, release = Pledge(LOW, MIDDLE, ASSET, UNITS), Pledge(MIDDLE, LOW, ASSET, 0, UNITS)
    assert settle(twins, LOW, MIDDLE, pledges=(pledge, release)) == OK
    assert twins.state.ledger.pledged_total[LOW, ASSET] == 0
    # What is released may be pledged again at once.
    assert settle(twins, LOW, pledges=(pledge,)) == OK
    again = replace(pledge, peer=HIGH)
    assert settle(twins, LOW, MIDDLE, pledges=(again, release)) == OK
    assert twins.state.ledger.pledged[LOW, HIGH, ASSET] == UNITS


def test_envelopes_to_a_frozen_chain_go_back_in_order(twins):
    sent = envelopes(twins, LOW, MIDDLE, 2, units=7, expires_in_s=1)
    assert send(twins, LOW, MIDDLE, sent) == OK
    assert twins.refund_envelope(sent[0]) == "N12"
    twins.wait(FORCE_EXPIRY_S + 1)
    assert twins.freeze_undelivered(sent[1]) == "C29"
    assert twins.freeze_undelivered(sent[0]) == OK
    assert twins.refund_envelope(sent[1]) == "E51"
    assert twins.refund_envelope(sent[0]) == OK
    assert twins.refund_envelope(sent[0]) == "E51"
    assert twins.refund_envelope(sent[1]) == OK
    twins.check()
    assert twins.state.ledger.balance[LOW, ASSET] == UNITS
    record = twins.state.queue.queued(LOW, 2).record
    assert (record.kind, record.data0) == (PriorityKind.REFUND, sent[1].digest())


@pytest.mark.parametrize(("frozen", "side"), [(LOW, 1), (MIDDLE, 0)])
def test_a_pledge_becomes_the_holders_when_either_chain_is_frozen(twins, frozen, side):
    assert settle(twins, LOW, pledges=(Pledge(LOW, MIDDLE, ASSET, 5),)) == OK
    assert twins.move_pledges(LOW, MIDDLE, ASSET) == "N17"
    twins.deposit(frozen, DEPOSITORS[1], ASSET, 1)
    twins.wait(FORCE_EXPIRY_S)
    assert twins.freeze_overdue(frozen) == OK
    assert twins.move_pledges(LOW, MIDDLE, ASSET) == OK
    assert twins.move_pledges(LOW, MIDDLE, ASSET) == "N18"
    twins.check()
    assert twins.state.ledger.balance[MIDDLE, ASSET] == 5
    live = LOW + MIDDLE - frozen
    record = twins.state.queue.queued(live, twins.state.queue.length(live) - 1).record
    assert record.kind == PriorityKind.PLEDGES_MOVED
    assert (record.amount_units, int.from_bytes(record.data0), int.from_bytes(record.data1)) == (
        5,
        frozen,
        side,
    )
