"""Proofs of accounts from a native core: L1 and Python read them, and refuse every other byte."""

import json
from functools import cache

import pytest

from offchain.core.binding import Core
from offchain.settlement.state_proofs import StateProofs
from offchain.settlement.valuation import valuation_hash
from offchain.spec import poseidon2
from offchain.spec.constants import INSURANCE_ACCOUNT
from offchain.spec.envelope import apply_envelope
from offchain.spec.kinds import Subtree
from offchain.spec.records import Account
from offchain.spec.state import account_index, genesis
from offchain.spec.tree import Hasher
from offchain.witness.leaf_proof import (
    FILE_BYTES_MAX,
    AccountProof,
    AccountProofError,
    AccountProofFault,
    AccountProver,
)
from tests.onchain.evm import Evm, Reverted
from tests.strategies import CONFIG_HASH, GOVERNANCE
from tests.witness.batches import risk_envelopes, sealed_batches

HASHER = Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))
CHAIN = 7
DIGEST_BYTES = 32


@pytest.fixture(scope="module")
def chain():
    """Batches of margined trading, a core in the state after the last, and that state's spec."""
    batches = sealed_batches(risk_envelopes(1, 200), 200)
    core, state = Core(CONFIG_HASH, GOVERNANCE), genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    for envelope in (each for batch in batches for each in batch.envelopes):
        core.apply_envelope(envelope)
        apply_envelope(state, envelope)
    return batches[-1], core, state


@pytest.fixture(scope="module")
def proofs(chain):
    """Proofs of all accounts."""
    _, core, state = chain
    prover = AccountProver(core, CHAIN)
    return [prover.prove(index) for index, _ in state.accounts.items()]


@pytest.fixture(scope="module")
def holder(proofs):
    """The proof of an account with positions."""
    return next(proof for proof in proofs if proof.positions is not None)


@pytest.fixture(scope="module")
def contract():
    return Evm().deploy("StateProofs")


def test_same_as_the_proofs_of_the_whole_tree(chain, proofs):
    batch, _, state = chain
    whole = StateProofs(state.leaves(), HASHER)
    assert whole.root == batch.new_root
    assert len(proofs) > 4
    assert len({proof.positions is None for proof in proofs}) == 2
    assert {valuation_hash(proof.table) for proof in proofs} == {
        valuation_hash(batch.valuation_table)
    }
    assert batch.valuation_table
    for proof in proofs:
        assert (proof.batch, proof.state_root) == (batch.number, batch.new_root)
        assert proof.account == whole.record(Subtree.ACCOUNTS, proof.account.index)
        positions = whole.positions(proof.account.index)
        assert proof.positions == (positions if positions.slots else None)
        proof.check(batch.new_root, HASHER)


def test_text_is_read_back(proofs):
    for proof in proofs:
        assert AccountProof.from_json(proof.to_json()) == proof


def test_l1_accepts_them(chain, proofs, contract):
    root = chain[0].new_root
    for proof in proofs:
        assert on_l1(contract, root, proof)


def on_l1(contract, root, proof):
    """Whether StateProofs has the record, and the positions, under a root."""
    account, held = proof.account, proof.positions
    try:
        arguments = (root, Subtree.ACCOUNTS, account.index, account.record)
        found = contract.call("is_record", *arguments, account.path.siblings).values[0]
        if found and held is not None:
            arguments = (root, held.account_index, held.slots, held.records)
            found = contract.call("has_positions", *arguments, held.path.siblings).values[0]
    except Reverted:
        return False
    return found


def with_flipped_byte(text, field, at):
    """A proof's text with a bit of one byte of a field flipped."""
    fields = json.loads(text)
    place = fields
    *folders, name = field
    for folder in folders:
        place = place[folder]
    data = bytearray.fromhex(place[name])
    data[at] ^= 1 << at % 8
    place[name] = bytes(data).hex()
    return json.dumps(fields)


