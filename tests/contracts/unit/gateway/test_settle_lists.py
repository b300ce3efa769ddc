"""Gateway.settle: flows, envelopes and pledges."""

import dataclasses

import pytest

from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.messages import AssetSum, EnvelopeFlag, Flow, Pledge, pad_sums
from tests.contracts.support import (
    CHAIN_ID,
    PEER,
    THIRD,
    UNITS_PER_TOKEN,
    entry,
    envelope,
    reverts,
)

HASH = b"\x77" * 32
IN_FLIGHT_MAX = 256
SENT_AT_ONCE = 64


@pytest.fixture
def funded(system, depositor):
    """Two chains with one ether each."""
    system.fund(depositor, CHAIN_ID, PEER)
    return system


def ether(gateway, *chain_ids):
    return [gateway.balance_units(chain_id, ETHER_ASSET) for chain_id in chain_ids]


def delivery(system, *sent, **changes):
    """Both chains settle, and the second receives what the first sends."""
    channels = [
        entry(system, CHAIN_ID, PEER, sent=sent),
        entry(system, PEER, CHAIN_ID, received=sent),
    ]
    arguments = {"channels": channels, "sent": sent} | changes
    return system.settlement(CHAIN_ID, PEER, **arguments)


def dispatch(system, *sent, **changes):
    """The first chain alone settles and sends."""
    channels = [entry(system, CHAIN_ID, PEER, sent=sent)]
    return system.settlement(CHAIN_ID, channels=channels, sent=sent, **changes)


def receipt_of(system, *received, **changes):
    """The second chain alone settles and receives."""
    channels = [entry(system, PEER, CHAIN_ID, received=received)]
    arguments = {"channels": channels, "received": received} | changes
    return system.settlement(PEER, **arguments)


def test_deposits_and_withdrawals(system, gateway, depositor):
    system.deposit_ether(depositor)
    system.deposit_quote(depositor, 5 * 10**6)
    assert gateway.unassigned_units(CHAIN_ID, ETHER_ASSET) == UNITS_PER_TOKEN
    flows = [
        Flow(CHAIN_ID, QUOTE_ASSET, 5 * UNITS_PER_TOKEN, 0),
        Flow(CHAIN_ID, ETHER_ASSET, UNITS_PER_TOKEN, 30),
    ]
    system.settle(system.settlement(flows=flows))
    assert gateway.unassigned_units(CHAIN_ID, ETHER_ASSET) == 0
    assert ether(gateway, CHAIN_ID) == [UNITS_PER_TOKEN - 30]
    assert gateway.claimable_units(CHAIN_ID, ETHER_ASSET) == 30
    assert gateway.balance_units(CHAIN_ID, QUOTE_ASSET) == 5 * UNITS_PER_TOKEN


def test_wrong_flows(funded, gateway):
    flow = Flow(CHAIN_ID, ETHER_ASSET, 0, 1)
    settlement = funded.settlement(flows=[flow])
    with reverts("E23"):
        funded.settle(dataclasses.replace(settlement, flows=()))
    with reverts("E55"):
        funded.settle(funded.settlement(flows=[flow, flow]))
    with reverts("E39"):
        funded.settle(funded.settlement(flows=[Flow(CHAIN_ID, ETHER_ASSET, 1, 0)]))
    with reverts("E21"):
        funded.settle(
            funded.settlement(flows=[Flow(CHAIN_ID, ETHER_ASSET, 0, UNITS_PER_TOKEN + 1)])
        )
    with reverts("E61"):
        funded.settle(dataclasses.replace(settlement, flows=(flow, Flow(PEER, ETHER_ASSET, 0, 1))))
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN] * 2


def test_delivered_at_once(funded, gateway):
    sent = envelope(funded, units=40, flags=EnvelopeFlag.ATOMIC)
    funded.settle(delivery(funded, sent))
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN - 40, UNITS_PER_TOKEN + 40]
    assert gateway.in_flight_units(ETHER_ASSET) == 0
    accumulator = sent.accumulate(bytes(32))
    assert [*gateway.channel(CHAIN_ID, PEER)] == [1, accumulator, 1, accumulator]


def test_delivered_later(funded, gateway):
    sent = [envelope(funded, units=40)]
    sent.append(envelope(funded, units=2, index=2, slot=sent[0].slot + 1))
    receipt = funded.settle(dispatch(funded, *sent))
    assert [log.event_name for log in receipt.events] == ["Settled", *["EnvelopeInFlight"] * 2]
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN - 42, UNITS_PER_TOKEN]
    assert gateway.in_flight_units(ETHER_ASSET) == 42
    first = sent[0].accumulate(bytes(32))
    assert gateway.in_flight_accumulator(CHAIN_ID, PEER, 1) == first
    receipt = funded.settle(receipt_of(funded, sent[0]))
    assert receipt.events[-1] == gateway.EnvelopeReceived(
        from_chain=CHAIN_ID, to_chain=PEER, index=1
    )
    assert ether(gateway, PEER) == [UNITS_PER_TOKEN + 40]
    third = envelope(funded, units=1, index=3)
    channels = [
        entry(funded, CHAIN_ID, PEER, sent=[third]),
        entry(funded, PEER, CHAIN_ID, received=[sent[1], third]),
    ]
    funded.settle(
        funded.settlement(CHAIN_ID, PEER, channels=channels, sent=[third], received=[sent[1]])
    )
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN - 43, UNITS_PER_TOKEN + 43]
    assert gateway.in_flight_units(ETHER_ASSET) == 0


