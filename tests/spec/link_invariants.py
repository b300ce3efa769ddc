"""What links between chains never break, in each of them by itself."""

from collections import Counter

from offchain.spec.constants import INSURANCE_ACCOUNT, LINK_ASSET, SUB_ACCOUNT_BITS
from offchain.spec.event import Event
from offchain.spec.kinds import DutyKind, EventKind, ReservationRole
from offchain.spec.state import State, account_index

_PER_MASTER = 8


def check_pledges(state: State) -> None:
    """Units of linked assets are exactly what records say, and every pledge held has one duty."""
    supplies: Counter[int] = Counter()
    held: Counter[tuple[int, int]] = Counter()
    seen: set[tuple[int, ...]] = set()
    duties = Counter(duty.ref for duty in state.duties.entries if duty.kind == DutyKind.PLEDGE)
    for index, record in state.reservations.items():
        assert min(record.units, record.claimed_units, record.asked_units) >= 0
        assert not record.is_empty
        assert record.account >> SUB_ACCOUNT_BITS == index // _PER_MASTER
        channel = record.channel_plus_1 - 1
        key = (record.account, record.role, channel, record.asset)
        if record.role == ReservationRole.GIVEN:
            assert record.claimed_units == record.asked_units == 0
            key = (*key, record.peer_account)
        else:
            linked = state.channels.read(channel).linked_asset(record.asset)
            claims = record.claimed_units + record.asked_units
            supplies[linked] += record.units + claims
            held[account_index(record.account), linked] += record.units
            held[account_index(INSURANCE_ACCOUNT), linked] += claims
            assert duties.pop(index) == 1
        assert key not in seen
        seen.add(key)
    for asset, entry in state.assets.items():
        if entry.is_linked:
            assert entry.supply_units == supplies.pop(asset, 0)
            assert state.channels.read(entry.channel).linked_asset(entry.peer_asset) == asset
    assert not duties
    assert not +supplies
    for index, account in state.accounts.items():
        for asset_id, free, locked in zip(
            account.asset_ids, account.free, account.locked, strict=True
        ):
            if asset_id and state.assets.read(asset_id - 1).is_linked:
                assert (free, locked) == (held.pop((index, asset_id - 1), 0), 0)
    assert not +held


class L1Ledger:
    """What a chain has on L1 of each asset that L1 knows, by the events that L1 acts on."""

    def __init__(self) -> None:
        self.units: Counter[int] = Counter()

    def follow(self, events: list[Event], *, is_deposit: bool) -> None:
        """Add and subtract; a WITHDRAWAL of a DEPOSIT sends back what was never counted."""
        for event in events:
            asset, units, *rest = event.values
            if event.kind in (EventKind.DEPOSITED, EventKind.LIQUIDATION_DONE):
                self.units[asset] += units
            elif event.kind == EventKind.REDEEMED:
                self.units[units] += rest[0]
            elif event.kind == EventKind.SEIZED or (
                event.kind == EventKind.WITHDRAWAL and not is_deposit
            ):
                self.units[asset] -= units

    def check(self, state: State) -> None:
        """What accounts have and what is pledged is what L1 has."""
        given: Counter[int] = Counter()
        for record in state.reservations.values():
            if record.role == ReservationRole.GIVEN:
                given[record.asset] += record.units
        for asset, entry in state.assets.items():
            if asset < LINK_ASSET:
                assert entry.total_units + given[asset] == self.units[asset], f"asset {asset}"
