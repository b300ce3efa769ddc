"""`headrace demo`: the thin path as a user starts it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from offchain.cli import main
from offchain.demo.exchange import open_exchange, start_exchange
from offchain.demo.flow import LOTS_PER_SIZE, generated_flow, recorded_flow
from offchain.demo.listing import enqueue_admin, listing_ops
from offchain.demo.report import to_json, to_text
from offchain.demo.run import ProvenBatch, run_demo
from offchain.demo.solvency import is_rebuilt_equal, rebuilt_chain
from offchain.demo.traders import deposit
from offchain.replay.book import ReferenceBook
from offchain.replay.driver import load_recording
from offchain.replay.feed import FeedRecording, MessageKind, save_feed
from offchain.replay.flow import FlowKind
from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.local_chain import LocalChain
from offchain.settlement.service import SettlementService
from offchain.spec.kinds import EventKind
from tests.e2e.ape_run import ape_run

REPOSITORY = Path(__file__).parents[2]
REAL_DAY = REPOSITORY.parent / "shared" / "data" / "esh4-mbo-20231225-part1.dbn.zst"
PNG_MAGIC = b"\x89PNG"
ATTESTED = ("--mode", "attested")


def demo_json(*arguments):
    done = CliRunner(mix_stderr=False).invoke(main, ["demo", "--json", *arguments])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def assert_whole_path(data, mode="ATTESTED"):
    """What every run of the demo promises."""
    assert data["ok"] is True
    assert data["mode"] == mode
    assert data["refused"] == {}
    assert data["deposits"] == 2 * data["accounts"] + 1  # one brings staked ether
    assert data["perpetual"]["funding_payments"] == 1
    assert data["perpetual"]["liquidated_accounts"] == 1
    assert sum(batch["liquidations"] for batch in data["batches"]) >= 1
    assert data["rebuilt_equal"]
    assert len(data["publication_gas"]) == len(data["batches"])
    assert data["claims"] == data["withdrawals"] == sum(b["withdrawals"] for b in data["batches"])
    assert data["unwithdrawn_balances"] == 0
    assert data["journal"]["replay_equal"]
    assert data["root_equal"]
    for number, batch in enumerate(data["batches"], start=1):
        assert batch["number"] == number
        assert batch["gas"] > 21_000
    for earlier, later in zip(data["batches"], data["batches"][1:], strict=False):
        assert later["old_root"] == earlier["new_root"] != later["new_root"]
    for asset in data["solvency"]:
        assert asset["vault_native"] == asset["owed_native"] + asset["surplus_native"]
        assert asset["owed_units"] == asset["accounts_units"] == asset["vault_ledger_units"]
    assert data["l1_gas_total"] > sum(data["settlement_gas"]) + data["claims_gas"]


@pytest.mark.parametrize(
    ("accounts", "orders"), [(9, 200), pytest.param(24, 600, marks=pytest.mark.slow)]
)
def test_generated_flow(accounts, orders, tmp_path):
    plot = tmp_path / "folder" / "demo.png"
    size = ("--accounts", str(accounts), "--orders", str(orders), "--batches", "3")
    data = demo_json(*ATTESTED, *size, "--plot", str(plot))
    assert_whole_path(data)
    assert (data["accounts"], data["orders"], len(data["batches"])) == (accounts, orders, 3)
    assert data["withdrawals"] == 2 * accounts + 2  # two of them from a sub-account
    assert plot.read_bytes().startswith(PNG_MAGIC)
    surplus_wei = {asset["asset"]: asset["surplus_native"] for asset in data["solvency"]}
    assert surplus_wei == {"USDC": 0, "ETH": sum(range(accounts + 1)), "wstETH": 0}


def plain_fills(flow):
    """(price, lots) of every fill, by a book of plain Python."""
    book, fills = ReferenceBook(), []
    for kind, is_bid, _, _, ref, price_ticks, size in flow.rows.tolist():
        if kind == FlowKind.ADD:
            book.place(ref, bool(is_bid), price_ticks, size)
        elif kind == FlowKind.CANCEL:
            book.cancel(ref)
        elif kind == FlowKind.MODIFY:
            book.modify(ref, price_ticks, size)
        else:
            for fill in book.aggress(ref, bool(is_bid), price_ticks, size):
                price = fill.price_ticks * flow.tick_price_units
                fills.append((price, fill.size * LOTS_PER_SIZE))
    return fills


@pytest.fixture(scope="module")
def few_traders():
    """Four traders who trade enough to leave the quota free of fees."""
    flow = generated_flow(1_200, 4, seed=2)
    return flow, run_demo(LocalChain(account_count=7), flow, 4, lambda *_: None)


@pytest.fixture
def demo_has_run(few_traders, monkeypatch):
    """The command's run is one that was made already."""
    monkeypatch.setattr("offchain.demo.run.run_demo", lambda *_: few_traders[1])