def test_atomic_is_not_left_in_flight(funded):
    with reverts("E19"):
        funded.settle(dispatch(funded, envelope(funded, flags=EnvelopeFlag.ATOMIC)))


@pytest.mark.parametrize(
    "case",
    [
        ("E42", {"index": 2}),
        ("E43", {"flags": 4}),
        ("E44", {"slot": 0}),
        ("E44", {"slot": 2**64}),
        ("E45", {"expires_at_s": 0}),
        ("E45", {"expires_at_s": 2**64}),
        ("E20", {"sums": pad_sums([AssetSum(ETHER_ASSET, 1)] * 2)}),
        ("E20", {"sums": pad_sums([AssetSum(), AssetSum(ETHER_ASSET, 1)])}),
        ("E54", {"sums": pad_sums([AssetSum(ETHER_ASSET, 0)])}),
        ("E21", {"sums": pad_sums([AssetSum(ETHER_ASSET, UNITS_PER_TOKEN + 1)])}),
        ("E21", {"sums": pad_sums([AssetSum(9, 1)])}),
    ],
    ids=lambda case: f"{case[0]}-{'-'.join(case[1])}",
)
def test_wrong_envelope(funded, gateway, case):
    code, changes = case
    sent = envelope(funded, **changes)
    for settlement in (dispatch(funded, sent), delivery(funded, sent)):
        with reverts(code):
            funded.settle(settlement)
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN] * 2


def test_order_along_a_channel(funded):
    first = envelope(funded)
    later = dataclasses.replace(first, index=2, slot=first.slot + 1)
    with reverts("E44"):
        funded.settle(dispatch(funded, first, dataclasses.replace(later, slot=first.slot)))
    earlier = dataclasses.replace(later, expires_at_s=first.expires_at_s - 1)
    with reverts("E45"):
        funded.settle(dispatch(funded, first, earlier))
    funded.settle(dispatch(funded, first, later))


def test_entries_that_lie(funded):
    sent = envelope(funded)
    honest = entry(funded, CHAIN_ID, PEER, sent=[sent])
    for code, changes in (
        ("E46", {"sent_count": 2}),
        ("E18", {"sent_accumulator": HASH}),
        ("E41", {"received_count": 2**64}),
    ):
        lying = dataclasses.replace(honest, **changes)
        with reverts(code):
            funded.settle(funded.settlement(channels=[lying], sent=[sent]))
    receiver = entry(funded, PEER, CHAIN_ID, received=[sent])
    with reverts("E53"):
        lying = dataclasses.replace(receiver, received_accumulator=HASH)
        funded.settle(delivery(funded, sent, channels=[honest, lying]))
    with reverts("E17"):
        lying = dataclasses.replace(receiver, received_count=2)
        funded.settle(delivery(funded, sent, channels=[honest, lying]))
    with reverts("E57"):
        settlement = funded.settlement(channels=[honest], sent=[sent])
        funded.settle(dataclasses.replace(settlement, channels=()))
    with reverts("E56"):
        itself = dataclasses.replace(honest, peer=CHAIN_ID)
        funded.settle(funded.settlement(channels=[itself], sent=[sent]))
    with reverts("E16"):
        funded.settle(funded.settlement(channels=[honest, honest], sent=[sent]))
    with reverts("E62"):
        unknown = dataclasses.replace(honest, peer=99)
        funded.settle(funded.settlement(channels=[unknown], sent=[sent]))
    with reverts("E63"):
        foreign = dataclasses.replace(sent, to_chain=THIRD)
        funded.settle(funded.settlement(channels=[honest], sent=[sent, foreign]))


def test_receipts_that_lie(funded):
    sent = [envelope(funded)]
    sent.append(envelope(funded, index=2, slot=sent[0].slot + 1))
    funded.settle(dispatch(funded, *sent))
    with reverts("E52"):
        richer = dataclasses.replace(sent[0], sums=pad_sums([AssetSum(ETHER_ASSET, 11)]))
        funded.settle(receipt_of(funded, richer))
    with reverts("E51"):
        funded.settle(receipt_of(funded, sent[1]))
    with reverts("E50"):
        funded.settle(receipt_of(funded, *sent, received=[sent[0]]))
    honest = entry(funded, PEER, CHAIN_ID, received=[sent[0]])
    with reverts("E49"):
        lying = dataclasses.replace(honest, received_accumulator=HASH)
        funded.settle(receipt_of(funded, sent[0], channels=[lying]))
    with reverts("E48"):
        funded.settle(receipt_of(funded, sent[0], received=sent))
    with reverts("E24"):
        foreign = dataclasses.replace(sent[1], from_chain=THIRD)
        funded.settle(receipt_of(funded, sent[0], received=[sent[0], foreign]))
    funded.settle(receipt_of(funded, *sent))
    with reverts("E41"):
        funded.settle(funded.settlement(PEER, channels=[honest]))


