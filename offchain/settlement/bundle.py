"""Settlement of several chains at once: the smallest sets of batches that L1 accepts.

A batch that took a message settles after the batch that sent it or with it; a batch that sent an
ATOMIC message settles with the batch that took it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from offchain.engine.batch import SealedBatch
from offchain.settlement.chain_lists import arguments_of
from offchain.settlement.l1 import L1Client
from offchain.settlement.service import Settlement, SettlementService
from offchain.spec.kinds import MessageFlag
from offchain.spec.message import Message

_SENT_COUNT_FIELD: Final = 0  # of what the gateway's `channel` returns
_NEVER: Final = 1 << 64  # more batches than there are

Batches = Mapping[int, Sequence[SealedBatch]]


class Bundler:
    """Settles the batches of several chains of one gateway.

    Parameters
    ----------
    l1 : L1Client
        Its first account pays.
    gateway : str
        Address.
    services : mapping of int to SettlementService
        By chain id. A message of any other chain can be settled once that chain has settled.
    """

    def __init__(
        self, l1: L1Client, gateway: str, services: Mapping[int, SettlementService]
    ) -> None:
        self._l1 = l1
        self._gateway = gateway
        self._services = services

    def next_batches(self) -> Batches:
        """Return the smallest set of unsettled batches that can settle now; empty if none can."""
        unsettled = {chain_id: each.unsettled() for chain_id, each in self._services.items()}
        sets = [_closure(start, unsettled, self._is_settled) for start in unsettled]
        return min((found for found in sets if found), key=_size, default={})

    def settle(self, batches: Batches) -> list[Settlement]:
        """Settle batches of several chains in one transaction, by chain id.

        Parameters
        ----------
        batches : mapping of int to sequence of SealedBatch
            By chain id, of each the next ones without a gap.

        Raises
        ------
        ValueError
            If a list is longer than L1 takes.
        FactSourceError
            If there is no fact to be had for a chain; a proof is of one batch.
        ContractRevertedError
            With the gateway's reason; nothing is settled then.
        """
        settlements = [
            self._services[chain_id].prepare(own) for chain_id, own in sorted(batches.items())
        ]
        arguments = arguments_of(each.part for each in settlements)
        for settlement in settlements:
            self._services[settlement.output.chain_id].establish(settlement)
        self._l1.transact("Gateway", self._gateway, "settle", *arguments.to_arguments())
        return settlements

    def settle_all(self) -> list[list[Settlement]]:
        """Settle what can settle, one smallest set after the other."""
        settled = []
        while batches := self.next_batches():
            settled.append(self.settle(batches))
        return settled

    def _is_settled(self, message: Message) -> bool:
        ends = message.from_chain, message.to_chain
        channel = cast("Any", self._l1.call("Gateway", self._gateway, "channel", *ends))
        return bool(message.index <= channel[_SENT_COUNT_FIELD])


def _closure(
    start: int, unsettled: Batches, is_settled: Callable[[Message], bool]
) -> dict[int, Sequence[SealedBatch]]:
    """Return the next batch of a chain with all that must settle with it; empty if some is not."""
    sent_by = _counts_by_message(unsettled, lambda batch: batch.mail.sent)
    taken_by = _counts_by_message(unsettled, lambda batch: batch.mail.taken)
    counts: dict[int, int] = {}
    wanted = [(start, 1)]
    while wanted:
        chain_id, count = wanted.pop()
        if count > len(unsettled.get(chain_id, ())):
            return {}
        for batch in unsettled[chain_id][counts.get(chain_id, 0) : count]:
            taken = [m for m in batch.mail.taken if not is_settled(m)]
            sent = [m for m in batch.mail.sent if m.flags & MessageFlag.ATOMIC]
            wanted += [(m.from_chain, sent_by.get(_key(m), _NEVER)) for m in taken]
            wanted += [(m.to_chain, taken_by.get(_key(m), _NEVER)) for m in sent]
        counts[chain_id] = max(count, counts.get(chain_id, 0))
    return {chain_id: unsettled[chain_id][:count] for chain_id, count in counts.items()}


def _counts_by_message(
    unsettled: Batches, messages_of: Callable[[SealedBatch], Sequence[Message]]
) -> dict[tuple[int, int, int], int]:
    """Return by message how many of its chain's unsettled batches reach up to it."""
    return {
        _key(message): count
        for batches in unsettled.values()
        for count, batch in enumerate(batches, start=1)
        for message in messages_of(batch)
    }


def _key(message: Message) -> tuple[int, int, int]:
    return message.from_chain, message.to_chain, message.index


def _size(batches: Batches) -> int:
    return sum(map(len, batches.values()))
