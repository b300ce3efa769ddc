"""A prover who changes the witness gets no proof, or one that L1 cannot mistake for the batch."""

import random
from dataclasses import replace

import pytest

from offchain.settlement.public_output import PublicOutput
from offchain.spec.constants import (
    GOLDILOCKS_P,
    NONCE_SETS,
    NONCES_PER_SET,
    SIGNER_LEAVES,
)
from offchain.spec.envelope import decode
from offchain.spec.kinds import EnvelopeKind, Subtree
from offchain.spec.records import NonceSet
from offchain.spec.state import nonce_set_index
from offchain.witness.format import ExitCode, Witness
from offchain.witness.native import run_witness
from tests.witness.batches import (
    Batch,
    arrival_ms,
    finish,
    run_guest,
    seal,
    with_opening,
)

VALUES = (0, 1, 2, 3, 9, 2**32 - 1)
NOT_CANONICAL = GOLDILOCKS_P.to_bytes(8, "little")
LEAVES = [
    *(Subtree.HEADER, Subtree.CONFIG, Subtree.ASSETS, Subtree.MARKETS, Subtree.ACCOUNTS),
    *(Subtree.POSITIONS, Subtree.SIGNERS, Subtree.ORDERS, Subtree.LEVELS),
]


def outcome(program, witness: Witness) -> tuple[ExitCode, PublicOutput | None]:
    """Run natively and as a guest, which must agree."""
    tape = witness.to_bytes_unchecked()
    native = run_witness(tape)
    code, output = run_guest(program, tape)
    if native.exit_code != ExitCode.OK:
        # the machine itself refuses short tapes and elements that are not below p
        assert code == native.exit_code or code is None
        return native.exit_code, None
    assert (code, output) == (0, native.output)
    return native.exit_code, PublicOutput.from_bytes(output)


def assert_not_the_batch(program, batch: Batch, witness: Witness) -> None:
    """No proof; or one from another old root, hence with other inputs."""
    _, output = outcome(program, witness)
    if output is not None:
        expected = PublicOutput.from_bytes(batch.output)
        assert output.old_root != expected.old_root
        assert output.inputs_commitment != expected.inputs_commitment


def opened(batch: Batch, subtree: Subtree):
    opening = batch.witness.openings[subtree]
    assert opening.leaves, "the batch does not open the subtree"
    return opening


def test_the_batch_opens_what_the_tests_change(small) -> None:
    assert [s for s in LEAVES if not small.witness.openings[s].leaves] == []
    assert len(small.witness.hints) > 4


def test_every_hint_changed(small, program) -> None:
    rng = random.Random(1)
    hints = small.witness.hints
    codes = set()
    for number, hint in enumerate(hints):
        for value in {*VALUES, hint + 1 & 0xFFFFFFFF, rng.randrange(2**32)} - {hint}:
            changed = (*hints[:number], value, *hints[number + 1 :])
            code, output = outcome(program, replace(small.witness, hints=changed))
            assert output is None or output.to_bytes() == small.output
            codes.add(code)
    assert {ExitCode.TRAP, ExitCode.MISSING_LEAF} <= codes


@pytest.mark.parametrize("change", ["fewer", "more"])
def test_number_of_hints_changed(change: str, small, program) -> None:
    hints = small.witness.hints
    changed = hints[:-1] if change == "fewer" else (*hints, 0)
    code, output = outcome(program, replace(small.witness, hints=changed))
    if change == "fewer":
        assert code == ExitCode.TRAP
    else:
        assert output is not None
        assert output.to_bytes() == small.output  # what is not read changes nothing


@pytest.mark.parametrize("subtree", LEAVES)
def test_leaf_dropped(subtree: Subtree, small, program) -> None:
    opening = opened(small, subtree)
    for number in range(len(opening.leaves)):
        rest = opening.leaves[:number] + opening.leaves[number + 1 :]
        root = b"" if rest else bytes(32)
        witness = with_opening(small.witness, subtree, leaves=rest, root=root)
        assert outcome(program, witness)[1] is None


@pytest.mark.parametrize("subtree", LEAVES)
def test_leaf_changed(subtree: Subtree, small, program) -> None:
    rng = random.Random(subtree)
    opening = opened(small, subtree)
    for number, (leaf, data) in enumerate(opening.leaves):
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        leaves = (*opening.leaves[:number], (leaf, bytes(changed)), *opening.leaves[number + 1 :])
        assert_not_the_batch(program, small, with_opening(small.witness, subtree, leaves=leaves))


