"""Places to write to: every command refuses them before its work, as it does other bad options."""

import pytest
from click.testing import CliRunner

from offchain.cli import main
from offchain.tools.outputs import check_file, check_folder

LONG_NAME = "n" * 300


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("demo", "--out"), "--out"),
        (("demo", "--mode", "attested", "--plot"), "--plot"),
        (("scenario", "run", "zero-price", "--plot"), "--plot"),
        (("account-proof", "write", ".", "--governance", "0x" + "11" * 20, "-o"), "--output"),
    ],
)
def test_place_below_a_file_is_refused(arguments, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    done = CliRunner().invoke(main, [*arguments, "file/below"])
    assert done.exit_code == 2
    assert f"Invalid value for {option}: cannot write file/below: " in done.output
    assert (tmp_path / "file").read_text() == "kept"


def test_proof_that_cannot_be_written_is_refused(tmp_path):
    elf, proof = tmp_path / "program.elf", tmp_path / LONG_NAME
    elf.write_bytes(b"no program")
    done = CliRunner().invoke(
        main, ["vm", "prove", str(elf), "--profile", "fast", "--out", str(proof)]
    )
    assert done.exit_code == 2
    assert f"cannot write {proof}: File name too long" in done.output


def test_checks_leave_no_files(tmp_path):
    kept, absent, folder = tmp_path / "kept", tmp_path / "new" / "absent", tmp_path / "folder"
    kept.write_text("kept")
    check_file(kept, "--out")
    check_file(absent, "--out")
    check_folder(folder, "--out")
    assert kept.read_text() == "kept"
    assert not absent.exists()
    assert list(folder.iterdir()) == []
