"""The benchmark of gas on L1: its keys, its sums, its bars, and that it measures what it says."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from offchain.bench import gas
from offchain.commands import bench as command
from offchain.settlement.l1 import ContractRevertedError

pytestmark = pytest.mark.slow

KEYS = {
    *("deposit_ether", "deposit_token", "claim_ether", "claim_token", "forced_operation"),
    *("snapshot_8_feeds", "escape_account", "settle_8_chains_56_channels"),
    "settle_8_chains_56_channels_first_use",
}
MOVE_OF_AN_ENVELOPE_BYTES = 6 * 32 + 15 * 32  # an entry of a channel and an envelope


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def result(steps):
    return gas.run_gas(lambda *step: steps.append(step))


def figure(**changes):
    return dataclasses.replace(gas.GasFigure(100, 120, 1, 4, 90), **changes)


def test_every_key_is_there(result, steps):
    fields = json.loads(json.dumps(result.to_fields()))
    assert set(fields) >= KEYS
    assert set(fields["details"]) == set(fields) - {"within_limits", "details"}
    assert set(gas.LIMITS_GAS) <= set(fields["details"])
    assert steps == [(done, gas.STEPS) for done in range(1, gas.STEPS + 1)]
    for name, details in fields["details"].items():
        assert fields[name] == details["gas"] >= details["floor_gas"]


def test_a_settlement_carries_56_channels(result):
    settled = result.figures["settle_8_chains_56_channels"]
    first = result.figures["settle_8_chains_56_channels_first_use"]
    assert settled.transactions == 1
    assert settled.calldata_bytes == first.calldata_bytes > 56 * MOVE_OF_AN_ENVELOPE_BYTES
    # Two counts and two accumulators of a channel, of which none is zero the second time.
    assert first.gas - settled.gas > 56 * 2 * 15_000


def test_an_escape_is_a_claim_and_two_payments(result):
    later = result.figures["escape_account_later"]
    assert later.transactions == result.figures["escape_account"].transactions == 3
    assert later.gas < result.figures["escape_account"].gas
    assert later.gas < result.figures["escape_account_16_positions"].gas


def test_a_new_account_costs_more(result):
    for name in ("deposit_ether", "deposit_token"):
        assert result.figures[f"{name}_new_account"].gas > result.figures[name].gas


def test_a_missed_bar_is_marked():
    within = gas.GasResult({"deposit_ether": figure(), "forced_operation": figure(limit_gas=None)})
    missed = gas.GasResult({"deposit_ether": figure(gas=121)})
    assert within.to_fields()["within_limits"]
    assert "missed" not in within.to_text()
    assert not missed.to_fields()["within_limits"]
    assert "120 missed" in missed.to_text()


def test_the_command_prints_the_keys(result, monkeypatch):
    monkeypatch.setattr(command, "run_gas", lambda _advance: result)
    done = CliRunner().invoke(command.bench, ["gas", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["deposit_ether"] == result.figures["deposit_ether"].gas


def test_a_refused_transaction_fails_the_command(monkeypatch):
    def refuse(_advance):
        raise ContractRevertedError("E01: chain is frozen")

    monkeypatch.setattr(command, "run_gas", refuse)
    done = CliRunner().invoke(command.bench, ["gas", "--json"])
    assert done.exit_code == 1
    assert "E01" in json.loads(done.stdout)["error"]
