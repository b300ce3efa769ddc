"""No violation gets a proof that L1 would settle (docs/spec/proof-coverage.md)."""

import pytest

from offchain.tools import gen_proof_coverage as coverage
from tests.violations import (
    duties,
    envelopes,
    fees,
    funds,
    l1,
    matching,
    money,
    prices,
    risk,
    trusted,
    witnesses,
)
from tests.violations.registry import VIOLATIONS, Violation
from tests.violations.scene import Chain

MODULES = (matching, fees, money, envelopes, prices, risk, duties, funds, l1, witnesses, trusted)


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda each: each.name)
def test_violation(violation: Violation, chain: Chain) -> None:
    assert violation.attempt(chain) == violation.result


def test_an_attempt_leaves_the_chain_as_it_is(chain: Chain) -> None:
    assert chain.batch().replay().sealed.new_root == chain.core.root()


def test_page_lists_what_is_attempted() -> None:
    modules = {module.__name__.rpartition(".")[2] for module in MODULES}
    assert modules == set(coverage.GROUPS)
    listed = [each for group in coverage.read_groups(coverage.TESTS) for each in group.violations]
    found = {(each.name, each.rule, each.result, each.status) for each in VIOLATIONS}
    assert {(each.name, each.rule, each.result, each.status) for each in listed} == found
    assert len(found) == len(VIOLATIONS) == len({each.name for each in VIOLATIONS})
