"""Generate the documentation page of the tables from their description.

Usage: ``python -m offchain.tools.gen_air_docs`` writes; ``--check`` fails when the page differs.
"""

import argparse
import sys
from pathlib import Path

from offchain.air.document import air_page
from offchain.air.machine import TABLES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/spec/air.md"


def main() -> int:
    """Write the page, or compare it with ``--check``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on difference")
    text = air_page(TABLES)
    if not parser.parse_args().check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print(f"stale: {PAGE.relative_to(ROOT)}; run `make gen`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
