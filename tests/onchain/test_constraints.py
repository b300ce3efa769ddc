"""The quotient identity in the contract: as in Python, over every value, within all bounds."""

import os
import subprocess
import sys
from random import Random

import pytest

from offchain.air import buses
from offchain.air.machine import TABLES
from offchain.security.parameters import PROFILES
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.tools.constraint_program.graph import DIFFERENCE_BOUND
from offchain.tools.constraint_program.quotient import constraint_program
from offchain.tools.gen_constraint_program import DATA
from offchain.verifier.constraints import (
    BusChallenges,
    public_fractions,
    quotient_at,
    split_values,
)
from offchain.verifier.field import ONE, ZERO, Element
from offchain.verifier.proof_format import decode
from offchain.verifier.verify import verify
from tests.onchain.evm import Evm, Reverted
from tests.prover.proofs import proof, run

BLINDING_ROWS = 512
WORDS = [int(line, 16) for line in DATA.read_text().split()]
FIRST_QUOTIENT_PART = 17 + 262 + 40


@pytest.fixture(scope="module")
def contract():
    return Evm().deploy("contracts/ConstraintEvaluator.vy", WORDS)


def packed(element):
    return element[0] | element[1] << 85 | element[2] << 170


def random_element(random):
    return Element(*(random.randrange(P) for _ in range(3)))


class Claim:
    """Arguments of one check, at random, with a quotient that satisfies the identity."""

    def __init__(self, seed, log_heights, words=3):
        random = Random(seed)
        self.log_heights, self.overlap = log_heights, random.choice([38, 56])
        self.entry_pc = random.randrange(1 << 32)
        self.gamma, self.beta, self.alpha, self.zeta = (random_element(random) for _ in range(4))
        self.output = [random.randrange(1 << 32) for _ in range(words)]
        self.values = [random_element(random) for _ in range(constraint_program()[1].values)]

    def satisfy(self):
        """Set the quotient's first part so that the identity holds."""
        challenges = BusChallenges(self.gamma, self.beta)
        values, (_, q_1, q_2) = split_values(TABLES, self.values)
        public_sum = public_fractions(challenges, self.entry_pc, self.output)
        claimed = quotient_at(
            TABLES,
            self.log_heights,
            BLINDING_ROWS,
            values,
            challenges,
            public_sum,
            self.alpha,
            self.zeta,
        )
        step = self.zeta ** ((1 << max(self.log_heights)) - self.overlap)
        self.values[FIRST_QUOTIENT_PART] = claimed - step * (q_1 + step * q_2)
        return self

    def arguments(self):
        challenges = (self.gamma, self.beta, self.alpha, self.zeta)
        return (
            bytes(self.log_heights).ljust(32, b"\0"),
            BLINDING_ROWS,
            self.overlap,
            *map(packed, challenges),
            self.entry_pc,
            b"".join(word.to_bytes(4, "big") for word in self.output),
            [packed(value) for value in self.values],
        )

    def is_accepted(self, contract):
        return contract.call("check_quotient", *self.arguments()).values == (True,)


HEIGHTS = [
    (17, 16, 16, 16, 15, 12, 13, 15, 10, 10, 10, 15),
    (10,) * 12,
    tuple(range(10, 22)),
    tuple(Random(5).choices(range(10, 22), k=12)),
]


@pytest.mark.parametrize("log_heights", HEIGHTS)
def test_the_identity_holds_where_python_says_so(contract, log_heights):
    claim = Claim(sum(log_heights), log_heights).satisfy()
    assert claim.is_accepted(contract)


@pytest.mark.parametrize("words", [0, 1, 17])
def test_every_output_word_counts(contract, words):
    claim = Claim(words, HEIGHTS[0], words).satisfy()
    assert claim.is_accepted(contract)
    for i in range(words):
        claim.output[i] ^= 1
        assert not claim.is_accepted(contract)
        claim.output[i] ^= 1
    claim.output.append(0)
    assert not claim.is_accepted(contract)


def test_every_opened_value_counts(contract):
    claim = Claim(1, HEIGHTS[1]).satisfy()
    unread = []
    for i, value in enumerate(claim.values):
        claim.values[i] = value + Element(0, 1)
        if claim.is_accepted(contract):
            unread.append(i)
        claim.values[i] = value
    assert unread == []