def test_fees_stay_in_the_vault(few_traders):
    _, result = few_traders
    assert result.ok
    quote = result.checks[0]
    assert quote.fee_units > 0
    # Fees, what is below one token base unit per account, and roundings of funding: no more.
    assert 0 <= quote.owed_units - quote.fee_units < 6 * 100


@pytest.mark.slow
def test_demo_matches_like_a_plain_book():
    flow = generated_flow(800, 16, seed=3)
    result = run_demo(LocalChain(account_count=19), flow, 3, lambda *_: None)
    assert [(trade.price, trade.size_lots) for trade in result.trades] == plain_fills(flow)
    assert len(result.trades) > 100


def test_verdict_depends_on_the_vault(few_traders):
    _, result = few_traders
    short = replace(result.checks[0], vault_native=result.checks[0].vault_native - 1)
    assert not replace(result, checks=[short]).ok
    owing = replace(result.checks[0], accounts_units=result.checks[0].accounts_units + 1)
    assert not replace(result, checks=[owing]).ok
    assert not replace(result, claims=result.claims - 1).ok
    assert not replace(result, unwithdrawn=1).ok
    assert not replace(result, is_journal_equal=False).ok
    assert not replace(result, is_root_equal=False).ok
    assert not replace(result, is_rebuilt_equal=False).ok
    assert not replace(result, liquidated=2).ok


def test_traders_take_turns():
    """What an account has to say stands together: a few envelopes for each, not one a message."""
    rows = generated_flow(600, 10, seed=4).rows
    turns = 1 + np.count_nonzero(np.diff(rows["account"].astype(int)))
    assert turns < len(rows) / 3
    assert np.count_nonzero(np.isin(rows["kind"], [FlowKind.ADD, FlowKind.IOC])) == 600


def test_one_account_is_liquidated_and_funding_is_paid_between_traders(few_traders):
    _, result = few_traders
    assert result.ok
    funding, liquidations = (
        [each.batches[0].event_counts.get(kind, 0) for each in result.settled]
        for kind in (EventKind.FUNDING, EventKind.LIQUIDATED)
    )
    assert funding == [0, 1, 0, 0]
    assert liquidations[0] == liquidations[1] == liquidations[3] == 0 < liquidations[2]


@pytest.mark.slow
@pytest.mark.real_data
def test_recorded_flow(tmp_path):
    if not REAL_DAY.exists():
        pytest.skip("recorded day absent: expected ../shared/data/" + REAL_DAY.name)
    recording = load_recording(REAL_DAY)
    messages = recording.messages
    middle_ticks = int(np.median(messages["price_ticks"][messages["kind"] == MessageKind.TRADE]))
    # The first trades and the orders around them: enough to trade, few enough for a test.
    near = messages[np.abs(messages["price_ticks"] - middle_ticks) <= 60]
    end = np.flatnonzero(near["kind"] == MessageKind.TRADE)[150]
    head = FeedRecording(near[:end], recording.tick_e9, recording.symbol)
    path = tmp_path / "head.hrflow"
    save_feed(path, head)
    data = demo_json(
        *ATTESTED, "--replay", str(path), "--accounts", "12", "--plot", str(tmp_path / "demo.png")
    )
    assert_whole_path(data)
    assert data["fills"] == len(plain_fills(recorded_flow(path, 12))) > 50
    assert data["messages"]["modify"] > 0


@pytest.mark.usefixtures("demo_has_run")
def test_text_names_the_mode_of_trust(tmp_path):
    plot = tmp_path / "demo.png"
    done = CliRunner().invoke(main, ["demo", *ATTESTED, "--plot", str(plot)])
    assert done.exit_code == 0
    assert "Mode of trust: ATTESTED" in done.output
    assert "OK in" in done.output
    assert str(plot) in done.output


