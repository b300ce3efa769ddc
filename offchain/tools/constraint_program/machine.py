"""The register machine: order of instructions, registers, encoding, and a simulation.

An instruction is 42 bits: operation (2), then the registers d, a, b, c (10 each), the most
significant first. Six stand in a word, the first in the low bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from eth_hash.auto import keccak

from offchain.tools.constraint_program.graph import Graph, Kind, Node

REGISTER_BITS: Final = 10
REGISTERS: Final = 1 << REGISTER_BITS
INSTRUCTION_BITS: Final = 42
INSTRUCTIONS_PER_WORD: Final = 6
CONSTANTS_PER_WORD: Final = 4
RESULT: Final = 0
"""Register of the result."""


class Operation(IntEnum):
    """What an instruction writes to register d."""

    MULTIPLY_ADD = 0  # a * b + c, the product reduced
    MULTIPLY_SUBTRACT = 1  # a * b - c
    ADD = 2  # a + b
    SUBTRACT = 3  # a - b


@dataclass(frozen=True)
class Instruction:
    """Registers d, a, b and c; c is 0 where it is not read."""

    operation: Operation
    d: int
    a: int
    b: int
    c: int = 0

    @property
    def code(self) -> int:
        """Encoding in 42 bits."""
        code = int(self.operation)
        for register in (self.d, self.a, self.b, self.c):
            code = code << REGISTER_BITS | register
        return code


@dataclass(frozen=True)
class Program:
    """Instructions; `constants` stand in the registers that follow the inputs."""

    inputs: int
    constants: tuple[int, ...]
    instructions: tuple[Instruction, ...]

    @property
    def words(self) -> list[int]:
        """Instructions, then constants of 64 bits each, as words of 256 bits."""
        codes = [instruction.code for instruction in self.instructions]
        # The last instruction reduces the result once more, as often as it is repeated.
        codes += codes[-1:] * (-len(codes) % INSTRUCTIONS_PER_WORD)
        constants = [*self.constants, *[0] * (-len(self.constants) % CONSTANTS_PER_WORD)]
        return _pack(codes, INSTRUCTION_BITS, INSTRUCTIONS_PER_WORD) + _pack(
            constants, 64, CONSTANTS_PER_WORD
        )

    @property
    def instruction_words(self) -> int:
        """How many of the words hold instructions."""
        return -(-len(self.instructions) // INSTRUCTIONS_PER_WORD)

    @property
    def data(self) -> bytes:
        """All words, big-endian."""
        return b"".join(word.to_bytes(32, "big") for word in self.words)

    @property
    def digest(self) -> bytes:
        """Keccak of the data."""
        return keccak(self.data)


def _pack(codes: Sequence[int], bits: int, per_word: int) -> list[int]:
    starts = range(0, len(codes), per_word)
    return [sum(c << bits * i for i, c in enumerate(codes[s : s + per_word])) for s in starts]


class _Assembler:
    """Emits the nodes that a result needs, each once and just before its first use."""

    def __init__(self, graph: Graph, result: Node, inputs: int) -> None:
        order = _reachable(result)
        self._result, self._inputs = result, inputs
        self._uses = Counter(operand for node in order for operand in node.operands)
        self._constants = [graph.zero]
        self._constants += [n for n in order if n.kind is Kind.CONSTANT and n is not graph.zero]
        self._registers = {node: node.value for node in order if node.kind is Kind.INPUT}
        self._registers |= {node: inputs + i for i, node in enumerate(self._constants)}
        # The lowest one is taken first.
        self._free = [*range(REGISTERS - 1, inputs + len(self._constants) - 1, -1)]
        self._zero = graph.zero
        self._instructions: list[Instruction] = []

    def emit(self, node: Node) -> None:
        """Compute a node into a register."""
        if node in self._registers:
            return
        operation, operands = self._fused(node)
        for operand in operands:
            self.emit(operand)
        registers = [self._registers[operand] for operand in operands]
        for operand in operands:
            self._release(operand)
        d = self._free.pop()
        self._registers[node] = d
        self._instructions.append(Instruction(operation, d, *registers))

    def program(self) -> Program:
        """Emit everything."""
        self.emit(self._result)
        *instructions, last = self._instructions
        values = tuple(node.value for node in self._constants)
        return Program(self._inputs, values, (*instructions, replace(last, d=RESULT)))

    def _fused(self, node: Node) -> tuple[Operation, tuple[Node, ...]]:
        """Instruction for a node, together with a product that only this node needs."""
        if node.kind is Kind.MULTIPLY:
            return Operation.MULTIPLY_ADD, (*node.operands, self._zero)
        left, right = node.operands
        if self._is_only_here(left):
            is_sum = node.kind is Kind.ADD
            operation = Operation.MULTIPLY_ADD if is_sum else Operation.MULTIPLY_SUBTRACT
            return operation, (*left.operands, right)
        if node.kind is Kind.SUBTRACT:
            return Operation.SUBTRACT, node.operands
        if self._is_only_here(right):
            return Operation.MULTIPLY_ADD, (*right.operands, left)
        return Operation.ADD, node.operands

    def _is_only_here(self, node: Node) -> bool:
        return node.kind is Kind.MULTIPLY and self._uses[node] == 1 and node not in self._registers

    def _release(self, operand: Node) -> None:
        self._uses[operand] -= 1
        if not self._uses[operand] and operand.kind is not Kind.CONSTANT:
            self._free.append(self._registers[operand])


def assemble(graph: Graph, value: Node, inputs: int) -> Program:
    """Program that leaves `value`, reduced, in register 0."""
    assembler = _Assembler(graph, graph.reduce(value), inputs)
    return assembler.program()


def _reachable(result: Node) -> list[Node]:
    """All nodes that the result depends on, operands first."""
    order: dict[Node, None] = {}
    pending = [(result, False)]
    while pending:
        node, is_complete = pending.pop()
        if is_complete:
            order[node] = None
        elif node not in order:
            pending.append((node, True))
            pending += [(operand, False) for operand in reversed(node.operands)]
    return list(order)
