"""Which batches settle together, and the lists that L1 gets for them."""

from dataclasses import dataclass, replace

import pytest

from offchain.engine.mail import ChannelTotals, Mail, PledgeSums
from offchain.settlement.bundle import _closure
from offchain.settlement.chain_lists import ChainLists, ChainPart, arguments_of, chain_lists
from offchain.settlement.messages import ChannelEntry, Flow, Pledge
from offchain.settlement.public_output import PublicOutput
from offchain.spec.kinds import MessageFlag
from offchain.spec.message import Message

ATOMIC = MessageFlag.ATOMIC


@dataclass
class Batch:
    """A sealed batch of which only the mail matters."""

    mail: Mail


def message(from_chain, to_chain, index, flags=0):
    return Message(
        channel=0,
        from_chain=from_chain,
        to_chain=to_chain,
        index=index,
        slot=10 * index,
        expires_at_s=100,
        flags=flags,
        body=bytes(64),
    )


def batch(sent=(), taken=()):
    return Batch(Mail(sent=tuple(sent), taken=tuple(taken)))


def counts(start, unsettled, settled=()):
    found = _closure(start, unsettled, lambda each: each in settled)
    return {chain_id: len(batches) for chain_id, batches in found.items()}


def test_plain_messages_settle_one_after_the_other():
    told = message(1, 2, 1)
    unsettled = {1: [batch(sent=[told])], 2: [batch(taken=[told])]}
    assert counts(1, unsettled) == {1: 1}
    assert counts(2, unsettled) == {1: 1, 2: 1}
    assert counts(2, {1: [], 2: unsettled[2]}, settled=[told]) == {2: 1}


def test_atomic_messages_settle_together():
    asked, answered = message(2, 1, 1, ATOMIC), message(1, 2, 1, ATOMIC)
    unsettled = {
        1: [batch(sent=[answered], taken=[asked])],
        2: [batch(sent=[asked], taken=[answered])],
        3: [batch()],
    }
    assert counts(1, unsettled) == counts(2, unsettled) == {1: 1, 2: 1}
    assert counts(3, unsettled) == {3: 1}


def test_batches_before_come_along():
    asked = message(2, 1, 1, ATOMIC)
    unsettled = {1: [batch(), batch(), batch(taken=[asked])], 2: [batch(sent=[asked])]}
    assert counts(2, unsettled) == {1: 3, 2: 1}


def test_what_is_not_there_waits():
    told, asked = message(1, 2, 1), message(2, 1, 1, ATOMIC)
    assert counts(2, {1: [], 2: [batch(taken=[told])]}) == {}
    assert counts(2, {2: [batch(taken=[told])]}) == {}
    assert counts(2, {1: [batch()], 2: [batch(sent=[asked])]}) == {}
    assert counts(1, {1: []}) == {}


def output(chain_id):
    words = dict.fromkeys(("first_batch", "last_batch", "first_slot", "last_slot"), 1)
    times = dict.fromkeys(("first_time_s", "last_time_s", "priority_first", "priority_next"), 0)
    hashes = ("config_hash", "old_root", "new_root", "priority_accumulator")
    return PublicOutput(
        l1_chain_id=1,
        gateway=bytes(20),
        chain_id=chain_id,
        **words,
        **times,
        **dict.fromkeys(hashes, bytes(32)),
    )


def test_lists_of_several_batches_are_summed():
    first = Mail(
        sent=(message(1, 2, 1),),
        channels=(ChannelTotals(2, 1, b"\x01" * 32, 0, bytes(32)),),
        pledges=(PledgeSums(2, 5, 7, 0),),
    )
    second = Mail(
        sent=(message(1, 2, 2),),
        taken=(message(3, 1, 1),),
        channels=(
            ChannelTotals(2, 2, b"\x02" * 32, 0, bytes(32)),
            ChannelTotals(3, 0, bytes(32), 1, b"\x03" * 32),
        ),
        pledges=(PledgeSums(2, 4, 1, 0), PledgeSums(2, 5, 1, 3)),
    )
    lists = chain_lists(1, [Batch(first), Batch(second)])
    assert lists.channels == (
        ChannelEntry(1, 2, 2, b"\x02" * 32, 0, bytes(32)),
        ChannelEntry(1, 3, 0, bytes(32), 1, b"\x03" * 32),
    )
    assert [each.index for each in lists.sent] == [1, 2]
    assert [each.from_chain for each in lists.taken] == [3]
    assert lists.pledges == (Pledge(1, 2, 4, 1, 0), Pledge(1, 2, 5, 8, 3))


def test_arguments_are_in_the_order_of_settle():
    """Chains ascend; what is taken of this very settlement is told by totals alone."""
    mail_2 = Mail(sent=(message(2, 1, 1, ATOMIC),), taken=(message(1, 2, 2), message(1, 2, 3)))
    mail_1 = Mail(sent=(message(1, 2, 3), message(1, 3, 1)), taken=(message(2, 1, 1, ATOMIC),))
    parts = [
        ChainPart(output(i), (Flow(i, 0, 1, 0),), chain_lists(i, [Batch(mail)]))
        for i, mail in ((2, mail_2), (1, mail_1))
    ]
    arguments = arguments_of(parts)
    assert [each.chain_id for each in arguments.outputs] == [1, 2]
    assert [each.chain_id for each in arguments.flows] == [1, 2]
    sent = [(each.from_chain, each.to_chain, each.index) for each in arguments.sent]
    assert sent == [(1, 2, 3), (1, 3, 1), (2, 1, 1)]
    received = [(each.from_chain, each.to_chain, each.index) for each in arguments.received]
    assert received == [(1, 2, 2)]


def test_lists_have_an_end():
    lists = ChainLists(pledges=tuple(Pledge(1, 2, asset, 1) for asset in range(65)))
    part = ChainPart(output(1), (), lists)
    with pytest.raises(ValueError, match="65 entries in a list: L1 takes 8 with 64"):
        arguments_of([part])
    assert arguments_of([replace(part, lists=ChainLists())]).pledges == ()
    many = [ChainPart(output(i), (), ChainLists()) for i in range(1, 10)]
    with pytest.raises(ValueError, match="9 chains"):
        arguments_of(many)
