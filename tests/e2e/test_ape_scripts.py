"""`ape run submit_batch` and `ape run scenario`, on the embedded network."""

import json

import pytest
from click.testing import CliRunner

from offchain.cli import main
from tests.e2e.ape_run import ape_run

pytestmark = pytest.mark.slow


def test_first_batch_of_a_new_chain_is_settled(tmp_path):
    done = ape_run("submit_batch", "--mode", "attested", "--folder", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["batch"], report["mode"], report["waiting"]) == (1, "ATTESTED", 0)
    assert report["envelopes"] > 10
    assert report["l1_gas"]["settle"] > 21_000 < report["l1_gas"]["publish_chunk"]
    assert (tmp_path / "journal").stat().st_size > 1_000


def test_journal_of_a_chain_that_is_gone_moves_aside(tmp_path):
    (tmp_path / "journal").write_bytes(b"of another chain")
    done = ape_run("submit_batch", "--mode", "attested", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "batch 1 of" in done.stdout
    assert "mode of trust: ATTESTED" in done.stdout
    assert (tmp_path / "journal.gone").read_bytes() == b"of another chain"


def test_scenario_prints_what_headrace_prints():
    arguments = ["whale-self-liquidation", "--json"]
    done = ape_run("scenario", *arguments)
    assert done.returncode == 0, done.stderr
    plain = CliRunner(mix_stderr=False).invoke(main, ["scenario", "run", *arguments])
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads(plain.stdout)


def test_unknown_scenario_is_named():
    done = ape_run("scenario", "absent")
    assert done.returncode == 2
    assert "there is no scenario 'absent'" in done.stderr
