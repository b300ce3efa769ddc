"""The C names of tables and of their trace columns, for the programs that fill them."""

from __future__ import annotations

from collections.abc import Sequence

from offchain.air.table import Table


def columns_header(tables: Sequence[Table]) -> str:
    """Render the header `air_columns.h`.

    Parameters
    ----------
    tables : sequence of Table
        In the order of the proof.

    Returns
    -------
    str
        Enums: ``HR_TABLE_<TABLE>`` is a table's number and ``HR_TABLES`` how many there are;
        ``HR_<TABLE>_<COLUMN>`` is the index of a main column and ``HR_<TABLE>_COLUMNS`` their
        number.
    """
    names = [f"HR_TABLE_{table.name.upper()}" for table in tables]
    enums = [_enum("Tables, in the order of the proof.", [*names, "HR_TABLES"])]
    for table in tables:
        prefix = f"HR_{table.name.upper()}_"
        columns = [prefix + column.name.upper() for column in table.main]
        enums.append(_enum(f"Columns of {table.name}.", [*columns, f"{prefix}COLUMNS"]))
    body = "\n".join(enums)
    return f"#ifndef HR_AIR_COLUMNS_H\n#define HR_AIR_COLUMNS_H\n\n{body}\n#endif\n"


def _enum(doc: str, names: Sequence[str]) -> str:
    lines = "".join(f"    {name},\n" for name in names)
    return f"/* {doc} */\nenum {{\n{lines}}};\n"
