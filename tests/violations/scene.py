"""One small chain, and batches of it that a dishonest sequencer seals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from offchain.core.binding import EVENT_DTYPE, Core, EventArray
from offchain.engine.batch import SealedBatch, WithdrawalEvent, inputs_commitment
from offchain.engine.mail import MailCollector
from offchain.settlement.chain_lists import ChainLists, chain_lists
from offchain.settlement.messages import Flow
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal
from offchain.spec import op
from offchain.spec.checks import OpError
from offchain.spec.encoding import address_from_words
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.event import Event
from offchain.spec.kinds import EnvelopeKind, EventKind, Subtree
from offchain.spec.link_records import Channel
from offchain.spec.message import Message
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.spec.poseidon2 import Digest, digest_to_bytes
from offchain.spec.receipts import inputs_after
from offchain.spec.state import State, genesis
from offchain.spec.tree import ZERO_DIGEST, Hasher
from offchain.spec.valuation import valuation_table
from offchain.witness.format import (
    HINTS_MAX,
    ExitCode,
    Opening,
    Statement,
    Witness,
    encode_envelopes,
)
from offchain.witness.native import find_leaves, run_witness
from offchain.zkvm.program import Program
from tests.strategies import CONFIG_HASH, GOVERNANCE
from tests.violations.layer1 import (
    ACCEPTED,
    CHAIN_ID,
    L1,
    L1_CHAIN_ID,
    NO_FACT,
    PLACES,
    l1_of_a_new_chain,
)
from tests.violations.lies import Lie
from tests.witness.batches import expected_output, flows_of, run_guest

STATEMENT = Statement(l1_chain_id=L1_CHAIN_ID, chain_id=CHAIN_ID, gateway=PLACES.gateway)
ANOTHER = "another statement"
NO_PROOF = "no proof"


@dataclass
class Run:
    """What a transition, honest or not, made of a batch."""

    state: State
    events: list[Event]
    refused: ErrorCode
    sealed: SealedBatch

    @property
    def claim(self) -> PublicOutput:
        return expected_output(self.sealed, STATEMENT)

    @property
    def flows(self) -> list[Flow]:
        withdrawals = [
            Withdrawal(w.owner, w.asset, w.amount_units) for w in self.sealed.withdrawals
        ]
        return flows_of(self.sealed, CHAIN_ID, withdrawals)

    def of(self, *kinds: EventKind) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    @property
    def lists(self) -> ChainLists:
        return chain_lists(CHAIN_ID, [self.sealed])

    @property
    def rejections(self) -> list[ErrorCode]:
        return [ErrorCode(event.values[2]) for event in self.of(EventKind.REJECTED)]

    @property
    def fills(self) -> list[FillSeen]:
        return [_fill_of(event) for event in self.of(EventKind.FILL)]

    def quote_of(self, account: int) -> int:
        held = self.state.account(account)
        return held.free[0] + held.locked[0]


@dataclass(frozen=True)
class FillSeen:
    """A FILL event, decoded; fees are quote units."""

    taker: int
    maker: int
    price: int
    lots: int
    taker_fee: int
    maker_fee: int


class _Channels:
    """Channel records of a specification's state, as the collector of messages asks for them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def channel(self, number: int) -> Channel:
        return self._state.channels.read(number)


def _inputs_chain(envelopes: Sequence[bytes], hasher: Hasher) -> bytes:
    chain: Digest = ZERO_DIGEST
    for envelope in envelopes:
        chain = inputs_after(chain, envelope, hasher)
    return digest_to_bytes(chain)


def _as_rows(events: Sequence[Event]) -> EventArray:
    return np.frombuffer(b"".join(event.to_bytes() for event in events), EVENT_DTYPE)


def _fill_of(event: Event) -> FillSeen:
    maker, price = divmod(event.values[2], 2**32)
    return FillSeen(event.account, maker, price, event.values[3] >> 1, *event.values[4:])


def _withdrawal_of(event: Event) -> WithdrawalEvent:
    asset, units, *owner, code = event.values
    return WithdrawalEvent(event.account, address_from_words(*owner), asset, units, ErrorCode(code))


@dataclass
class Proving:
    """What the batch program made of a witness; it has no exit code if the machine traps."""

    exit_code: ExitCode | None
    output: PublicOutput | None

    @property
    def ending(self) -> str:
        return "trap of the machine" if self.exit_code is None else self.exit_code.name


