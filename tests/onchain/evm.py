"""Contracts on a bare EVM (revm, rules of Cancun): no chain, no accounts, only calls.

Contracts are compiled as :mod:`offchain.settlement.contracts` has it and deployed as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyrevm
import rlp
from eth_abi import decode, encode
from eth_utils import keccak

from offchain.settlement.contracts import AbiEntry, compile_contract, compiled_by_name

DEPLOYER = "0x" + "11" * 20
TRANSACTION_GAS = 21_000
ZERO_BYTE_GAS, OTHER_BYTE_GAS = 4, 16
REVM_CODE_PADDING = 33  # zero bytes that revm appends for itself
REFUSALS: Counter[str] = Counter()
"""How often each code of an error was given, constructors included; tests clear it."""
_ERROR_SELECTOR = keccak(text="Error(string)")[:4]
_CODE = re.compile(r"([A-Z]\d\d): ")


class Reverted(Exception):  # noqa: N818  # an outcome that tests ask for
    """A call was reverted; `reason` is the string, empty if there was none."""

    def __init__(self, reason: str, output: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output  # as it came, for errors that are no strings
        code = _CODE.match(reason)
        if code:
            REFUSALS[code[1]] += 1


@dataclass(frozen=True)
class Outcome:
    """What a call returned and emitted, and what it cost."""

    values: tuple[Any, ...]
    logs: list[Any]  # of all contracts, raw
    contract: Contract
    gas_used: int  # of the whole transaction, without the floor of EIP-7623
    execution_gas: int  # without the 21,000 and the price of the calldata

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Events of the called contract, with indexed arrays as hashes."""
        return self.contract.events_of(self.logs)


