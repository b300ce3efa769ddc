"""Random sequences with pledges: two chains that tell each other, and a peer that says anything.

What comes through their channels is in :mod:`tests.message_strategies`.
"""

import random
from dataclasses import replace

from offchain.spec import l1_op, link_op, op, ring, risk_op
from offchain.spec.constants import (
    PLEDGE_MAX_S,
    PLEDGE_MIN_S,
    VALUE_LIMIT,
)
from offchain.spec.kinds import DutyKind, OpKind, ReservationRole
from tests.l1_strategies import ASSET, PRICE_FEEDS, RATE_FEEDS
from tests.message_strategies import CHAINS, DEPOSIT_CAP, FORGED, LIAR, TRUE, MessageFlow
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

# Asset here -> (channel, asset there).
LINKS = {64: (TRUE, 1), 65: (TRUE, 2), 66: (FORGED, 1), 67: (FORGED, 2)}
UNLINKED = 68
FIRST_FEED_ENTRY = 26
BAD_ASSETS = (0, 3, 63, 64, 66, 127, 128, 255, 256)


class LinkFlow(MessageFlow):
    """As L1Flow, with pledges to and from peers."""

    def scene(self) -> list[bytes]:
        """Return the scene with both channels and four linked assets that have a price."""
        ops: list[op.Op] = [
            link_op.AdminChannel(channel=channel, peer_chain_id=peer_id, own_chain_id=self.own_id)
            for channel, peer_id in ((TRUE, self.peer_id), (FORGED, LIAR))
        ]
        risk = risk_parameters()[2]
        ops.append(self.linked_asset(UNLINKED))
        for asset, (channel, peer_asset) in LINKS.items():
            ops += [
                self.linked_asset(asset),
                link_op.AdminLink(asset=asset, channel=channel, peer_asset=peer_asset),
                replace(risk, asset=asset),
                asset_snapshot(asset, 20 * 10**8, START_S),
            ]
        ops.append(risk_op.AdminCredit(base_rate_ppm=50_000, slope_ppm=0, negative_cap=0))
        # Not by whether there are feeds, as the base has it.
        self.insurance_units = self.rng.choice((*INSURANCE_UNITS, INSURANCE_UNITS[-1]))
        # Before the feeds, after which the operator's word on prices is not taken.
        before = len(RiskFlow.scene(self))
        scene = super().scene()
        return [*scene[:before], *(each.to_bytes() for each in ops), *scene[before:]]

    def linked_asset(self, asset: int) -> op.AdminAsset:
        """Return an asset that can be linked, of which not all that is pledged is taken."""
        cap = min(self.SCALE * DEPOSIT_CAP, VALUE_LIMIT - 1)
        return op.AdminAsset(asset=asset, withdraw_step_units=1, deposit_cap_units=cap)

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

    def step(self, ops_left: int) -> None:
        """Append some ops: sometimes what a peer forged, or the time at which a pledge ends."""
        draw = self.rng.random()
        if draw < 0.12:
            self.forge(self.rng.choice(self.forged))
        elif draw < 0.15 and self.next_expiry_s():
            self.reach_expiry()
        elif draw < 0.24:
            self.pledge_of_debtor()
        elif draw < 0.35 and any(self.claims()):
            self.emit(self.seize().to_bytes())
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
            (self.moved, 4),
        )
        makers, weights = zip(*choices, strict=True)
        return self.rng.choices(makers, weights)[0]()

    # --- pledges -------------------------------------------------------------------------

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
        poor = [record for record in held if record.account & 1]
        account = rng.choice(poor or held).account
        other = rng.choice([trader for trader in TRADERS if trader != account])
        self.move_prices(1, spread=0.002)
        for _ in range(3):
            if ring.is_late(self.state):
                self.emit(risk_op.Sweep().to_bytes())
                self.work_off()
        quote = self.state.account(account).free[0]
        if quote > 0:
            leaves = op.Transfer(account=account, to_account=account ^ 1, asset=0, amount=quote)
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

    def claims(self) -> list[tuple[int, int]]:
        """Return accounts and numbers of the records of which a liquidation has taken units."""
        return [
            (record.account, index % 8)
            for index, record in self.state.reservations.items()
            if record.claimed_units
        ]

    def seize(self) -> op.Op:
        """Return a seizure, mostly of what a liquidation has taken."""
        rng = self.rng
        claimed = self.claims()
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
        """Return a new channel or link, mostly one that is refused, or void messages."""
        rng = self.rng
        if rng.random() < 0.2:
            channel = rng.choice((TRUE, FORGED, FORGED, FORGED, 2, 64))
            taken_count = self.next_index(channel) - 1 if channel <= FORGED else 0
            index = taken_count + rng.choice((0, 1, 2, 100, 256, 257, 2**63))
            return link_op.AdminVoid(channel=channel, index=index)
        if rng.random() < 0.5:
            return link_op.AdminChannel(
                channel=rng.choice((0, 1, 2, 2, 3, 63, 64)),
                peer_chain_id=rng.choice((0, 1, 2, LIAR, 78, *CHAINS, 2**32 - 2, 2**32 - 1)),
                own_chain_id=rng.choice((self.own_id, self.own_id, self.own_id, 6, 0, 2**32 - 1)),
            )
        return link_op.AdminLink(
            asset=rng.choice((1, 63, 64, 69, 127, 128, 256, *[UNLINKED] * 9)),
            channel=rng.choice((TRUE, TRUE, FORGED, FORGED, 2, 63, 64)),
            peer_asset=rng.choice((0, 1, 2, 3, 5, 6, 63, 64)),
        )

    def moved(self) -> op.Op:
        """Return the notice that a peer is frozen, mostly with all that is held of an asset."""
        rng = self.rng
        channel, asset = rng.choice((TRUE, FORGED, FORGED)), rng.choice((*COLLATERALS, 3))
        held = self.records(ReservationRole.HELD)
        if held and rng.random() < 0.9:
            record = rng.choice(held)
            channel, asset = record.channel_plus_1 - 1, record.asset
        of_asset = (r for r in self.records(ReservationRole.HELD, channel) if r.asset == asset)
        total = sum(record.units + record.claimed_units for record in of_asset)
        return l1_op.PledgesMoved(
            asset=asset,
            is_holder=rng.choice((0, 1, 1, 1, 1)),
            peer_chain_id=self.state.channels.read(channel).peer_chain_id,
            units=rng.choice((total, total, total, total // 2, 2**62 - 1)),
        )

    def forced_other(self) -> op.Op:
        """Return what the base does, less often that a peer is frozen."""
        other = super().forced_other()
        if isinstance(other, l1_op.PledgesMoved) and self.rng.random() < 0.95:
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
