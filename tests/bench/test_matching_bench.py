"""The matching benchmark: contenders agree, and its command says so or fails."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from offchain.bench.core_contender import build_ops, core_contender, new_exchange
from offchain.bench.harness import OutputMismatchError
from offchain.bench.peers import PeerUnavailableError
from offchain.bench.plain_book import plain_book
from offchain.bench.spec_contender import spec_contender
from offchain.bench.workload import messages_from_flow
from offchain.commands import bench as command
from offchain.core.binding import JOURNAL_RECORD_BYTES
from offchain.replay.generators import flow_60_35_5


@pytest.fixture(scope="module")
def messages():
    return messages_from_flow(flow_60_35_5(3_000, seed=5))


@pytest.fixture(scope="module")
def workload(messages):
    return build_ops(messages)


def test_core_specification_and_plain_book_fill_alike(messages, workload):
    expected = plain_book(messages)()
    assert expected.fills > 300
    contenders = [
        core_contender(workload, with_journal=False),
        core_contender(workload, with_journal=True),
        spec_contender(workload),
    ]
    for contender in contenders:
        run = contender()
        assert run[1:] == expected[1:]
        assert run.seconds > 0


def test_core_refuses_to_time_a_workload_with_refused_ops(workload):
    repeated = np.concatenate([workload.ops, workload.ops])
    twice = type(workload)(repeated, workload.order_ids)
    with pytest.raises(RuntimeError, match="were refused"):
        core_contender(twice, with_journal=False)()


def test_chunks_give_what_one_call_gives(workload):
    journal = np.zeros(len(workload.ops) * JOURNAL_RECORD_BYTES, np.uint8)
    whole = new_exchange().apply(workload.ops, journal)
    core = new_exchange()
    runner = core.chunk_runner(workload.ops, 700, with_journal=True)
    parts, journals, ends = [], [], []
    for call, n in runner.calls:
        applied = runner.result(call(), n)
        parts.append(applied.events.copy())
        journals.append(runner.journal[: n * JOURNAL_RECORD_BYTES].copy())
        ends.append(int(applied.event_ends[-1]))
    assert [n for _, n in runner.calls] == [700, 700, 700, 700, 200]
    assert (np.concatenate(parts) == whole.events).all()
    assert (np.concatenate(journals) == journal).all()
    assert sum(ends) == len(whole.events)


def test_chunk_that_was_not_applied_whole_is_an_error(workload):
    runner = new_exchange().chunk_runner(workload.ops[:100], 50)
    call, n = runner.calls[0]
    with pytest.raises(RuntimeError, match="not applied whole"):
        runner.result(call() - 1, n)


@pytest.mark.slow
def test_command_prints_the_promised_keys():
    arguments = ["matching", "--messages", "2000", "--rounds", "5", "--json"]
    result = CliRunner().invoke(command.bench, arguments)
    if result.exit_code == command.EXIT_PEER_UNAVAILABLE:
        pytest.skip(json.loads(result.output)["error"])
    assert result.exit_code == 0, result.output
    fields = json.loads(result.output)
    assert fields["hash_equal"] is True
    assert fields["ratio_to_orderly_chaos"] == pytest.approx(
        fields["ns_per_message"] / fields["ns_per_message_orderly_chaos"]
    )
    assert fields["ratio_with_journal"] == pytest.approx(
        fields["ns_per_message_with_journal"] / fields["ns_per_message_orderly_chaos"]
    )
    rounds = fields["ratio_rounds"]
    assert 0 < rounds["min"] <= rounds["median"] <= rounds["max"]
    assert fields["ns_per_message_spec"] > fields["ns_per_message_plain_python"]
    full, prefix = fields["comparisons"]
    assert full["fill_hash"] == prefix["fill_hash"]  # the prefix is the whole here
    assert len(prefix["timings"]) == len(full["timings"]) + 2


def test_command_without_the_peer_says_so(monkeypatch):
    def unavailable(*_):
        raise PeerUnavailableError("no matching distribution")

    monkeypatch.setattr(command, "run_matching", unavailable)
    result = CliRunner().invoke(command.bench, ["matching", "--json"])
    assert result.exit_code == command.EXIT_PEER_UNAVAILABLE
    assert "cannot be fetched: no matching" in json.loads(result.output)["error"]
    text = CliRunner().invoke(command.bench, ["matching"])
    assert text.exit_code == command.EXIT_PEER_UNAVAILABLE
    assert "source archive of orderly-chaos cannot be fetched" in text.output


def test_command_gives_no_ratio_when_fills_differ(monkeypatch):
    def differs(*_):
        raise OutputMismatchError("core: 3 fills; peer: 4 fills")

    monkeypatch.setattr(command, "run_matching", differs)
    result = CliRunner().invoke(command.bench, ["matching", "--json"])
    fields = json.loads(result.output)
    assert result.exit_code == command.EXIT_FAILED
    assert fields["hash_equal"] is False
    assert "ratio_to_orderly_chaos" not in fields
