"""ADMIN_CHANNEL and ADMIN_LINK, and what a linked asset may not be."""

from dataclasses import replace

import pytest

from offchain.spec import l1_op, link_op, op
from offchain.spec.constants import LINKS_PER_CHANNEL, MAX_CHANNELS
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import AssetFlag, EventKind, MarketKind
from offchain.spec.link_records import Channel
from offchain.spec.state import State
from tests.spec.link_support import (
    CHANNEL,
    HOLDER_ID,
    KEEPER_ID,
    LINKED,
    channel_op,
    holder,
    keeper,
    link,
    linked_asset,
    offer,
    tell,
)
from tests.spec.risk_support import asset_risk
from tests.spec.support import BASE, MAKER, MAKER_SUB, deposit, refused, run
from tests.strategies import market_op


@pytest.fixture
def state() -> State:
    return holder()


def test_channels_are_made_one_after_the_other_whoever_the_peers_are() -> None:
    state = keeper()
    assert state.channels.read(CHANNEL) == Channel(peer_chain_id=HOLDER_ID, own_chain_id=KEEPER_ID)
    (event,) = run(state, channel_op(HOLDER_ID + 1, KEEPER_ID, channel=1))
    assert (event.kind, event.market, event.account) == (EventKind.CHANNEL_SET, 1, 0)
    assert event.values[:2] == (HOLDER_ID + 1, KEEPER_ID)
    run(state, channel_op(1, KEEPER_ID, channel=2), channel_op(HOLDER_ID - 1, KEEPER_ID, channel=3))
    assert [state.channels.read(k).peer_chain_id for k in range(5)] == [9, 10, 1, 8, 0]
    for peer in (9, 10, 1, 8):
        assert refused(state, channel_op(peer, KEEPER_ID, channel=4)) is E.INVALID_LINK


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": MAX_CHANNELS},
        {"peer_chain_id": 0},
        {"peer_chain_id": 2**32 - 1},
        {"own_chain_id": 0},
        {"own_chain_id": 2**32 - 1},
        {"own_chain_id": 2**32 - 1, "channel": 0},
        {"peer_chain_id": KEEPER_ID},
        {"peer_chain_id": HOLDER_ID},
        {"own_chain_id": KEEPER_ID + 1},
        {"channel": 0},
        {"channel": 2},
    ],
)
def test_a_channel_that_does_not_fit_is_refused(changes: dict[str, int]) -> None:
    fits = channel_op(77, KEEPER_ID, channel=1)
    assert refused(keeper(), replace(fits, **changes)) is E.INVALID_LINK


def test_a_peer_is_no_chain_of_its_own_id() -> None:
    assert refused(keeper(), channel_op(77, 77, channel=1)) is E.INVALID_LINK


def test_governance_says_up_to_where_messages_may_be_void(state: State) -> None:
    (event,) = run(state, link_op.AdminVoid(channel=CHANNEL, index=256))
    assert (event.kind, event.market, event.account) == (EventKind.MESSAGES_VOIDED, CHANNEL, 0)
    assert event.values == (256, 0, 0, 0, 0, 0)
    record = state.channels.read(CHANNEL)
    assert (record.void_until, Channel.from_bytes(record.to_bytes())) == (256, record)
    assert record.to_bytes()[32:40] == (256).to_bytes(8, "little")
    run(state, link_op.AdminVoid(channel=CHANNEL, index=256))  # once more changes nothing
    assert refused(state, link_op.AdminVoid(channel=CHANNEL, index=255)) is E.INVALID_LINK


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channel": 1}, E.UNKNOWN_PEER),
        ({"channel": MAX_CHANNELS, "index": 0}, E.UNKNOWN_PEER),
        ({"index": 0}, E.INVALID_LINK),
        ({"index": 1}, E.INVALID_LINK),
        ({"index": 1 + 257}, E.INVALID_LINK),
        ({"index": 2**64 - 1}, E.INVALID_LINK),
    ],
)
def test_what_was_taken_or_cannot_have_been_sent_is_not_voided(
    state: State, changes: dict[str, int], code: E
) -> None:
    tell(state, offer(state))
    fits = link_op.AdminVoid(channel=CHANNEL, index=1 + 256)
    assert refused(state, replace(fits, **changes)) is code
    run(state, fits)


def test_messages_of_a_frozen_peer_may_be_void(state: State) -> None:
    moved = l1_op.PledgesMoved(asset=BASE, is_holder=1, peer_chain_id=KEEPER_ID, units=1)
    run(state, moved, link_op.AdminVoid(channel=CHANNEL, index=2))
    assert state.channels.read(CHANNEL).is_severed
    assert state.channels.read(CHANNEL).void_until == 2


