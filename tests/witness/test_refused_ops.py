"""Whatever a user sends, the batch that holds the refusal has a proof."""

from offchain.core.binding import Core
from offchain.engine.batch import BatchCollector
from offchain.engine.state_view import StateView
from offchain.spec import op
from offchain.spec.constants import SUB_ACCOUNT_BITS
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind, OpKind
from offchain.spec.priority import admin_record
from offchain.witness.builder import WitnessBuilder
from tests.core import bad_l1_ops, bad_link_ops, bad_ops, bad_risk_ops
from tests.core.crowded import NOW_S, crowded_ops
from tests.core.crowded_links import crowded_link_entries
from tests.l1_strategies import is_envelope
from tests.strategies import CONFIG_HASH, GOVERNANCE, owner_of
from tests.witness.batches import STATEMENT, Batch, run_guest, seal

ARRIVAL_MS = 10**12
BAD_OPS = (bad_ops, bad_risk_ops, bad_l1_ops, bad_link_ops)


def crowded() -> Core:
    core = Core(CONFIG_HASH, GOVERNANCE)
    core.apply(crowded_ops())
    for data in crowded_link_entries(NOW_S):
        if is_envelope(data):
            assert core.apply_envelope(data)[0] == ErrorCode.OK
        else:
            core.apply(data)
    return core


def wrapped(data: bytes, number: int, index: int) -> Envelope:
    kind, account = data[0], int.from_bytes(data[4:8], "little")
    if kind >= OpKind.DEPOSIT:
        payload = admin_record(index, data).to_bytes()
        return Envelope(kind=EnvelopeKind.PRIORITY, arrival_ms=ARRIVAL_MS, payload=payload)
    if kind >= OpKind.ADVANCE_TIME:
        return Envelope(kind=EnvelopeKind.SYSTEM, arrival_ms=ARRIVAL_MS, payload=data)
    master = account >> SUB_ACCOUNT_BITS << SUB_ACCOUNT_BITS
    return Envelope(
        kind=EnvelopeKind.USER,
        account=account,
        nonce=ARRIVAL_MS + number,
        arrival_ms=ARRIVAL_MS,
        signer=owner_of(master % 2**13),
        payload=data,
    )


def test_batch_of_refused_ops(program) -> None:
    """Also ops that name accounts, markets, assets and slots beyond every table."""
    core = crowded()
    collector = BatchCollector(core, CONFIG_HASH)
    ops = [each.to_bytes() for module in BAD_OPS for _, each in module.CASES]
    masters = {int.from_bytes(data[4:8], "little") & ~31 for data in ops}
    ops = [op.SetOwnerKey(account=master, is_on=1).to_bytes() for master in sorted(masters)] + ops
    index = StateView(core).header().next_priority_index
    refused = 0
    for number, data in enumerate(ops):
        envelope = wrapped(data, number, index)
        code, events = core.apply_envelope(envelope.to_bytes())
        if code != ErrorCode.OK:
            continue
        index += envelope.kind == EnvelopeKind.PRIORITY
        refused += EventKind.REJECTED in events["kind"]
        assert collector.add(envelope.to_bytes(), events) is None
    end = seal(ARRIVAL_MS)
    sealed = collector.add(end, core.apply_envelope(end)[1])
    assert sealed is not None
    assert refused > 300
    builder = WitnessBuilder(crowded(), crowded())
    batch = Batch(sealed, builder.build(STATEMENT, sealed.envelopes))
    assert run_guest(program, batch.witness.to_bytes()) == (0, batch.output)
