"""Nothing of a package is read before it is known to be the pinned one."""

import io
import sys
import tarfile
from base64 import b64encode
from hashlib import sha512

import pytest

from tests.thirdparty import fetch
from tests.thirdparty.fetch import Package, UnavailableError, UntrustedError


def archive_of(folder, *members):
    """Write an archive of (name, data or target of a link), and return it with its pin."""
    path = folder / "scope-package-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    digest = b64encode(sha512(path.read_bytes()).digest()).decode()
    return path, Package("@scope/package", "1.0.0", fetch.ALGORITHM + digest)


def unpacked(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_artifacts_are_unpacked_and_nothing_else(tmp_path):
    members = [
        ("package/a.json", b"{}"),
        ("package/b/c.js", b"1"),
        ("package/run.sh", b"exit"),
        ("package/link.json", "/etc/passwd"),
    ]
    archive, package = archive_of(tmp_path, *members)
    folder = tmp_path / package.folder_name
    fetch.unpack(archive, package, folder)
    assert unpacked(folder) == {"package/a.json", "package/b/c.js"}
    fetch.unpack(archive, package, folder)  # as a second process does
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([archive.name, folder.name])


def test_another_archive_than_the_pinned_one_is_refused_unopened(tmp_path, monkeypatch):
    archive, package = archive_of(tmp_path, ("package/a.json", b"{}"))
    archive.write_bytes(archive.read_bytes() + b"\x00")
    monkeypatch.setattr(tarfile, "open", None)
    with pytest.raises(UntrustedError, match="differs from the pinned one"):
        fetch.unpack(archive, package, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../a.json", "package/../../a.json", "/a.json"])
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    archive, package = archive_of(tmp_path, (name, b"{}"))
    with pytest.raises(UntrustedError, match="leads out"):
        fetch.unpack(archive, package, tmp_path / "out")
    assert unpacked(tmp_path) == {archive.name}


def test_an_archive_that_grows_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "UNPACKED_BYTES_MAX", 100)
    archive, package = archive_of(tmp_path, ("a.json", bytes(60)), ("b.json", bytes(60)))
    with pytest.raises(UntrustedError, match="over 100 bytes"):
        fetch.unpack(archive, package, tmp_path / "out")
    assert unpacked(tmp_path) == {archive.name}


def test_a_weaker_pin_is_refused():
    with pytest.raises(UntrustedError, match="not pinned by SHA-512"):
        _ = Package("a", "1.0.0", "sha1-AAAA").digest


def test_without_npm_the_message_says_what_to_do(tmp_path, monkeypatch):
    package = Package("a", "1.0.0", fetch.ALGORITHM + b64encode(bytes(64)).decode())
    monkeypatch.setattr(fetch, "NPM_PACK", ("no-such-npm",))
    with pytest.raises(UnavailableError, match=r"npm is not installed; install npm, connect"):
        fetch.fetch([package], tmp_path)
    monkeypatch.setattr(fetch, "NPM_PACK", (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(
        UnavailableError, match=r"could not fetch a@1\.0\.0 and others; install npm, connect"
    ):
        fetch.fetch([package], tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_pin_is_exact():
    packages = fetch.pinned()
    assert len(packages) == 8
    for package in packages.values():
        assert len(package.digest) == 64
        assert package.version[0].isdigit()
