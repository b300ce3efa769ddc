"""One message from chain to chain, from the op that causes it to its settlement on L1."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

from offchain.demo.clock import TimedL1
from offchain.scenario.linked_chains import (
    ALICE,
    CHANNEL,
    PLEDGED,
    UNITS,
    WSTETH,
    LinkedChain,
    LinkedChains,
)
from offchain.settlement.chain_lists import gateway_envelope
from offchain.settlement.devnet import QUOTE_ASSET
from offchain.settlement.withheld import take_without_body
from offchain.spec.constants import DAY_S
from offchain.spec.kinds import EventKind
from offchain.spec.link_op import AdminVoid, Pledge, Release
from offchain.spec.message import Message

_KIND = slice(8, 10)  # of an event


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that both chains and L1 have seen.

    Attributes
    ----------
    told : str
        The event that it tells.
    from_chain, to_chain, index, slot, expires_at_s, flags : int
        Of its envelope.
    envelope_hash : str
        As L1 hashes it, in hex.
    settlement_gas : int
        Of the transactions in which both chains settled.
    pledged_units : int
        What L1 has booked as pledged afterwards, in engine units.
    is_void : bool
        It was taken without its body, and what it tells was not done.
    ok : bool
        L1 counts it as sent and as received, and both roots are those of the sequencers.
    """

    told: str
    from_chain: int
    to_chain: int
    index: int
    slot: int
    expires_at_s: int
    flags: int
    envelope_hash: str
    settlement_gas: int
    pledged_units: int
    is_void: bool
    ok: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, for JSON."""
        return asdict(self)


def pledge(chains: LinkedChains, tokens: int) -> Delivery:
    """Deposit staked ether on the keeper and pledge it to the holder.

    Parameters
    ----------
    chains : LinkedChains
        As `open_linked_chains` returns them.
    tokens : int
        Whole tokens.
    """
    _submit_pledge(chains, tokens)
    return _deliver(chains, chains.keeper)


def pledge_withheld(chains: LinkedChains, tokens: int, l1: TimedL1) -> Delivery:
    """As `pledge`, but the keeper tells nobody what its message says.

    L1 has the message in flight. It expires, the holder's governance voids it, and the holder
    takes it without its body.

    Parameters
    ----------
    chains, tokens
        As above.
    l1 : TimedL1
        Of these chains.
    """
    _submit_pledge(chains, tokens)
    keeper, holder = chains.chains
    (message,) = keeper.sequencer.unsealed_messages
    gas_before = sum(l1.gas_used["settle"])
    keeper.sequencer.seal()
    chains.bundler.settle_all()
    l1.advance_time(message.expires_at_s - l1.now_s)
    void_messages(chains, message.index)
    holder.sequencer.seal()
    chains.bundler.settle_all()
    return _delivery(chains, message, gas_before, is_void=True)


def void_messages(chains: LinkedChains, index: int) -> int:
    """Void the keeper's messages up to an index and have the holder take them; return how many."""
    holder = chains.holder
    holder.administer([AdminVoid(channel=CHANNEL, index=index)])
    holder.feed()
    gateway = holder.deployment.gateway
    return take_without_body(chains.l1, gateway, holder.sequencer, chains.keeper.chain_id)


def _submit_pledge(chains: LinkedChains, tokens: int) -> None:
    keeper, holder = chains.chains
    keeper.deposit(ALICE, WSTETH, tokens)
    holder.deposit(ALICE, QUOTE_ASSET, 1)  # so that she has an account there
    for chain in chains.chains:
        chain.feed()
    pledge_op = Pledge(
        account=keeper.account_of(ALICE),
        asset=WSTETH,
        channel=CHANNEL,
        peer_account=holder.account_of(ALICE),
        amount=tokens * UNITS,
        expires_at_s=chains.l1.now_s + DAY_S,
    )
    keeper.submit(ALICE, pledge_op)


def release(chains: LinkedChains, tokens: int) -> Delivery:
    """Let pledged tokens go on the holder; the keeper gives them back to their owner."""
    account = chains.holder.account_of(ALICE)
    chains.holder.submit(ALICE, Release(account=account, asset=PLEDGED, amount=tokens * UNITS))
    return _deliver(chains, chains.holder)


def _deliver(chains: LinkedChains, sender: LinkedChain) -> Delivery:
    (message,) = sender.sequencer.unsealed_messages
    gas_before = sum(chains.l1.gas_used["settle"])
    chains.seal()
    chains.bundler.settle_all()
    return _delivery(chains, message, gas_before, is_void=False)


def _delivery(
    chains: LinkedChains, message: Message, gas_before: int, *, is_void: bool
) -> Delivery:
    envelope = gateway_envelope(message)
    ends = envelope.from_chain, envelope.to_chain
    gateway = chains.keeper.deployment.gateway
    channel = cast("Any", chains.l1.call("Gateway", gateway, "channel", *ends))
    sent, _, received, _ = channel
    roots_equal = all(
        chain.service.settled_root() == chain.sequencer.open_batch_root for chain in chains.chains
    )
    return Delivery(
        told=EventKind(int.from_bytes(message.body[_KIND], "little")).name,
        from_chain=envelope.from_chain,
        to_chain=envelope.to_chain,
        index=envelope.index,
        slot=envelope.slot,
        expires_at_s=envelope.expires_at_s,
        flags=envelope.flags,
        envelope_hash=envelope.digest().hex(),
        settlement_gas=sum(chains.l1.gas_used["settle"]) - gas_before,
        pledged_units=chains.pledged(WSTETH),
        is_void=is_void,
        ok=roots_equal and sent == received == envelope.index,
    )
