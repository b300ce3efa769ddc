"""Envelopes: signed bytes as received, their decoding into ops, and nonces.

``decode`` touches no state; ``apply_envelope`` is what sequencer and proof run. Signatures are
checked by the sequencer, not here (docs/spec/transition.md section 6).
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Self

from eth_hash.auto import keccak

from offchain.spec import duties, messages, oracle, receipts
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    ENVELOPE_HEADER_BYTES,
    ENVELOPE_MAX_BYTES,
    ENVELOPE_MAX_OPS,
    NONCE_FUTURE_MS,
    NONCE_PAST_MS,
    OP_BYTES,
    PRIORITY_RECORD_BYTES,
    SIGNERS_PER_MASTER,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import Event, EventLog
from offchain.spec.kinds import AccountFlag, Continuation, EnvelopeKind, OpKind, SignerFlag
from offchain.spec.message import Message
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.spec.priority import PriorityRecord
from offchain.spec.records import NO_ADDRESS
from offchain.spec.state import State, master_account, nonce_set_index, signer_index
from offchain.spec.transition import apply

VERSION = 1
NO_SIGNATURE = bytes(65)
_ARRIVAL_LIMIT_MS = 2**48
_OP_ACCOUNT = slice(4, 8)
# Inclusive ranges of op kinds by kind of envelope.
_OP_KINDS = {EnvelopeKind.USER: range(1, 32), EnvelopeKind.SYSTEM: range(32, 64)}
_CONDITIONAL_KINDS = (OpKind.PLACE_TRIGGER, OpKind.PLACE_TWAP)
_TRADING_KINDS = (*range(OpKind.PLACE, OpKind.SCHEDULE_CANCEL + 1), *_CONDITIONAL_KINDS)
_AGENT_KINDS = (*_TRADING_KINDS, OpKind.TRANSFER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a client, the sequencer or L1 sent.

    `nonce` and `arrival_ms` are milliseconds since the epoch; `payload` holds ops, one record of
    L1 (PRIORITY), one message (MESSAGE) or one snapshot of the oracle hub (ORACLE).
    """

    _LAYOUT: ClassVar[Struct] = Struct("<HBBIQQ20sH2x65s15x")

    kind: int
    signer_slot: int = 0
    account: int = 0
    nonce: int = 0
    arrival_ms: int
    signer: bytes = NO_ADDRESS
    signature: bytes = NO_SIGNATURE
    payload: bytes
    version: int = VERSION

    def to_bytes(self) -> bytes:
        """Return header and payload."""
        header = self._LAYOUT.pack(
            self.version,
            self.kind,
            self.signer_slot,
            self.account,
            self.nonce,
            self.arrival_ms,
            self.signer,
            len(self.payload),
            self.signature,
        )
        return header + self.payload

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse an envelope and check its form.

        Raises
        ------
        OpError
            ENVELOPE_TRUNCATED, ENVELOPE_TOO_LONG, ENVELOPE_MALFORMED.
        """
        require(len(data) >= ENVELOPE_HEADER_BYTES, ErrorCode.ENVELOPE_TRUNCATED)
        header, payload = data[:ENVELOPE_HEADER_BYTES], data[ENVELOPE_HEADER_BYTES:]
        version, kind, signer_slot, account, nonce, arrival_ms, signer, payload_bytes, signature = (
            cls._LAYOUT.unpack(header)
        )
        require(len(payload) >= payload_bytes, ErrorCode.ENVELOPE_TRUNCATED)
        is_too_long = len(data) > ENVELOPE_MAX_BYTES or len(payload) > payload_bytes
        require(not is_too_long, ErrorCode.ENVELOPE_TOO_LONG)
        envelope = cls(
            kind=kind,
            signer_slot=signer_slot,
            account=account,
            nonce=nonce,
            arrival_ms=arrival_ms,
            signer=signer,
            signature=signature,
            payload=payload,
            version=version,
        )
        # Writing the fields again puts zeros into the reserved bytes: a difference is a set one.
        is_well_formed = envelope.to_bytes() == data and envelope._is_in_range()
        require(is_well_formed, ErrorCode.ENVELOPE_MALFORMED)
        return envelope

    def _is_in_range(self) -> bool:
        if self.version != VERSION or self.kind not in set(EnvelopeKind):
            return False
        if self.arrival_ms >= _ARRIVAL_LIMIT_MS or self.signer_slot >= SIGNERS_PER_MASTER:
            return False
        if self.kind != EnvelopeKind.USER and not self._is_unsigned():
            return False
        if self.kind == EnvelopeKind.PRIORITY:
            return len(self.payload) == PRIORITY_RECORD_BYTES
        if self.kind == EnvelopeKind.MESSAGE:
            return Message.from_payload(self.payload) is not None
        if self.kind == EnvelopeKind.ORACLE:
            return OracleSnapshot.from_payload(self.payload) is not None
        count, rest = divmod(len(self.payload), OP_BYTES)
        return rest == 0 and 1 <= count <= ENVELOPE_MAX_OPS

    def _is_unsigned(self) -> bool:
        numbers = (self.signer_slot, self.account, self.nonce)
        return not any(numbers) and self.signer == NO_ADDRESS and self.signature == NO_SIGNATURE


@dataclass(frozen=True, slots=True)
class DecodedEnvelope:
    """An envelope, its ops, or what it carries besides.

    `ops` is empty for a priority record that names no valid op, for a message and for a snapshot.
    """

    envelope: Envelope
    ops: tuple[bytes, ...] = ()
    record: PriorityRecord | None = None
    message: Message | None = None
    snapshot: OracleSnapshot | None = None


def decode(data: bytes) -> DecodedEnvelope:
    """Parse an envelope into ops, without any state.

    Parameters
    ----------
    data
        The envelope exactly as received.

    Raises
    ------
    OpError
        ENVELOPE_TRUNCATED, ENVELOPE_TOO_LONG, ENVELOPE_MALFORMED, ENVELOPE_OP_NOT_ALLOWED,
        WRONG_ACCOUNT.
    """
    envelope = Envelope.from_bytes(data)
    if envelope.kind == EnvelopeKind.PRIORITY:
        record = PriorityRecord.from_bytes(envelope.payload)
        priority_op = record.op()
        return DecodedEnvelope(envelope, () if priority_op is None else (priority_op,), record)
    if envelope.kind == EnvelopeKind.MESSAGE:
        return DecodedEnvelope(envelope, message=Message.from_payload(envelope.payload))
    if envelope.kind == EnvelopeKind.ORACLE:
        return DecodedEnvelope(envelope, snapshot=OracleSnapshot.from_payload(envelope.payload))
    starts = range(0, len(envelope.payload), OP_BYTES)
    ops = tuple(envelope.payload[start : start + OP_BYTES] for start in starts)
    kinds = _OP_KINDS[EnvelopeKind(envelope.kind)]
    require(all(op[0] in kinds for op in ops), ErrorCode.ENVELOPE_OP_NOT_ALLOWED)
    if envelope.kind == EnvelopeKind.USER:
        masters = {master_account(int.from_bytes(op[_OP_ACCOUNT], "little")) for op in ops}
        require(masters == {master_account(envelope.account)}, ErrorCode.WRONG_ACCOUNT)
    return DecodedEnvelope(envelope, ops)


def apply_envelope(state: State, data: bytes) -> list[Event]:
    """Admit an envelope, apply its ops and extend the receipt chain.

    Parameters
    ----------
    state
        Changed in place; untouched when the envelope is refused.
    data
        The envelope exactly as received.

    Returns
    -------
    list[Event]
        Events of all ops in order; a refused op gives REJECTED and the next op follows.

    Raises
    ------
    OpError
        When the envelope as such is refused.
    """
    decoded = decode(data)
    envelope = decoded.envelope
    header = state.header
    require(envelope.arrival_ms >= header.last_arrival_ms, ErrorCode.ARRIVAL_BACKWARDS)
    if envelope.kind == EnvelopeKind.USER:
        _check_signer(state, decoded)
        _use_nonce(state, envelope)
    elif envelope.kind != EnvelopeKind.SYSTEM:
        _require_quiet(state)
    if decoded.message is not None:
        messages.check(state, decoded.message)
    if decoded.snapshot is not None:
        oracle.check(state, decoded.snapshot)
    if decoded.record is not None:
        is_next = decoded.record.index == header.next_priority_index
        require(is_next, ErrorCode.PRIORITY_OUT_OF_ORDER)
        header.priority_accumulator = keccak(header.priority_accumulator + envelope.payload)
        header.next_priority_index += 1
    header.last_arrival_ms = envelope.arrival_ms
    events = _apply_content(state, decoded)
    receipts.extend(state, envelope.arrival_ms, data, events)
    return events


def _check_signer(state: State, decoded: DecodedEnvelope) -> None:
    envelope = decoded.envelope
    master = master_account(envelope.account)
    require(state.account_exists(master), ErrorCode.UNKNOWN_ACCOUNT)
    signer = state.signers.read(signer_index(envelope.account, envelope.signer_slot))
    is_known = signer.flags & SignerFlag.EXISTS and signer.address == envelope.signer
    require(bool(is_known), ErrorCode.UNKNOWN_SIGNER)
    is_expired = signer.expiry_s != 0 and signer.expiry_s <= state.header.now_s
    require(not is_expired, ErrorCode.SIGNER_EXPIRED)
    kinds = [op[0] for op in decoded.ops]
    if envelope.signer_slot == 0:
        may_trade = bool(state.account(master).flags & AccountFlag.OWNER_KEY_TRADES)
        trades = any(kind in _TRADING_KINDS for kind in kinds)
        require(may_trade or not trades, ErrorCode.OWNER_KEY_NOT_ENABLED)
    else:
        require(all(kind in _AGENT_KINDS for kind in kinds), ErrorCode.AGENT_NOT_ALLOWED)
    _check_nonce(state, envelope)


def _nonce_set_index(envelope: Envelope) -> int:
    return nonce_set_index(envelope.account, envelope.signer_slot, envelope.nonce)


def _check_nonce(state: State, envelope: Envelope) -> None:
    is_too_old = envelope.nonce + NONCE_PAST_MS < envelope.arrival_ms
    is_too_new = envelope.nonce > envelope.arrival_ms + NONCE_FUTURE_MS
    is_in_window = envelope.nonce != 0 and not is_too_old and not is_too_new
    require(is_in_window, ErrorCode.NONCE_OUT_OF_WINDOW)
    nonces = state.nonce_sets.read(_nonce_set_index(envelope)).nonces
    require(envelope.nonce not in nonces, ErrorCode.NONCE_USED)
    require(envelope.nonce > min(nonces), ErrorCode.NONCE_TOO_LOW)


def _use_nonce(state: State, envelope: Envelope) -> None:
    state.nonce_sets.edit(_nonce_set_index(envelope)).use(envelope.nonce)


def _require_quiet(state: State) -> None:
    """Let what comes from outside wait until nothing is half done and no duty is due."""
    is_pending = state.header.pending.kind != Continuation.NONE
    require(not is_pending, ErrorCode.CONTINUATION_PENDING)
    require(not duties.must_run(state), ErrorCode.DUTY_PENDING)


def _apply_content(state: State, decoded: DecodedEnvelope) -> list[Event]:
    account = decoded.envelope.account
    log = EventLog(state.header)
    if decoded.message is not None:
        messages.take(state, log, decoded.message)
    elif decoded.snapshot is not None:
        oracle.read(state, log, decoded.snapshot)
    elif not decoded.ops:
        log.rejected(account=account, op_index=0, op_kind=0, code=ErrorCode.PRIORITY_MALFORMED)
    for op_index, op in enumerate(decoded.ops):
        try:
            log.events += apply(state, op)
        except OpError as error:
            log.rejected(account=account, op_index=op_index, op_kind=op[0], code=error.code)
    return log.events
