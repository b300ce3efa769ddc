"""Random sequences with what L1 tells a chain: forced operations, notices, snapshots of the hub.

As in :mod:`tests.risk_strategies`; but a sequence holds whole envelopes besides ops, which are told
apart by their length (:func:`is_envelope`).
"""

from collections.abc import Sequence
from dataclasses import replace

from offchain.spec import l1_op, op, settling
from offchain.spec.checks import OpError
from offchain.spec.constants import (
    FEED_ENTRIES,
    LINK_ASSET,
    LISTED_MAX,
    MAX_STEPS,
    OP_BYTES,
    SHARE_ASSET,
)
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.kinds import AssetFlag, EnvelopeKind, OpKind, PriorityKind, SnapshotTarget
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.spec.priority import PriorityRecord, admin_record
from offchain.spec.risk_op import Snapshot
from tests.risk_scene import (
    COLLATERALS,
    E8_PER_PRICE,
    MARGINED,
    MID_PRICE,
    PERP,
    PLAIN,
    SPOT,
    TIERED,
    TRADERS,
)
from tests.risk_strategies import IS_ASK, RiskFlow

Target = tuple[int, int]  # SnapshotTarget and its market or asset
MARKET, ASSET = SnapshotTarget.MARKET, SnapshotTarget.ASSET
# Reading of each target's price, and of the redemption rate of each asset.
PRICE_FEEDS: dict[Target, int] = {
    **{(MARKET, market): number for number, market in enumerate(MARGINED)},
    **{(ASSET, asset): 2 + number for number, asset in enumerate(COLLATERALS)},
}
READINGS = 6
RATE_FEEDS = {asset: 4 + number for number, asset in enumerate(COLLATERALS)}
OK, CAPPED = 1, 2
E18_PER_E12 = 10**6
PEERS = (5, 9, 77)
FIRST_ARRIVAL_MS = 10**12
ARRIVAL_END = 24  # in an envelope: a later arrival would stop all that follow
FROM_L1 = range(OpKind.FORCED_WITHDRAW, OpKind.PLEDGES_MOVED + 1)
NUMBERS = (0, 1, 31, 32, 2**16 - 1, 2**16, 2**17, 2**32 - 1, 2**62, 2**64, 2**160, 2**256 - 1)


def is_envelope(data: bytes) -> bool:
    """Return whether an entry of a sequence is a whole envelope, no op."""
    return len(data) != OP_BYTES