@pytest.mark.parametrize(
    "subtree", [s for s in LEAVES if s not in (Subtree.HEADER, Subtree.CONFIG)]
)
def test_leaf_moved_or_doubled(subtree: Subtree, small, program) -> None:
    leaves = opened(small, subtree).leaves
    (first, data), rest = leaves[0], leaves[1:]
    for changed in ((*rest, (first, data)), (leaves[0], *leaves)):
        if len(changed) == 1:
            continue
        code, _ = outcome(program, with_opening(small.witness, subtree, leaves=changed))
        assert code == ExitCode.BAD_WITNESS
    beyond = with_opening(small.witness, subtree, leaves=(*leaves, (2**31, data)))
    assert outcome(program, beyond)[0] == ExitCode.BAD_WITNESS


@pytest.mark.parametrize("subtree", Subtree)
def test_sibling_or_root_changed(subtree: Subtree, small, program) -> None:
    opening = small.witness.openings[subtree]
    digests = (opening.root,) if opening.root else opening.siblings
    for number, digest in enumerate(digests):
        flipped = bytes([digest[0] ^ 1]) + digest[1:]
        for changed in (flipped, NOT_CANONICAL + digest[8:]):
            if opening.root:
                witness = with_opening(small.witness, subtree, root=changed)
            else:
                siblings = (*digests[:number], changed, *digests[number + 1 :])
                witness = with_opening(small.witness, subtree, siblings=siblings)
            assert_not_the_batch(program, small, witness)
            if changed != flipped:
                assert outcome(program, witness)[0] == ExitCode.BAD_WITNESS


@pytest.mark.parametrize("subtree", LEAVES)
def test_word_of_a_leaf_that_is_no_field_element(subtree: Subtree, small, program) -> None:
    """p in the place of a zero word, which hashes alike if it is reduced."""
    opening = opened(small, subtree)
    found = 0
    for number, (leaf, data) in enumerate(opening.leaves):
        for at in range(0, len(data), 8):
            if any(data[at : at + 8]) or found > 40:
                continue
            found += 1
            changed = data[:at] + NOT_CANONICAL + data[at + 8 :]
            leaves = (*opening.leaves[:number], (leaf, changed), *opening.leaves[number + 1 :])
            code, _ = outcome(program, with_opening(small.witness, subtree, leaves=leaves))
            assert code != ExitCode.OK


def test_siblings_missing(small, program) -> None:
    tape = small.witness.to_bytes()
    for cut in (4, 32, 320):
        assert run_witness(tape[:-cut]).exit_code == ExitCode.TAPE_ENDS
        assert run_guest(program, tape[:-cut])[0] is None


def test_envelope_dropped(small, program) -> None:
    envelopes = small.witness.envelopes
    expected = PublicOutput.from_bytes(small.output)
    outputs = []
    for number in range(len(envelopes)):
        rest = envelopes[:number] + envelopes[number + 1 :]
        _, output = outcome(program, replace(small.witness, envelopes=rest))
        outputs.append(output)
        assert output is None or output.inputs_commitment != expected.inputs_commitment
    assert any(output is not None for output in outputs)  # a censored order is no forged one


def test_envelopes_swapped(small, program) -> None:
    envelopes = small.witness.envelopes
    expected = PublicOutput.from_bytes(small.output)
    for at in range(len(envelopes) - 1):
        if envelopes[at] == envelopes[at + 1]:
            continue
        swapped = (*envelopes[:at], envelopes[at + 1], envelopes[at], *envelopes[at + 2 :])
        _, output = outcome(program, replace(small.witness, envelopes=swapped))
        assert output is None or output.inputs_commitment != expected.inputs_commitment


def test_batch_that_is_not_sealed_by_its_last_envelope(small, program) -> None:
    *rest, last = small.witness.envelopes
    open_batch = replace(small.witness, envelopes=tuple(rest))
    assert outcome(program, open_batch)[0] == ExitCode.NOT_ONE_BATCH
    at_ms = arrival_ms(last)
    for extra in (seal(at_ms), finish(at_ms)):
        longer = replace(small.witness, envelopes=(*rest, last, extra))
        assert outcome(program, longer)[0] == ExitCode.NOT_ONE_BATCH


