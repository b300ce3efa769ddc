"""What peers tell a chain in random sequences: the truth in its turn, or anything.

Each chain is as in :mod:`tests.l1_strategies`. Channel 0 leads to the other chain, whose messages
are delivered as it sent them; what comes through channel 1 is forged.
"""

from dataclasses import replace
from itertools import pairwise

from offchain.spec import link_op, op
from offchain.spec.constants import INSURANCE_ACCOUNT, LINK_ASSET, MESSAGE_TTL_S, PLEDGE_MIN_S
from offchain.spec.encoding import address_words, signed_word
from offchain.spec.event import Event
from offchain.spec.kinds import EnvelopeKind, EventKind, ReservationRole
from offchain.spec.link_records import Reservation
from offchain.spec.message import NO_VALUES, Message
from tests.l1_strategies import L1Flow
from tests.risk_scene import COLLATERALS, TRADERS

CHAINS = (5, 9)
LIAR = 3  # the peer of channel 1; lower than that of channel 0
TRUE, FORGED = 0, 1  # channels
DEPOSIT_CAP = 6 * 10**9
TOLD = (EventKind.PLEDGED, EventKind.RELEASED, EventKind.SEIZE_REQUESTED, EventKind.SEIZED)


class MessageFlow(L1Flow):
    """As L1Flow, with messages of peers; by itself, all of them are forged."""

    def __init__(self, seed: int, own_id: int = CHAINS[0], *, has_peer: bool = False) -> None:
        self.own_id = own_id
        self.peer_id = sum(CHAINS) - own_id
        self.forged = (FORGED,) if has_peer else (TRUE, FORGED)
        self.sent: dict[int, list[Message]] = {TRUE: [], FORGED: []}
        super().__init__(seed)

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

    def records(self, role: ReservationRole, channel: int | None = None) -> list[Reservation]:
        """Return the pledges given or held, of one channel or of all."""
        return [
            record
            for record in self.state.reservations.values()
            if record.role == role and channel in (None, record.channel_plus_1 - 1)
        ]

    def next_index(self, channel: int) -> int:
        """Return the index of the message that is next."""
        return self.state.channels.read(channel).received_count + 1

    def deliver(self, message: Message) -> None:
        """Send a message of a peer; if it is ahead, mostly wait for its time."""
        now_s = message.slot // 1_000
        if now_s > self.state.header.now_s and self.rng.random() < 0.9:
            self.emit(op.AdvanceTime(now_s=now_s).to_bytes())
        self.work_off()
        if self.rng.random() < 0.08:
            self.send(EnvelopeKind.MESSAGE, self.spoilt(message))
        if self.rng.random() < (0.2 if message.channel == FORGED else 0.05):
            self.withhold(message)
        self.send(EnvelopeKind.MESSAGE, message.to_payload())

    def withhold(self, message: Message) -> None:
        """Send a message without its body, mostly after governance has said that it may be so."""
        rng = self.rng
        if rng.random() < 0.8:
            until = message.index + rng.choice((0, 0, 1, 255, 256, -1))
            self.emit(link_op.AdminVoid(channel=message.channel, index=max(0, until)).to_bytes())
        is_near = message.expires_at_s - self.state.header.now_s in range(1, MESSAGE_TTL_S + 1)
        if is_near and rng.random() < 0.3:
            self.emit(op.AdvanceTime(now_s=message.expires_at_s - rng.choice((0, 0, 1))).to_bytes())
            self.work_off()
        payload = bytearray(message.without_body().to_payload())
        if rng.random() < 0.2:
            payload[rng.choice((4, 5, 7, 488, 551))] ^= rng.choice((1, 2, 128))
        self.send(EnvelopeKind.MESSAGE, bytes(payload))

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
        source = target & ~1 if rng.random() < 0.9 else target
        if held and rng.random() < 0.5:
            record = rng.choice(held)
            source, target = record.peer_account, record.account
        owner = self.state.account(target).owner
        if rng.random() < 0.03:
            target = rng.choice((32 * 12, 2**22 - 1, 2**22, 2**32 - 1))
        asset = rng.choice(COLLATERALS) if rng.random() < 0.9 else rng.choice((0, 3, LINK_ASSET))
        units = self.SCALE * rng.choice((10**7, 10**8, 10**8, 10**9, 2 * 10**9))
        units = units if rng.random() < 0.95 else rng.choice((DEPOSIT_CAP, 2**61, 2**62 - 1, 0))
        seconds = rng.choice((1, PLEDGE_MIN_S, PLEDGE_MIN_S, 4 * PLEDGE_MIN_S, 10**6))
        seconds = seconds if rng.random() < 0.95 else rng.choice((0, -1))
        expires_at_s = min(self.state.header.now_s + seconds, 2**32 - 1)
        word = signed_word(target | expires_at_s << 32)
        return source, [asset, units, word, *address_words(owner)]
