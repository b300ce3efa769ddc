"""Events of the contracts, decoded by their ABI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode

from offchain.settlement.abi import keccak256
from offchain.settlement.contracts import AbiEntry

_HASHED_TYPES = ("string", "bytes")  # indexed arguments of these types are logged as a hash


class UnknownEventError(Exception):
    """A log is of no event of the ABI; the message names its topic."""


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log.

    Attributes
    ----------
    name : str
        Name of the event.
    arguments : dict
        Values by name: addresses as lower-case hex, structs as tuples in the order of their
        members, indexed arguments of dynamic or composite type as their 32-byte hash.
    """

    name: str
    arguments: dict[str, Any]


class EventDecoder:
    """Decodes the logs of one contract.

    Parameters
    ----------
    abi : iterable of dict
        JSON ABI of the contract or interface; other entries than events are skipped.
    """

    def __init__(self, abi: Iterable[AbiEntry]) -> None:
        self._events: dict[bytes, Any] = {}
        for entry in abi:
            if entry["type"] == "event":
                signature = f"{entry['name']}({','.join(_types(entry['inputs']))})"
                self._events[keccak256(signature.encode())] = entry

    def decode(self, topics: Sequence[bytes], data: bytes) -> Event:
        """Decode one log.

        Parameters
        ----------
        topics : sequence of bytes
            32 bytes each; the first one tells the event.
        data : bytes
            The arguments that are not indexed.

        Raises
        ------
        UnknownEventError
            If the ABI has no such event.
        eth_abi.exceptions.DecodingError
            If the data do not fit it.
        """
        entry = self._events.get(bytes(topics[0])) if topics else None
        if entry is None:
            raise UnknownEventError(f"no event has the topics {[t.hex() for t in topics]}")
        plain = [argument for argument in entry["inputs"] if not argument["indexed"]]
        values = iter(decode(_types(plain), data))
        words = iter(topics[1:])
        return Event(
            entry["name"],
            {
                argument["name"]: _topic(argument, next(words))
                if argument["indexed"]
                else next(values)
                for argument in entry["inputs"]
            },
        )


def _topic(argument: Any, word: bytes) -> Any:
    (kind,) = _types([argument])
    if kind in _HASHED_TYPES or kind.startswith("(") or kind.endswith("]"):
        return bytes(word)
    return decode([kind], bytes(word))[0]


def _types(arguments: Any) -> list[str]:
    return [
        f"({','.join(_types(argument['components']))}){argument['type'].removeprefix('tuple')}"
        if argument["type"].startswith("tuple")
        else argument["type"]
        for argument in arguments
    ]