def test_envelope_that_the_transition_refuses(small, program) -> None:
    *rest, last = small.witness.envelopes
    for extra in (b"", last[:-1], b"\xff" + last[1:]):
        witness = replace(small.witness, envelopes=(*rest, extra, last))
        assert outcome(program, witness)[0] == ExitCode.REFUSED_ENVELOPE


@pytest.mark.parametrize("word", [0, 1, 3])
def test_head_changed(word: int, small, program) -> None:
    """Magic, version, number of envelopes (0)."""
    tape = bytearray(small.witness.to_bytes())
    tape[4 * word : 4 * word + 4] = bytes(4)
    assert run_witness(bytes(tape)).exit_code == ExitCode.BAD_WITNESS
    assert run_guest(program, bytes(tape))[0] == ExitCode.BAD_WITNESS


def test_another_chain_is_another_statement(small, program) -> None:
    expected = PublicOutput.from_bytes(small.output)
    statement = small.witness.statement
    for change in ({"l1_chain_id": 1}, {"chain_id": 4}, {"gateway": bytes(20)}):
        changed = replace(statement, **change)
        _, output = outcome(program, replace(small.witness, statement=changed))
        (name, value), *_ = change.items()
        assert output is not None
        assert getattr(output, name) == value != getattr(expected, name)


def nonce_sets(batch: Batch) -> list[tuple[int, int, list[int]]]:
    """Return place, leaf number and nonces of the opened sets that have some."""
    leaves = opened(batch, Subtree.SIGNERS).leaves
    sets = [(place, n, NonceSet.from_bytes(data).nonces) for place, (n, data) in enumerate(leaves)]
    return [(place, n, nonces) for place, n, nonces in sets if n % SIGNER_LEAVES and any(nonces)]


def with_nonces(witness: Witness, place: int, nonces: list[int]) -> Witness:
    leaves = list(witness.openings[Subtree.SIGNERS].leaves)
    leaves[place] = (leaves[place][0], NonceSet(nonces).to_bytes())
    return with_opening(witness, Subtree.SIGNERS, leaves=tuple(leaves))


def test_nonces_forgotten_raised_or_in_another_order(small, program) -> None:
    found = nonce_sets(small)
    assert found
    for place, _, nonces in found:
        for changed in (nonces[::-1], [0] * len(nonces), [*nonces[:-1], 2**48]):
            witness = with_nonces(small.witness, place, changed)
            assert_not_the_batch(program, small, witness)


def test_nonce_that_was_used_already(small, program) -> None:
    """A forged set that has the nonce of an envelope, or eight higher ones, refuses it."""
    users = [decode(each).envelope for each in small.witness.envelopes]
    users = [each for each in users if each.kind == EnvelopeKind.USER]
    places = {n: place for place, (n, _) in enumerate(opened(small, Subtree.SIGNERS).leaves)}
    for user in users:
        place = places[nonce_set_index(user.account, user.signer_slot, user.nonce)]
        for nonces in (
            [0] * (NONCES_PER_SET - 1) + [user.nonce],
            [user.nonce + NONCE_SETS] * NONCES_PER_SET,
        ):
            code, _ = outcome(program, with_nonces(small.witness, place, nonces))
            assert code == ExitCode.REFUSED_ENVELOPE


@pytest.mark.parametrize("used", ["zeros at the end", "more than the leaf has"])
def test_words_of_a_leaf(used: str, small, program) -> None:
    tape = small.witness.to_bytes()
    at = 4 * 26 + 4 * 2  # behind the head: count, number and then words of the header's leaf
    words = int.from_bytes(tape[at : at + 4], "little")
    if used == "zeros at the end":
        end = at + 4 + 8 * words
        changed = tape[:at] + (words + 1).to_bytes(4, "little") + tape[at + 4 : end]
        changed += bytes(8) + tape[end:]
    else:
        changed = tape[:at] + (65).to_bytes(4, "little") + tape[at + 4 :]
    assert run_witness(changed).exit_code == ExitCode.BAD_WITNESS
    assert run_guest(program, changed)[0] == ExitCode.BAD_WITNESS


def test_more_leaves_than_a_subtree_may_open(small, program) -> None:
    tape = small.witness.to_bytes()
    for count in (2**20 + 1, 2**32 - 1):
        changed = tape[: 4 * 26] + count.to_bytes(4, "little") + tape[4 * 27 :]
        assert run_witness(changed).exit_code == ExitCode.BAD_WITNESS
        assert run_guest(program, changed)[0] == ExitCode.BAD_WITNESS
