"""Scripts as `ape run` starts them: in a process, because Ape owns a global network."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def ape_run(script: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run a script on a new embedded network."""
    return subprocess.run(
        [BIN / "ape", "run", script, "--network", "ethereum:local:test", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
