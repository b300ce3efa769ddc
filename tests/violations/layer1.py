"""L1 as the violations see it: the gateway's model, its verifier, its hub and a peer chain."""

from __future__ import annotations

from collections.abc import Sequence

from offchain.settlement.abi import keccak256, uint_word
from offchain.settlement.chain_lists import ChainLists, ChainPart, arguments_of
from offchain.settlement.messages import (
    ChainTerms,
    ChannelEntry,
    Flow,
    Pledge,
    Version,
    channels_root,
    fact_of,
    flows_root,
    pledges_root,
)
from offchain.settlement.model.gateway import GatewayModel
from offchain.settlement.model.refusals import Refused
from offchain.settlement.model.state import Deployment
from offchain.settlement.priority import PriorityKind
from offchain.settlement.public_output import PublicOutput
from offchain.spec.event import Event
from offchain.spec.kinds import EventKind
from offchain.spec.message import Message
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.tools import program_lock
from tests.settlement.gateway_scene import Facts, Places
from tests.strategies import CONFIG_HASH, GOVERNANCE

CHAIN_ID, PEER_ID, L1_CHAIN_ID = 7, 8, 1
PLACES = Places()
OPERATOR = b"\x61" * 20
FEED_SET = 9
FORCED_FEE_WEI = 10**15
PEER_ASSET, PEER_UNITS = 1, 10**12
ACCEPTED = "ok"
NO_FACT = "E05"


def l1_of_a_new_chain(genesis_root: bytes, now_s: int) -> L1:
    """Return L1 with this chain, registered for the program that the lock names."""
    program_id = bytes.fromhex(program_lock.read_lock()["program_ids"]["settle"])
    version = Version(PLACES.verifier, program_id, bytes(31) + b"\x01", CONFIG_HASH)
    l1 = L1(version, now_s)
    terms = ChainTerms(
        version, OPERATOR, GOVERNANCE, genesis_root, 0, FEED_SET, FORCED_FEE_WEI, 255
    )
    l1.model.register_chain(PLACES.owner, CHAIN_ID, terms)
    # The peer's verifier holds everything true: what a peer says is not what is tested here.
    own = Version(PLACES.broken_verifier, program_id, bytes(31) + b"\x02", CONFIG_HASH)
    peer = ChainTerms(own, OPERATOR, GOVERNANCE, keccak256(b"peer"), 0, 0, FORCED_FEE_WEI, 255)
    l1.model.register_chain(PLACES.owner, PEER_ID, peer)
    l1.model.enqueue_deposit(PLACES.vault, PEER_ID, OPERATOR, PEER_ASSET, PEER_UNITS)
    return l1


class Hub:
    """The oracle hub with one feed set."""

    def __init__(self) -> None:
        self._accumulators = [bytes(32)]
        self._times_s: list[int] = []

    def record(self, time_s: int, readings: Sequence[tuple[int, int]]) -> OracleSnapshot:
        """Record a snapshot of L1's feeds: values and statuses."""
        taken = OracleSnapshot(
            set_id=FEED_SET, index=len(self._times_s), time_s=time_s, readings=tuple(readings)
        )
        self._accumulators.append(taken.accumulator_after(self._accumulators[-1]))
        self._times_s.append(time_s)
        return taken

    def snapshot_count(self, feed_set_id: int) -> int:
        return len(self._times_s)

    def accumulator_after(self, feed_set_id: int, count: int) -> bytes:
        return self._accumulators[count]

    def snapshot_time_s(self, feed_set_id: int, index: int) -> int:
        return self._times_s[index]


