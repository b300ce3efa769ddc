"""Gateway.settle: the words of the public output and the signature."""

import ape
import pytest

from offchain.settlement.attestation import recover_attester
from offchain.settlement.public_output import PublicOutput
from tests.contracts.support import CHAIN_ID, GENESIS_ROOT, reverts, settle_argument

HASH = b"\x55" * 32
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def test_advances(system, gateway, depositor):
    system.deposit_ether(depositor)
    output = system.next_output(last_batch=3, withdrawals_root=HASH)
    receipt = system.settle(output)
    state = gateway.chain_state(CHAIN_ID)
    assert bytes(state.state_root) == output.new_root
    assert state.last_batch == 3
    assert state.last_time_s == output.last_time_s
    assert state.last_slot == output.last_slot
    assert state.priority_consumed == 1
    assert bytes(gateway.withdrawals_root(CHAIN_ID, 3)) == HASH
    assert receipt.events == [
        gateway.Settled(
            chain_id=CHAIN_ID,
            last_batch=3,
            first_batch=1,
            old_root=GENESIS_ROOT,
            new_root=output.new_root,
            withdrawals_root=HASH,
            priority_next=1,
            public_output_hash=output.digest(),
            trust_mode="ATTESTED",
        )
    ]


def test_three_in_a_row(system, gateway):
    for _ in range(3):
        system.settle()
    assert gateway.chain_state(CHAIN_ID).last_batch == 3


def test_anyone_may_submit_what_the_operator_signed(system, gateway, stranger):
    output = system.next_output()
    gateway.settle(CHAIN_ID, settle_argument(output), system.sign(output), sender=stranger)


def test_equal_times_and_slots(system, gateway):
    system.settle()
    state = gateway.chain_state(CHAIN_ID)
    system.settle(
        system.next_output(
            first_time_s=state.last_time_s,
            last_time_s=state.last_time_s,
            first_slot=state.last_slot,
            last_slot=state.last_slot,
        )
    )


def test_unknown_chain(system, gateway, operator):
    output = system.next_output(chain_id=CHAIN_ID + 1)
    with reverts("E01"):
        gateway.settle(CHAIN_ID + 1, settle_argument(output), system.sign(output), sender=operator)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("E02", {"domain": b"headrace/pi/v2".ljust(32, b"\x00")}),
        ("E17", {"l1_chain_id": 1}),
        ("E18", {"gateway": b"\x01" * 20}),
        ("E19", {"chain_id": CHAIN_ID + 1}),
        ("E07", {"config_hash": HASH}),
        ("E03", {"old_root": HASH}),
        ("E20", {"new_root": bytes(32)}),
        ("E06", {"first_batch": 0}),
        ("E04", {"first_batch": 2, "last_batch": 2}),
        ("E11", {"last_batch": 0}),
        ("E09", {"first_time_s": 30, "last_time_s": 29}),
        ("E22", {"first_slot": 9, "last_slot": 8}),
        ("E23", {"oracle_first": 1}),
        ("E23", {"oracle_next": 1}),
        ("E23", {"oracle_accumulator": HASH}),
        ("E24", {"channels_root": HASH}),
        ("E25", {"flows_root": HASH}),
        ("E26", {"reservations_root": HASH}),
        ("E27", {"valuation_hash": HASH}),
        ("E28", {"da_mode": 1}),
        ("E28", {"da_commitment": HASH}),
    ],
)
def test_wrong_word(system, code, changes):
    output = system.next_output(**changes)
    with reverts(code):
        system.settle(output)


def test_replayed_settlement(system):
    output = system.next_output()
    system.settle(output)
    with reverts("E06"):
        system.settle(output)


def test_gap_after_a_settlement(system):
    system.settle()
    with reverts("E04"):
        system.settle(system.next_output(first_batch=3, last_batch=3))


def test_root_of_an_older_settlement(system):
    system.settle()
    with reverts("E03"):
        system.settle(system.next_output(old_root=GENESIS_ROOT))


def test_time_going_backwards(system, gateway):
    system.settle()
    with reverts("E08"):
        system.settle(
            system.next_output(first_time_s=gateway.chain_state(CHAIN_ID).last_time_s - 1)
        )


def test_slot_going_backwards(system, gateway):
    system.settle()
    with reverts("E21"):
        system.settle(system.next_output(first_slot=gateway.chain_state(CHAIN_ID).last_slot - 1))


def test_time_ahead_of_l1(system):
    """One minute of room for the block that mines the settlement."""
    tolerance_s = 15 * 60
    pending_s = ape.chain.pending_timestamp
    with reverts("E10"):
        system.settle(system.next_output(last_time_s=pending_s + tolerance_s + 60))
    system.settle(system.next_output(last_time_s=pending_s + tolerance_s))


def test_stranger_signs(system, stranger, owner, governance):
    output = system.next_output()
    for account in (stranger, owner, governance):
        with reverts("E05"):
            system.settle(output, system.sign(output, account))


def test_signature_of_another_output(system):
    signature = system.sign(system.next_output(receipts_head=HASH))
    with reverts("E05"):
        system.settle(system.next_output(), signature)


def test_signature_length(system):
    output = system.next_output()
    with reverts("E29"):
        system.settle(output, system.sign(output)[:64])


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_signature_v(system, v):
    output = system.next_output()
    with reverts("E30"):
        system.settle(output, system.sign(output)[:64] + bytes([v]))


def test_signature_mirrored_to_upper_s(system):
    """The twin (order - s, other v) is a valid signature that must not pass."""
    output = system.next_output()
    signature = system.sign(output)
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    mirrored = signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
    assert recover_attester(output, mirrored) == recover_attester(output, signature)
    with reverts("E31"):
        system.settle(output, mirrored)


def test_signature_without_signer(system):
    output = system.next_output()
    with reverts("E32"):
        system.settle(output, bytes(32) + (1).to_bytes(32, "big") + b"\x1b")


def test_every_word_is_signed(system):
    """Words that the gateway cannot know are bound by the signature."""
    output: PublicOutput = system.next_output()
    signature = system.sign(output)
    for word in ("new_root", "withdrawals_root", "inputs_commitment", "receipts_head"):
        with reverts("E05"):
            system.settle(system.next_output(**{word: HASH}), signature)
