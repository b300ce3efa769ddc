"""No violation gets a proof that L1 would settle (docs/spec/proof-coverage.md)."""

import pytest

from offchain.spec import matching as spec_matching
from offchain.tools import gen_proof_coverage as coverage
from offchain.witness.format import ExitCode
from tests.violations import (
    carrying,
    deleveraging,
    duties,
    envelopes,
    fees,
    forced,
    funds,
    l1,
    links,
    liquidations,
    margin,
    matching,
    money,
    prices,
    trusted,
    witnesses,
)
from tests.violations.lies import Lie, replaced
from tests.violations.registry import VIOLATIONS, Violation
from tests.violations.scene import Batch, Chain, Proving, Run

MODULES = (
    *(matching, fees, money, envelopes, prices, margin, liquidations, deleveraging),
    *(carrying, duties, funds, forced, links, l1, witnesses, trusted),
)


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda each: each.name)
def test_violation(violation: Violation, chain: Chain) -> None:
    assert violation.attempt(chain) == violation.result


def test_an_attempt_leaves_the_chain_as_it_is(chain: Chain) -> None:
    assert chain.batch().replay().sealed.new_root == chain.core.root()


def test_attempt_fails_without_the_rule_in_the_specification(chain: Chain) -> None:
    with (
        replaced(spec_matching, "is_own_order", lambda taker, owner: False),
        pytest.raises(AssertionError),
    ):
        matching.self_trade_allowed(chain)


@pytest.mark.parametrize(
    "attempt",
    [matching.self_trade_allowed, envelopes.nonce_replayed, liquidations.over_liquidation],
)
def test_attempt_fails_without_the_rule_in_the_program(attempt, chain, monkeypatch) -> None:
    """A program without the rule would prove what the dishonest transition claims."""
    claims = []

    def replay(batch: Batch, *lies: Lie) -> Run:
        run = honest_replay(batch, *lies)
        claims.extend([run.claim] if lies else [])
        return run

    honest_replay = Batch.replay
    monkeypatch.setattr(Batch, "replay", replay)
    monkeypatch.setattr(Batch, "prove", lambda batch: Proving(ExitCode.OK, claims[-1]))
    with pytest.raises(AssertionError) as failed:
        attempt(chain)
    assert str(failed.traceback[-1].statement).strip() == "assert proving.output != claim"


def test_page_lists_what_is_attempted() -> None:
    modules = {module.__name__.rpartition(".")[2] for module in MODULES}
    assert modules == set(coverage.GROUPS)
    listed = [each for group in coverage.read_groups(coverage.TESTS) for each in group.violations]
    found = {(each.name, each.rule, each.result, each.status) for each in VIOLATIONS}
    assert {(each.name, each.rule, each.result, each.status) for each in listed} == found
    assert len(found) == len(VIOLATIONS) == len({each.name for each in VIOLATIONS})
