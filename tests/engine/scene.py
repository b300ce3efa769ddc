"""A funded chain without L1: priority records are handed to the sequencer directly."""

from dataclasses import dataclass

from offchain.engine.genesis import GenesisConfig
from offchain.engine.journal import Journal
from offchain.engine.sequencer import Sequencer
from offchain.engine.signing import SigningDomain, SigningKey
from offchain.spec import constants as k
from offchain.spec import op
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import AssetFlag, EnvelopeKind, MarketKind, MarketStatus, PlaceFlag
from offchain.spec.priority import PriorityRecord, admin_record

GENESIS = GenesisConfig(l1_chain_id=1337, chain_id=5, governance=b"\x0a" * 20)
DOMAIN = SigningDomain(l1_chain_id=1337, gateway=b"\x0b" * 20, chain_id=5)
DEPLOYMENT = DOMAIN.deployment_hash(GENESIS.config_hash())
MARKET = 1
BASE = 1
START_MS = 1_700_000_000_000
FUNDS = 10**15
OWNERS = [SigningKey(bytes([number]) * 32) for number in (1, 2)]
AGENTS = [SigningKey(bytes([number]) * 32) for number in (3, 4)]
ACCOUNTS = [(number + 1) << k.SUB_ACCOUNT_BITS for number in range(len(OWNERS))]


class Clock:
    def __init__(self):
        self.ms = START_MS

    def __call__(self):
        return self.ms


@dataclass
class Scene:
    sequencer: Sequencer
    clock: Clock
    journal: Journal | None = None
    nonce: int = START_MS

    def envelope(self, who, ops, *, slot=1, key=None, domain=DOMAIN):
        self.nonce += 1
        unsigned = Envelope(
            kind=EnvelopeKind.USER,
            signer_slot=slot,
            account=ACCOUNTS[who],
            nonce=self.nonce,
            arrival_ms=0,
            payload=b"".join(each.to_bytes() for each in ops),
        )
        default = AGENTS[who] if slot else OWNERS[who]
        return (key or default).sign(domain, unsigned)

    def send(self, who, ops, **options):
        return self.sequencer.submit(self.envelope(who, ops, **options).to_bytes())

    def root(self):
        return self.sequencer._core.root()


def setup_records():
    ops = [
        op.AdminAsset(
            asset=asset,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=10 * FUNDS,
        )
        for asset in (k.QUOTE_ASSET, BASE)
    ]
    ops.append(
        op.AdminMarket(
            market=MARKET,
            market_kind=MarketKind.SPOT,
            status=MarketStatus.OPEN,
            sz_decimals=4,
            base_asset=BASE,
            fee_account=k.FEE_ACCOUNT,
            insurance_account=k.INSURANCE_ACCOUNT,
        )
    )
    records = [admin_record(index, each.to_bytes()) for index, each in enumerate(ops)]
    for number, owner in enumerate(OWNERS, start=1):
        for asset in (k.QUOTE_ASSET, BASE):
            records.append(
                PriorityRecord(
                    index=len(records),
                    kind=1,
                    sender=int.from_bytes(owner.address, "big"),
                    account=number,
                    asset=asset,
                    amount=FUNDS,
                )
            )
    return records


def new_scene(journal=None):
    clock = Clock()
    sequencer = Sequencer(
        GENESIS.new_core(), DOMAIN, GENESIS.config_hash(), journal=journal, clock_ms=clock
    )
    return Scene(sequencer, clock, journal)


def funded_scene(journal=None):
    scene = new_scene(journal)
    for record in setup_records():
        scene.sequencer.submit_priority(record.to_bytes())
    for who, agent in enumerate(AGENTS):
        register = op.SetAgent(
            account=ACCOUNTS[who],
            address=agent.address,
            expiry_s=START_MS // 1000 + 10**6,
            slot=1,
        )
        scene.send(who, [register], slot=0)
    return scene


def limit(who, price, size_lots, *, is_ask=False, **fields):
    return op.Place(
        flags=PlaceFlag.IS_ASK if is_ask else 0,
        market=MARKET,
        account=ACCOUNTS[who],
        price=price,
        size_lots=size_lots,
        **fields,
    )