class L1:
    """The gateway's model, and a verifier that holds what was proven."""

    def __init__(self, version: Version, now_s: int) -> None:
        self.version = version
        self.facts = Facts(PLACES.broken_verifier)
        self.hub = Hub()
        self.model = GatewayModel(
            Deployment(
                l1_chain_id=L1_CHAIN_ID,
                gateway=PLACES.gateway,
                vault=PLACES.vault,
                escape_hatch=PLACES.hatch,
                owner=PLACES.owner,
                is_fact=self.facts.is_fact,
                has_code=lambda _: True,
                oracle=self.hub,
            )
        )
        self.model.state.now_s = now_s

    def deposit(self, owner: bytes, asset: int, units: int) -> bytes:
        """Deposit into the vault; return the queue's record."""
        self._next_block()
        return self._record(self.model.enqueue_deposit(PLACES.vault, CHAIN_ID, owner, asset, units))

    def admin(self, data: bytes) -> bytes:
        """Enqueue an operation of governance; return the queue's record."""
        self._next_block()
        return self._record(self.model.enqueue_admin(GOVERNANCE, CHAIN_ID, data[:32], data[32:]))

    def force(self, owner: bytes, kind: PriorityKind, account: int, **words: int) -> bytes:
        """Let the owner of an account force an operation; return the queue's record.

        Parameters
        ----------
        words
            `asset`, `units` and `data1`, 0 by default.
        """
        self._next_block()
        master, sub_account = divmod(account, 32)
        asset, units, data1 = (words.get(name, 0) for name in ("asset", "units", "data1"))
        return self._record(
            self.model.enqueue_forced(
                owner,
                FORCED_FEE_WEI,
                CHAIN_ID,
                kind,
                master,
                asset,
                units,
                uint_word(sub_account),
                uint_word(data1),
            )
        )

    def _next_block(self) -> None:
        self.model.state.block_number += 1

    def _record(self, index: int) -> bytes:
        return self.model.state.queue.queued(CHAIN_ID, index).record.to_bytes()

    def prove(self, output: PublicOutput) -> None:
        """Hold a statement proven."""
        version = self.version
        self.facts.recorded.add(fact_of(version.program_id, version.parameters_id, output))

    def settle(
        self,
        output: PublicOutput,
        flows: Sequence[Flow],
        lists: ChainLists | None = None,
        *peers: ChainPart,
    ) -> str:
        """Hand a statement in, with those of peers; return "ok" or the code of the refusal."""
        part = ChainPart(output, tuple(flows), lists or ChainLists())
        try:
            self.model.settle(arguments_of([part, *peers]))
        except Refused as refused:
            return refused.code.value
        return ACCEPTED

    def peer_part(self, lists: ChainLists, taken: Sequence[Message]) -> ChainPart:
        """Return the peer's part of a settlement in which both chains take what the other sends.

        Parameters
        ----------
        lists, taken
            Of the chain under attack, and the messages that it took.
        """
        state = self.model.state
        chain, queue = state.registry[PEER_ID], state.queue
        position, count = chain.position, queue.length(PEER_ID)
        (entry,) = lists.channels
        mirrored = ChannelEntry(
            PEER_ID,
            CHAIN_ID,
            entry.received_count,
            entry.received_accumulator,
            entry.sent_count,
            entry.sent_accumulator,
        )
        pledges = _pledges_of(taken)
        is_new = position.priority_consumed < count
        flows = (Flow(PEER_ID, PEER_ASSET, PEER_UNITS, 0),) if is_new else ()
        output = PublicOutput(
            l1_chain_id=L1_CHAIN_ID,
            gateway=PLACES.gateway,
            chain_id=PEER_ID,
            config_hash=chain.terms.version.config_hash,
            old_root=position.state_root,
            new_root=keccak256(position.state_root),
            first_batch=position.last_batch + 1,
            last_batch=position.last_batch + 1,
            first_time_s=state.now_s,
            last_time_s=state.now_s,
            first_slot=position.last_slot,
            last_slot=max([position.last_slot, *(each.slot for each in taken)]),
            priority_first=position.priority_consumed,
            priority_next=count,
            priority_accumulator=queue.accumulator_after(PEER_ID, count),
            flows_root=flows_root(flows),
            channels_root=channels_root([mirrored]),
            reservations_root=pledges_root(pledges),
        )
        listed = ChainLists(
            channels=(mirrored,), sent=lists.taken, taken=lists.sent, pledges=pledges
        )
        return ChainPart(output, flows, listed)


def _pledges_of(taken: Sequence[Message]) -> tuple[Pledge, ...]:
    """Return what the peer pledges and releases by its messages, as far as it gives bodies."""
    pledged = released = 0
    for message in taken:
        if message.is_void:
            continue
        told = Event.from_bytes(message.body)
        pledged += told.values[1] * (told.kind == EventKind.PLEDGED)
        released += told.values[1] * (told.kind == EventKind.RELEASED)
    if not pledged + released:
        return ()
    return (Pledge(PEER_ID, CHAIN_ID, PEER_ASSET, pledged, released),)
