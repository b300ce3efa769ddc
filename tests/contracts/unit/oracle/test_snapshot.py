"""OracleHub.snapshot and the getters of snapshots."""

import ape
import pytest

from offchain.settlement.oracle_feeds import Reading, Status, fair_price
from offchain.settlement.oracle_hub import ACCUMULATOR_START, Snapshot, accumulate_all
from tests.contracts.support import reverts

SET_ID = 1
E8 = 10**8
E18 = 10**18
PAIR_RESERVES = (3_000_000 * 10**6, 1_000 * E18)
SUPPLY = 54_772_255_750_516_611
FAIR_PRICE = fair_price(PAIR_RESERVES[0] * E8, PAIR_RESERVES[1] * 3_000 * E8, 24, SUPPLY)
LOW_GAS = 230_000
DOLLAR, ETHER, STAKED, VAULT, POOL, PAIR = range(6)


def taken(receipt):
    """Snapshot of a receipt's event."""
    [event] = receipt.events
    assert event.event_name == "SnapshotTaken"
    return Snapshot.from_event(
        {
            "set_id": event.set_id,
            "index": event.index,
            "time_s": event.time_s,
            "accumulator": bytes(event.accumulator),
            "readings": event.readings,
        }
    )


@pytest.fixture
def snapshot(hub, registered, stranger, next_interval):
    """Take a snapshot in the next interval."""

    def take():
        next_interval()
        return taken(hub.snapshot(SET_ID, sender=stranger))

    return take


def test_anyone_takes_a_snapshot(hub, registered, stranger):
    receipt = hub.snapshot(SET_ID, sender=stranger)
    found = taken(receipt)
    assert found == Snapshot(
        set_id=SET_ID,
        index=0,
        time_s=ape.chain.blocks.head.timestamp,
        readings=(
            Reading(E8, Status.OK),
            Reading(3_000 * E8, Status.OK),
            Reading(12 * E18 // 10, Status.OK),
            Reading(105 * E18 // 100, Status.OK),
            Reading(101 * E18 // 100, Status.OK),
            FAIR_PRICE,
        ),
    )
    assert FAIR_PRICE.value == pytest.approx(2 * 3_000_000 * E8 * E18 / SUPPLY, rel=1e-12)
    assert hub.snapshot_count(SET_ID) == 1
    assert hub.snapshot_time_s(SET_ID, 0) == found.time_s
    assert bytes(hub.accumulator_after(SET_ID, 1)) == found.accumulate(ACCUMULATOR_START)


def test_accumulator_and_times_over_two_slots(hub, snapshot):
    found = [snapshot() for _ in range(6)]
    for count in range(7):
        accumulator = bytes(hub.accumulator_after(SET_ID, count))
        assert accumulator == accumulate_all(found[:count])
    times_s = [hub.snapshot_time_s(SET_ID, index) for index in range(7)]
    assert times_s == [*[one.time_s for one in found], 0]
    assert [one.index for one in found] == list(range(6)) == list(range(hub.snapshot_count(SET_ID)))


def test_unknown_set(hub, stranger):
    with reverts("F13"):
        hub.snapshot(SET_ID + 1, sender=stranger)


def test_second_snapshot_in_an_interval(hub, snapshot, stranger):
    snapshot()
    with reverts("F14"):
        hub.snapshot(SET_ID, sender=stranger)
    assert snapshot().index == 1


def test_too_little_gas(hub, registered, stranger):
    with reverts("F15"):
        hub.snapshot(SET_ID, sender=stranger, gas_limit=LOW_GAS)
    assert hub.snapshot_count(SET_ID) == 0


@pytest.mark.parametrize(
    ("answer", "age_s", "status"),
    [
        (3_000 * E8, 4_100, Status.STALE),
        (3_000 * E8, -1_000, Status.FUTURE),
        (0, 0, Status.NON_POSITIVE),
        (-(10**8), 0, Status.NON_POSITIVE),
        (1, 0, Status.CLAMPED),
        (10**14, 0, Status.CLAMPED),
    ],
)
def test_bad_price_takes_the_pair_with_it(
    snapshot, sources, registered, owner, answer, age_s, status
):
    sources.ether.update_at(answer, ape.chain.pending_timestamp - age_s, sender=owner)
    readings = snapshot().readings
    assert readings[ETHER] == Reading(0, status)
    assert readings[PAIR] == Reading(0, Status.DEPENDS_ON_BAD_FEED)
    assert all(readings[i].status is Status.OK for i in (DOLLAR, STAKED, VAULT, POOL))


def test_changed_decimals(snapshot, sources, registered, owner):
    sources.dollar.set_decimals(18, sender=owner)
    assert snapshot().readings[DOLLAR] == Reading(0, Status.DECIMALS_CHANGED)


def test_donated_vault_is_capped(snapshot, sources, registered, owner):
    sources.vault.set_rate(2_000_000, sender=owner)
    reading = snapshot().readings[VAULT]
    assert reading.status is Status.CAPPED
    assert 105 * E18 // 100 <= reading.value < 105 * E18 // 100 + E18 // 10**5


def test_slashed_stake_shows_at_once(snapshot, sources, registered, owner):
    sources.staked.set_rate(E18, sender=owner)
    assert snapshot().readings[STAKED] == Reading(E18, Status.OK)


def test_empty_pair(snapshot, sources, registered, owner):
    sources.pair.burn(SUPPLY, sender=owner)
    assert snapshot().readings[PAIR] == Reading(0, Status.NO_SUPPLY)


def test_owner_can_change_nothing_of_a_snapshot(hub):
    """The whole power of the owner: new sets, and handing over."""
    changing = {f.name for f in hub.contract_type.mutable_methods}
    assert changing == {"register_feed_set", "snapshot", "transfer_ownership", "accept_ownership"}
