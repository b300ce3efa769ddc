"""The stories that take seconds pass; the command lists, runs, draws and fails as it says.

``headrace scenario run oct10-cascade`` and ``jan2022`` take a quarter of a minute each and are run
by hand.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from offchain.cli import main
from offchain.scenario import catalogue
from offchain.scenario.catalogue import SCENARIOS, Scenario
from offchain.scenario.result import ScenarioResult

LONG = {"oct10-cascade", "jan2022"}


def run(*arguments: str):
    return CliRunner(mix_stderr=False).invoke(main, ["scenario", *arguments])


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - LONG))
def test_story_passes(name: str) -> None:
    result = SCENARIOS[name].run(1)
    failed = [check for check in result.checks if not check.passed]
    assert not failed
    assert len(result.checks) >= 3
    assert result.table
    assert result.series


def test_list_names_every_story() -> None:
    assert set(json.loads(run("list", "--json").stdout)) == set(SCENARIOS)
    assert all(name in run("list").stdout for name in SCENARIOS)


def test_run_prints_json_and_draws(tmp_path: Path) -> None:
    plot = tmp_path / "deep" / "zero.png"
    done = run("run", "zero-price", "--json", "--plot", str(plot))
    assert done.exit_code == 0, done.stderr
    fields = json.loads(done.stdout)
    assert fields["passed"] is True
    assert fields["name"] == "zero-price"
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_story_that_fails_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(seed: int) -> ScenarioResult:
        result = ScenarioResult("broken", "nothing holds")
        result.check("a figure", passed=False, figure=seed)
        return result

    broken = Scenario("broken", "nothing holds", fails)
    monkeypatch.setitem(catalogue.SCENARIOS, "broken", broken)
    done = run("run", "broken", "--seed", "7")
    assert done.exit_code == 1
    assert "FAIL" in done.stdout
    assert "a figure: 7" in done.stdout


def test_unknown_story_is_named() -> None:
    done = run("run", "nonsense")
    assert done.exit_code == 2
    assert "scenario list" in done.stderr
