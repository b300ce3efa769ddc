"""Random calls by three senders about two proofs, against a model of what they may lead to."""

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from eth_utils import keccak

from offchain.settlement.proof_parts import Call
from offchain.settlement.verifier_client import Run
from tests.onchain.deployed import Example, Verifier, run_after
from tests.onchain.evm import Reverted

SENDERS = ["0x" + byte * 20 for byte in ("aa", "bb", "cc")]
STEPS, NOW_S, RUN_LIFETIME_S = 600, 1_800_000_000, 24 * 60 * 60
ABI_HEAD_BYTES = 4 + 3 * 32  # selector, two words and an offset before a run


@dataclass(frozen=True)
class Stage:
    """A run that a sender has."""

    run: Run
    part: int  # that comes next, if the bytes so far are those of the proof
    is_honest: bool  # whether they are


class World:
    """The contracts, and what must be stored in them."""

    def __init__(self, verifier, examples, seed):
        self.verifier, self.examples, self.random = verifier, examples, Random(seed)
        self.now_s = NOW_S
        self.stages = {}  # by sender and number of the proof
        self.published = []  # all stages there ever were
        self.proven = set()  # numbers of proofs
        self.outcomes = Counter()
        verifier.evm.set_time(NOW_S)

    def step(self):
        """Do something at random, mostly the next part, and compare."""
        kind = self.random.randrange(20)
        if kind == 0:
            self.now_s += self.random.randrange(RUN_LIFETIME_S // 3)
            self.verifier.evm.set_time(self.now_s)
        elif kind == 1:
            self.discard()
        else:
            self.send()
        self.compare()

    def send(self):
        random, key = self.random, (self.random.choice(SENDERS), self.random.randrange(2))
        held, example = self.stages.get(key), self.examples[key[1]]
        used = random.choice(self.published) if self.published and random.random() < 0.1 else held
        number = used.part if used and random.random() < 0.93 else 0
        if random.random() < 0.05:
            number = random.randrange(len(example.parts))
        number = min(number, len(example.parts) - 1)
        part = example.parts[number]
        if used is None and part.call is not Call.BEGIN:
            return
        data, change = bytearray(example.bytes_of(part)), random.random()
        if change < 0.04:
            del data[-1]
        elif change < 0.08:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        is_begun = part.call is Call.BEGIN
        is_usable = is_begun or (
            held is not None and used.run == held.run and self.now_s <= held.run.deadline_s
        )
        is_due = is_begun or (is_usable and held.is_honest and number == held.part)
        is_honest = is_due and data == example.bytes_of(part)
        try:
            run = run_after(
                self.verifier.send(example, part.call, used and used.run, bytes(data), key[0])
            )
        except Reverted as reverted:
            assert not is_honest
            self.outcomes[reverted.reason] += 1
            return
        assert is_usable
        assert len(data) == part.end - part.start
        if run is None:
            assert is_honest
            assert number == len(example.parts) - 1
            self.outcomes["verified"] += 1
            self.proven.add(key[1])
            del self.stages[key]
        else:
            self.stages[key] = Stage(run, number + 1, is_honest)
            self.published.append(self.stages[key])

    def discard(self):
        sender, key = self.random.choice(SENDERS), self.random.choice([*self.stages, None])
        if key is None:
            return
        stage, proof_id = self.stages[key], self.examples[key[1]].claim.proof_id
        arguments = (key[0], proof_id, tuple(stage.run))
        if sender != key[0] and self.now_s <= stage.run.deadline_s:
            with pytest.raises(Reverted, match="RUN_NOT_EXPIRED"):
                self.verifier.entry.call("discard", *arguments, sender=sender)
            return
        self.verifier.entry.call("discard", *arguments, sender=sender)
        del self.stages[key]

    def compare(self):
        for number, example in enumerate(self.examples):
            claim = example.claim
            assert self.verifier.is_fact(claim.fact) == (number in self.proven)
            for sender in SENDERS:
                stage = self.stages.get((sender, number))
                expected = self.hash_of(stage.run) if stage else bytes(32)
                assert self.verifier.run_hash(claim.proof_id, sender) == expected

    def hash_of(self, run):
        """Hash of a run's ABI encoding, which is that of a list of one argument."""
        calldata = self.verifier.entry.calldata("discard", SENDERS[0], bytes(32), tuple(run))
        return keccak((32).to_bytes(32, "big") + calldata[ABI_HEAD_BYTES:])


@pytest.mark.parametrize("seed", range(3))
def test_facts_and_runs_are_those_of_the_model(seed):
    examples = [
        Example("fibonacci", "settle-compact", 70_000),
        Example("factors", "settle-compact", 45_000),
    ]
    world = World(Verifier(), examples, seed)
    for _ in range(STEPS):
        world.step()
    assert world.outcomes["verified"] > 1
    assert {"RUN_STATE_MISMATCH", "RUN_EXPIRED", "WRONG_STAGE", "TRUNCATED"} <= {*world.outcomes}