@pytest.mark.parametrize("name", ["gamma", "beta", "alpha", "zeta"])
def test_every_challenge_counts(contract, name):
    claim = Claim(2, HEIGHTS[0]).satisfy()
    setattr(claim, name, getattr(claim, name) + ONE)
    assert not claim.is_accepted(contract)


def test_the_first_pc_and_every_height_count(contract):
    claim = Claim(3, HEIGHTS[0]).satisfy()
    claim.entry_pc ^= 1
    assert not claim.is_accepted(contract)
    claim.entry_pc ^= 1
    for table in range(len(TABLES)):
        heights = list(HEIGHTS[0])
        heights[table] += 1
        claim.log_heights = tuple(heights)
        assert not claim.is_accepted(contract)


def test_extreme_lanes_are_taken(contract):
    claim = Claim(4, HEIGHTS[0])
    claim.values = [Element(P - 1, P - 1, P - 1)] * len(claim.values)
    claim.gamma = claim.beta = claim.alpha = claim.zeta = Element(P - 1, P - 1, P - 1)
    assert claim.satisfy().is_accepted(contract)


def test_a_vanishing_denominator_is_refused(contract):
    claim = Claim(6, HEIGHTS[0])
    challenges = BusChallenges(ZERO, claim.beta)
    first_pc = (buses.PC_ADDRESS, buses.FIRST_PC_TIMESTAMP, claim.entry_pc)
    tuples = [(buses.MEMORY, [Element(value) for value in first_pc])]
    for i, word in enumerate(claim.output):
        tuples.append((buses.LINK, [ZERO, ZERO, ZERO, Element(i), Element(word)]))
    for bus, values in tuples:
        claim.gamma = ZERO - challenges.denominator(bus, values)
        with pytest.raises(Reverted) as caught:
            claim.is_accepted(contract)
        assert caught.value.reason == "ZERO_DENOMINATOR"


def test_a_real_proof_is_accepted(contract):
    data = proof("fibonacci", "settle-compact").data
    program_id = run("fibonacci", PROFILES["settle-compact"]).key.program_id
    challenges = {name: Element(*value) for name, value in verify(data, program_id).challenges[:4]}
    decoded = decode(data)
    assert decoded.parameters.blinding_rows == BLINDING_ROWS
    claim = Claim(0, decoded.log_heights)
    vars(claim).update(challenges)
    claim.overlap = decoded.parameters.queries + 2
    claim.entry_pc, claim.output = decoded.entry_pc, list(decoded.output)
    claim.values = list(decoded.out_of_domain)
    assert claim.is_accepted(contract)


def test_another_program_cannot_be_deployed():
    with pytest.raises(RuntimeError, match=b"WRONG_PROGRAM_DATA".hex()):
        Evm().deploy("contracts/ConstraintEvaluator.vy", [WORDS[0] ^ 1, *WORDS[1:]])


def decoded_instructions():
    """Operation and registers of every instruction, read back from the words."""
    program, _ = constraint_program()
    for word in WORDS[: program.instruction_words]:
        for i in range(6):
            code = word >> 42 * i & (1 << 42) - 1
            yield code >> 40, *(code >> shift & 1023 for shift in (30, 20, 10, 0))


def test_no_lane_overflows_whatever_the_inputs_are():
    """Upper bounds of all lanes, from lanes of p - 1 in every register that is set."""
    program, _ = constraint_program()
    set_registers = program.inputs + len(program.constants)
    highest = dict.fromkeys(range(set_registers), P - 1)
    for operation, d, a, b, c in decoded_instructions():
        first, second = highest[a], highest[b]
        if operation in {0, 1}:
            assert max(first, second) < 1 << 80
            first, second = P - 1, highest[c]
        if operation in {1, 3}:
            assert second <= DIFFERENCE_BOUND * P
            second = DIFFERENCE_BOUND * P
        highest[d] = first + second
        assert highest[d] < 1 << 85
    assert highest[0] == 2 * (P - 1)  # a product, plus the zero register


def test_the_files_are_current_and_the_same_whatever_the_order_of_hashes():
    command = [sys.executable, "-m", "offchain.tools.gen_constraint_program", "--check"]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, check=True, env=environment)


def test_the_constant_registers_hold_zero_first():
    program, _ = constraint_program()
    assert program.constants[0] == 0
    assert all(c == 0 or op < 2 for op, _, _, _, c in decoded_instructions())
