"""Random envelopes: the flow of ops, each wrapped as a user, the sequencer or L1 would send it."""

from dataclasses import replace

from offchain.spec import op
from offchain.spec.checks import OpError
from offchain.spec.constants import NONCE_SETS
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.kinds import EnvelopeKind, OpKind, PriorityKind
from offchain.spec.priority import PriorityRecord, admin_record
from offchain.spec.state import signer_index
from tests.strategies import MASTERS, Flow, agent_of, owner_of

FIRST_ARRIVAL_MS = 10**12
DAY_MS = 86_400_000
LAST_USER_KIND, LAST_SYSTEM_KIND, LAST_PRIORITY_KIND = 31, 63, 95


class EnvelopeFlow(Flow):
    """Generator of envelopes with a state of its own to look at.

    ``emit`` takes an op as the generator of ops makes it and sends it in an envelope of its kind;
    ``envelopes`` is what was sent since genesis.
    """

    def __init__(self, seed: int) -> None:
        self.envelopes: list[bytes] = []
        self.arrival_ms = FIRST_ARRIVAL_MS
        self.last_nonce = FIRST_ARRIVAL_MS
        self.error_rate = 0.0
        super().__init__(seed)
        for master in MASTERS:
            account = 32 * master
            setup = op.SetOwnerKey(account=account, is_on=int(master != MASTERS[-1]))
            agent = op.SetAgent(
                account=account, slot=1, address=agent_of(master, 1), expiry_s=2_000
            )
            self.send(self.wrap(setup.to_bytes() + agent.to_bytes()))
        self.error_rate = 0.1

    def emit(self, data: bytes) -> None:
        """Send an op, mostly as it should be sent."""
        if not self.error_rate:
            self.send(self.wrap(data))  # the scene
            return
        self.arrival_ms += self.rng.choice((0, 0, 1, 1_000))
        envelope = self.wrap(data + self.more_ops(data))
        if self.rng.random() < self.error_rate:
            envelope = self.spoil(envelope)
        self.send(envelope)

    def send(self, envelope: bytes) -> None:
        """Append an envelope and follow it, whether it is accepted or not."""
        self.envelopes.append(envelope)
        try:
            apply_envelope(self.state, envelope)
        except OpError:
            return

    def more_ops(self, data: bytes) -> bytes:
        """Return up to three further ops for the same envelope, rarely of another master."""
        if data[0] > LAST_USER_KIND or self.rng.random() < 0.7:
            return b""
        further = [self.any_op().to_bytes() for _ in range(self.rng.randint(1, 3))]
        is_any = self.rng.random() < 0.1
        master = master_number(data)
        return b"".join(
            each
            for each in further
            if is_any or (each[0] <= LAST_USER_KIND and master_number(each) == master)
        )

    def wrap(self, payload: bytes) -> bytes:
        """Return the envelope for ops of one kind."""
        kind = payload[0]
        if LAST_USER_KIND < kind <= LAST_SYSTEM_KIND:
            return self.unsigned(EnvelopeKind.SYSTEM, payload)
        if LAST_SYSTEM_KIND < kind <= LAST_PRIORITY_KIND:
            return self.unsigned(EnvelopeKind.PRIORITY, self.record(payload).to_bytes())
        return self.user(payload)

    def unsigned(self, kind: EnvelopeKind, payload: bytes) -> bytes:
        """Return an envelope of the sequencer or of L1."""
        return Envelope(kind=kind, arrival_ms=self.arrival_ms, payload=payload).to_bytes()

    def record(self, data: bytes) -> PriorityRecord:
        """Return the L1 record of a deposit or admin op, sometimes with a field out of range."""
        rng = self.rng
        index = self.state.header.next_priority_index
        if rng.random() < self.error_rate / 3:
            index += rng.choice((-1, 1, 2**64)) if index else 1
        if data[0] != OpKind.DEPOSIT or rng.random() < self.error_rate / 4:
            sender = rng.choice((0, 2**256 - 1)) if self.error_rate else 0
            return replace(admin_record(index, data), sender=sender)
        deposit = op.Deposit.from_bytes(data)
        fields = {
            "sender": int.from_bytes(deposit.owner, "big"),
            "account": deposit.account // 32,
            "asset": deposit.asset,
            "amount": deposit.amount,
        }
        if rng.random() < self.error_rate:
            field = rng.choice((*fields, "data0", "data1"))
            fields[field] = rng.choice((0, 1, 2**16, 2**17, 2**62, 2**64, 2**160, 2**256 - 1))
        return PriorityRecord(index=index, kind=PriorityKind.DEPOSIT, **fields)

    def user(self, payload: bytes) -> bytes:
        """Return an envelope of a trader, signed by the owner's or an agent key."""
        rng = self.rng
        account = int.from_bytes(payload[4:8], "little")
        is_trading = self.error_rate and payload[0] <= OpKind.TRANSFER
        slot = 1 if is_trading and rng.random() < 0.7 else 0
        if rng.random() < self.error_rate / 3:
            slot = rng.randint(0, 4)
        signer = self.state.signers.read(signer_index(account % 2**22, slot)).address
        if rng.random() < self.error_rate / 5:
            signer = owner_of(32)
        return Envelope(
            kind=EnvelopeKind.USER,
            signer_slot=slot,
            account=account,
            nonce=self.nonce(),
            arrival_ms=self.arrival_ms,
            signer=signer,
            signature=rng.randbytes(65),
            payload=payload,
        ).to_bytes()

    def nonce(self) -> int:
        """Return a nonce: mostly the next one, sometimes used, old, or out of the window."""
        rng = self.rng
        draw = rng.random() if self.error_rate else 1
        if draw < 0.04:
            return self.last_nonce
        if draw < 0.06:
            return self.arrival_ms + rng.choice((DAY_MS, DAY_MS + 1, -2 * DAY_MS, -2 * DAY_MS - 1))
        if draw < 0.12:
            return self.last_nonce - NONCE_SETS * rng.randint(1, 30)
        self.last_nonce = max(self.last_nonce + 1, self.arrival_ms)
        return self.last_nonce

    def spoil(self, envelope: bytes) -> bytes:
        """Return the envelope cut, lengthened, with an earlier arrival or one byte changed."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.2:
            return envelope[: rng.randrange(len(envelope))]
        if draw < 0.3:
            return envelope + bytes(rng.choice((1, 64, 16_385 - len(envelope))))
        data = bytearray(envelope)
        if draw < 0.4:
            data[16:24] = (self.arrival_ms - rng.choice((0, 1, 9_999))).to_bytes(8, "little")
        else:
            data[rng.randrange(len(data))] = rng.choice((0, 1, 2, 3, 4, 255))
        return bytes(data)


def master_number(data: bytes) -> int:
    """Return the master of an op's account."""
    return int.from_bytes(data[4:8], "little") >> 5


def random_envelopes(seed: int, length: int) -> list[bytes]:
    """Return envelopes that set the scene, followed by about `length` random ones."""
    flow = EnvelopeFlow(seed)
    total = len(flow.envelopes) + length
    while len(flow.envelopes) < total:
        flow.step(total - len(flow.envelopes))
    return flow.envelopes
