"""Files that owners keep: written by the prover's service, and by a command from its witnesses."""

import json

import pytest
from click.testing import CliRunner

from offchain.cli import main
from offchain.core.binding import Core
from offchain.engine.genesis import GenesisConfig
from offchain.proving.account_files import AccountFiles, write_account_files
from offchain.proving.service import BatchProver
from offchain.proving.store import ProofStore
from offchain.spec.envelope import apply_envelope
from offchain.spec.state import account_index, genesis
from offchain.tools import build_native
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import WitnessError
from offchain.witness.leaf_proof import AccountProof
from tests.core.envelope_flow import random_envelopes
from tests.proving.test_service import ManualExecutor
from tests.strategies import CONFIG_HASH, GOVERNANCE
from tests.witness.batches import STATEMENT, sealed_batches


@pytest.fixture(scope="module", autouse=True)
def libraries():
    for name in ("native", "witness"):
        build_native.build(name)


@pytest.fixture(scope="module")
def batches():
    return sealed_batches(random_envelopes(2, 60), 20)


@pytest.fixture(scope="module")
def witnesses(batches):
    builder = WitnessBuilder.at_genesis(CONFIG_HASH, GOVERNANCE)
    return [builder.build(STATEMENT, batch.envelopes) for batch in batches]


def files_in(folder):
    return {path.stem: AccountProof.from_json(path.read_text()) for path in folder.iterdir()}


def test_every_account_has_a_file_of_every_batch(batches, witnesses, tmp_path):
    files = AccountFiles(tmp_path, Core(CONFIG_HASH, GOVERNANCE))
    state = genesis(CONFIG_HASH, GOVERNANCE)
    counts = []
    for batch, witness in zip(batches, witnesses, strict=True):
        for envelope in batch.envelopes:
            apply_envelope(state, envelope)
        counts.append(files.take(batch.number, witness))
        found = files_in(files.batch_path(batch.number))
        existing = {index for index, _ in state.accounts.items()}
        assert {proof.account.index for proof in found.values()} == existing
        assert counts[-1] == len(found)
        for name, proof in found.items():
            assert account_index(int(name.removeprefix("account-"))) == proof.account.index
            assert (proof.batch, proof.state_root) == (batch.number, batch.new_root)
    assert counts[-1] > counts[0]


def test_a_batch_is_written_once_and_whole(batches, witnesses, tmp_path):
    AccountFiles(tmp_path, Core(CONFIG_HASH, GOVERNANCE)).take(1, witnesses[0])
    (folder,) = tmp_path.iterdir()
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    (tmp_path / "batch-000002.tmp").mkdir()
    (tmp_path / "batch-000002.tmp" / "account-5.json").write_text("a crash left this")
    again = AccountFiles(tmp_path, Core(CONFIG_HASH, GOVERNANCE))
    for batch, witness in zip(batches[:2], witnesses, strict=False):
        again.take(batch.number, witness)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["batch-000001", "batch-000002"]
    assert "account-5" not in files_in(again.batch_path(2))


def test_a_witness_that_does_not_follow_is_refused(witnesses, tmp_path):
    files = AccountFiles(tmp_path, Core(CONFIG_HASH, GOVERNANCE))
    with pytest.raises(WitnessError, match="does not follow on ours: other HEADER"):
        files.take(2, witnesses[1])
    assert not list(tmp_path.iterdir())


def test_the_prover_writes_them(batches, tmp_path):
    files = AccountFiles(tmp_path / "accounts", Core(CONFIG_HASH, GOVERNANCE))
    builder = WitnessBuilder.at_genesis(CONFIG_HASH, GOVERNANCE)
    store, executor = ProofStore(tmp_path / "proofs"), ManualExecutor()
    prover = BatchProver(builder, STATEMENT, store, executor, account_files=files)
    for batch in batches:
        prover.take(batch)
    assert len(list((tmp_path / "accounts").iterdir())) == len(batches)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A prover's folder of a chain that begins at its own genesis, and its batches."""
    config = GenesisConfig(
        l1_chain_id=STATEMENT.l1_chain_id, chain_id=STATEMENT.chain_id, governance=GOVERNANCE
    )
    batches = sealed_batches(random_envelopes(2, 60), 20, config.config_hash())
    builder = WitnessBuilder.at_genesis(config.config_hash(), GOVERNANCE)
    store = ProofStore(tmp_path_factory.mktemp("proofs"))
    for batch in batches:
        witness = builder.build(STATEMENT, batch.envelopes)
        store.write_witness(batch.number, witness.to_bytes())
    return store, batches


def run(*arguments):
    done = CliRunner(mix_stderr=False).invoke(main, ["account-proof", *map(str, arguments)])
    return done.exit_code, json.loads(done.stdout) if done.stdout else done.stderr


def written(kept, folder, *options):
    address = "0x" + GOVERNANCE.hex()
    arguments = ("write", kept[0].folder, "--governance", address, "-o", folder, "--json")
    return run(*arguments, *options)


def test_commands_write_and_check(kept, tmp_path):
    code, told = written(kept, tmp_path)
    assert code == 0
    last = kept[1][-1]
    assert told["folder"] == str(tmp_path / f"batch-{last.number:06}")
    paths = sorted((tmp_path / f"batch-{last.number:06}").iterdir())
    assert told["accounts"] == len(paths) > 2
    for path in paths:
        code, told = run("check", path, "--root", "0x" + last.new_root.hex(), "--json")
        assert code == 0
        assert (told["accepted"], told["batch"]) == (True, last.number)
        assert f"account-{told['account_id']}.json" == path.name


def test_commands_write_an_earlier_batch(kept, tmp_path):
    assert written(kept, tmp_path, "--batch", "1")[0] == 0
    (folder,) = tmp_path.iterdir()
    account = next(folder.iterdir())
    code, told = run("check", account, "--root", kept[1][-1].new_root.hex(), "--json")
    assert (code, told["error"]) == (1, "WRONG_ROOT")


def test_commands_name_what_is_wrong(kept, tmp_path):
    written(kept, tmp_path / "right")
    account = next((tmp_path / "right").glob("*/*"))
    code, told = written((ProofStore(tmp_path), None), tmp_path / "out")
    assert (code, told["error"]) == (1, "ValueError")
    code, told = written(kept, tmp_path / "out", "--batch", "99")
    assert (code, told["error"]) == (1, "FileNotFoundError")
    file = tmp_path / "account.json"
    file.write_bytes(b"\xff")
    assert run("check", file, "--root", "00" * 32, "--json")[1]["error"] == "NOT_JSON"
    assert run("check", account, "--root", "00" * 31)[0] == 2
    assert run("write", tmp_path, "--governance", "0x5", "-o", tmp_path)[0] == 2


def test_another_governance_is_another_chain(kept, tmp_path):
    with pytest.raises(WitnessError, match="does not follow on ours: other CONFIG"):
        write_account_files(kept[0], bytes(20), tmp_path)
