"""What is taken away together when a bus interaction is taken away, and the forgery that passes.

A range check or a lookup is taken away alone. The two sides of a flow only make sense together:
without one of them no trace has a way to balance, so both go, with all that the flow feeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offchain.air.machine import TABLES
from tests.air.necessity.draft import Story

Name = tuple[str, str]
"""Table, interaction."""
NAMES = [(table.name, item.name) for table in TABLES for item in table.interactions]


@dataclass(frozen=True)
class Flow:
    """Interactions that are taken away together, and a forgery that passes without them."""

    names: frozenset[Name]
    story: Story


class Flows(dict[Name, Flow]):
    """Flows by each of the interactions that they are about."""

    def add(self, *about: Name, beside: Sequence[Name] = ()) -> Callable[[Story], Story]:
        """Decorate a story; `beside` names what must go with the interactions it is about."""

        def enter(story: Story) -> Story:
            names = frozenset([*about, *beside])
            self.update({name: Flow(names, story) for name in about})
            return story

        return enter

    def limb(self, table: str, name: str) -> Callable[[Story], Story]:
        """Decorate a story about one range check."""
        return self.add((table, f"{name} below 2^16"))


def on_bus(bus: str) -> list[Name]:
    """All interactions of a bus."""
    return [
        (table.name, item.name)
        for table in TABLES
        for item in table.interactions
        if item.bus.name == bus
    ]