@pytest.mark.parametrize(
    "arguments",
    [["--replay", "absent.dbn"], ["--batches", "2"], ["--accounts", "3"], ["--orders", "0"]],
)
def test_wrong_options_are_named(arguments):
    done = CliRunner().invoke(main, ["demo", *arguments])
    assert done.exit_code == 2
    assert arguments[0] in done.output


def test_unreadable_recording(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text("no feed")
    done = CliRunner().invoke(main, ["demo", "--replay", str(path)])
    assert done.exit_code == 1
    assert "unknown kind of recording" in done.output


def test_unwritable_plot_is_refused_before_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    plot = tmp_path / "file" / "demo.png"
    done = CliRunner().invoke(main, ["demo", "--plot", str(plot)])
    assert done.exit_code == 2
    assert f"cannot write {plot}" in done.output


@pytest.mark.usefixtures("demo_has_run")
def test_result_is_printed_before_the_plot_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("offchain.demo.plot.write_plot", fail)
    plot = tmp_path / "demo.png"
    arguments = ["demo", *ATTESTED, "--json", "--plot", str(plot)]
    done = CliRunner(mix_stderr=False).invoke(main, arguments)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["ok"] is True
    assert "the plot was not written" in done.stderr
    assert not plot.exists()


def test_claims_by_others_count(monkeypatch):
    """A withdrawal that its owner claimed first is paid as well."""
    flow = generated_flow(100, 4, seed=1)
    claim = SettlementService.claim

    def claim_after_the_owner(service, settlement, progress=None):
        claim(service, settlement)
        return claim(service, settlement, progress)

    monkeypatch.setattr(SettlementService, "claim", claim_after_the_owner)
    result = run_demo(LocalChain(account_count=7), flow, 3, lambda *_: None)
    assert result.ok
    assert result.claims == 10


def test_command_line():
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    assert "demo" in done.output
    assert CliRunner().invoke(main, ["--version"]).output.startswith("headrace, version ")
    assert CliRunner().invoke(main, ["absent"]).exit_code == 2


@pytest.mark.slow
def test_ape_script():
    """The same path through Ape."""
    done = ape_run("demo", *ATTESTED, "--accounts", "4", "--orders", "100", "--json")
    assert done.returncode == 0, done.stderr
    assert_whole_path(json.loads(done.stdout.splitlines()[-1]))


def test_proofs_are_reported(few_traders):
    """`make demo` is the run with real proofs; here only what is printed of them."""
    _, attested = few_traders
    last = attested.settled[-1].output.last_batch
    proof = ProvenBatch(
        proof_file=Path("out/demo/batch-000003.settle.proof"),
        proof_bytes=400_000,
        cycles=200_000,
        rows={"cpu": 200_000, "keccak_f": 300_000},
        seconds=12.345,
        l1_gas=17_000_000,
    )
    result = replace(attested, mode="PROVEN", proven={last: proof})
    batch = to_json(result)["batches"][-1]
    assert batch["proof_file"] == "out/demo/batch-000003.settle.proof"
    assert batch["proof_seconds"] == 12.35
    assert batch["cycles_per_order"] == round(200_000 / batch["ops"])
    assert batch["rows"] == proof.rows
    assert batch["l1_gas"] == 17_000_000
    assert "proof_file" not in to_json(result)["batches"][0]
    text = to_text(result)
    assert "Mode of trust: PROVEN (every batch has a proof that L1 has verified)" in text
    header, row = text.split("Rows per table:\n")[1].splitlines()[:2]
    assert header.split() == ["batch", "cpu", "keccak_f"]
    assert row.split() == [str(last), "200,000", "300,000"]
    assert "headrace vm verify out/demo/batch-000003.settle.proof --program" in text


def test_a_chain_starts_again_from_its_journal(tmp_path):
    """What `ape run submit_batch` does with a chain that stands."""
    l1 = LocalChain(account_count=4)
    first = open_exchange(l1, tmp_path / "journal")
    governance, depositor = l1.accounts[2:]
    enqueue_admin(l1, first.deployment, governance, listing_ops(spot_tick=1))
    deposit(first, depositor, ETHER_ASSET, 10**18)
    first.service.feed_priority()
    batch = first.sequencer.seal()
    first.journal.close()
    again = start_exchange(l1, first.deployment, first.genesis, tmp_path / "journal")
    with again.journal:
        (waiting,) = again.service.unsettled()
        assert waiting.new_root == batch.new_root
        again.service.settle([waiting])
        assert again.service.settled_root() == batch.new_root
        assert is_rebuilt_equal(again, rebuilt_chain(again))
