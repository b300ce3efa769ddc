"""Random sequences with pledges: two chains that tell each other, and a peer that says anything.

Each chain is as in :mod:`tests.l1_strategies`. Channel 0 leads to the other chain, whose messages
are delivered as it sent them; what comes through channel 1 is forged.
"""

import random
from dataclasses import replace
from itertools import pairwise

from offchain.spec import l1_op, link_op, op, risk_op
from offchain.spec.constants import (
    INSURANCE_ACCOUNT,
    LINK_ASSET,
    PLEDGE_MAX_S,
    PLEDGE_MIN_S,
    VALUE_LIMIT,
)
from offchain.spec.encoding import address_words, signed_word
from offchain.spec.event import Event
from offchain.spec.kinds import DutyKind, EnvelopeKind, EventKind, OpKind, ReservationRole
from offchain.spec.link_records import Reservation
from offchain.spec.message import NO_VALUES, Message
from tests.l1_strategies import ASSET, PRICE_FEEDS, RATE_FEEDS, L1Flow
from tests.risk_scene import (
    COLLATERALS,
    INSURANCE_UNITS,
    MARGINED,
    START_S,
    TRADERS,
    asset_snapshot,
    risk_parameters,
)
from tests.risk_strategies import IS_ASK, RiskFlow

CHAINS = (5, 9)
LIAR = 77  # the peer of channel 1
TRUE, FORGED = 0, 1  # channels
# Asset here -> (channel, asset there).
LINKS = {64: (TRUE, 1), 65: (TRUE, 2), 66: (FORGED, 1)}
DEPOSIT_CAP = 6 * 10**9
FIRST_FEED_ENTRY = 26
BAD_ASSETS = (0, 3, 63, 64, 66, 127, 128, 255, 256)
TOLD = (EventKind.PLEDGED, EventKind.RELEASED, EventKind.SEIZE_REQUESTED, EventKind.SEIZED)


