"""A proof reveals no more of a column than its blinding rows hide.

What is public by nature and therefore left out: profile, heights, output, entry pc, and the
preprocessed columns, which are the program.
"""

from collections import Counter
from functools import cache
from itertools import pairwise
from unittest.mock import patch

import pytest

from offchain.air.machine import TABLES
from offchain.prover import prove as prover
from offchain.prover.commitment import Commitment
from offchain.security.parameters import FAST, PROFILES
from offchain.verifier.constraints import split_values
from offchain.verifier.field import Element
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason
from tests.prover.proofs import openings, proof, run

GUEST = "fibonacci"
EXTENSION_DEGREE = 3
PUBLIC_TREE = Reason.MERKLE_PREPROCESSED
CPU, CPU_COLUMN = 0, 0
SAMPLES, POINTS = 24, 64
CHI_SQUARE_BOUND = 50  # exceeded with probability 1e-5 with 15 degrees of freedom


class MainCommittedError(Exception):
    """Raised to end a proof after its first commitment."""


@cache
def opened(profile, seed=0):
    """Openings by tree: the FRI layers come after the others."""
    data = proof(GUEST, profile, seed).data
    return openings(data, run(GUEST, PROFILES[profile]).key.program_id)


def rows_opened(profile, tree, log_rows):
    (opening,) = (item for item in opened(profile) if item.tree is tree)
    return len(opening.values[log_rows])


def values_of(profile, seed):
    """Out-of-domain values by table, and those of the quotient."""
    return split_values(TABLES, decode(proof(GUEST, profile, seed).data).out_of_domain)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("number", range(len(TABLES)), ids=[table.name for table in TABLES])
def test_blinding_rows_exceed_the_openings_of_every_column(profile, number):
    parameters, table = PROFILES[profile], TABLES[number]
    log_height = decode(proof(GUEST, profile).data).log_heights[number]
    log_rows = log_height + parameters.log_blowup
    random_rows = parameters.blinding_rows - 1  # the terminal row is not random
    for index in range(len(table.main)):
        points = 1 + (index in table.next_columns())
        rows = rows_opened(profile, Reason.MERKLE_MAIN, log_rows)
        assert 0 < rows + EXTENSION_DEGREE * points <= random_rows
    # The running sum is opened at both points; a value in F is one equation for each of its three
    # base columns at most.
    rows = rows_opened(profile, Reason.MERKLE_AUX, log_rows)
    assert 0 < rows + EXTENSION_DEGREE * 2 <= random_rows


@pytest.mark.parametrize("profile", PROFILES)
def test_masks_exceed_the_openings_of_every_quotient_part(profile):
    parameters = PROFILES[profile]
    log_n = decode(proof(GUEST, profile).data).log_n
    rows = rows_opened(profile, Reason.MERKLE_QUOTIENT, log_n + parameters.log_blowup)
    mask_coefficients = parameters.queries + 2  # over F, as are the parts and all their values
    assert 0 < rows + 1 <= mask_coefficients


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_two_proofs_of_one_witness_share_no_opened_value(profile):
    first, second = (decode(proof(GUEST, profile, seed).data) for seed in (0, 1))
    for field in ("main_root", "aux_root", "quotient_root"):
        assert getattr(first, field) != getattr(second, field)
    assert not {*first.out_of_domain} & {*second.out_of_domain}
    assert not {*first.fri_roots} & {*second.fri_roots}
    assert not {*first.final} & {*second.final}
    datas = [proof(GUEST, profile, seed).data for seed in (0, 1)]
    for trees in zip(opened(profile, 0), opened(profile, 1), strict=True):
        if trees[0].tree is not PUBLIC_TREE:
            # Word by word, with the salts; then digest by digest.
            rows = [{*tree.words(data)} for tree, data in zip(trees, datas, strict=True)]
            assert not rows[0] & rows[1]
            siblings = [
                {data[place.start : place.stop] for place in tree.siblings}
                for tree, data in zip(trees, datas, strict=True)
            ]
            assert not siblings[0] & siblings[1]


@pytest.mark.parametrize("profile", PROFILES)
def test_no_word_is_opened_twice(profile):
    data = proof(GUEST, profile).data
    for tree in opened(profile):
        if tree.tree is not PUBLIC_TREE:
            seen = tree.words(data)
            assert len({*seen}) == len(seen)


def test_what_is_public_is_equal():
    first, second = (decode(proof(GUEST, "fast", seed).data) for seed in (0, 1))
    for field in ("parameters", "log_heights", "output", "entry_pc", "preprocessed_root"):
        assert getattr(first, field) == getattr(second, field)


def test_the_sums_of_tables_are_not_revealed(monkeypatch):
    sums = []

    def observed(*arguments, aux_columns=prover.aux_columns):
        columns = aux_columns(*arguments)
        sums.append(Element(*columns[-EXTENSION_DEGREE:, 0].tolist()))
        return columns

    monkeypatch.setattr(prover, "aux_columns", observed)
    seen: set[Element] = set()
    for seed in (0, 1):
        sums.clear()
        data = run(GUEST, FAST).prove(seed).data
        assert data == proof(GUEST, "fast", seed).data
        busy = {total for total in sums if total != Element(0)}
        assert len(busy) > len(TABLES) / 2
        assert not busy & seen
        seen |= busy
        for total in busy:
            assert not any(limb.to_bytes(8, "big") in data for limb in total)
    for first, second in zip(values_of("fast", 0)[0], values_of("fast", 1)[0], strict=True):
        assert first.aux[-1] != second.aux[-1]
        assert first.next_sum != second.next_sum


@cache
def committed_values(n):
    """One main column at fixed points outside the trace, in proofs of one run: [proof][point]."""
    found = []

    class Observed(Commitment):
        def commit(self, executor):
            super().commit(executor)
            found.append(self.values(coset=1, table=CPU)[CPU_COLUMN, :POINTS].tolist())
            raise MainCommittedError

    ran = run(GUEST, FAST, n)
    with patch.object(prover, "Commitment", Observed):
        for seed in range(SAMPLES):
            with pytest.raises(MainCommittedError):
                ran.prove(seed)
    return found


def chi_square(cells, count):
    """Deviation of cell numbers below `count` from equal frequencies."""
    expected = len(cells) / count
    frequencies = Counter(cells)
    return sum((frequencies[cell] - expected) ** 2 / expected for cell in range(count))


@pytest.mark.parametrize("n", [10, 11])
def test_committed_values_are_uniform_whatever_the_witness(n):
    """A simulator that knows no witness draws them uniformly; they cannot be told apart."""
    proofs = committed_values(n)
    values = [value for points in proofs for value in points]
    assert all(len({*column}) == SAMPLES for column in zip(*proofs, strict=True))
    pairs = [4 * (a >> 62) + (b >> 62) for points in proofs for a, b in pairwise(points)]
    for cells in ([v >> 60 for v in values], [v % 16 for v in values], pairs):
        assert chi_square(cells, 16) < CHI_SQUARE_BOUND


def test_unblinded_values_would_fail_that_test():
    column = committed_values(10)[0]
    assert chi_square([value >> 60 for value in column * SAMPLES], 16) > CHI_SQUARE_BOUND
