"""The story of the atomic liquidation on two sequencers without L1, whose part a test plays."""

from types import SimpleNamespace

from offchain.engine.genesis import GenesisConfig
from offchain.engine.sequencer import Sequencer
from offchain.engine.signing import SigningDomain, SigningKey
from offchain.scenario.atomic_liquidation import AtomicLiquidation
from offchain.scenario.linked_chains import ALICE, HOLDER_ID, KEEPER_ID, UNITS, list_assets
from offchain.settlement.relay import HeldClock, Relay
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import EnvelopeKind
from offchain.spec.priority import PriorityRecord, admin_record

L1_CHAIN_ID = 1337
GATEWAY = b"\x0b" * 20
KEYS = [SigningKey((0x40 + who).to_bytes(32, "big")) for who in range(80)]
START_MS = 1_700_000_000_000
DEPOSIT = 1


class BareChain:
    """Stands for a LinkedChain; what L1 would queue goes to the sequencer at once."""

    def __init__(self, chain_id, clock, journal=None):
        governance = KEYS[2].address
        self.genesis = GenesisConfig(
            l1_chain_id=L1_CHAIN_ID, chain_id=chain_id, governance=governance
        )
        self.domain = SigningDomain(l1_chain_id=L1_CHAIN_ID, gateway=GATEWAY, chain_id=chain_id)
        self.chain_id, self.clock, self.masters, self.nonce = chain_id, clock, {}, 0
        self.sequencer = Sequencer(
            self.genesis.new_core(),
            self.domain,
            self.genesis.config_hash(),
            clock_ms=clock,
            journal=journal,
        )

    def administer(self, ops):
        for each in ops:
            index = self.sequencer.state.header().next_priority_index
            self.sequencer.submit_priority(admin_record(index, each.to_bytes()).to_bytes())

    def queue(self, kind, who, **words):
        """Have a record of L1 consumed; the account's master is filled in."""
        record = PriorityRecord(
            index=self.sequencer.state.header().next_priority_index,
            kind=kind,
            sender=int.from_bytes(KEYS[who].address, "big"),
            **({"account": self.masters.get(who, 0), "asset": 0, "amount": 0} | words),
        )
        return self.sequencer.submit_priority(record.to_bytes()).events

    def deposit(self, who, asset, tokens):
        self.masters.setdefault(who, len(self.masters) + 1)
        self.queue(DEPOSIT, who, asset=asset, amount=tokens * UNITS)

    def feed(self):
        pass

    def account_of(self, who):
        return 32 * self.masters[who]

    def submit(self, who, *ops):
        self.nonce += 1
        envelope = Envelope(
            kind=EnvelopeKind.USER,
            account=self.account_of(who),
            nonce=self.clock() + self.nonce,
            arrival_ms=0,
            payload=b"".join(each.to_bytes() for each in ops),
        )
        return self.sequencer.submit(KEYS[who].sign(self.domain, envelope).to_bytes())

    def free(self, account, asset):
        record = self.sequencer.state.account(account)
        ids = list(record.asset_ids)
        return record.free[ids.index(asset + 1)] if asset + 1 in ids else 0


class BareChains:
    """Stands for LinkedChains."""

    def __init__(self):
        self.ms = START_MS
        self.clock = HeldClock(lambda: self.ms)
        self.keeper, self.holder = (BareChain(i, self.clock) for i in (KEEPER_ID, HOLDER_ID))
        self.chains = self.keeper, self.holder
        self.relay = Relay({each.chain_id: each.sequencer for each in self.chains}, self.clock)
        list_assets(self.keeper, self.holder)

    @property
    def l1(self):
        return SimpleNamespace(now_s=self.ms // 1_000)

    def wait(self, seconds):
        self.ms += 1_000 * seconds

    def seal(self):
        taken = 1
        while taken:
            taken = 0
            for chain in self.chains:
                if not chain.sequencer.is_batch_empty:
                    chain.sequencer.seal()
                taken += self.relay.carry()


def funded():
    story = AtomicLiquidation(BareChains())
    story.fund()
    return story


def pledged(**pledge):
    story = funded()
    story.pledge(**pledge)
    return story


def claimed():
    """Alice's position was taken over; her pledged units are with the insurance account."""
    story = pledged()
    story.open_position()
    story.chains.wait(5)
    story.jump()
    return story


def kinds(events):
    return events["kind"].tolist()


def given(story):
    """Alice's record on the keeper."""
    return story.keeper.sequencer.state.reservations(story.keeper.account_of(ALICE))[0]


def held(story):
    """Alice's record on the holder."""
    return story.holder.sequencer.state.reservations(story.holder.account_of(ALICE))[0]