class LinkFlow(L1Flow):
    """As L1Flow, with pledges to and from peers; by itself, both of them are forged."""

    def __init__(self, seed: int, own_id: int = CHAINS[0], *, has_peer: bool = False) -> None:
        self.own_id = own_id
        self.peer_id = sum(CHAINS) - own_id
        self.forged = (FORGED,) if has_peer else (TRUE, FORGED)
        self.sent: dict[int, list[Message]] = {TRUE: [], FORGED: []}
        super().__init__(seed)

    def scene(self) -> list[bytes]:
        """Return the scene with both channels and three linked assets that have a price."""
        ops: list[op.Op] = [
            link_op.AdminChannel(channel=channel, peer_chain_id=peer_id, own_chain_id=self.own_id)
            for channel, peer_id in ((TRUE, self.peer_id), (FORGED, LIAR))
        ]
        risk = risk_parameters()[2]
        for asset, (channel, peer_asset) in LINKS.items():
            ops += [
                op.AdminAsset(asset=asset, withdraw_step_units=1, deposit_cap_units=DEPOSIT_CAP),
                link_op.AdminLink(asset=asset, channel=channel, peer_asset=peer_asset),
                replace(risk, asset=asset),
                asset_snapshot(asset, 20 * 10**8, START_S),
            ]
        ops.append(risk_op.AdminCredit(base_rate_ppm=50_000, slope_ppm=0, negative_cap=0))
        # Not by whether there are feeds, as the base has it.
        self.insurance_units = self.rng.choice(INSURANCE_UNITS)
        # Before the feeds, after which the operator's word on prices is not taken.
        before = len(RiskFlow.scene(self))
        scene = super().scene()
        return [*scene[:before], *(each.to_bytes() for each in ops), *scene[before:]]

    def feeds(self) -> list[op.Op]:
        """Return the entries of all targets and, of the same readings, of linked assets."""
        linked = [
            l1_op.AdminFeed(
                entry=FIRST_FEED_ENTRY + number,
                target=ASSET,
                asset=asset,
                price_feed=PRICE_FEEDS[ASSET, peer_asset],
                rate_feed_plus_1=RATE_FEEDS[peer_asset] + 1,
                on=1,
            )
            for number, (asset, (_, peer_asset)) in enumerate(LINKS.items())
        ]
        return super().feeds() + linked

    def emit(self, data: bytes) -> None:
        """Append an op; after a snapshot of a collateral those of what stands for it."""
        super().emit(data)
        if data[0] != OpKind.SNAPSHOT or self.state.oracle().has_feeds:
            return
        taken = risk_op.Snapshot.from_bytes(data)
        for asset, (_, peer_asset) in LINKS.items():
            if taken.target == ASSET and taken.asset == peer_asset and self.rng.random() < 0.8:
                super().emit(replace(taken, asset=asset).to_bytes())

    def observe(self, events: list[Event]) -> None:
        """Keep what was sent."""
        for told, event in pairwise(events):
            if event.kind != EventKind.MESSAGE_SENT:
                continue
            index, slot, expires_at_s, flags, *value = event.values
            record = self.state.channels.read(event.market)
            message = Message(
                channel=event.market,
                from_chain=record.own_chain_id,
                to_chain=record.peer_chain_id,
                index=index,
                slot=slot,
                expires_at_s=expires_at_s,
                flags=flags,
                values=((value[0], value[1]), *NO_VALUES[1:]),
                body=told.to_bytes(),
            )
            self.sent.setdefault(event.market, []).append(message)

    def step(self, ops_left: int) -> None:
        """Append some ops: sometimes what a peer forged, or the time at which a pledge ends."""
        draw = self.rng.random()
        if draw < 0.12:
            self.forge(self.rng.choice(self.forged))
        elif draw < 0.15 and self.next_expiry_s():
            self.reach_expiry()
        elif draw < 0.2:
            self.pledge_of_debtor()
        else:
            super().step(ops_left)

    def any_op(self) -> op.Op:
        """Return one plausible op, nearly half of them of a pledge."""
        if self.rng.random() >= 0.45:
            return super().any_op()
        choices = (
            (self.pledge, 34),
            (self.release, 22),
            (self.seize, 18),
            (self.of_linked, 12),
            (self.unlink, 6),
            (self.admin_link, 6),
            (self.moved, 2),
        )
        makers, weights = zip(*choices, strict=True)
        return self.rng.choices(makers, weights)[0]()

    # --- pledges -------------------------------------------------------------------------

    def records(self, role: ReservationRole, channel: int | None = None) -> list[Reservation]:
        """Return the pledges given or held, of one channel or of all."""
        return [
            record
            for record in self.state.reservations.values()
            if record.role == role and channel in (None, record.channel_plus_1 - 1)
        ]

    def pledge(self) -> op.Op:
        """Return a pledge, mostly of what the account has."""
        rng = self.rng
        account = rng.choice(TRADERS) & ~1 if rng.random() < 0.8 else self.account()
        asset = rng.choice(COLLATERALS) if rng.random() < 0.9 else rng.choice(BAD_ASSETS)
        given = self.records(ReservationRole.GIVEN)
        peer_account = account ^ rng.choice((0, 1, 1, 1))
        if given and rng.random() < 0.1:
            peer_account = rng.choice(given).peer_account
        elif rng.random() < 0.1:
            peer_account = rng.choice((account ^ 2, account ^ 7, 2**22 - 1, 2**22, 2))
        seconds = rng.choice((PLEDGE_MIN_S, PLEDGE_MIN_S + 600, 4 * PLEDGE_MIN_S, PLEDGE_MAX_S))
        if rng.random() < 0.05:
            seconds = rng.choice((0, PLEDGE_MIN_S - 1, PLEDGE_MAX_S + 1, 2**31, 2**32 - 1))
        channel = rng.choice((TRUE, TRUE, TRUE, FORGED))
        amount = self.SCALE * rng.choice((1, 10**7, 10**8, 3 * 10**8, 5 * 10**8))
        return link_op.Pledge(
            account=account,
            asset=asset,
            channel=channel if rng.random() < 0.96 else rng.choice((2, 63, 64, 255)),
            peer_account=peer_account,
            amount=min(amount, 2**62) if rng.random() < 0.96 else rng.choice((0, 2**62)),
            expires_at_s=min(self.state.header.now_s + seconds, 2**32 - 1),
        )

    def pledge_of_debtor(self) -> None:
        """Let an account that has little but pledges trade: fees and losses make it a debtor."""
        rng = self.rng
        held = [record for record in self.records(ReservationRole.HELD) if record.units]
        if not held:
            self.emit(self.pledge().to_bytes())
            return
        account = rng.choice(held).account
        other = rng.choice([trader for trader in TRADERS if trader != account])
        self.work_off()
        quote = self.state.account(account).free[0]
        if quote > 0:
            amount = max(1, quote * rng.choice((50, 100, 100)) // 100)
            leaves = op.Transfer(account=account, to_account=account ^ 1, asset=0, amount=amount)
            self.emit(leaves.to_bytes())
        market = rng.choice(MARGINED)
        mark = self.state.market_risk(market).mark_price
        lots = min(self.lots_of(trader, market) for trader in (account, other))
        asks = op.Place(
            market=market, account=other, price=mark - mark % 5, size_lots=lots, flags=IS_ASK
        )
        self.emit(asks.to_bytes())
        self.emit(replace(asks, account=account, flags=0).to_bytes())
        for _ in range(rng.choice((1, 2))):
            self.emit(risk_op.Liquidate(account=account).to_bytes())
            self.work_off()

    def release(self) -> op.Op:
        """Return a release, mostly of what is held."""
        rng = self.rng
        held = self.records(ReservationRole.HELD)
        account, asset, units = self.account(), rng.choice((1, 3, 64, 65, 66, 67, 256)), 10**7
        if held and rng.random() < 0.9:
            record = rng.choice(held)
            account, units = record.account, record.units
            channel = record.channel_plus_1 - 1
            asset = self.state.channels.read(channel).linked_asset(record.asset)
        amount = rng.choice((units, units, units // 2, units // 9, units + 1, 0, 2**62))
        return link_op.Release(account=account, asset=asset, amount=amount)

    def seize(self) -> op.Op:
        """Return a seizure, mostly of what a liquidation has taken."""
        rng = self.rng
        claimed = [
            (record.account, index % 8)
            for index, record in self.state.reservations.items()
            if record.claimed_units
        ]
        account, number = self.account(), rng.choice((0, 1, 7, 8, 255))
        if claimed and rng.random() < 0.9:
            account, number = rng.choice(claimed)
        return link_op.Seize(account=account, number=number)

    def of_linked(self) -> op.Op:
        """Return what linked assets may not do, or change how much of them is taken."""
        rng = self.rng
        asset = rng.choice(tuple(LINKS))
        account = self.account()
        held = self.records(ReservationRole.HELD)
        if held:
            account = rng.choice(held).account
        sender = self.sender(account)
        return rng.choice(
            (
                op.Withdraw(account=account, asset=asset, amount=1),
                op.Transfer(account=account, to_account=account ^ 1, asset=asset, amount=1),
                l1_op.ForcedWithdraw(account=account, asset=asset, amount=9, sender=sender),
                op.Deposit(
                    account=account & ~31,
                    owner=sender,
                    asset=asset,
                    amount=1,
                ),
                op.AdminAsset(
                    asset=asset,
                    flags=rng.choice((0, 0, 2)),
                    withdraw_step_units=1,
                    deposit_cap_units=rng.choice((0, DEPOSIT_CAP, DEPOSIT_CAP, 2**62 - 1)),
                ),
                replace(
                    risk_parameters()[2], asset=asset, yield_share_ppm=rng.choice((0, 0, 100_000))
                ),
                op.AdminMarket(
                    market=7,
                    market_kind=2,
                    status=1,
                    sz_decimals=2,
                    base_asset=rng.choice((asset, 67, 127)),
                    fee_account=1,
                    insurance_account=2,
                ),
            )
        )

    def unlink(self) -> op.Op:
        """Return a forced unlinking, mostly of an account that holds a pledge."""
        held = self.records(ReservationRole.HELD)
        account = self.rng.choice(held).account if held else self.account()
        return l1_op.ForcedUnlink(
            account=account,
            peer_chain_id=self.rng.choice((self.peer_id, self.peer_id, LIAR, LIAR, 1)),
            sender=self.sender(account),
        )

    def admin_link(self) -> op.Op:
        """Return a new channel or link, mostly one that is refused."""
        rng = self.rng
        if rng.random() < 0.5:
            return link_op.AdminChannel(
                channel=rng.choice((0, 1, 2, 2, 3, 63, 64)),
                peer_chain_id=rng.choice((0, 1, LIAR, 78, 79, self.own_id, 2**32 - 2, 2**32 - 1)),
                own_chain_id=rng.choice((self.own_id, self.own_id, self.own_id, 6, 0, 2**32 - 1)),
            )
        return link_op.AdminLink(
            asset=rng.choice((1, 63, 64, 67, 68, 69, 127, 128, 256)),
            channel=rng.choice((TRUE, FORGED, 2, 63, 64)),
            peer_asset=rng.choice((0, 1, 2, 3, 5, 6, 63, 64)),
        )

    def moved(self) -> op.Op:
        """Return the notice that a peer is frozen."""
        rng = self.rng
        channel = rng.choice((TRUE, FORGED, FORGED))
        asset = rng.choice((*COLLATERALS, 1, 3))
        held = self.records(ReservationRole.HELD, channel)
        total = sum(record.units for record in held if record.asset == asset)
        return l1_op.PledgesMoved(
            asset=asset,
            is_holder=rng.choice((0, 1, 1, 1)),
            peer_chain_id=(self.peer_id, LIAR)[channel],
            units=rng.choice((total, total, total // 2, 0, 2**62 - 1)),
        )

    def forced_other(self) -> op.Op:
        """Return what the base does, less often that a peer is frozen."""
        other = super().forced_other()
        if isinstance(other, l1_op.PledgesMoved) and self.rng.random() < 0.8:
            return self.unlink()
        return other

    def next_expiry_s(self) -> int:
        """Return when the next pledge falls due, 0 without one."""
        dues = [duty.due_s for duty in self.state.duties.entries if duty.kind == DutyKind.PLEDGE]
        return min(dues, default=0)

    def reach_expiry(self) -> None:
        """Let a pledge fall due while marks are fresh, or nearly."""
        due_s, now_s = self.next_expiry_s(), self.state.header.now_s
        before_s = self.rng.choice((1, 20, 60, 61))
        if due_s - before_s > now_s:
            self.move_prices(due_s - before_s - now_s, spread=0.01)
        self.emit(op.AdvanceTime(now_s=max(due_s, self.state.header.now_s)).to_bytes())
        self.work_off()

    # --- messages --------------------------------------------------------------------------

    def next_index(self, channel: int) -> int:
        """Return the index of the message that is next."""
        return self.state.channels.read(channel).received_count + 1

    def deliver(self, message: Message) -> None:
        """Send a message of a peer; if it is ahead, mostly wait for its time."""
        now_s = message.slot // 1_000
        if now_s > self.state.header.now_s and self.rng.random() < 0.9:
            self.emit(op.AdvanceTime(now_s=now_s).to_bytes())
        self.work_off()
        if self.rng.random() < 0.03:
            self.send(EnvelopeKind.MESSAGE, self.spoilt(message))
        self.send(EnvelopeKind.MESSAGE, message.to_payload())

    def spoilt(self, message: Message) -> bytes:
        """Return a payload that is out of turn, of nobody or of an impossible form."""
        rng = self.rng
        if rng.random() < 0.3:
            payload = bytearray(message.to_payload())
            payload[rng.randrange(len(payload))] ^= rng.choice((1, 128, 255))
            return bytes(payload[: rng.choice((552, 552, 551, 0))])
        spoilt = rng.choice(
            (
                replace(message, index=message.index + rng.choice((-1, 1, 2**62))),
                replace(message, index=2**63),
                replace(message, slot=message.slot + rng.choice((10**9, 2**62, 2**63))),
                replace(message, channel=rng.choice((2, 63, 64, 2**32 - 1))),
                replace(message, channel=message.channel ^ 1),
                replace(message, from_chain=rng.choice((0, 6, 2**32 - 2, 2**32 - 1, 2**256 - 1))),
                replace(message, to_chain=rng.choice((0, 6, 2**32 - 1))),
                replace(message, flags=rng.choice((4, 2**64))),
                replace(message, expires_at_s=rng.choice((2**63, 2**255))),
            )
        )
        return spoilt.to_payload()

    def forge(self, channel: int) -> None:
        """Send what a peer made up: half of it could be true."""
        rng = self.rng
        kind = rng.choice(TOLD) if rng.random() < 0.93 else rng.choice((0, 21, 60, 64, 312, 65_535))
        account, values = self.forged_values(kind, channel)
        if rng.random() < 0.1:
            place = rng.randrange(len(values))
            values[place] = rng.choice((-1, 0, 1, 63, 64, 2**22, 2**32, 2**62, 2**63 - 1, -(2**63)))
        if rng.random() < 0.03:
            account = rng.choice((0, 2, 2**22, 2**32 - 1))
        told = Event(rng.randrange(100), kind, rng.choice((0, channel)), account, tuple(values))
        value = (values[0], values[1]) if kind == EventKind.SEIZED and values[1] else (0, 0)
        if rng.random() < 0.06 or min(value) < 0:
            value = rng.choice(((0, 0), (1, 10**7), (2**256 - 1, 2**64), (0, 2**255)))
        later = rng.choice((0, 0, 0, 0, 999, 1_000))
        record = self.state.channels.read(channel)
        message = Message(
            channel=channel,
            from_chain=record.peer_chain_id,
            to_chain=record.own_chain_id,
            index=record.received_count + 1,
            slot=self.state.header.now_s * 1_000 + later,
            expires_at_s=rng.choice((0, self.state.header.now_s, 2**63 - 1)),
            flags=rng.choice((0, 0, 1, 2, 3)),
            values=(value, *(NO_VALUES[1:] if rng.random() < 0.97 else ((0, 1), *NO_VALUES[2:]))),
            body=told.to_bytes(),
        )
        self.deliver(message)

    def forged_values(self, kind: int, channel: int) -> tuple[int, list[int]]:
        """Return account and values of an event of the peer that could be true."""
        rng = self.rng
        if kind == EventKind.PLEDGED:
            return self.forged_pledge(channel)
        role = ReservationRole.HELD if kind == EventKind.SEIZED else ReservationRole.GIVEN
        records = self.records(role, channel)
        if not records:
            return 32, [1, 10**7, 32, 33, 0, 0]
        asked = [record for record in records if record.asked_units]
        record = rng.choice(asked or records)
        if kind == EventKind.SEIZED:
            asked_units = record.asked_units or 10**7
            got = rng.choice((asked_units, asked_units, asked_units // 2, 0, asked_units + 1))
            told = asked_units + rng.choice((0, 0, 0, 1, -1))
            return record.peer_account, [record.asset, got, record.account, told, 0, 0]
        units = rng.choice((record.units, record.units // 2, record.units + 1, 1))
        values = [record.asset, units, record.account, record.peer_account, 0, 0]
        return record.peer_account, values

    def forged_pledge(self, channel: int) -> tuple[int, list[int]]:
        rng = self.rng
        target = rng.choice(TRADERS) if rng.random() < 0.94 else INSURANCE_ACCOUNT
        held = self.records(ReservationRole.HELD, channel)
        source = target & ~1 if rng.random() < 0.95 else target
        if held and rng.random() < 0.5:
            record = rng.choice(held)
            source, target = record.peer_account, record.account
        owner = self.state.account(target).owner
        if rng.random() < 0.03:
            target = rng.choice((32 * 12, 2**22 - 1, 2**22, 2**32 - 1))
        asset = rng.choice((1, 1, 2, 1, 2, 3, 0)) if rng.random() < 0.9 else LINK_ASSET
        units = rng.choice((10**7, 10**8, 10**8, 10**9, 5 * 10**9))
        units = units if rng.random() < 0.95 else rng.choice((DEPOSIT_CAP, VALUE_LIMIT - 1, 0))
        seconds = rng.choice((1, PLEDGE_MIN_S, PLEDGE_MIN_S, 4 * PLEDGE_MIN_S, 10**6))
        seconds = seconds if rng.random() < 0.95 else rng.choice((0, -1))
        expires_at_s = min(self.state.header.now_s + seconds, 2**32 - 1)
        word = signed_word(target | expires_at_s << 32)
        return source, [asset, units, word, *address_words(owner)]


class TwoChains:
    """Two chains that tell each other what they pledge, release and seize."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        first, second = CHAINS
        self.chains = (
            LinkFlow(2 * seed, first, has_peer=True),
            LinkFlow(2 * seed + 1, second, has_peer=True),
        )

    def step(self, receiver: LinkFlow, sender: LinkFlow, ops_left: int) -> None:
        """Let one chain do something or read what the other has told."""
        rng = self.rng
        waiting = sender.sent[TRUE][receiver.next_index(TRUE) - 1 :]
        if waiting and rng.random() < 0.5:
            for message in waiting[: rng.choice((1, 2, 3, 9))]:
                receiver.deliver(message)
        else:
            receiver.step(ops_left)


def random_link_sequences(seed: int, length: int) -> tuple[list[bytes], list[bytes]]:
    """Return what two linked chains do: each the scene and `length` random ops and envelopes.

    Parameters
    ----------
    seed
        Equal seeds give equal sequences.
    length
        Entries of either chain after its scene.
    """
    linked = TwoChains(seed)
    totals = [len(chain.ops) + length for chain in linked.chains]
    while True:
        rooms = [total - len(chain.ops) for total, chain in zip(totals, linked.chains, strict=True)]
        if max(rooms) <= 0:
            break
        turn = rooms.index(max(rooms))
        linked.step(linked.chains[turn], linked.chains[1 - turn], rooms[turn])
    first, second = (chain.ops[:total] for total, chain in zip(totals, linked.chains, strict=True))
    return first, second
