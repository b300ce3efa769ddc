"""The quotient identity in the contract: as in Python, over every value, within all bounds."""

import ast
import os
import subprocess
import sys
from random import Random
from typing import ClassVar

import pytest
from eth_utils import keccak

from offchain.air import buses
from offchain.air.machine import TABLES
from offchain.security.parameters import PROFILES
from offchain.settlement.verifier_deployment import EVALUATOR_PARTS
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.tools.gen_constraint_program import MODULES
from offchain.verifier.constraints import (
    BusChallenges,
    public_fractions,
    quotient_at,
    split_values,
)
from offchain.verifier.field import ONE, ZERO, Element
from offchain.verifier.proof_format import decode
from offchain.verifier.verify import verify
from tests.onchain.deployed import deploy_evaluator
from tests.onchain.evm import Evm, Reverted
from tests.prover.proofs import proof, run

BLINDING_ROWS = 512
FIRST_QUOTIENT_PART = 17 + 263 + 40
VALUES = 364
LANE_BOUND = 1 << 80


@pytest.fixture(scope="module")
def contract():
    return deploy_evaluator(Evm())


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
        self.values = [random_element(random) for _ in range(VALUES)]

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
    (21, *range(12, 23)),
    tuple(Random(5).choices(range(10, 23), k=12)),
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


def test_an_evaluator_without_the_expected_parts_is_not_deployed():
    evm = Evm()
    parts = [evm.deploy(name) for name in EVALUATOR_PARTS]
    addresses, hashes = [part.address for part in parts], [keccak(part.code) for part in parts]
    for wrong in (hashes[::-1], [hashes[0], hashes[0]], [bytes(32), hashes[1]]):
        with pytest.raises(Reverted, match="HELPER_CODE_MISMATCH"):
            evm.deploy("ConstraintEvaluator", *addresses, wrong)


@pytest.mark.parametrize("name", ["CORE_TABLES", "HASH_TABLES"])
def test_a_part_with_other_code_is_not_asked(name):
    evm = Evm()
    contract = deploy_evaluator(evm)
    (address,) = contract.call(name).values
    assert contract.call(f"{name}_CODE_HASH").values == (keccak(evm.code(address)),)
    # Returns 1, whatever it is asked.
    evm.plant_code(address, bytes.fromhex("60015f5260205ff3"))
    with pytest.raises(Reverted) as caught:
        Claim(5, HEIGHTS[0]).satisfy().is_accepted(contract)
    assert caught.value.reason == "HELPER_CODE_MISMATCH"


class Lanes(ast.NodeVisitor):
    """Least and largest lanes of the expressions of a generated module."""

    GIVEN: ClassVar = {"basis": (0, 7 * P), "later": (0, 2 * (P - 1)), "field": (P, P)}

    def __init__(self):
        self.names = dict(self.GIVEN)

    def visit_AnnAssign(self, node):
        self.names[node.target.id] = self.visit(node.value)

    def visit_Assign(self, node):
        self.names[node.targets[0].id] = self.visit(node.value)

    def visit_Name(self, node):
        return self.names.get(node.id, (0, P - 1))

    def visit_Subscript(self, node):
        return self.visit(node.value)

    def visit_Attribute(self, node):
        assert ast.unparse(node) == "field.ZEROS"
        return self.visit(node.value)

    def visit_Constant(self, node):
        # Stands in one lane only.
        return 0, node.value

    def visit_BinOp(self, node):
        assert isinstance(node.op, ast.Mult)
        return tuple(node.left.value * bound for bound in self.visit(node.right))

    def visit_Call(self, node):
        name = ast.unparse(node.func)
        if name == "unsafe_mul":
            factor, operand = node.args
            return tuple(factor.value * bound for bound in self.visit(operand))
        if name in {"unsafe_add", "unsafe_sub"}:
            (low, high), (other_low, other_high) = map(self.visit, node.args)
            if name == "unsafe_add":
                assert high + other_high < 1 << 85
                return low + other_low, high + other_high
            assert other_high <= low
            return low - other_high, high - other_low
        if name == "field._scale":
            assert node.args[1].value < P
        else:
            assert name == "field._mul" or name.startswith("polynomial._")
        for argument in node.args:
            for operand in argument.elts if isinstance(argument, ast.List) else [argument]:
                assert self.visit(operand)[1] < LANE_BOUND
        return 0, P - 1


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_lane_overflows_whatever_the_inputs_are(table):
    """A second look at the generated text; it shares nothing with the generator."""
    module = ast.parse((MODULES / f"{table.name}.vy").read_text())
    (function,) = (node for node in module.body if isinstance(node, ast.FunctionDef))
    lanes = Lanes()
    for statement in function.body:
        lanes.visit(statement)
    assert lanes.names["quotient"] == (0, 2 * (P - 1))


def test_the_files_are_current_and_the_same_whatever_the_order_of_hashes():
    command = [sys.executable, "-m", "offchain.tools.gen_constraint_program", "--check"]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, check=True, env=environment)
