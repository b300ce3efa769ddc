"""`ape run send_message` sends messages both ways, and only on a local network."""

import json

import ape
from click.testing import CliRunner

from scripts import send_message

LOCAL = ["--network", "ethereum:local:test"]


def test_there_and_back(project):
    arguments = [*LOCAL, "--tokens", "3", "--back", "--json"]
    done = CliRunner(mix_stderr=False).invoke(send_message.cli, arguments)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    there, back = told["messages"]
    assert (there["told"], there["from_chain"], there["to_chain"]) == ("PLEDGED", 1, 2)
    assert (back["told"], back["from_chain"], back["to_chain"]) == ("RELEASED", 2, 1)
    assert (there["index"], back["index"]) == (1, 1)
    assert (there["pledged_units"], back["pledged_units"]) == (3 * 10**8, 0)
    assert there["settlement_gas"] > 100_000


def test_sentence_per_message(project):
    done = CliRunner(mix_stderr=False).invoke(send_message.cli, [*LOCAL, "--tokens", "2"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("PLEDGED 1 from chain 1 to chain 2: envelope ")
    assert done.stdout.endswith("pledged on L1: 200000000 units\n")


def test_a_message_without_body(project):
    arguments = [*LOCAL, "--tokens", "2", "--withhold"]
    done = CliRunner(mix_stderr=False).invoke(send_message.cli, [*arguments, "--json"])
    assert done.exit_code == 0, done.stderr
    (withheld,) = json.loads(done.stdout)["messages"]
    assert (withheld["is_void"], withheld["ok"], withheld["index"]) == (True, True, 1)
    assert withheld["pledged_units"] == 2 * 10**8
    done = CliRunner(mix_stderr=False).invoke(send_message.cli, arguments)
    assert done.stdout.startswith("PLEDGED 1 without body from chain 1 to chain 2: envelope ")


def test_nothing_comes_back_of_a_message_without_body(project):
    done = CliRunner().invoke(send_message.cli, [*LOCAL, "--back", "--withhold"])
    assert done.exit_code == 2
    assert "use one of the two options" in done.output


def test_live_network_is_refused(monkeypatch):
    monkeypatch.setattr(send_message, "connected_network", lambda: ("mainnet", 1))
    height = ape.chain.blocks.height
    done = CliRunner().invoke(send_message.cli, LOCAL)
    assert done.exit_code == 1
    assert "local networks only" in done.output
    assert ape.chain.blocks.height == height
