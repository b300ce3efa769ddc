"""The file for soundcalc, and the command that prints it."""

import json
import math
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from offchain.commands.params import params
from offchain.security.calculator import assess_regimes
from offchain.security.parameters import MAX_LOG_HEIGHT, PROFILES
from offchain.security.soundcalc import to_toml

ROOT = Path(__file__).parents[2]


def test_committed_file_is_current():
    committed = (ROOT / "docs/spec/soundcalc/headrace.toml").read_text()
    assert committed == to_toml(), "run: headrace params --toml > docs/spec/soundcalc/headrace.toml"


def test_fields_are_what_soundcalc_computes_with():
    document = tomllib.loads(to_toml())
    assert document["zkevm"]["protocol_family"] == "FRI_STARK"
    for circuit, profile in zip(document["circuits"], PROFILES.values(), strict=True):
        # Soundcalc folds the whole domain down to the early-stop degree.
        folded = (
            circuit["trace_length"] / circuit["rho"] / math.prod(circuit["fri_folding_factors"])
        )
        assert folded == circuit["fri_early_stop_degree"]
        # Its multiplicity: sqrt(rho)/(2 gap), rounded up.
        multiplicity = math.ceil(circuit["rho"] ** 0.5 / (2 * circuit["gap_to_radius"]))
        assert multiplicity == assess_regimes(profile, MAX_LOG_HEIGHT)[1].regime.multiplicity
        assert circuit["num_queries"] == profile.queries


def test_command_prints_one_json_object():
    result = CliRunner().invoke(params, ["--json"])
    assert result.exit_code == 0
    profiles = json.loads(result.output)["profiles"]
    assert set(profiles) == set(PROFILES)
    for fields in profiles.values():
        assert fields["bits"] >= fields["min_bits"]
        assert fields["bits"] == min(fields["regimes"]["JBR"]["rounds"].values())


def test_command_prints_a_table_and_the_toml():
    assert "settle-compact" in CliRunner().invoke(params, []).output
    assert CliRunner().invoke(params, ["--toml"]).output == to_toml()


def test_command_prints_one_thing_at_a_time():
    result = CliRunner().invoke(params, ["--json", "--toml"])
    assert result.exit_code == 2
    assert "exclude each other" in result.output


@pytest.mark.parametrize(("name", "limit"), [("settle", 400_000), ("settle-compact", 300_000)])
def test_expected_sizes_stay_below_the_bar(name, limit):
    fields = json.loads(CliRunner().invoke(params, ["--json"]).output)["profiles"][name]
    assert fields["expected_proof_bytes_2e17"] < limit
