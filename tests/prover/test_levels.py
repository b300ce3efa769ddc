"""Every instruction-set level of this machine makes the same proof, to the byte."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from offchain.prover.levels import LEVEL_VARIABLE, available_levels
from offchain.prover.native_build import build_all
from tests.prover.proofs import proof

pytestmark = pytest.mark.slow

build_all()

ROOT = Path(__file__).resolve().parents[2]
PROOFS = (("delegations", "fast"), ("fibonacci", "settle"))
PROVE_IN_A_NEW_PROCESS = f"""
import hashlib
from proofs import proof
for guest, profile in {PROOFS}:
    print(hashlib.sha256(proof(guest, profile).data).hexdigest())
"""


@pytest.mark.parametrize("level", available_levels())
def test_proofs_are_equal(level):
    done = subprocess.run(
        [sys.executable, "-c", PROVE_IN_A_NEW_PROCESS],
        cwd=ROOT,
        env={**os.environ, LEVEL_VARIABLE: level, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        hashlib.sha256(proof(guest, profile).data).hexdigest() for guest, profile in PROOFS
    ]