def test_a_link_takes_the_lowest_free_entry(state: State) -> None:
    run(state, linked_asset(70))
    (event,) = run(state, link(70, peer_asset=7))
    assert (event.kind, event.market, event.values[:2]) == (EventKind.LINK_SET, CHANNEL, (70, 7))
    entries = [LINKED | BASE << 16, 70 | 7 << 16]
    assert state.channels.read(CHANNEL).links[:3] == [*entries, 0]
    asset = state.assets.read(70)
    assert asset.flags == AssetFlag.EXISTS | AssetFlag.LINKED
    assert (asset.channel_plus_1, asset.peer_asset, asset.moved_units) == (CHANNEL + 1, 7, 0)
    assert Channel.from_bytes(state.channels.read(CHANNEL).to_bytes()).links[1] == entries[1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"asset": 71}, E.UNKNOWN_ASSET),
        ({"asset": 256}, E.UNKNOWN_ASSET),
        ({"channel": 1}, E.UNKNOWN_PEER),
        ({"channel": 64}, E.UNKNOWN_PEER),
        ({"asset": 2}, E.INVALID_LINK),
        ({"asset": LINKED}, E.INVALID_LINK),
        ({"peer_asset": 0}, E.INVALID_LINK),
        ({"peer_asset": 64}, E.INVALID_LINK),
        ({"peer_asset": BASE}, E.INVALID_LINK),
    ],
)
def test_a_link_that_does_not_fit_is_refused(
    state: State, changes: dict[str, int], code: E
) -> None:
    run(state, linked_asset(70), linked_asset(2))
    assert refused(state, replace(link(70, peer_asset=2), **changes)) is code


def test_an_asset_that_is_in_use_or_shares_its_yield_is_not_linked(state: State) -> None:
    is_open = linked_asset(70, flags=AssetFlag.DEPOSITS_OPEN)
    run(state, is_open)
    assert refused(state, link(70, peer_asset=2)) is E.INVALID_LINK
    run(state, deposit(MAKER, asset=70, amount=10), linked_asset(70))
    assert refused(state, link(70, peer_asset=2)) is E.INVALID_LINK
    run(state, linked_asset(71), asset_risk(71, yield_share_ppm=1))
    assert refused(state, link(71, peer_asset=2)) is E.INVALID_LINK


def test_a_channel_has_so_many_links(state: State) -> None:
    for number in range(1, LINKS_PER_CHANNEL):
        run(state, linked_asset(LINKED + number), link(LINKED + number, peer_asset=1 + number))
    run(state, linked_asset(100))
    assert refused(state, link(100, peer_asset=40)) is E.INVALID_LINK


def test_a_linked_asset_stays_linked_and_takes_no_deposits(state: State) -> None:
    (event,) = run(state, linked_asset(deposit_cap_units=5))
    assert event.values[:4] == (LINKED, AssetFlag.EXISTS | AssetFlag.LINKED, 1, 5)
    opens = linked_asset(flags=AssetFlag.DEPOSITS_OPEN)
    assert refused(state, opens) is E.INVALID_ASSET_PARAMETER
    (event,) = run(state, deposit(MAKER, asset=LINKED, amount=10))
    assert (event.kind, event.values[5]) == (EventKind.WITHDRAWAL, E.DEPOSITS_CLOSED)


def test_the_yield_of_a_linked_asset_is_not_shared(state: State) -> None:
    assert refused(state, asset_risk(LINKED, yield_share_ppm=1)) is E.INVALID_ASSET_PARAMETER


@pytest.mark.parametrize("asset", [LINKED, LINKED + 1, 127])
def test_what_a_peer_keeps_is_not_traded(state: State, asset: int) -> None:
    if asset != LINKED:
        run(state, linked_asset(asset))
    market = market_op(9, MarketKind.SPOT, sz_decimals=2, base_asset=asset)
    assert refused(state, market) is E.INVALID_MARKET_PARAMETER


def test_a_linked_asset_leaves_its_account_by_release_alone(state: State) -> None:
    tell(state, offer(state))
    leaves = op.Withdraw(account=MAKER, asset=LINKED, amount=1)
    assert refused(state, leaves) is E.PLEDGED_ASSET
    moves = op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=LINKED, amount=1)
    assert refused(state, moves) is E.PLEDGED_ASSET
    assert refused(state, replace(moves, amount=0)) is E.PLEDGED_ASSET