class L1Flow(RiskFlow):
    """As RiskFlow, with owners who force things through L1, and prices that the hub tells.

    Every third seed has no feeds: there snapshots are the operator's word.
    """

    def __init__(self, seed: int) -> None:
        self.has_feeds = seed % 3 != 0
        self.is_nearly_full = seed % 5 == 0
        prices = [MID_PRICE[market] * E8_PER_PRICE[market] for market in MARGINED]
        rates = [105 * 10**16] * len(COLLATERALS)
        values = (*prices, *(20 * 10**8 for _ in COLLATERALS), *rates)
        self.told_s = 0
        self.readings = [(value, OK) for value in values]
        super().__init__(seed)

    def scene(self) -> list[bytes]:
        """Return the scene with feeds for all targets, and a listing that is nearly full."""
        ops: list[op.Op] = []
        if self.has_feeds:
            ops += self.feeds()
        if self.is_nearly_full:
            # The highest ids first, so that later ones go in between.
            ids = [*range(SHARE_ASSET - 1, LINK_ASSET, -1)][: LISTED_MAX - self.rng.choice((3, 4))]
            ops += [
                op.AdminAsset(asset=asset, withdraw_step_units=1, deposit_cap_units=0)
                for asset in ids
            ]
        return [*super().scene(), *(each.to_bytes() for each in ops)]

    def feeds(self) -> list[op.Op]:
        """Return the entries of all targets."""
        return [
            l1_op.AdminFeed(
                entry=5 * number,
                target=target,
                market=target_id if target == MARKET else 0,
                asset=target_id if target == ASSET else 0,
                price_feed=PRICE_FEEDS[target, target_id],
                rate_feed_plus_1=RATE_FEEDS[target_id] + 1 if target == ASSET else 0,
                on=1,
            )
            for number, (target, target_id) in enumerate(PRICE_FEEDS)
        ]

    # --- what is sent ----------------------------------------------------------------------

    def emit(self, data: bytes) -> None:
        """Append an op; where the hub tells prices, what it would tell instead of a snapshot."""
        is_price = data[0] == OpKind.SNAPSHOT and len(data) == OP_BYTES
        if is_price and self.state.oracle().has_feeds and self.rng.random() < 0.9:
            self.tell(Snapshot.from_bytes(data))
        elif data[0] in FROM_L1:
            self.force(data)
        else:
            super().emit(data)

    def send(self, kind: EnvelopeKind, payload: bytes) -> None:
        """Append an envelope of L1 and follow it, whether it is accepted or not."""
        rng = self.rng
        arrival_ms = FIRST_ARRIVAL_MS + len(self.ops)
        data = Envelope(kind=kind, arrival_ms=arrival_ms, payload=payload).to_bytes()
        if rng.random() < 0.01:
            changed = bytearray(data)
            changed[rng.randrange(ARRIVAL_END, len(data))] ^= rng.choice((1, 128, 255))
            data = bytes(changed)
        self.ops.append(data)
        try:
            self.observe(apply_envelope(self.state, data))
        except OpError:
            return

    def any_op(self) -> op.Op:
        """Return one plausible op, four in ten from L1."""
        if self.rng.random() >= 0.4:
            return super().any_op()
        choices = (
            (self.forced_withdraw, 30),
            (self.forced_close, 30),
            (self.forced_other, 30),
            (self.any_feed, 5),
            (self.any_asset, 40 if self.is_nearly_full else 4),
        )
        makers, weights = zip(*choices, strict=True)
        return self.rng.choices(makers, weights)[0]()

    def step(self, ops_left: int) -> None:
        """Append some ops: sometimes something forced that takes more than one op."""
        draw = self.rng.random()
        if draw < 0.03 and ops_left > MAX_STEPS + 20:
            self.force_much()
        elif draw < 0.05:
            self.bad_oracle()
        elif draw < 0.06:
            self.send(EnvelopeKind.PRIORITY, self.rng.randbytes(256))
        else:
            super().step(ops_left)

    # --- prices of the hub -----------------------------------------------------------------

    def tell(self, wanted: Snapshot) -> None:
        """Send a snapshot of the hub with this price among all others, mostly of a new second."""
        rng = self.rng
        now_s = self.state.header.now_s
        if wanted.time_s == self.told_s == now_s and rng.random() < 0.8:
            now_s += 1
            super().emit(op.AdvanceTime(now_s=now_s).to_bytes())
            self.work_off()
            wanted = replace(wanted, time_s=now_s)
        self.told_s = now_s
        target_id = wanted.market if wanted.target == MARKET else wanted.asset
        feed = PRICE_FEEDS.get((wanted.target, target_id), 0)
        self.readings[feed] = wanted.price_e8, OK
        if wanted.target == ASSET and target_id in RATE_FEEDS:
            rest = rng.randrange(E18_PER_E12)
            status = rng.choice((OK, OK, CAPPED))
            self.readings[RATE_FEEDS[target_id]] = wanted.rate_e12 * E18_PER_E12 + rest, status
        readings = list(self.readings)
        if rng.random() < 0.1:
            readings[rng.randrange(READINGS)] = rng.choice(
                (
                    (0, OK),
                    (2**53, OK),
                    (2**64, OK),
                    (10**9, CAPPED),
                    (10**9, 3),
                    (10**9, 2**256 - 1),
                )
            )
        if rng.random() < 0.05:
            readings = readings[: rng.randint(1, READINGS)]
        taken = OracleSnapshot(
            set_id=3,
            index=self.state.oracle().next_index,
            time_s=wanted.time_s,
            readings=tuple(readings),
        )
        self.send(EnvelopeKind.ORACLE, taken.to_payload())

    def bad_oracle(self) -> None:
        """Send a snapshot out of its turn, of the future, or of an impossible form."""
        rng = self.rng
        taken = OracleSnapshot(
            set_id=3,
            index=self.state.oracle().next_index,
            time_s=self.state.header.now_s,
            readings=tuple(self.readings),
        )
        spoilt = rng.choice(
            (
                replace(taken, index=taken.index + rng.choice((1, 2**32, 2**64))),
                replace(taken, time_s=taken.time_s + rng.choice((1, 2**32, 2**64))),
                replace(taken, readings=()),
                replace(
                    taken, readings=((1, OK),) * rng.choice((1, FEED_ENTRIES, FEED_ENTRIES + 1))
                ),
                replace(taken, set_id=2**256 - 1),
            )
        )
        payload = spoilt.to_payload()
        cut = rng.choice((0, 0, 0, 1, 32, 64))
        self.send(EnvelopeKind.ORACLE, payload[: len(payload) - cut])

    def any_feed(self) -> op.Op:
        """Return a feed's entry: one of the scene's, none, or one that is refused."""
        rng = self.rng
        feed = rng.choice(self.feeds())
        return rng.choice(
            (
                feed,
                replace(feed, entry=rng.randrange(FEED_ENTRIES)),
                l1_op.AdminFeed(entry=rng.randrange(FEED_ENTRIES), on=0),
                replace(feed, price_feed=rng.choice((READINGS - 1, READINGS, 31, 32))),
                replace(feed, rate_feed_plus_1=rng.choice((0, 1, READINGS + 1, 32, 33))),
                replace(feed, market=rng.choice((PLAIN, TIERED, 1_023, 1_024))),
                replace(feed, asset=rng.choice((0, 3, 255, 256))),
                replace(feed, entry=rng.choice((31, 32)), target=rng.choice((0, 1, 2))),
                replace(feed, on=rng.choice((0, 2))),
            )
        )

    def any_asset(self) -> op.Op:
        """Return an asset that may be new, where the listing is nearly full the last ones."""
        return op.AdminAsset(
            asset=self.rng.choice((1, 3, 4, 5, 6, 7, 8, LINK_ASSET, SHARE_ASSET - 1, SHARE_ASSET)),
            flags=self.rng.choice((0, AssetFlag.DEPOSITS_OPEN)),
            withdraw_step_units=self.rng.choice((0, 1, 1, 1, 10, 10**8)),
            deposit_cap_units=2**62 - 1,
        )

    # --- what is forced --------------------------------------------------------------------

    def forced_withdraw(self) -> op.Op:
        """Return a forced withdrawal, mostly of more than may leave."""
        rng = self.rng
        account = self.account()
        amount = self.SCALE * rng.choice((1, 9, 10**8, 10**10, 10**12))
        return l1_op.ForcedWithdraw(
            account=account,
            asset=rng.choice((0, 0, 0, *COLLATERALS, 5)),
            amount=min(amount, 2**62 - 1),
            sender=self.sender(account),
        )

    def forced_close(self) -> op.Op:
        """Return a forced close, mostly of a position that is there."""
        rng = self.rng
        held = [
            (trader, market)
            for trader in TRADERS
            for market in (*MARGINED, PLAIN)
            if settling.size_of(self.state, trader, market)
        ]
        account, market = self.account(), rng.choice((PERP, TIERED, PLAIN, SPOT, 9))
        if held and rng.random() < 0.9:
            account, market = rng.choice(held)
        return l1_op.ForcedClose(account=account, market=market, sender=self.sender(account))

    def forced_other(self) -> op.Op:
        """Return a forced cancel, unlinking or sweep, or a notice."""
        rng = self.rng
        account = self.account()
        sender = self.sender(account)
        return rng.choice(
            (
                l1_op.ForcedCancel(account=account, sender=sender),
                l1_op.ForcedUnlink(account=account, peer_chain_id=rng.choice(PEERS), sender=sender),
                l1_op.ForcedSweep(account=account),
                l1_op.Notice(kind=rng.choice((8, 8, 9))),
                l1_op.PledgesMoved(
                    asset=rng.choice((0, 1, 256)),
                    is_holder=rng.choice((0, 1, 2)),
                    peer_chain_id=rng.choice(PEERS),
                    units=rng.choice((0, 10**9)),
                ),
            )
        )

    def sender(self, account: int) -> bytes:
        """Return the owner of an account, rarely somebody else."""
        if self.rng.random() < 0.05 or account >= 2**22:
            return bytes([7]) * 20
        return self.state.account(account).owner

    def force(self, data: bytes) -> None:
        """Send what is forced: as a bare op, or as the record that L1 would queue."""
        rng = self.rng
        record = forced_record(self.state.header.next_priority_index, data)
        if record is None or rng.random() < 0.3:
            super().emit(data)
            return
        if rng.random() < 0.08:
            field = rng.choice(("sender", "account", "asset", "amount", "data0", "data1", "kind"))
            record = replace(record, **{field: rng.choice(NUMBERS)})
        if rng.random() < 0.02:
            record = admin_record(record.index, data)
        self.send(EnvelopeKind.PRIORITY, record.to_bytes())

    def force_much(self) -> None:
        """Rest more orders than an op has steps, then force what must cancel or meet them."""
        rng = self.rng
        market = rng.choice((*MARGINED, PLAIN))
        maker, taker, other = rng.sample(TRADERS, 3)
        side = rng.choice((0, IS_ASK))
        mark = self.state.market_risk(market).mark_price or 1_000
        # The taker holds what its close must trade against the makers.
        opening = op.Place(
            flags=side,
            market=market,
            account=taker,
            price=mark - mark % 5,
            size_lots=9 * MAX_STEPS + rng.choice((0, 1, 200)),
        )
        self.work_off()
        super().emit(opening.to_bytes())
        super().emit(replace(opening, flags=side ^ IS_ASK, account=other).to_bytes())
        price = round(mark * (1.01 if side else 0.99))
        resting = replace(opening, account=maker, price=price - price % 5, size_lots=9)
        for _ in range(MAX_STEPS + rng.choice((0, 1, 6))):
            super().emit(resting.to_bytes())
        forced = l1_op.ForcedClose(account=taker, market=market, sender=self.sender(taker))
        if rng.random() < 0.6:
            sender = self.sender(maker)
            forced = rng.choice(
                (
                    l1_op.ForcedClose(account=maker, market=market, sender=sender),
                    l1_op.ForcedWithdraw(account=maker, asset=0, amount=10**10, sender=sender),
                    l1_op.ForcedCancel(account=maker, sender=sender),
                )
            )
        self.force(forced.to_bytes())