class Chain:
    """A chain at a sealed and settled batch, in specification, core and L1."""

    def __init__(self, hasher: Hasher, program: Program, now_s: int) -> None:
        self.program = program
        self.state = genesis(CONFIG_HASH, GOVERNANCE, hasher)
        self.l1 = l1_of_a_new_chain(self.state.root_bytes(), now_s)
        self.envelopes: list[bytes] = []
        self.core = Core(CONFIG_HASH, GOVERNANCE)
        self.last_ms = 1_000 * now_s
        self.earlier_l1 = self.l1

    def batch(self) -> Batch:
        """Begin the next batch; whatever becomes of it, the chain stays as it is."""
        return Batch(self)

    def advance(self, batch: Batch) -> None:
        """Settle an honest batch and go on from it."""
        honest = batch.replay()
        assert not honest.rejections
        assert honest.refused == ErrorCode.OK
        batch.l1.prove(honest.claim)
        assert batch.settle(honest) == ACCEPTED
        for envelope in batch.envelopes:
            self.core.apply_envelope(envelope)
        assert self.core.root() == honest.claim.new_root
        self.envelopes += batch.envelopes
        self.earlier_l1 = self.l1
        self.state, self.l1, self.last_ms = honest.state, batch.l1, batch.now_ms


class Batch:
    """Envelopes that a sequencer puts behind a chain, and what it may claim about them."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.l1 = deepcopy(chain.l1)
        self.envelopes: list[bytes] = []
        self.now_ms = chain.last_ms

    @property
    def now_s(self) -> int:
        return self.chain.state.header.now_s

    def user(self, account: int, *ops: op.Op, **fields: int | bytes) -> bytes:
        """Add an envelope of the owner's key; `fields` change its header."""
        self.now_ms += 1
        header = {
            "signer": self.chain.state.account(account - account % 32).owner,
            "nonce": self.now_ms,
            "arrival_ms": self.now_ms,
        } | fields
        payload = b"".join(each.to_bytes() for each in ops)
        return self._add(
            Envelope(kind=EnvelopeKind.USER, account=account, payload=payload, **header)
        )

    def system(self, *ops: op.Op, **fields: int) -> bytes:
        """Add an envelope of the sequencer."""
        self.now_ms += 1
        header = {"arrival_ms": self.now_ms} | fields
        payload = b"".join(each.to_bytes() for each in ops)
        return self._add(Envelope(kind=EnvelopeKind.SYSTEM, payload=payload, **header))

    def message(self, message: Message) -> bytes:
        """Add the envelope of a message of the peer."""
        self.now_ms += 1
        return self._add(
            Envelope(
                kind=EnvelopeKind.MESSAGE, arrival_ms=self.now_ms, payload=message.to_payload()
            )
        )

    def settle(self, run: Run, l1: L1 | None = None) -> str:
        """Hand a run's claim in, with what a peer would say that got and sent the same messages."""
        l1, lists = l1 or self.l1, run.lists
        peers = [l1.peer_part(lists, run.sealed.mail.taken)] if lists.channels else []
        return l1.settle(run.claim, run.flows, lists, *peers)

    def priority(self, record: bytes) -> bytes:
        """Add the envelope of a record of L1."""
        self.now_ms += 1
        return self._add(
            Envelope(kind=EnvelopeKind.PRIORITY, arrival_ms=self.now_ms, payload=record)
        )

    def oracle(self, taken: OracleSnapshot) -> bytes:
        """Add the envelope of a snapshot."""
        self.now_ms += 1
        return self._add(
            Envelope(kind=EnvelopeKind.ORACLE, arrival_ms=self.now_ms, payload=taken.to_payload())
        )

    def _add(self, envelope: Envelope) -> bytes:
        self.envelopes.append(envelope.to_bytes())
        return self.envelopes[-1]

    def deposit(self, owner: bytes, asset: int, units: int) -> bytes:
        return self.priority(self.l1.deposit(owner, asset, units))

    def admin(self, *ops: op.Op) -> None:
        for each in ops:
            self.priority(self.l1.admin(each.to_bytes()))

    def seal(self) -> Batch:
        self.system(op.SealBatch())
        return self

    def replay(self, *lies: Lie, envelopes: Sequence[bytes] | None = None) -> Run:
        """Apply the batch with the specification, as it is or with lies.

        It stops at the first envelope that is refused as a whole.
        """
        chain = self.chain
        state = deepcopy(chain.state)
        before, old_root = deepcopy(state.header), state.root_bytes()
        oracle_first = state.oracle().next_index
        events: list[Event] = []
        mail = MailCollector(_Channels(state))
        refused = ErrorCode.OK
        applied = self.envelopes if envelopes is None else list(envelopes)
        with ExitStack() as stack:
            for lie in lies:
                stack.enter_context(lie)
            for envelope in applied:
                try:
                    found = apply_envelope(state, envelope)
                except OpError as error:
                    refused = error.code
                    break
                mail.add(envelope, _as_rows(found))
                events += found
        after = state.header
        sealed = SealedBatch(
            number=before.batch_number + 1,
            old_root=old_root,
            new_root=state.root_bytes(),
            first_time_s=before.now_s,
            last_time_s=after.now_s,
            priority_first=before.next_priority_index,
            priority_next=after.next_priority_index,
            priority_accumulator=after.priority_accumulator,
            receipts_head=after.receipts_head,
            inputs_commitment=inputs_commitment(
                CONFIG_HASH, old_root, len(applied), _inputs_chain(applied, state.hasher)
            ),
            first_slot=before.last_slot,
            last_slot=after.last_slot,
            oracle_first=oracle_first,
            oracle_next=state.oracle().next_index,
            oracle_accumulator=state.oracle().accumulator,
            valuation_table=valuation_table(state),
            mail=mail.close(),
            withdrawals=tuple(_withdrawal_of(e) for e in events if e.kind == EventKind.WITHDRAWAL),
            event_counts=dict(Counter(EventKind(e.kind) for e in events)),
            envelopes=tuple(applied),
        )
        return Run(state, events, refused, sealed)

    def witness(self, statement: Statement = STATEMENT) -> Witness:
        """Return the witness of the batch; of one that the program refuses, as far as it gets."""
        chain = self.chain
        ahead = Core(CONFIG_HASH, GOVERNANCE)
        for envelope in chain.envelopes:
            ahead.apply_envelope(envelope)
        ahead.record_hints(HINTS_MAX)
        for envelope in self.envelopes:
            ahead.apply_envelope(envelope)
        hints = ahead.recorded_hints()
        behind = chain.core
        behind.root()
        _, numbers = find_leaves(
            behind.leaf_reader, behind.handle, hints, encode_envelopes(self.envelopes)
        )
        openings = tuple(opening(behind, subtree, numbers[subtree]) for subtree in Subtree)
        return Witness(statement, openings, tuple(hints.tolist()), tuple(self.envelopes))

    def prove(self, witness: Witness | None = None) -> Proving:
        """Run the batch program as a guest, and natively too if the witness is the right one.

        From leaves that no state has the guest may divide by zero, which is defined for it alone.
        """
        tape = (witness or self.witness()).to_bytes_unchecked()
        code, output = run_guest(self.chain.program, tape)
        if witness is None:
            native = run_witness(tape)
            assert (code, output) == (native.exit_code, native.output)
        if code != ExitCode.OK:
            return Proving(None if code is None else ExitCode(code), None)
        return Proving(ExitCode.OK, PublicOutput.from_bytes(output))

    def proven(self, witness: Witness | None = None) -> PublicOutput:
        """Return the output of a run that has a proof, which L1 then holds as a fact."""
        output = self.prove(witness).output
        assert output is not None
        self.l1.prove(output)
        return output

    def attempt(self, *lies: Lie, harm: Callable[[Run], bool], l1_code: str = NO_FACT) -> str:
        """Claim what a dishonest transition makes of the batch; return what stops the claim.

        The claim is a whole public output of the same envelopes on the same old root. That nothing
        but the missing proof is wrong with it shows where the verifier holds everything true: L1
        then settles it.

        Parameters
        ----------
        lies
            What the dishonest transition does otherwise.
        harm
            Whether a run shows the violation: the dishonest one does, the honest one does not.
        l1_code
            With what L1 refuses the claim even if a verifier holds it true; NO_FACT: not at all.
        """
        dishonest, honest = self.replay(*lies), self.replay()
        assert dishonest.refused == ErrorCode.OK
        assert dishonest.state.header.batch_number == dishonest.sealed.number
        assert harm(dishonest)
        assert not harm(honest)
        claim = dishonest.claim
        l1 = self.l1.model.state
        l1.now_s = max(l1.now_s, dishonest.state.header.now_s)
        proving = self.prove()
        assert proving.output != claim
        assert self.settle(dishonest) in {NO_FACT, l1_code}
        deceived = deepcopy(self.l1)
        deceived.prove(claim)
        is_well_formed = l1_code == NO_FACT
        expected = ACCEPTED if is_well_formed else l1_code
        assert self.settle(dishonest, deceived) == expected
        if proving.output is None:
            is_refused = proving.exit_code == ExitCode.REFUSED_ENVELOPE
            assert is_refused == (honest.refused != ErrorCode.OK)
            return f"{NO_PROOF}: {honest.refused.name if is_refused else proving.ending}"
        assert proving.output == honest.claim
        assert proving.output.old_root == claim.old_root
        assert proving.output.inputs_commitment == claim.inputs_commitment
        self.l1.prove(proving.output)
        assert self.settle(honest) == ACCEPTED
        codes = [code for code in honest.rejections if code not in dishonest.rejections]
        return f"{ANOTHER}: {codes[0].name}" if codes else ANOTHER


def opening(core: Core, subtree: Subtree, numbers: list[int]) -> Opening:
    """Return the opening of some leaves of a core whose tree is up to date."""
    if not numbers:
        return Opening((), core.subtree_root(subtree), ())
    leaves = tuple((number, core.leaf(subtree, number)) for number in numbers)
    return Opening(leaves, b"", tuple(core.siblings(subtree, np.array(numbers, np.uint32))))
