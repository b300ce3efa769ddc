"""Packages of npm whose compiled contracts the tests deploy: fetched once, checked, unpacked.

`packages.json` pins each by version and by the SHA-512 of its archive, which is compared before
the archive is opened. npm fetches with its user's own settings and runs no script of a package.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path, PurePosixPath

from offchain.settlement.contracts import REPOSITORY_ROOT

PINS = Path(__file__).with_name("packages.json")
CACHE_DIR = REPOSITORY_ROOT / ".cache" / "npm"
ALGORITHM = "sha512-"
UNPACKED_BYTES_MAX = 128 * 2**20  # the largest package has 61 MiB
ARTIFACT_SUFFIXES = {".json", ".js"}  # nothing else is unpacked
HASH_DIGITS = 16
NPM_TIMEOUT_S = 180
NPM_PACK = (
    "npm",
    "pack",
    "--ignore-scripts",
    "--silent",
    "--fetch-retries=0",
    "--fetch-timeout=30000",
)


class UnavailableError(Exception):
    """Packages cannot be had here; the message says how to get them."""


class UntrustedError(Exception):
    """An archive is not what is pinned, or wants to write where it must not."""


@dataclass(frozen=True)
class Package:
    """A pinned package."""

    name: str
    version: str
    integrity: str  # "sha512-" and the digest in base64, as npm writes it

    @property
    def spec(self) -> str:
        """Name for npm."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> bytes:
        """SHA-512 of the archive."""
        if not self.integrity.startswith(ALGORITHM):
            raise UntrustedError(f"{self.spec} is not pinned by SHA-512")
        return b64decode(self.integrity.removeprefix(ALGORITHM), validate=True)

    @property
    def archive_name(self) -> str:
        """File that `npm pack` writes."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"

    @property
    def folder_name(self) -> str:
        """Folder in the cache; another pin has another one."""
        return f"{self.archive_name.removesuffix('.tgz')}-{self.digest.hex()[:HASH_DIGITS]}"


def pinned() -> dict[str, Package]:
    """All packages of `packages.json`, by name and version."""
    packages = [Package(**entry) for entry in json.loads(PINS.read_text())]
    return {package.spec: package for package in packages}


def fetch(packages: list[Package], cache_dir: Path = CACHE_DIR) -> dict[str, Path]:
    """Return the folders of packages, after fetching those that the cache lacks."""
    folders = {package.spec: cache_dir / package.folder_name for package in packages}
    missing = [package for package in packages if not folders[package.spec].is_dir()]
    if missing:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir) as archives:
            download([package.spec for package in missing], Path(archives))
            for package in missing:
                archive = Path(archives) / package.archive_name
                unpack(archive, package, folders[package.spec])
    return folders


def download(specs: list[str], folder: Path) -> None:
    """Have npm write the archives of packages into a folder."""
    how = (
        "install npm, connect to its registry and run "
        "`pytest tests/thirdparty` once: what it fetches stays in .cache/npm"
    )
    if shutil.which(NPM_PACK[0]) is None:
        raise UnavailableError(f"npm is not installed; {how}")
    command = [*NPM_PACK, "--pack-destination", str(folder), *specs]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=NPM_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise UnavailableError(f"npm could not fetch {specs[0]} and others; {how}") from error


def unpack(archive: Path, package: Package, folder: Path) -> None:
    """Check an archive against its pin, and unpack its artifacts into a new folder."""
    if sha512(archive.read_bytes()).digest() != package.digest:
        raise UntrustedError(f"the archive of {package.spec} differs from the pinned one")
    aside = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        with tarfile.open(archive, "r:gz") as tar:
            _extract_artifacts(tar, aside)
        aside.rename(folder)
    except OSError:
        # Another process may have been faster; a folder is complete once it has its name.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _extract_artifacts(tar: tarfile.TarFile, folder: Path) -> None:
    size_bytes = 0
    for member in tar:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise UntrustedError(f"{member.name} leads out of the archive")
        if not member.isfile() or path.suffix not in ARTIFACT_SUFFIXES:
            continue
        size_bytes += member.size
        if size_bytes > UNPACKED_BYTES_MAX:
            raise UntrustedError(f"the archive unpacks to over {UNPACKED_BYTES_MAX} bytes")
        source = tar.extractfile(member)
        assert source is not None
        target = folder.joinpath(*path.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read())
