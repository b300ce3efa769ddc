"""A gateway model with chains, money and facts, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from offchain.settlement.abi import keccak256, uint_word
from offchain.settlement.messages import ChainTerms, Envelope, Version, fact_of
from offchain.settlement.model.gateway import GatewayModel
from offchain.settlement.model.refusals import Refused
from offchain.settlement.model.settle import Settlement
from offchain.settlement.model.state import Deployment
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import WithdrawalTree
from tests.settlement.epochs import ASSETS, Epoch, honest_epoch

START_S = 1_700_000_000
L1_CHAIN_ID = 1
DAY_S = 86_400
DEPOSITORS = tuple(bytes([0xD0 + i]) * 20 for i in range(4))
STRANGER = b"\x5a" * 20
FEE_WEI = 10**15
UNITS = 10**12


@dataclass(frozen=True)
class Places:
    """Addresses of a deployment; those of a model alone are made up."""

    owner: bytes = b"\xa0" * 20
    vault: bytes = b"\xa1" * 20
    hatch: bytes = b"\xa2" * 20
    gateway: bytes = b"\xa3" * 20
    verifier: bytes = b"\xa4" * 20
    broken_verifier: bytes = b"\xa5" * 20


class Facts:
    """Verifiers: one that holds what was recorded, one that accepts everything."""

    def __init__(self, broken: bytes) -> None:
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
        return keccak256(uint_word(feed_set_id) + uint_word(count)) if count else bytes(32)

    def snapshot_time_s(self, feed_set_id: int, index: int) -> int:
        return self.times_s[feed_set_id][index]


def governance_of(chain_id: int) -> bytes:
    return bytes([0x60 + chain_id % 32]) * 20


def operator_of(chain_id: int) -> bytes:
    return bytes([0x80 + chain_id % 32]) * 20


def version_of(chain_id: int, verifier: bytes) -> Version:
    program, parameters, config = (keccak256(b"%d %d" % (chain_id, i)) for i in range(3))
    return Version(verifier, program, parameters, config)


def terms_of(chain_id: int, verifier: bytes, **others: int) -> ChainTerms:
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

    def __init__(
        self, chain_count: int = 3, *, broken: int = 0, places: Places | None = None
    ) -> None:
        self.places = places or Places()
        self.broken = broken
        self.facts, self.oracle = Facts(self.places.broken_verifier), Snapshots()
        self.model = GatewayModel(
            Deployment(
                l1_chain_id=L1_CHAIN_ID,
                gateway=self.places.gateway,
                vault=self.places.vault,
                escape_hatch=self.places.hatch,
                owner=self.places.owner,
                is_fact=self.facts.is_fact,
                has_code=lambda a: a in (self.places.verifier, self.places.broken_verifier),
                oracle=self.oracle,
            )
        )
        self.state = self.model.state
        self.state.now_s, self.state.block_number = START_S, 1
        for chain_id in range(1, chain_count + 1):
            self.register(chain_id)

    def terms(self, chain_id: int, **others: int) -> ChainTerms:
        is_broken = chain_id == self.broken
        verifier = self.places.broken_verifier if is_broken else self.places.verifier
        return terms_of(chain_id, verifier, **others)

    def register(self, chain_id: int, **others: int) -> None:
        terms = self.terms(chain_id, **others)
        self.model.register_chain(self.places.owner, chain_id, terms)

    def wait(self, seconds: int = 12) -> None:
        self.state.now_s += seconds
        self.state.block_number += 1

    def take_in(self, chain_id: int, asset_id: int = 1, units: int = UNITS) -> int:
        """Deposit; return the index of the record."""
        return self.model.enqueue_deposit(
            self.places.vault, chain_id, DEPOSITORS[0], asset_id, units
        )

    def record(self, settlement: Settlement) -> None:
        """Have every output proven."""
        for output in settlement.outputs:
            if output.chain_id in self.state.registry:
                version = self.state.registry[output.chain_id].terms.version
                fact = fact_of(version.program_id, version.parameters_id, output)
                self.facts.recorded.add(fact)

    def settle_proven(self, settlement: Settlement) -> None:
        self.record(settlement)
        self.model.settle(settlement)

    def honest(self, seed: int, *chain_ids: int) -> Epoch:
        """Build an honest epoch of some of these chains, or of all that live."""
        registry = self.state.registry
        live = [i for i in chain_ids or registry.ids() if not registry.is_frozen(i)]
        return honest_epoch(Random(seed), self.model, live)

    def fund(self, units: int = UNITS) -> None:
        """Deposit every asset on every chain and have the deposits consumed."""
        for asset in ASSETS:
            for chain_id in self.state.registry.ids():
                self.take_in(chain_id, asset, units)
            self.wait()


class ModelWorld(Scene):
    """The model alone, with calls that return a code or "ok"."""

    def deposit(self, chain_id: int, depositor: bytes, asset_id: int, units: int) -> str:
        vault = self.places.vault
        return _code_of(self.model.enqueue_deposit, vault, chain_id, depositor, asset_id, units)

    def settle(self, settlement: Settlement) -> str:
        return _code_of(self.model.settle, settlement)

    def claim(self, tree: WithdrawalTree, index: int) -> str:
        return _code_of(
            self.model.consume_withdrawal,
            self.places.vault,
            tree.chain_id,
            tree.batch,
            index,
            tree.withdrawals[index],
            tree.path(index),
        )

    def raise_alarm(self, first: PublicOutput, second: PublicOutput) -> str:
        return _code_of(self.model.raise_alarm, first, second)

    def freeze_overdue(self, chain_id: int) -> str:
        return _code_of(self.model.freeze_overdue, chain_id)

    def freeze_undelivered(self, envelope: Envelope) -> str:
        return _code_of(self.model.freeze_undelivered, envelope)

    def refund_envelope(self, envelope: Envelope) -> str:
        return _code_of(self.model.refund_envelope, envelope)

    def move_pledges(self, owner: int, holder: int, asset_id: int) -> str:
        return _code_of(self.model.move_pledges, owner, holder, asset_id)

    def check(self) -> None:
        self.state.ledger.check_equation()


def _code_of(call, *arguments) -> str:
    try:
        call(*arguments)
    except Refused as refused:
        return refused.code.value
    return "ok"
