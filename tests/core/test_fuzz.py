"""Hostile ops, envelopes and hints against the core under ASan and UBSan (fuzz_driver.c)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from offchain.tools import build_native

DRIVER = Path(__file__).with_name("fuzz_driver.c")
# A minute on CI; elsewhere long enough to notice what is plainly wrong.
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60" if os.environ.get("CI") else "5"))
SEEDS = (1, 2)
STARTUP_S = 60
# A busy machine does some 100 000 a second; far fewer means that the driver does not get anywhere.
EXECUTIONS_PER_S_MIN = 10_000
ACCEPTED_SHARE_MIN = 0.1


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc on this machine, which alone brings the sanitizers' run-time")
    out = tmp_path_factory.mktemp("fuzz") / "fuzz_driver"
    includes = [f"-I{path}" for path in build_native.INCLUDE_DIRS]
    flags = [*build_native.ASAN_FLAGS, "-Wall", "-Wextra", "-Werror", *includes]
    command = [gcc, *flags, str(DRIVER), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_input_breaks_the_core(seed: int, driver: Path) -> None:
    seconds = max(SECONDS // len(SEEDS), 1)
    done = subprocess.run(
        [str(driver), str(seconds), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + STARTUP_S,
    )
    assert done.returncode == 0, done.stderr
    lines = (line.split() for line in done.stdout.splitlines())
    counts = {name: int(number) for name, number in lines}
    print(f"{seconds} s, seed {seed}: {counts}")
    executions = counts["ops"] + counts["envelopes"] + counts["decodes"]
    assert executions > seconds * EXECUTIONS_PER_S_MIN
    assert counts["accepted"] > (counts["ops"] + counts["envelopes"]) * ACCEPTED_SHARE_MIN
    assert counts["replays"] > 0
