"""Random batches of a chain with peers and a hub, every op in an envelope of its own."""

from collections.abc import Iterable
from dataclasses import replace

from offchain.spec import op
from offchain.spec.checks import OpError
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import EnvelopeKind, OpKind, PriorityKind
from offchain.spec.priority import PriorityRecord, admin_record
from tests.core.envelope_flow import FIRST_ARRIVAL_MS
from tests.l1_strategies import is_envelope
from tests.witness.batches import Batch, sealed_batches, with_witnesses


class Wrapper:
    """Puts ops into envelopes, and gives envelopes of L1 their turn among them."""

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        self.owners: dict[int, bytes] = {}  # by master account
        self.next_index = 0

    def add(self, data: bytes) -> None:
        """Append the envelope of an entry of a sequence; leave out what is none."""
        if is_envelope(data):
            self.add_envelope(data)
        elif data[0] == OpKind.DEPOSIT:
            self.add_deposit(op.Deposit.from_bytes(data))
        elif data[0] > OpKind.DEPOSIT:
            self.send(EnvelopeKind.PRIORITY, self.record(admin_record(0, data)))
        elif data[0] >= OpKind.ADVANCE_TIME:
            self.send(EnvelopeKind.SYSTEM, data)
        else:
            self.add_user(data)

    def add_envelope(self, data: bytes) -> None:
        try:
            decoded = Envelope.from_bytes(data)
        except OpError:
            return
        payload = decoded.payload
        if decoded.kind == EnvelopeKind.PRIORITY:
            payload = self.record(PriorityRecord.from_bytes(payload))
        self.send(decoded.kind, payload)

    def add_deposit(self, deposit: op.Deposit) -> None:
        self.send(
            EnvelopeKind.PRIORITY,
            self.record(
                PriorityRecord(
                    index=0,
                    kind=PriorityKind.DEPOSIT,
                    sender=int.from_bytes(deposit.owner, "big"),
                    account=deposit.account // 32,
                    asset=deposit.asset,
                    amount=deposit.amount,
                )
            ),
        )
        if deposit.account not in self.owners:
            self.owners[deposit.account] = deposit.owner
            self.add_user(op.SetOwnerKey(account=deposit.account, is_on=1).to_bytes())

    def add_user(self, data: bytes) -> None:
        account = int.from_bytes(data[4:8], "little")
        signer = self.owners.get(account - account % 32, bytes(20))
        nonce = FIRST_ARRIVAL_MS + len(self.envelopes)
        self.send(EnvelopeKind.USER, data, account=account, signer=signer, nonce=nonce)

    def record(self, record: PriorityRecord) -> bytes:
        """Return a record at its place in L1's queue."""
        self.next_index += 1
        return replace(record, index=self.next_index - 1).to_bytes()

    def send(self, kind: EnvelopeKind, payload: bytes, **fields: object) -> None:
        arrival_ms = FIRST_ARRIVAL_MS + len(self.envelopes)
        envelope = Envelope(kind=kind, arrival_ms=arrival_ms, payload=payload, **fields)
        self.envelopes.append(envelope.to_bytes())


def wrapped(entries: Iterable[bytes]) -> list[bytes]:
    wrapper = Wrapper()
    for data in entries:
        wrapper.add(data)
    return wrapper.envelopes


def link_batches(entries: Iterable[bytes], batch_envelopes: int) -> list[Batch]:
    return with_witnesses(sealed_batches(wrapped(entries), batch_envelopes))