class Evm:
    """A state; it starts empty."""

    def __init__(self) -> None:
        self._revm = pyrevm.EVM(spec_id="CANCUN")

    def deploy(self, contract: str, *arguments: Any, sender: str = DEPLOYER) -> Contract:
        """Deploy a contract, by its name or by the path of its source in the repository."""
        is_path = contract.endswith(".vy")
        compiled = compile_contract(contract) if is_path else compiled_by_name(contract)
        code = bytes.fromhex(compiled.bytecode[2:])
        return self.deploy_code(code, compiled.abi, *arguments, sender=sender)

    def deploy_code(
        self, code: bytes, abi: list[AbiEntry], *arguments: Any, sender: str = DEPLOYER
    ) -> Contract:
        """Deploy code that is compiled already, wherever it comes from."""
        constructors = [entry for entry in abi if entry["type"] == "constructor"]
        types = _types(constructors[0]["inputs"]) if constructors else []
        try:
            address = self._revm.deploy(sender, code + encode(types, arguments))
        except RuntimeError as error:
            output = _output(error)
            raise Reverted(_reason(error, output), output or b"") from None
        return self.at(address, abi)

    def at(self, address: str, abi: list[AbiEntry]) -> Contract:
        """Return a contract that stands there already."""
        return Contract(self._revm, address, abi)

    def set_time(self, timestamp_s: int, block_number: int = 0) -> None:
        """Set the time of the block, and its number."""
        self._revm.set_block_env(pyrevm.BlockEnv(timestamp=timestamp_s, number=block_number))

    def next_address(self, later: int = 0, sender: str = DEPLOYER) -> str:
        """Return where a sender's next contract will stand, or one that it deploys later."""
        nonce = self._revm.basic(sender).nonce + later
        return "0x" + keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:].hex()

    def fund(self, address: str, amount_wei: int) -> None:
        """Give an address this balance, as ether that is forced upon it."""
        self._revm.set_balance(address, amount_wei)

    def balance_wei(self, address: str) -> int:
        """Ether of an address."""
        return int(self._revm.get_balance(address))

    def plant_code(self, address: str, code: bytes) -> None:
        """Put other code at an address, as if it had always been there."""
        self._revm.insert_account_info(address, pyrevm.AccountInfo(code=code))

    def code(self, address: str) -> bytes:
        """Code that stands at an address."""
        return bytes(self._revm.get_code(address))[:-REVM_CODE_PADDING]

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Undo at the end whatever happens in between."""
        checkpoint = self._revm.snapshot()
        try:
            yield
        finally:
            self._revm.revert(checkpoint)


class Contract:
    """A deployed contract."""

    def __init__(self, revm: pyrevm.EVM, address: str, abi: list[AbiEntry]) -> None:
        self._revm = revm
        self.address = address
        self.abi = abi
        self._functions = {e["name"]: e for e in abi if e["type"] == "function"}
        self.function_names = list(self._functions)
        events = [e for e in abi if e["type"] == "event"]
        self._events = {keccak(text=_signature(e)): e for e in events}

    @property
    def code(self) -> bytes:
        """The code that stands on the chain."""
        return bytes(self._revm.get_code(self.address))[:-REVM_CODE_PADDING]

    def calldata(self, name: str, *arguments: Any) -> bytes:
        """Encode a call."""
        function = self._functions[name]
        selector = keccak(text=_signature(function))[:4]
        return selector + encode(_types(function["inputs"]), arguments)

    def call(
        self, name: str, *arguments: Any, sender: str = DEPLOYER, value_wei: int = 0
    ) -> Outcome:
        """Call a function; what it changes stays changed. Raises :class:`Reverted`."""
        return self.send(name, self.calldata(name, *arguments), sender, value_wei)

    def send(
        self,
        name: str,
        calldata: bytes,
        sender: str = DEPLOYER,
        value_wei: int = 0,
        gas: int | None = None,
    ) -> Outcome:
        """Send bytes, and decode what returns as the named function's values."""
        try:
            output = self._revm.message_call(
                sender, self.address, calldata=calldata, value=value_wei, gas=gas
            )
        except RuntimeError as error:
            output = _output(error)
            raise Reverted(_reason(error, output), output or b"") from None
        result = self._revm.result
        zeros = calldata.count(0)
        calldata_gas = ZERO_BYTE_GAS * zeros + OTHER_BYTE_GAS * (len(calldata) - zeros)
        return Outcome(
            values=decode(_types(self._functions[name]["outputs"]), output),
            logs=result.logs,
            contract=self,
            gas_used=result.gas_used,
            execution_gas=result.gas_used - TRANSACTION_GAS - calldata_gas,
        )

    def events_of(self, logs: list[Any]) -> list[tuple[str, dict[str, Any]]]:
        """Decode those logs that are this contract's."""
        return [self._event(log) for log in logs if log.address.lower() == self.address.lower()]

    def _event(self, log: Any) -> tuple[str, dict[str, Any]]:
        topics, data = log.data
        event = self._events[bytes(topics[0])]
        indexed = [i for i in event["inputs"] if i["indexed"]]
        plain = [i for i in event["inputs"] if not i["indexed"]]
        found = dict(zip([i["name"] for i in plain], decode(_types(plain), data), strict=True))
        for argument, topic in zip(indexed, topics[1:], strict=True):
            is_word = argument["type"] not in {"bytes", "string"} and argument["type"][-1] != "]"
            found[argument["name"]] = decode(_types([argument]), topic)[0] if is_word else topic
        return event["name"], found


def _types(arguments: Any) -> list[str]:
    return [
        f"({','.join(_types(a['components']))}){a['type'].removeprefix('tuple')}"
        if a["type"].startswith("tuple")
        else a["type"]
        for a in arguments
    ]


def _signature(entry: Any) -> str:
    return f"{entry['name']}({','.join(_types(entry['inputs']))})"


def _output(error: RuntimeError) -> bytes | None:
    # revm tells it as text: Revert { gas_used: 50440, output: 0x08c379a0... }
    _, found, rest = str(error).partition("output: 0x")
    return bytes.fromhex(rest.partition(" ")[0]) if found else None


def _reason(error: RuntimeError, output: bytes | None) -> str:
    if output is None:
        return str(error)
    if output[:4] != _ERROR_SELECTOR:
        return ""
    return str(decode(["string"], output[4:])[0])
