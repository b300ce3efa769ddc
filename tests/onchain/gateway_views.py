"""All that can be read of gateway, registry and queue, and what the model says it is."""

from collections.abc import Iterator, Sequence
from typing import Any

from offchain.settlement.model.state import State
from tests.onchain.evm import Contract
from tests.settlement.epochs import ASSETS

ADDRESS_BYTES = 20


def views(
    state: State, gateway: Contract, registry: Contract, queue: Contract
) -> Iterator[tuple[Contract, str, Sequence[Any], tuple[Any, ...]]]:
    """Yield contract, view, its arguments, and what it must return."""
    ledger, chains = state.ledger, state.registry.ids()
    for asset in ASSETS:
        yield gateway, "in_flight_units", (asset,), (ledger.in_flight[asset],)
    for chain_id in chains:
        chain = state.registry[chain_id]
        yield registry, "terms", (chain_id,), (_with_hex(chain.terms.to_tuple()),)
        yield gateway, "position", (chain_id,), (chain.position.to_tuple(),)
        yield gateway, "is_frozen", (chain_id,), (chain.is_frozen,)
        length = state.queue.length(chain_id)
        accumulator = state.queue.accumulator_after(chain_id, length)
        yield queue, "queue_length", (chain_id,), (length,)
        yield queue, "accumulator_after", (chain_id, length), (accumulator,)
        for asset in ASSETS:
            yield from (
                (gateway, name, (chain_id, asset), (table[chain_id, asset],))
                for name, table in (
                    ("balance_units", ledger.balance),
                    ("unassigned_units", ledger.unassigned),
                    ("claimable_units", ledger.claimable),
                    ("pledged_total_units", ledger.pledged_total),
                )
            )
        for peer in chains:
            yield gateway, "channel", (chain_id, peer), _channel(state, chain_id, peer)
            for asset in ASSETS:
                key = chain_id, peer, asset
                yield gateway, "pledged_units", key, (ledger.pledged[key],)
    for (chain_id, owner, asset), units in ledger.credits.items():
        yield gateway, "credit_units", (chain_id, owner, asset), (units,)


def _channel(state: State, from_chain: int, to_chain: int) -> tuple[Any, ...]:
    channel = state.channels[from_chain, to_chain]
    return (
        channel.sent_count,
        channel.sent_accumulator,
        channel.received_count,
        channel.received_accumulator,
    )


def _with_hex(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_with_hex(item) for item in value)
    is_address = isinstance(value, bytes) and len(value) == ADDRESS_BYTES
    return "0x" + value.hex() if is_address else value
