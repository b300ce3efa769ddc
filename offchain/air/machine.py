"""All tables of the machine, in the order of the proof."""

from __future__ import annotations

from eth_hash.auto import keccak

from offchain.air.expression import BetaPeriodic, Expression, Periodic, leaves
from offchain.air.table import Table
from offchain.air.tables import (
    add,
    arith,
    bitwise,
    cpu,
    keccak_f,
    lookup,
    memory,
    poseidon2,
    program,
    transfer,
    zero_memory,
)

TABLES: tuple[Table, ...] = (
    cpu.build(),
    add.build(),
    bitwise.build(),
    arith.build(),
    memory.build(),
    transfer.build(),
    poseidon2.build(),
    keccak_f.build(),
    program.build_rom(),
    program.build_image(),
    zero_memory.build(),
    lookup.build(),
)
TABLE_BY_NAME = {table.name: table for table in TABLES}


def _render(table: Table) -> list[str]:
    lines = [f"table {table.name}"]
    lines += [f"preprocessed {column.name}" for column in table.preprocessed]
    lines += [f"main {column.name}" for column in table.main]
    expressions: list[Expression] = []
    for constraint in table.constraints:
        lines.append(f"constraint {constraint.where.value} {constraint.expression}")
        expressions.append(constraint.expression)
    for group in table.fraction_groups():
        for item in group:
            values = " ".join(str(value) for value in item.values)
            lines.append(f"fraction {item.bus.identifier} {item.numerator} : {values}")
            expressions += [item.numerator, *item.values]
        lines.append("group")
    periodic = {}
    for expression in expressions:
        for leaf in leaves(expression):
            if isinstance(leaf, Periodic):
                periodic[leaf.name] = f"periodic {leaf.name} {leaf.values}"
            elif isinstance(leaf, BetaPeriodic):
                periodic[leaf.name] = f"powers {leaf.name} {leaf.exponents}"
    return lines + [periodic[name] for name in sorted(periodic)]


def air_text() -> str:
    """Canonical text of all tables, from which `air_hash` is taken."""
    return "\n".join(line for table in TABLES for line in _render(table)) + "\n"


def air_hash() -> bytes:
    """Keccak of the canonical text: changes whenever a column, constraint or fraction does."""
    return keccak(air_text().encode())
