"""What the output says of channels and pledges, in random batches and at the limit of messages."""

from collections import defaultdict

import pytest

from offchain.core.binding import Core
from offchain.engine.state_view import StateView
from offchain.settlement.chain_lists import chain_lists
from offchain.settlement.messages import ChannelEntry, Pledge, channels_root, pledges_root
from offchain.settlement.public_output import PublicOutput
from offchain.spec import link_op
from offchain.spec.constants import PLEDGE_MIN_S
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import EnvelopeKind, EventKind, Subtree
from offchain.spec.link_records import Channel
from offchain.witness.format import ExitCode, WitnessError
from offchain.witness.native import run_witness
from tests.link_strategies import CHAINS, LinkFlow, random_link_sequences
from tests.risk_strategies import random_risk_sequence
from tests.strategies import CONFIG_HASH, GOVERNANCE, START_S, owner_of, scene
from tests.witness.batches import Batch, run_guest, sealed_batches, spec_roots, with_witnesses
from tests.witness.link_batches import link_batches, wrapped

LENGTH, BATCH_ENVELOPES = 250, 40
OWN_ID = CHAINS[0]
A = 32
MESSAGES_MAX = 64  # that one batch may send


class Expected:
    """What a chain's own records and events say that its outputs must be."""

    def __init__(self) -> None:
        self.core = Core(CONFIG_HASH, GOVERNANCE)
        self.channels_seen: set[int] = set()

    def channel(self, number: int) -> Channel:
        return Channel.from_bytes(self.core.leaf(Subtree.CHANNELS, number))

    def words(self, batch: Batch) -> tuple[int, int, bytes, bytes]:
        """Follow a batch; return first and last slot and the roots of both lists."""
        first_slot = StateView(self.core).header().last_slot
        used: set[int] = set()
        sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        for envelope in batch.sealed.envelopes:
            _, events = self.core.apply_envelope(envelope)
            for event in events:
                kind, channel = int(event["kind"]), int(event["market"])
                if kind in (EventKind.MESSAGE_SENT, EventKind.MESSAGE_TAKEN):
                    used.add(channel)
                if kind in (EventKind.PLEDGED, EventKind.RELEASED):
                    asset, units = event["v"].tolist()[:2]
                    peer = self.channel(channel).peer_chain_id
                    sums[peer, asset][kind == EventKind.RELEASED] += units
        self.channels_seen |= used
        entries = [
            ChannelEntry(
                chain_id=OWN_ID,
                peer=each.peer_chain_id,
                sent_count=each.sent_count,
                sent_accumulator=each.sent_accumulator,
                received_count=each.received_count,
                received_accumulator=each.received_accumulator,
            )
            for each in map(self.channel, used)
        ]
        entries.sort(key=lambda entry: entry.peer)
        pledges = [Pledge(OWN_ID, *ends, *sums[ends]) for ends in sorted(sums)]
        last_slot = StateView(self.core).header().last_slot
        return first_slot, last_slot, channels_root(entries), pledges_root(pledges)


def assert_words(batches: list[Batch], program) -> Expected:
    expected = Expected()
    assert [batch.sealed.new_root for batch in batches] == spec_roots(batches)
    for batch in batches:
        tape = batch.witness.to_bytes()
        native = run_witness(tape)
        assert (native.exit_code, native.unread_words) == (ExitCode.OK, 0)
        assert run_guest(program, tape) == (0, native.output)
        output = PublicOutput.from_bytes(native.output)
        assert output.new_root == batch.sealed.new_root
        stated = (output.first_slot, output.last_slot)
        stated += (output.channels_root, output.reservations_root)
        assert stated == expected.words(batch)
        lists = chain_lists(OWN_ID, [batch.sealed])
        assert stated[2:] == (channels_root(lists.channels), pledges_root(lists.pledges))
    return expected


@pytest.mark.parametrize("seed", range(3))
def test_random_batches_of_two_chains(seed: int, program) -> None:
    for entries in random_link_sequences(seed, LENGTH):
        batches = link_batches(entries, BATCH_ENVELOPES)
        assert len(batches) > 3
        assert assert_words(batches, program).channels_seen


@pytest.mark.parametrize("seed", [3, 5, 6])
def test_random_batches_with_peers_that_say_anything(seed: int, program) -> None:
    batches = link_batches(random_risk_sequence(seed, LENGTH, LinkFlow), BATCH_ENVELOPES)
    assert assert_words(batches, program).channels_seen == {0, 1}


def pledges(count: int) -> list[bytes]:
    """Return envelopes with so many pledges, which fit in one batch."""
    channel = link_op.AdminChannel(channel=0, peer_chain_id=1, own_chain_id=2).to_bytes()
    pledge = link_op.Pledge(
        account=A,
        asset=1,
        channel=0,
        peer_account=A,
        amount=1,
        expires_at_s=START_S + PLEDGE_MIN_S,
    ).to_bytes()
    before = wrapped([*scene(), channel])
    last = Envelope.from_bytes(before[-1]).arrival_ms
    return [
        *before,
        *(
            Envelope(
                kind=EnvelopeKind.USER,
                account=A,
                signer=owner_of(A),
                nonce=last + number,
                arrival_ms=last,
                payload=pledge * min(32, count - 32 * number),
            ).to_bytes()
            for number in range((count + 31) // 32)
        ),
    ]


def test_a_batch_sends_as_many_messages_as_l1_takes(program) -> None:
    (batch,) = with_witnesses(sealed_batches(pledges(MESSAGES_MAX), 1_000))
    assert assert_words([batch], program).channel(0).sent_count == MESSAGES_MAX


def test_a_batch_that_sends_more_has_no_run() -> None:
    sealed = sealed_batches(pledges(MESSAGES_MAX + 1), 1_000)
    with pytest.raises(WitnessError, match="LIMIT"):
        with_witnesses(sealed)
