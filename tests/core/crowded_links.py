"""Links of the crowded chain: channels, linked assets and pledges.

PLEDGER has given one pledge, GIVER as many as it may; HOLDER holds one of each of the first two
peers, the second of which is frozen and nothing of it has been moved. Messages of the first
one may be void up to VOID_UNTIL. DEBTOR needs most of its collateral.
"""

from dataclasses import replace

from offchain.spec import l1_op, link_op, op
from offchain.spec.constants import LINKS_PER_CHANNEL, PLEDGE_MIN_S, RESERVATIONS_PER_MASTER
from offchain.spec.encoding import address_words
from offchain.spec.envelope import Envelope
from offchain.spec.event import Event
from offchain.spec.kinds import AssetFlag, EnvelopeKind, EventKind, PlaceFlag
from offchain.spec.kinds import TimeInForce as Tif
from offchain.spec.message import Message
from tests.core.crowded_risk import ASSET_RISK, PRICE, RISK_ASSET, RISKY
from tests.strategies import UNITS, owner_of

PLEDGER, GIVER, HOLDER, DEBTOR, SELLER = (32 * master for master in (13, 14, 15, 16, 17))
OWN_ID, PEER_IDS = 9, (6, 7, 5)
OPEN, SEVERED, FULL = range(3)  # channels; FULL links as many assets as it may
ABSENT_CHANNEL = 3
KEPT = 1  # what the peers keep, and this chain too
LINKED, MOVED = 64, 65  # stand for KEPT of the peers OPEN and SEVERED
FREE, DEPOSITS, SHARED, FIRST_OF_FULL = 66, 67, 68, 80  # may be linked; two that may not be
HELD = 100
VOID_UNTIL = 4
LOTS = 32 * UNITS // 10**3 // PRICE  # of four times what DEBTOR's collateral counts for


def asset(number: int, flags: int = 0) -> op.AdminAsset:
    return op.AdminAsset(
        asset=number, flags=flags, withdraw_step_units=1, deposit_cap_units=10 * HELD
    )


def message_envelope(message: Message, arrival_ms: int = 0) -> bytes:
    return Envelope(
        kind=EnvelopeKind.MESSAGE, arrival_ms=arrival_ms, payload=message.to_payload()
    ).to_bytes()


def pledged(channel: int, now_s: int) -> Message:
    """Return the first message of a peer: it has locked HELD units for HOLDER."""
    target = HOLDER | (now_s + PLEDGE_MIN_S) << 32
    body = Event(
        7, EventKind.PLEDGED, 0, PLEDGER, (KEPT, HELD, target, *address_words(owner_of(HOLDER)))
    )
    return Message(
        channel=channel,
        from_chain=PEER_IDS[channel],
        to_chain=OWN_ID,
        index=1,
        slot=now_s * 1_000,
        expires_at_s=0,
        body=body.to_bytes(),
    )


def crowded_link_entries(now_s: int) -> list[bytes]:
    """Return ops and envelopes, all of which are accepted at `now_s`."""
    moved = l1_op.PledgesMoved(asset=KEPT, is_holder=1, peer_chain_id=PEER_IDS[SEVERED], units=0)
    return [
        *(each.to_bytes() for each in (*_links(), *_money(), *_given(now_s), *_position())),
        *(message_envelope(pledged(channel, now_s)) for channel in (OPEN, SEVERED)),
        moved.to_bytes(),
        link_op.AdminVoid(channel=OPEN, index=VOID_UNTIL).to_bytes(),
    ]


def _links() -> list[op.Op]:
    links = [(LINKED, OPEN, KEPT), (MOVED, SEVERED, KEPT)]
    links += [(FIRST_OF_FULL + i, FULL, 1 + i) for i in range(LINKS_PER_CHANNEL)]
    return [
        *(
            link_op.AdminChannel(channel=channel, peer_chain_id=peer, own_chain_id=OWN_ID)
            for channel, peer in enumerate(PEER_IDS)
        ),
        *(asset(number) for number, _, _ in links),
        *(asset(number) for number in (FREE, SHARED)),
        asset(DEPOSITS, AssetFlag.DEPOSITS_OPEN),
        replace(ASSET_RISK, asset=SHARED, yield_share_ppm=1),
        *(
            link_op.AdminLink(asset=number, channel=channel, peer_asset=there)
            for number, channel, there in links
        ),
    ]


def _money() -> list[op.Op]:
    deposits = [(PLEDGER, KEPT), (GIVER, KEPT), (HOLDER, 0), (DEBTOR, RISK_ASSET), (SELLER, 0)]
    return [
        op.Deposit(account=account, owner=owner_of(account), asset=number, amount=UNITS)
        for account, number in deposits
    ]


def _given(now_s: int) -> list[op.Op]:
    pledges = [(PLEDGER, PLEDGER)]
    pledges += [(GIVER, GIVER + sub) for sub in range(RESERVATIONS_PER_MASTER)]
    return [
        link_op.Pledge(
            account=account,
            asset=KEPT,
            channel=OPEN,
            peer_account=peer_account,
            amount=10,
            expires_at_s=now_s + PLEDGE_MIN_S,
        )
        for account, peer_account in pledges
    ]


def _position() -> list[op.Op]:
    sides = ((SELLER, PlaceFlag.IS_ASK, Tif.GTC), (DEBTOR, 0, Tif.IOC))
    return [
        op.Place(
            flags=flags,
            market=RISKY,
            account=account,
            price=PRICE,
            size_lots=LOTS,
            time_in_force=tif,
        )
        for account, flags, tif in sides
    ]
