"""The cascade benchmark: forced events as the scene wants them, and an error where they are not."""

import json

import pytest
from click.testing import CliRunner

from offchain.bench import cascade
from offchain.bench.cascade_scene import Crowd, scene
from offchain.bench.core_contender import CONFIG_HASH, GOVERNANCE
from offchain.commands import bench as command
from offchain.core.binding import Core
from offchain.replay.core_book import account_id
from offchain.spec.errors import ErrorCode


@pytest.fixture(autouse=True)
def small_crowds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "CROWD", Crowd(accounts=600, forced=260))
    monkeypatch.setattr(cascade, "SAMPLE", Crowd(accounts=60, forced=20))


def test_core_and_specification_agree_on_the_sample() -> None:
    result = CliRunner().invoke(command.bench, ["cascade", "--rounds", "2", "--json"])
    assert result.exit_code == 0, result.output
    fields = json.loads(result.output)
    assert fields["forced_events"] == 260
    assert fields["best"]["sold"] == fields["best"]["taken"] == 130
    assert fields["best"]["looks"] == 6_000
    assert fields["peak_second_seconds"] == min(fields["rounds_seconds"])
    assert 0 < fields["best"]["scan_seconds"] < fields["peak_second_seconds"]
    assert fields["spec_sample"]["sold"] == 10


def test_a_bar_that_is_missed_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "BAR_S", 0.0)
    result = CliRunner().invoke(command.bench, ["cascade", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    assert "MISSED" in result.output
    assert "130 sold to the book, 130 taken over" in result.output


def test_a_crowd_that_stands_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody falls without the fall in price."""
    monkeypatch.setattr(cascade, "UPDATE_PRICES", (99_990,) * 10)
    result = CliRunner().invoke(command.bench, ["cascade", "--rounds", "1", "--json"])
    assert result.exit_code == command.EXIT_FAILED
    assert "instead of 260" in json.loads(result.output)["error"]


def test_only_fallen_accounts_are_unhealthy() -> None:
    crowd = Crowd(accounts=60, forced=20)
    chain = Core(CONFIG_HASH, GOVERNANCE)
    assert not chain.apply(b"".join(scene(crowd))).codes.any()
    assert len(chain.unhealthy()) == 0
    before = chain.root()
    assert not chain.apply(cascade.updates(0)).codes.any()
    sold, taken, rest = crowd.fates()
    due = chain.unhealthy()
    assert sorted(due) == sorted(account_id(number) for number in (*sold, *taken))
    assert chain.unhealthy().tolist() == due.tolist()
    assert chain.root() != before
    healthy = cascade.liquidations([account_id(number) for number in rest])
    assert set(chain.apply(healthy).codes) == {ErrorCode.NOT_LIQUIDATABLE}
