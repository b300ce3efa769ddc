"""The page docs/spec/air.md says what the description of the tables says, and is current."""

import re
from random import Random

import pytest

from offchain.air.document import Writer, air_page, constant_text
from offchain.air.expression import (
    Arithmetic,
    BetaPeriodic,
    Column,
    Constant,
    Evaluator,
    Periodic,
    leaves,
)
from offchain.air.machine import TABLES
from offchain.air.table import Table
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.tools import gen_air_docs

BETA = 3
OPERATIONS = (lambda a, b: (a + b) % P, lambda a, b: (a - b) % P, lambda a, b: a * b % P)


def python_name(leaf):
    """How a leaf is called once its text is Python."""
    return str(leaf).replace("'", "_next").replace("@", "at_")


def value_of_text(text, values):
    """Evaluate an expression as the page has it."""
    text = re.sub(r"2\^-(\d+)", lambda found: str(pow(2, -int(found[1]), P)), text)
    text = text.replace("^", "**").replace("'", "_next").replace("@", "at_")
    return eval(text, {"beta": BETA}, values) % P


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_expressions_keep_their_value(table):
    expressions = [constraint.expression for constraint in table.constraints]
    for item in table.interactions:
        expressions += [item.numerator, *item.values]
    rng = Random(7)
    leaf_values = {
        python_name(leaf): rng.randrange(P)
        for expression in expressions
        for leaf in leaves(expression)
        if not isinstance(leaf, Constant)
    }

    def leaf_value(leaf):
        if isinstance(leaf, Constant):
            return leaf.value
        if isinstance(leaf, BetaPeriodic) and leaf.name.startswith("beta^"):
            return pow(BETA, leaf.exponents[0], P)
        return leaf_values[python_name(leaf)]

    evaluate = Evaluator(Arithmetic(leaf_value, *OPERATIONS))
    flags = [column.name for column in table.main[:3]]
    shortened = leaf_values | {"used": sum(leaf_values.get(name, 0) for name in flags)}
    for expression in expressions:
        wanted = evaluate(expression) % P
        assert value_of_text(Writer().text(expression), leaf_values) == wanted
        assert value_of_text(Writer(flags).text(expression), shortened) == wanted


def test_expressions_read_well():
    table = Table("example", "Example.")
    a, b, c, x = (table.add(name, "A column.") for name in ("a", "b", "c", "x"))
    write, write_used = Writer().text, Writer(["a", "b", "c"]).text
    assert write(a + b * (c - 1)) == "a + b * (c - 1)"
    assert write((a * b) * (b * 2)) == "2 * a * b^2"
    assert write(0 - (a - b)) == "-a + b"
    assert write(2 * (a + b) + a) == "3 * a + 2 * b"
    assert write(7 * (a + b)) == "7 * (a + b)"
    assert write(a.next - (1 << 32) * b) == "a' - 2^32 * b"
    assert write((a - b) * pow(1 << 16, -1, P)) == "2^-16 * (a - b)"
    assert write(a - a) == "0"
    assert write(Periodic("p", (0, 1)) * (a - b) * (a - b)) == "@p * (a - b)^2"
    assert write_used((a + b + c) * (a + b + c - 1)) == "used * (used - 1)"
    assert write_used(x * (1 - a - b - c)) == "x * (1 - used)"
    assert write_used(a + b) == "a + b"
    assert write_used(a + 2 * b + c) == "a + 2 * b + c"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        ((1 << 32) - 1, "(2^32 - 1)"),
        ((1 << 40) + 32, "(2^40 + 32)"),
        (1 << 16, "2^16"),
        (pow(1 << 16, -1, P), "2^-16"),
        (123456789, "123456789"),
    ],
)
def test_constants(value, text):
    assert constant_text(value) == text


def test_the_page_names_everything():
    page = air_page(TABLES)
    for table in TABLES:
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        for column in [*table.preprocessed, *table.main]:
            assert f"| `{column.name}`" in section
            assert column.doc in section
        for constraint in table.constraints:
            is_bit = constraint.name.endswith(" is 0 or 1")
            name = f"`{constraint.name.split()[0]}` (bit)" if is_bit else constraint.name
            assert name in section
        for item in table.interactions:
            assert f"\n{item.name}: " in section
            assert f" {item.bus.name}\n" in section
        for column in table.main:
            assert isinstance(column, Column)


def test_the_page_is_current(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.argv", ["gen_air_docs", "--check"])
    assert gen_air_docs.main() == 0
    stale = tmp_path / "air.md"
    monkeypatch.setattr(gen_air_docs, "ROOT", tmp_path)
    monkeypatch.setattr(gen_air_docs, "PAGE", stale)
    assert gen_air_docs.main() == 1
    assert "run `make gen`" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["gen_air_docs"])
    assert gen_air_docs.main() == 0
    assert stale.read_text(encoding="utf-8") == air_page(TABLES)
