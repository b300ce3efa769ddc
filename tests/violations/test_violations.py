"""No violation gets a proof that L1 would settle (docs/spec/proof-coverage.md)."""

import pytest

from tests.violations import (
    duties,
    envelopes,
    fees,
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

MODULES = (matching, fees, money, envelopes, prices, risk, duties, l1, witnesses, trusted)


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda each: each.name)
def test_violation(violation: Violation, chain: Chain) -> None:
    assert violation.attempt(chain) == violation.result


def test_an_attempt_leaves_the_chain_as_it_is(chain: Chain) -> None:
    assert chain.batch().replay().sealed.new_root == chain.core.root()
