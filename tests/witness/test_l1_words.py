"""What the output says of the oracle hub and of the valuation table, batch by batch."""

from dataclasses import replace

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.valuation import valuation_hash
from offchain.spec import l1_op, op
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.kinds import AssetFlag, EnvelopeKind, MarketKind, PriorityKind, SnapshotTarget
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.spec.priority import PriorityRecord, admin_record
from offchain.spec.state import State, genesis
from offchain.spec.valuation import valuation_table
from offchain.witness.native import run_witness
from tests.core.crowded_risk import ASSET_RISK, PRICES, RISK, RISK_ASSET, RISKY
from tests.strategies import CONFIG_HASH, GOVERNANCE, market_op, owner_of
from tests.witness.batches import run_guest, seal, sealed_batches, with_witnesses

ACCOUNT, AMOUNT = 32, 10**9
OPEN = {"flags": AssetFlag.DEPOSITS_OPEN, "withdraw_step_units": 1, "deposit_cap_units": 2**60}
LISTED = (
    op.AdminAsset(asset=0, **OPEN),
    op.AdminAsset(asset=RISK_ASSET, **OPEN),
    market_op(RISKY, MarketKind.PERP, sz_decimals=0),
    PRICES,
    RISK,
    ASSET_RISK,
)
FEEDS = (
    l1_op.AdminFeed(entry=3, target=SnapshotTarget.MARKET, market=RISKY, on=1),
    l1_op.AdminFeed(entry=0, asset=RISK_ASSET, price_feed=1, rate_feed_plus_1=3, on=1),
)
READINGS = ((1_000 * 100, 1), (20 * 10**8, 1), (11 * 10**17, 2))


class Script:
    """Envelopes one after the other, with the specification's state after them."""

    def __init__(self) -> None:
        self.state: State = genesis(CONFIG_HASH, GOVERNANCE)
        self.envelopes: list[bytes] = []

    def send(self, kind: EnvelopeKind, payload: bytes) -> None:
        data = Envelope(kind=kind, arrival_ms=1, payload=payload).to_bytes()
        apply_envelope(self.state, data)
        self.envelopes.append(data)

    def record(self, record: PriorityRecord) -> None:
        index = self.state.header.next_priority_index
        self.send(EnvelopeKind.PRIORITY, replace(record, index=index).to_bytes())

    def govern(self, *ops: op.Op) -> None:
        for each in ops:
            self.record(admin_record(0, each.to_bytes()))

    def tell(self, time_s: int, *readings: tuple[int, int]) -> None:
        payload = op.AdvanceTime(now_s=time_s).to_bytes() + op.RunDuties().to_bytes()
        self.send(EnvelopeKind.SYSTEM, payload)
        snapshot = OracleSnapshot(
            set_id=3, index=self.state.oracle().next_index, time_s=time_s, readings=readings
        )
        self.send(EnvelopeKind.ORACLE, snapshot.to_payload())

    def seal(self) -> tuple[int, bytes, bytes]:
        """End the batch; return next index and accumulator of the hub, and the table's hash."""
        self.envelopes.append(seal(1))
        apply_envelope(self.state, self.envelopes[-1])
        oracle = self.state.oracle()
        table = valuation_table(self.state)
        return oracle.next_index, oracle.accumulator, valuation_hash(table) if table else ZERO_WORD


def test_words_of_the_hub_and_of_the_table(program) -> None:
    script = Script()
    script.govern(LISTED[0])
    expected = [script.seal()]
    script.govern(*LISTED[1:], *FEEDS)
    script.tell(100, *READINGS)
    expected.append(script.seal())
    deposit = PriorityRecord(
        index=0,
        kind=PriorityKind.DEPOSIT,
        sender=int.from_bytes(owner_of(ACCOUNT), "big"),
        account=1,
        amount=AMOUNT,
    )
    script.record(deposit)
    script.record(replace(deposit, kind=PriorityKind.FORCED_WITHDRAW, amount=AMOUNT // 3))
    for time_s in (101, 102):
        script.tell(time_s, *READINGS[:1], (21 * 10**8, 1), READINGS[2])
    expected += [script.seal(), script.seal()]

    batches = with_witnesses(sealed_batches(script.envelopes, 1_000))
    assert [first for first, _, _ in expected] == [0, 1, 3, 3]
    assert expected[0][2] == ZERO_WORD != expected[1][2] != expected[2][2] == expected[3][2]
    oracle_next = 0
    for batch, words in zip(batches, expected, strict=True):
        tape = batch.witness.to_bytes()
        code, data = run_guest(program, tape)
        assert code == 0
        assert run_witness(tape).output == data
        output = PublicOutput.from_bytes(data)
        assert output.new_root == batch.sealed.new_root
        assert (output.oracle_first, output.oracle_next) == (oracle_next, words[0])
        assert (output.oracle_accumulator, output.valuation_hash) == words[1:]
        oracle_next = words[0]
    assert script.state.root_bytes() == batches[-1].sealed.new_root
    assert batches[2].sealed.withdrawals[0].amount_units == AMOUNT // 3
