"""The public output of the batch program is what the settlement service states and L1 accepts."""

from dataclasses import replace

import pytest
from eth_utils.address import to_canonical_address

from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.public_output import PublicOutput
from offchain.spec import op
from offchain.spec.constants import VALUE_LIMIT
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import AssetFlag, EnvelopeKind, PriorityKind
from offchain.spec.priority import PriorityRecord, admin_record
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement, WitnessError
from tests.settlement.conftest import system
from tests.settlement.scene import CHAIN_ID, UNITS_PER_ETHER, withdraw
from tests.witness.batches import run_guest, sealed_batches, with_witnesses

__all__ = ["system"]
OWNER = b"\x07" * 20


def priority(*records: PriorityRecord) -> list[bytes]:
    return [
        Envelope(kind=EnvelopeKind.PRIORITY, arrival_ms=1, payload=record.to_bytes()).to_bytes()
        for record in records
    ]


def asset(number: int) -> bytes:
    return op.AdminAsset(
        asset=number,
        flags=AssetFlag.DEPOSITS_OPEN,
        withdraw_step_units=1,
        deposit_cap_units=1_000,
    ).to_bytes()


def deposit(index: int, number: int, amount: int) -> PriorityRecord:
    return PriorityRecord(
        index=index,
        kind=PriorityKind.DEPOSIT,
        sender=int.from_bytes(OWNER, "big"),
        account=1,
        asset=number,
        amount=amount,
    )


def withdrawals(*amounts: tuple[int, int]) -> bytes:
    payload = b"".join(
        op.Withdraw(account=32, asset=number, amount=amount).to_bytes()
        for number, amount in amounts
    )
    return Envelope(
        kind=EnvelopeKind.USER,
        account=32,
        nonce=1,
        arrival_ms=1,
        signer=OWNER,
        payload=payload,
    ).to_bytes()


def test_service_and_guest_state_the_same_words(system, program) -> None:
    system.deposit(3, 2)
    system.deposit(4, 4)  # together above the cap: goes back
    system.service.feed_priority()
    settlements = [system.seal_and_settle()]
    withdraw(system, 3, 32, UNITS_PER_ETHER)
    withdraw(system, 3, 32, 1)
    settlements.append(system.seal_and_settle())
    system.l1.advance_time(100)
    settlements.append(system.seal_and_settle())
    statement = Statement(
        l1_chain_id=system.l1.chain_id,
        chain_id=CHAIN_ID,
        gateway=to_canonical_address(system.deployment.gateway),
    )
    builder = WitnessBuilder(system.genesis.new_core(), system.genesis.new_core())
    for settlement in settlements:
        (batch,) = settlement.batches
        tape = builder.build(statement, batch.envelopes).to_bytes()
        assert run_guest(program, tape) == (0, settlement.output.to_bytes())
    assert settlements[1].output.first_time_s > 0
    assert ETHER_ASSET == 1 or settlements[0].flows  # both lists were not empty


def test_flows_and_withdrawals_of_several_assets(program) -> None:
    records = [
        *(admin_record(index, asset(number)) for index, number in enumerate((3, 0, 100))),
        deposit(3, 100, 10),
        deposit(4, 0, 500),
        deposit(5, 3, 7),
        deposit(6, 0, 600),  # above the cap: both a deposit and a withdrawal
        deposit(7, 0, 2),
    ]
    user = withdrawals((100, 1), (0, 3), (0, 4), (100, 2))
    (batch,) = with_witnesses(sealed_batches([*priority(*records), user], 100))
    assert len(batch.sealed.withdrawals) == 5
    assert run_guest(program, batch.witness.to_bytes()) == (0, batch.output)


def test_void_records_move_nothing(program) -> None:
    """L1 queues no such records; should one come, neither engine nor output counts it."""
    records = [
        admin_record(0, asset(3)),
        deposit(1, 2**16, 1),
        deposit(2, 2**100, 1),
        deposit(3, 3, VALUE_LIMIT),
        deposit(4, 3, 2**200),
        replace(deposit(5, 3, 1), account=2**255),
        replace(deposit(6, 3, 1), kind=7),
    ]
    (batch,) = with_witnesses(sealed_batches(priority(*records), 100))
    assert not batch.sealed.withdrawals
    assert run_guest(program, batch.witness.to_bytes()) == (0, batch.output)
    assert PublicOutput.from_bytes(batch.output).priority_next == 7


@pytest.mark.parametrize("assets", [64, 65])
def test_as_many_flows_as_a_settlement_lists(assets: int, program) -> None:
    records = [admin_record(number, asset(number)) for number in range(assets)]
    records += [deposit(assets + number, number, 1) for number in range(assets)]
    sealed = sealed_batches(priority(*records), 1_000)
    if assets > 64:
        with pytest.raises(WitnessError, match="ends with LIMIT"):
            with_witnesses(sealed)
        return
    (batch,) = with_witnesses(sealed)
    assert run_guest(program, batch.witness.to_bytes()) == (0, batch.output)