def every_byte(text):
    """Every byte of the fields that are proven."""
    fields = json.loads(text)
    held = fields["positions"]
    for at in range(Account.SIZE):
        yield ("record",), at
    for at in range(len(held["records"]) // 2):
        yield ("positions", "records"), at
    for folder, path in (((), fields["path"]), (("positions",), held["path"])):
        for number in range(len(path)):
            for at in range(DIGEST_BYTES):
                yield (*folder, "path", number), at


def test_every_flipped_byte_is_refused_on_l1(chain, holder, contract):
    """Unreadable, or not of the root."""
    root, text = chain[0].new_root, holder.to_json()
    places = list(every_byte(text))
    assert len(places) > 1_900
    for field, at in places:
        try:
            changed = AccountProof.from_json(with_flipped_byte(text, field, at))
        except AccountProofError as error:
            assert error.fault in (  # noqa: PT017  # which of them depends on the byte
                AccountProofFault.NOT_CANONICAL,
                AccountProofFault.RECORD,
                AccountProofFault.NO_ACCOUNT,
                AccountProofFault.POSITIONS,
            )
            continue
        assert not on_l1(contract, root, changed)


def test_flipped_bytes_are_refused_by_python(chain, holder):
    root, text = chain[0].new_root, holder.to_json()
    for field, at in list(every_byte(text))[::11]:
        with pytest.raises(AccountProofError):
            AccountProof.from_json(with_flipped_byte(text, field, at)).check(root, HASHER)


def fault_of(text):
    with pytest.raises(AccountProofError) as error:
        AccountProof.from_json(text)
    return error.value.fault


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"format": "headrace/account-proof/v2"}, AccountProofFault.FORMAT),
        ({"more": 1}, AccountProofFault.FIELDS),
        ({"positions": {"slots": 1}}, AccountProofFault.FIELDS),
        ({"path": []}, AccountProofFault.FIELDS),
        ({"path": 5}, AccountProofFault.FIELDS),
        ({"account_index": 2**22}, AccountProofFault.NUMBER),
        ({"account_index": True}, AccountProofFault.NUMBER),
        ({"batch": -1}, AccountProofFault.NUMBER),
        ({"batch": 2**64}, AccountProofFault.NUMBER),
        ({"chain_id": 2**256}, AccountProofFault.NUMBER),
        ({"chain_id": "7"}, AccountProofFault.NUMBER),
        ({"record": "00" * 255}, AccountProofFault.BYTES),
        ({"record": "AB" * 256}, AccountProofFault.BYTES),
        ({"record": 5}, AccountProofFault.BYTES),
        ({"state_root": "ff" * 32}, AccountProofFault.NOT_CANONICAL),
        ({"record": "ff" * 256}, AccountProofFault.NOT_CANONICAL),
        ({"record": "00" * 256}, AccountProofFault.NO_ACCOUNT),
        ({"positions": None}, AccountProofFault.POSITIONS),
        ({"valuation_table": "00" * 32}, None),
        ({"valuation_table": "00" * 31}, AccountProofFault.TABLE),
        ({"valuation_table": "0"}, AccountProofFault.BYTES),
    ],
)
def test_malformed_files_are_refused(holder, change, fault):
    text = json.dumps(json.loads(holder.to_json()) | change)
    if fault is None:
        AccountProof.from_json(text)
    else:
        assert fault_of(text) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", AccountProofFault.NOT_JSON),
        ("[" * 50_000, AccountProofFault.NOT_JSON),
        ("[]", AccountProofFault.FIELDS),
        (" " * (FILE_BYTES_MAX + 1), AccountProofFault.TOO_LONG),
    ],
)
def test_other_texts_are_refused(text, fault):
    assert fault_of(text) == fault


def test_an_index_that_is_not_of_the_path_is_refused(holder):
    text = json.dumps(json.loads(holder.to_json()) | {"account_index": holder.account.index ^ 1})
    moved = AccountProof.from_json(text)
    with pytest.raises(AccountProofError) as error:
        moved.check(moved.state_root, HASHER)
    assert error.value.fault == AccountProofFault.WRONG_ROOT


def test_another_settled_root_is_refused(holder):
    with pytest.raises(AccountProofError) as error:
        holder.check(bytes(32), HASHER)
    assert error.value.fault == AccountProofFault.WRONG_ROOT


def test_an_empty_leaf_has_no_proof(chain):
    prover = AccountProver(chain[1], CHAIN)
    with pytest.raises(AccountProofError) as error:
        prover.prove(77)
    assert error.value.fault == AccountProofFault.NO_ACCOUNT
    with pytest.raises(IndexError):
        prover.prove(2**22)


def test_the_insurance_account_has_one(chain):
    proof = AccountProver(chain[1], CHAIN).prove(account_index(INSURANCE_ACCOUNT))
    assert Account.from_bytes(proof.account.record).owner == GOVERNANCE
