"""What the profiles must satisfy, and the ids."""

from dataclasses import fields, replace

import pytest

from offchain.air.expression import BetaPeriodic, Column, Periodic, leaves
from offchain.air.machine import TABLES
from offchain.air.table import Where
from offchain.security.calculator import (
    InsecureParametersError,
    check_security,
    needed_blinding_rows,
    provable_bits,
)
from offchain.security.parameters import (
    FAST,
    MAX_LOG_HEIGHT,
    PROFILE_BY_NUMBER,
    PROFILES,
    SETTLE,
    SETTLE_COMPACT,
    program_id,
)

all_profiles = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


@all_profiles
def test_promised_bits_hold_at_every_height(profile):
    for log_n in range(profile.min_log_height, MAX_LOG_HEIGHT + 1):
        assert check_security(profile, log_n) >= profile.min_bits


def test_promises():
    assert (FAST.log_blowup, FAST.min_bits) == (2, 100)
    assert (SETTLE.log_blowup, SETTLE.min_bits) == (4, 128)
    assert (SETTLE_COMPACT.log_blowup, SETTLE_COMPACT.min_bits) == (6, 128)
    assert len(PROFILE_BY_NUMBER) == len(PROFILES) == 3


@all_profiles
def test_one_query_less_breaks_the_promise(profile):
    weaker = replace(profile, queries=profile.queries - 1)
    with pytest.raises(InsecureParametersError, match="use more queries"):
        check_security(weaker, MAX_LOG_HEIGHT)


@all_profiles
def test_blinding_rows_hide_every_column(profile):
    rows = profile.blinding_rows
    assert needed_blinding_rows(profile.queries) <= rows - 1  # the terminal row is not random
    assert rows == 1 << (rows.bit_length() - 1)
    assert 2 * rows == 1 << profile.min_log_height


@all_profiles
def test_the_quotient_fits_its_parts(profile):
    # The degree is below 2 n + n h / (lowest height), the parts hold 3 (n - queries - 2).
    lowest = 1 << profile.min_log_height
    for log_n in range(profile.min_log_height, MAX_LOG_HEIGHT + 1):
        n = 1 << log_n
        assert 2 * n + n * profile.blinding_rows // lowest <= 3 * (n - profile.queries - 2)


def test_boundary_constraints_keep_the_quotient_s_degree():
    # Divided by one root only, a constraint of degree 3 would be left with almost 3 n.
    for table in TABLES:
        for constraint in table.constraints:
            assert constraint.where is Where.EVERY or constraint.expression.degree <= 2


def all_leaves():
    for table in TABLES:
        expressions = [constraint.expression for constraint in table.constraints]
        expressions += [value for item in table.interactions for value in item.values]
        expressions += [item.numerator for item in table.interactions]
        yield from (leaf for expression in expressions for leaf in leaves(expression))


@all_profiles
def test_periods_divide_every_height(profile):
    for leaf in all_leaves():
        if isinstance(leaf, Periodic | BetaPeriodic):
            values = leaf.values if isinstance(leaf, Periodic) else leaf.exponents
            assert (1 << profile.min_log_height) % len(values) == 0


def test_preprocessed_columns_are_read_on_their_own_row_only():
    # A proof opens main columns and running sums one row later, nothing else.
    columns = [leaf for leaf in all_leaves() if isinstance(leaf, Column)]
    assert not any(column.is_next and column.preprocessed for column in columns)


@all_profiles
def test_folds_end_at_the_final_polynomial(profile):
    for log_n in range(profile.min_log_height, MAX_LOG_HEIGHT + 1):
        folds = profile.fold_logs(log_n)
        assert sum(folds) == log_n - profile.final_log
        assert set(folds[:-1]) <= {profile.fold_log}
        assert 0 < folds[-1] <= profile.fold_log


def test_bits_are_capped_by_the_hash():
    assert provable_bits(replace(SETTLE, queries=200, grinding_bits=40), 12) == 128


def test_parameters_id_depends_on_what_a_proof_depends_on():
    changed = {
        field.name: replace(SETTLE, **{field.name: getattr(SETTLE, field.name) + 1}).parameters_id
        for field in fields(SETTLE)
        if field.name != "name"
    }
    same = {name for name, value in changed.items() if value == SETTLE.parameters_id}
    assert same == {"number", "min_bits"}
    assert len(set(changed.values())) == len(changed) - 1


def test_program_id_depends_on_every_part():
    base = (SETTLE, bytes(32), (12, 13, 17), 0x1000)
    variants = [
        base,
        (FAST, *base[1:]),
        (SETTLE, b"\1" + bytes(31), *base[2:]),
        (*base[:2], (12, 13, 16), base[3]),
        (*base[:3], 0x1004),
    ]
    assert len({program_id(*variant) for variant in variants}) == len(variants)
