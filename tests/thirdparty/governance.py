"""OpenZeppelin's timelock and a Safe of three owners, as a network's governance may stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account import Account

from tests.onchain.evm import Contract, Evm, Outcome
from tests.onchain.vault_scene import STRANGER, ZERO_ADDRESS
from tests.thirdparty.artifacts import Artifacts

OPENZEPPELIN = "@openzeppelin/contracts@5.7.0"
SAFE = "@gnosis.pm/safe-contracts@1.3.0"
BUILD = "build/artifacts/contracts"
DELAY_S = 2 * 86_400
THRESHOLD = 2
KEYS = tuple(number.to_bytes(32, "big") for number in (1, 2, 3))
NO_GAS_TERMS = (0, 0, 0, ZERO_ADDRESS, ZERO_ADDRESS)  # nobody is paid for sending
CALL = 0  # kind of operation; the other one is a delegate call
NO_PREDECESSOR = bytes(32)


class Multisig:
    """A Safe behind its factory's proxy; two of three owners sign."""

    def __init__(self, artifacts: Artifacts, evm: Evm) -> None:
        safe_path = f"{BUILD}/GnosisSafe.sol/GnosisSafe.json"
        factory_path = f"{BUILD}/proxies/GnosisSafeProxyFactory.sol/GnosisSafeProxyFactory.json"
        code = artifacts.deploy(evm, SAFE, safe_path)
        factory = artifacts.deploy(evm, SAFE, factory_path)
        owners = [Account.from_key(key).address for key in KEYS]
        no_payment = (ZERO_ADDRESS, 0, ZERO_ADDRESS)
        setup = (owners, THRESHOLD, ZERO_ADDRESS, b"", ZERO_ADDRESS, *no_payment)
        outcome = factory.call("createProxy", code.address, code.calldata("setup", *setup))
        self.safe = artifacts.at(evm, SAFE, safe_path, outcome.values[0])
        self.address = self.safe.address

    def send(
        self,
        target: Contract,
        name: str,
        *arguments: Any,
        keys: tuple[bytes, ...] = KEYS[:THRESHOLD],
        value_wei: int = 0,
    ) -> Outcome:
        """Call a function as the Safe, with the signatures of these keys."""
        call = (target.address, value_wei, target.calldata(name, *arguments), CALL, *NO_GAS_TERMS)
        (nonce,) = self.safe.call("nonce").values
        (digest,) = self.safe.call("getTransactionHash", *call, nonce).values
        # The Safe asks for signatures by ascending address.
        accounts = sorted(map(Account.from_key, keys), key=lambda account: int(account.address, 16))
        signatures = [account.unsafe_sign_hash(digest).signature for account in accounts]
        return self.safe.call("execTransaction", *call, b"".join(signatures), sender=STRANGER)


@dataclass(frozen=True)
class Operation:
    """Calls that a timelock makes together."""

    targets: list[str]
    values_wei: list[int]
    payloads: list[bytes]
    predecessor: bytes
    salt: bytes

    @classmethod
    def of(cls, *calls: tuple[Contract, str, tuple[Any, ...]], salt: int = 0) -> Operation:
        """Build from contract, function and arguments of each call."""
        return cls(
            [contract.address for contract, _, _ in calls],
            [0] * len(calls),
            [contract.calldata(name, *arguments) for contract, name, arguments in calls],
            NO_PREDECESSOR,
            salt.to_bytes(32, "big"),
        )

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Arguments of the timelock's functions."""
        return self.targets, self.values_wei, self.payloads, self.predecessor, self.salt


class Timelock:
    """A TimelockController: the Safe proposes, anyone executes, nobody administers it."""

    def __init__(self, artifacts: Artifacts, evm: Evm, multisig: Multisig) -> None:
        self._multisig = multisig
        path = "build/contracts/TimelockController.json"
        roles = ([multisig.address], [ZERO_ADDRESS], ZERO_ADDRESS)
        self.contract = artifacts.deploy(evm, OPENZEPPELIN, path, DELAY_S, *roles)
        self.address = self.contract.address

    def schedule(self, operation: Operation, delay_s: int = DELAY_S) -> None:
        """Announce an operation, by the Safe."""
        arguments = (*operation.arguments, delay_s)
        self._multisig.send(self.contract, "scheduleBatch", *arguments)

    def execute(self, operation: Operation) -> Outcome:
        """Execute an operation, as anyone."""
        return self.contract.call("executeBatch", *operation.arguments, sender=STRANGER)

    def operation_id(self, operation: Operation) -> bytes:
        """Return the name of an operation."""
        return bytes(self.contract.call("hashOperationBatch", *operation.arguments).values[0])
