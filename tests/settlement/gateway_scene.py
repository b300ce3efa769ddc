"""A gateway model with chains, money and facts, for tests."""

from __future__ import annotations

from random import Random

from offchain.settlement.abi import keccak256
from offchain.settlement.messages import ChainTerms, Version, fact_of
from offchain.settlement.model.gateway import GatewayModel
from offchain.settlement.model.settle import Settlement
from offchain.settlement.model.state import Deployment
from tests.settlement.epochs import ASSETS, Epoch, honest_epoch, rebound

START_S = 1_700_000_000
L1_CHAIN_ID = 1
DAY_S = 86_400
OWNER, VAULT, HATCH, GATEWAY, VERIFIER, BROKEN_VERIFIER = (bytes([0xA0 + i]) * 20 for i in range(6))
DEPOSITORS = tuple(bytes([0xD0 + i]) * 20 for i in range(4))
STRANGER = b"\x5a" * 20
FEE_WEI = 10**15
UNITS = 10**12


class Facts:
    """Verifiers: one that holds what was recorded, one that accepts everything."""

    def __init__(self, *, broken: bytes = BROKEN_VERIFIER) -> None:
        self.recorded: set[bytes] = set()
        self.broken = broken

    def is_fact(self, verifier: bytes, fact: bytes) -> bool:
        return verifier == self.broken or fact in self.recorded


class Snapshots:
    """An oracle hub whose feed sets have a few snapshots each."""

    def __init__(self) -> None:
        self.times_s: dict[int, list[int]] = {}

    def take(self, feed_set_id: int, now_s: int) -> None:
        self.times_s.setdefault(feed_set_id, []).append(now_s)

    def snapshot_count(self, feed_set_id: int) -> int:
        return len(self.times_s.get(feed_set_id, []))

    def accumulator_after(self, feed_set_id: int, count: int) -> bytes:
        return keccak256(b"%d:%d" % (feed_set_id, count)) if count else bytes(32)

    def snapshot_time_s(self, feed_set_id: int, index: int) -> int:
        return self.times_s[feed_set_id][index]


def governance_of(chain_id: int) -> bytes:
    return bytes([0x60 + chain_id]) * 20


def operator_of(chain_id: int) -> bytes:
    return bytes([0x80 + chain_id]) * 20


def version_of(chain_id: int, verifier: bytes = VERIFIER) -> Version:
    program, parameters, config = (keccak256(b"%d %d" % (chain_id, i)) for i in range(3))
    return Version(verifier, program, parameters, config)


def terms_of(chain_id: int, verifier: bytes = VERIFIER, **others: int) -> ChainTerms:
    values = {"da_mode": 0, "feed_set_id": 0, "forced_fee_wei": FEE_WEI} | others
    return ChainTerms(
        version_of(chain_id, verifier),
        operator_of(chain_id),
        governance_of(chain_id),
        keccak256(b"genesis %d" % chain_id),
        **({"operations_per_block": 8} | values),
    )


class Scene:
    """A model with chains 1 to `chain_count`; chain `broken` accepts every proof."""

    def __init__(self, chain_count: int = 3, *, broken: int = 0) -> None:
        self.facts, self.oracle = Facts(), Snapshots()
        self.model = GatewayModel(
            Deployment(
                l1_chain_id=L1_CHAIN_ID,
                gateway=GATEWAY,
                vault=VAULT,
                escape_hatch=HATCH,
                owner=OWNER,
                is_fact=self.facts.is_fact,
                has_code=lambda address: address in (VERIFIER, BROKEN_VERIFIER),
                oracle=self.oracle,
            )
        )
        self.state = self.model.state
        self.state.now_s, self.state.block_number = START_S, 1
        for chain_id in range(1, chain_count + 1):
            verifier = BROKEN_VERIFIER if chain_id == broken else VERIFIER
            self.model.register_chain(OWNER, chain_id, terms_of(chain_id, verifier))

    def wait(self, seconds: int = 12) -> None:
        self.state.now_s += seconds
        self.state.block_number += 1

    def deposit(self, chain_id: int, asset_id: int = 1, units: int = UNITS, who: int = 0) -> int:
        return self.model.enqueue_deposit(VAULT, chain_id, DEPOSITORS[who], asset_id, units)

    def record(self, settlement: Settlement) -> None:
        """Have every output proven."""
        for output in settlement.outputs:
            if output.chain_id in self.state.registry:
                version = self.state.registry[output.chain_id].terms.version
                fact = fact_of(version.program_id, version.parameters_id, output)
                self.facts.recorded.add(fact)

    def settle(self, settlement: Settlement) -> None:
        self.record(settlement)
        self.model.settle(settlement)

    def settle_lists(self, settlement: Settlement) -> None:
        """Settle with roots that fit the lists."""
        self.settle(rebound(settlement))

    def honest(self, seed: int, *chain_ids: int) -> Epoch:
        """Build an honest epoch of some of these chains, or of all that live."""
        registry = self.state.registry
        live = [i for i in chain_ids or registry.ids() if not registry.is_frozen(i)]
        return honest_epoch(Random(seed), self.model, live)

    def fund(self, units: int = UNITS) -> None:
        """Deposit every asset on every chain and have the deposits consumed."""
        for asset in ASSETS:
            for chain_id in self.state.registry.ids():
                self.deposit(chain_id, asset, units)
            self.wait()