def forced_record(index: int, data: bytes) -> PriorityRecord | None:
    """Return the record of L1 that stands for an op; None of a notice, or of no such op."""
    account = int.from_bytes(data[4:8], "little")
    named = {"index": index, "account": account >> 5, "data0": account & 31}
    sender = int.from_bytes(data[32:52], "big")
    match data[0]:
        case OpKind.FORCED_WITHDRAW:
            withdraw = l1_op.ForcedWithdraw.from_bytes(data)
            named |= {"asset": withdraw.asset, "amount": withdraw.amount, "sender": sender}
            return PriorityRecord(kind=PriorityKind.FORCED_WITHDRAW, **named)
        case OpKind.FORCED_CLOSE:
            market = int.from_bytes(data[2:4], "little")
            return PriorityRecord(
                kind=PriorityKind.FORCED_CLOSE, sender=sender, data1=market, **named
            )
        case OpKind.FORCED_CANCEL:
            return PriorityRecord(kind=PriorityKind.CANCEL_ALL, sender=sender, **named)
        case OpKind.FORCED_UNLINK:
            peer = int.from_bytes(data[8:12], "little")
            return PriorityRecord(kind=PriorityKind.UNLINK, sender=sender, data1=peer, **named)
        case OpKind.FORCED_SWEEP:
            return PriorityRecord(kind=PriorityKind.SWEEP, sender=sender, **named)
        case OpKind.NOTICE:
            return PriorityRecord(index=index, kind=PriorityKind.REFUND, data0=2**256 - 1)
        case OpKind.PLEDGES_MOVED:
            moved = l1_op.PledgesMoved.from_bytes(data)
            return PriorityRecord(
                index=index,
                kind=PriorityKind.PLEDGES_MOVED,
                asset=moved.asset,
                amount=moved.units,
                data0=moved.peer_chain_id,
                data1=moved.is_holder,
            )
    return None


def envelopes_in(sequence: Sequence[bytes]) -> int:
    """Return how many entries of a sequence are whole envelopes."""
    return sum(map(is_envelope, sequence))
