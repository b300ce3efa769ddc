"""The compiler that made the bytecode, as the bytecode itself says."""

from pathlib import Path

import pytest

from offchain.settlement.contracts import compiled_by_name

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
# CBOR: the text "vyper", then the array 0, 4, 3.
VYPER_0_4_3 = b"\x65vyper\x83\x00\x04\x03"


@pytest.mark.parametrize("name", sorted(path.stem for path in CONTRACTS.glob("*.vy")))
def test_bytecode_names_vyper_0_4_3(name):
    bytecode = bytes.fromhex(compiled_by_name(name).bytecode[2:])
    length = int.from_bytes(bytecode[-2:], "big")
    assert bytecode[-length:].count(VYPER_0_4_3) == 1
