"""Relay: carries messages between chains whose sequencers run in one process.

A proof is of one batch, so a settlement of several chains should need one batch of each. What a
chain takes was therefore sent by a batch that is sealed already: batches then settle one by one, in
the order in which they were sealed. Only a request for pledged collateral, its answer and the
reading of the answer have to settle together; for these all chains begin a batch, exchange messages
with the clock held still, and seal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from offchain.engine.sequencer import Sequencer, wall_clock_ms
from offchain.spec.checks import OpError
from offchain.spec.errors import ErrorCode
from offchain.spec.message import Message

# Requests that are answered in one batch; each takes 25 calls of keccak-f in the holder's proof.
SEIZES_MAX: Final = 8


class HeldClock:
    """A clock for several sequencers that can be held still.

    Parameters
    ----------
    source_ms : callable
        Present time, milliseconds since the epoch.
    """

    def __init__(self, source_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._source_ms = source_ms
        self._held_ms: int | None = None

    def __call__(self) -> int:
        """Return the time, milliseconds since the epoch."""
        return self._source_ms() if self._held_ms is None else self._held_ms

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stand still as long as the context lasts."""
        self._held_ms = self()
        try:
            yield
        finally:
            self._held_ms = None


class Relay:
    """Carries messages between the chains that it is given, in the order of each channel.

    Parameters
    ----------
    sequencers : mapping of int to Sequencer
        By chain id; messages to other chains are left alone.
    clock : HeldClock
        Of all these sequencers.
    """

    def __init__(self, sequencers: Mapping[int, Sequencer], clock: HeldClock) -> None:
        self._sequencers = sequencers
        self._clock = clock
        self._sealed: dict[tuple[int, int], list[Message]] = {}
        self._batches_read = dict.fromkeys(sequencers, 0)

    def carry(self) -> int:
        """Deliver what sealed batches sent, until nothing is left; return how many were taken.

        A message that lies ahead of its receiver's time waits for the next call.

        Raises
        ------
        OpError
            If a chain has no channel to the sender.
        """
        return self._deliver(with_open=False)

    def seize(self, limit: int = SEIZES_MAX) -> int:
        """Have pledged collateral that liquidations took handed over; return how many requests.

        All chains seal before, if anything was applied, and after; both only if there is a request.

        Parameters
        ----------
        limit : int
            Most requests; call again for the rest.
        """
        asked = 0
        with self._clock.held():
            if any(each.claims(self._sequencers) for each in self._sequencers.values()):
                self._clear()
                for sequencer in self._sequencers.values():
                    asked += sequencer.seize(self._sequencers, limit - asked)
            if any(sequencer.waits_for_answer for sequencer in self._sequencers.values()):
                self._deliver(with_open=True)
                self._seal()
        return asked

    def _clear(self) -> None:
        """Seal and deliver until every message was taken and every open batch is empty."""
        while True:
            self._seal()
            if not self.carry():
                return

    def _seal(self) -> None:
        for sequencer in self._sequencers.values():
            if not sequencer.is_batch_empty:
                sequencer.seal()

    def _deliver(self, *, with_open: bool) -> int:
        total = 0
        while True:
            taken = sum(
                self._deliver_channel(sender, receiver, with_open=with_open)
                for sender in self._sequencers
                for receiver in self._sequencers
                if sender != receiver
            )
            if not taken:
                return total
            total += taken

    def _deliver_channel(self, sender: int, receiver: int, *, with_open: bool) -> int:
        self._read_sealed(sender)
        messages = list(self._sealed.get((sender, receiver), []))
        if with_open:
            unsealed = self._sequencers[sender].unsealed_messages
            messages += [message for message in unsealed if message.to_chain == receiver]
        taken = 0
        for message in messages[self._taken_count(sender, receiver) :]:
            try:
                self._sequencers[receiver].submit_message(message)
            except OpError as error:
                if error.code == ErrorCode.MESSAGE_AHEAD:
                    break
                raise
            taken += 1
        return taken

    def _read_sealed(self, sender: int) -> None:
        sealed = self._sequencers[sender].sealed
        for batch in sealed[self._batches_read[sender] :]:
            for message in batch.mail.sent:
                ends = sender, message.to_chain
                self._sealed.setdefault(ends, []).append(message)
        self._batches_read[sender] = len(sealed)

    def _taken_count(self, sender: int, receiver: int) -> int:
        channels = self._sequencers[receiver].state.channels()
        counts = [each.received_count for each in channels if each.peer_chain_id == sender]
        return counts[0] if counts else 0