def test_in_flight_is_bounded(funded):
    for start in range(0, IN_FLIGHT_MAX, SENT_AT_ONCE):
        first = envelope(funded, units=1)
        sent = [
            dataclasses.replace(first, index=start + number + 1, slot=first.slot + number)
            for number in range(SENT_AT_ONCE)
        ]
        last_slot = sent[-1].slot
        funded.settle(dispatch(funded, *sent, last_slot=last_slot))
    with reverts("E47"):
        funded.settle(dispatch(funded, envelope(funded, units=1)))


def pledged(gateway, *path):
    return gateway.pledged_units(*path, ETHER_ASSET)


def test_pledge_seize_release(funded, gateway):
    pledge = Pledge(CHAIN_ID, PEER, ETHER_ASSET, pledged_units=UNITS_PER_TOKEN)
    receipt = funded.settle(funded.settlement(pledges=[pledge]))
    assert receipt.events[-1] == gateway.PledgeSet(
        chain_id=CHAIN_ID, holder=PEER, asset_id=ETHER_ASSET, units=UNITS_PER_TOKEN
    )
    # What is pledged can be neither sent nor withdrawn.
    with reverts("E21"):
        funded.settle(delivery(funded, envelope(funded, units=1)))
    with reverts("E21"):
        funded.settle(funded.settlement(flows=[Flow(CHAIN_ID, ETHER_ASSET, 0, 1)]))
    seizure = envelope(funded, units=30, flags=EnvelopeFlag.SEIZURE | EnvelopeFlag.ATOMIC)
    funded.settle(delivery(funded, seizure))
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN - 30, UNITS_PER_TOKEN + 30]
    assert pledged(gateway, CHAIN_ID, PEER) == UNITS_PER_TOKEN - 30
    release = Pledge(PEER, CHAIN_ID, ETHER_ASSET, released_units=UNITS_PER_TOKEN - 30)
    funded.settle(funded.settlement(PEER, pledges=[release]))
    assert pledged(gateway, CHAIN_ID, PEER) == 0
    assert gateway.pledged_total_units(CHAIN_ID, ETHER_ASSET) == 0
    funded.settle(funded.settlement(flows=[Flow(CHAIN_ID, ETHER_ASSET, 0, 1)]))


def test_pledges_of_two_chains_at_once(funded, gateway):
    pledges = [Pledge(a, b, ETHER_ASSET, 7) for a, b in ((CHAIN_ID, PEER), (PEER, CHAIN_ID))]
    funded.settle(funded.settlement(CHAIN_ID, PEER, pledges=pledges))
    assert pledged(gateway, CHAIN_ID, PEER) == pledged(gateway, PEER, CHAIN_ID) == 7


def test_a_seizure_and_a_release_beyond_the_pledge(funded, gateway):
    pledge = Pledge(CHAIN_ID, PEER, ETHER_ASSET, pledged_units=30)
    funded.settle(funded.settlement(pledges=[pledge]))
    seizure = envelope(funded, units=31, flags=EnvelopeFlag.SEIZURE | EnvelopeFlag.ATOMIC)
    funded.settle(delivery(funded, seizure))
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN - 31, UNITS_PER_TOKEN + 31]
    assert pledged(gateway, CHAIN_ID, PEER) == 0
    funded.settle(funded.settlement(pledges=[pledge]))
    release = Pledge(PEER, CHAIN_ID, ETHER_ASSET, released_units=31)
    funded.settle(funded.settlement(PEER, pledges=[release]))
    assert pledged(gateway, CHAIN_ID, PEER) == 0
    assert gateway.pledged_total_units(CHAIN_ID, ETHER_ASSET) == 0
    assert ether(gateway, CHAIN_ID) == [UNITS_PER_TOKEN - 31]


def test_wrong_pledges(funded):
    pledge = Pledge(CHAIN_ID, PEER, ETHER_ASSET, pledged_units=UNITS_PER_TOKEN)
    with reverts("E40"):
        more = dataclasses.replace(pledge, pledged_units=UNITS_PER_TOKEN + 1)
        funded.settle(funded.settlement(pledges=[more]))
    with reverts("E58"):
        itself = dataclasses.replace(pledge, peer=CHAIN_ID)
        funded.settle(funded.settlement(pledges=[itself]))
    with reverts("E59"):
        funded.settle(funded.settlement(pledges=[pledge, pledge]))
    with reverts("E60"):
        settlement = funded.settlement(pledges=[pledge])
        funded.settle(dataclasses.replace(settlement, pledges=()))
    with reverts("E62"):
        unknown = dataclasses.replace(pledge, peer=99)
        funded.settle(funded.settlement(pledges=[unknown]))
