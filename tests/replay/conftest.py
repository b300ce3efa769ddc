"""The recorded exchange day that lies beside the repository."""

from pathlib import Path

import pytest

REAL_DAY = Path(__file__).parents[3] / "shared" / "data" / "esh4-mbo-20231225-part1.dbn.zst"


@pytest.fixture(scope="session")
def real_day() -> Path:
    if not REAL_DAY.exists():
        pytest.skip("recorded day absent: expected ../shared/data/" + REAL_DAY.name)
    return REAL_DAY
