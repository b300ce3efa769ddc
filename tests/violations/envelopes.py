"""Envelopes that no client may send, and receipts that do not say what happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offchain.spec import envelope, receipts
from offchain.spec import op as ops
from offchain.spec.constants import NONCE_SETS, NONCES_PER_SET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.spec.ops import signers
from offchain.spec.state import State, nonce_set_index
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import ANOTHER, Chain, Run
from tests.violations.world import (
    AGENT,
    AGENT_EXPIRY_S,
    AGENT_SLOT,
    ATTACKER,
    BEST_ASK,
    CHEAP,
    NEXT_ASK,
    QUOTE,
    RICH,
    TAKER,
    buy,
)

UNITS = 1_000_000
BY_AGENT = {"signer": AGENT, "signer_slot": AGENT_SLOT}


def is_noted(run: Run, nonce: int) -> bool:
    """Whether the set of a nonce of the taker's own key has it."""
    return nonce in run.state.nonce_sets.read(nonce_set_index(TAKER, 0, nonce)).nonces


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: NONCE_USED",
    why="The highest nonces that a key used are in its sets, and the program adds each one.",
)
def nonce_replayed(chain: Chain) -> str:
    """Apply a client's signed order a second time."""
    batch = chain.batch()
    batch.envelopes += 2 * [batch.user(TAKER, buy(TAKER, BEST_ASK, 2))]
    batch.envelopes.pop()
    batch.seal()
    return batch.attempt(without(ErrorCode.NONCE_USED), harm=lambda run: len(run.fills) == 2)


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: NONCE_TOO_LOW",
    why="A nonce that eight higher ones of its set pushed out stays below all of them.",
)
def nonce_pushed_out_and_replayed(chain: Chain) -> str:
    """Apply a client's order again after eight more of its envelopes of the same set."""
    batch = chain.batch()
    nonce = batch.now_ms + 1
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2), nonce=nonce)
    for step in range(1, NONCES_PER_SET + 1):
        batch.user(TAKER, ops.CancelAll(account=TAKER), nonce=nonce + NONCE_SETS * step)
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2), nonce=nonce)
    batch.seal()
    return batch.attempt(without(ErrorCode.NONCE_TOO_LOW), harm=lambda run: len(run.fills) == 2)


@violation(
    rule="transition.md#4-money",
    result="no proof: NONCE_USED",
    why="An agent's nonce sets stay when its key is revoked: it finds them when it comes back.",
)
def revoked_agents_order_replayed(chain: Chain) -> str:
    """Empty an agent's nonce sets when it is revoked; replay its order once it is back."""
    batch = chain.batch()
    order, nonce = buy(TAKER, BEST_ASK, 2), batch.now_ms + 1
    batch.user(TAKER, order, **BY_AGENT)
    for key in ({}, {"address": AGENT, "expiry_s": AGENT_EXPIRY_S}):
        batch.user(TAKER, ops.SetAgent(account=TAKER, slot=AGENT_SLOT, **key))
    batch.user(TAKER, order, **BY_AGENT, nonce=nonce)
    batch.seal()

    def empty(set_agent: Callable[..., None], state: State, agent: ops.SetAgent, *log: Any) -> None:
        set_agent(state, agent, *log)
        for residue in range(NONCE_SETS):
            state.nonce_sets.clear(nonce_set_index(agent.account, agent.slot, residue))

    lie = wrapped(signers, "set_agent", empty)
    return batch.attempt(lie, harm=lambda run: len(run.fills) == 2)


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: NONCE_OUT_OF_WINDOW",
    why="The program compares the nonce with the arrival, which no later envelope may precede.",
)
def old_order_kept_back(chain: Chain) -> str:
    """Keep a signed order for three days and apply it when it suits."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2), nonce=batch.now_ms - 3 * 86_400_000)
    batch.seal()
    return batch.attempt(without(ErrorCode.NONCE_OUT_OF_WINDOW), harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: SIGNER_EXPIRED",
    why="The expiry is in the key's leaf, the time in the header's.",
)
def expired_key_trades(chain: Chain) -> str:
    """Trade with an agent's key whose time is over."""
    batch = chain.batch()
    batch.system(ops.AdvanceTime(now_s=AGENT_EXPIRY_S))
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2), **BY_AGENT)
    batch.seal()
    return batch.attempt(without(ErrorCode.SIGNER_EXPIRED), harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: AGENT_NOT_ALLOWED",
    why="Agents trade and transfer within an owner's accounts; the slot of the key says who signs.",
)
def agent_withdraws(chain: Chain) -> str:
    """Withdraw with the key of an agent, whose owner never signed."""
    batch = chain.batch()
    batch.user(TAKER, ops.Withdraw(account=TAKER, asset=QUOTE, amount=UNITS), **BY_AGENT)
    batch.seal()
    return batch.attempt(
        without(ErrorCode.AGENT_NOT_ALLOWED), harm=lambda run: bool(run.sealed.withdrawals)
    )


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: UNKNOWN_SIGNER",
    why="The address that signs must be one of the four in the master's leaves.",
)
def unknown_key_trades(chain: Chain) -> str:
    """Trade for a client with a key that the client never registered."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2), signer=ATTACKER)
    batch.seal()
    return batch.attempt(without(ErrorCode.UNKNOWN_SIGNER), harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: WRONG_ACCOUNT",
    why="Every op of an envelope names an account of the master whose key is checked.",
)
def order_for_another_master(chain: Chain) -> str:
    """Put an order for somebody else's account into a client's envelope."""
    batch = chain.batch()
    batch.user(TAKER, buy(RICH, BEST_ASK, 2))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.WRONG_ACCOUNT),
        harm=lambda run: [fill.taker for fill in run.fills] == [RICH],
    )


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: OWNER_KEY_NOT_ENABLED",
    why="Whether the owner's key may trade is a flag of the account, which its owner sets.",
)
def owner_key_trades_uninvited(chain: Chain) -> str:
    """Trade with an owner's key whose owner has switched that off."""
    batch = chain.batch()
    batch.user(TAKER, ops.SetOwnerKey(account=TAKER, is_on=0))
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.seal()
    return batch.attempt(without(ErrorCode.OWNER_KEY_NOT_ENABLED), harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: ENVELOPE_OP_NOT_ALLOWED",
    why="Ops of users come in envelopes of users alone, which name a key.",
)
def sequencer_orders_for_a_client(chain: Chain) -> str:
    """Place a client's order in an envelope of the sequencer, which nobody signs."""
    batch = chain.batch()
    batch.system(buy(TAKER, BEST_ASK, 2))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.ENVELOPE_OP_NOT_ALLOWED), harm=lambda run: bool(run.fills)
    )


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: ENVELOPE_OP_NOT_ALLOWED",
    why="Ops of governance come in records of L1's queue alone.",
)
def sequencer_governs(chain: Chain) -> str:
    """Set a fee tier in an envelope of the sequencer, past governance."""
    batch = chain.batch()
    batch.system(ops.AdminFeeTier(table=0, tier=CHEAP, maker_ppm=0, taker_ppm=999))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.ENVELOPE_OP_NOT_ALLOWED),
        harm=lambda run: bool(run.of(EventKind.FEE_TIER_SET)),
    )


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: ARRIVAL_BACKWARDS",
    why="Arrivals never fall along the receipts; the last one is in the header.",
)
def arrival_backdated(chain: Chain) -> str:
    """Give a friend's order an arrival before one that was applied already."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.user(RICH, buy(RICH, BEST_ASK, 2), arrival_ms=batch.now_ms - 1)
    batch.seal()
    return batch.attempt(without(ErrorCode.ARRIVAL_BACKWARDS), harm=lambda run: len(run.fills) == 2)


@violation(
    rule="transition.md#6-envelopes",
    result="another statement",
    why="The program extends the head of the receipts by every envelope that it applies.",
)
def receipt_dropped(chain: Chain) -> str:
    """Apply an order and leave it out of the chain of receipts."""
    batch = chain.batch()
    dropped = batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.seal()

    def but_taker(extend, state, arrival_ms, data, events):
        if data != dropped:
            extend(state, arrival_ms, data, events)

    before = chain.state.header.receipt_seq
    return batch.attempt(
        wrapped(receipts, "extend", but_taker),
        harm=lambda run: run.state.header.receipt_seq == before + 1,
    )


@violation(
    rule="transition.md#6-envelopes",
    result="another statement",
    why="Receipts are numbered and hashed in the order of application.",
)
def receipts_reordered(chain: Chain) -> str:
    """Write the receipts of two orders in another order than they were applied in."""
    batch = chain.batch()
    first, second = (batch.user(who, buy(who, NEXT_ASK, 2)) for who in (TAKER, RICH))
    batch.seal()
    order: list[bytes] = []
    held: list[tuple] = []

    def swap(extend, state, arrival_ms, data, events):
        if data == first and not held:
            held.append((arrival_ms, data, events))
            return
        extend(state, arrival_ms, data, events)
        order.append(data)
        if data == second:
            extend(state, *held[0])
            order.append(first)

    def is_swapped(run) -> bool:
        return order[:2] == [second, first] and run.claim.receipts_head != chain_head

    chain_head = batch.replay().claim.receipts_head
    return batch.attempt(wrapped(receipts, "extend", swap), harm=is_swapped)


@violation(
    rule="transition.md#6-envelopes",
    result="another statement",
    why="A receipt hashes all events of its envelope.",
)
def events_hidden(chain: Chain) -> str:
    """Leave a fill out of what the receipt says."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.seal()
    honest_head = batch.replay().claim.receipts_head

    def hide(extend, state, arrival_ms, data, events):
        shown = [event for event in events if event.kind != EventKind.FILL]
        extend(state, arrival_ms, data, shown)

    return batch.attempt(
        wrapped(receipts, "extend", hide),
        harm=lambda run: run.claim.receipts_head != honest_head,
    )


@violation(
    rule="transition.md#6-envelopes",
    result="another statement",
    why="The receipt hashes the envelope as received: a client's copy shows the difference.",
)
def receipt_for_another_envelope(chain: Chain) -> str:
    """Give a receipt for what the client sent and apply another price."""
    batch = chain.batch()
    sent = batch.user(TAKER, buy(TAKER, BEST_ASK - 1, 2))
    batch.seal()
    applied = buy(TAKER, BEST_ASK, 2).to_bytes()

    def other_price(decode, data):
        decoded = decode(data)
        return (
            envelope.DecodedEnvelope(decoded.envelope, (applied,), None)
            if data == sent
            else decoded
        )

    return batch.attempt(wrapped(envelope, "decode", other_price), harm=lambda run: bool(run.fills))


@violation(
    rule="witness.md#5-public-output",
    result="another statement",
    why="The inputs commitment hashes every byte of every envelope.",
)
def envelope_altered_under_its_commitment(chain: Chain) -> str:
    """Prove other bytes than the ones that were committed to."""
    committed, proven = chain.batch(), chain.batch()
    for batch, price in ((committed, BEST_ASK), (proven, NEXT_ASK)):
        batch.user(TAKER, buy(TAKER, price, 2))
        batch.seal()
    claim, output = committed.replay().claim, proven.prove().output
    assert output is not None
    assert output.inputs_commitment != claim.inputs_commitment
    assert output.receipts_head != claim.receipts_head
    return ANOTHER


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: ENVELOPE_MALFORMED",
    why="Reserved bytes are zero, so an envelope has one encoding.",
)
def bytes_hidden_in_an_envelope(chain: Chain) -> str:
    """Change a reserved byte, so that one order has two receipts."""
    batch = chain.batch()
    data = bytearray(batch.user(TAKER, buy(TAKER, BEST_ASK, 2)))
    data[127] = 1
    batch.envelopes[-1] = bytes(data)
    batch.seal()
    lie = without(ErrorCode.ENVELOPE_MALFORMED)
    return batch.attempt(lie, harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#6-envelopes",
    result="another statement",
    why="Used nonces are in the key's sets, so forgetting one is another state.",
)
def nonce_forgotten(chain: Chain) -> str:
    """Apply an order without noting its nonce, to apply it again later."""
    batch = chain.batch()
    nonce = batch.now_ms + 1
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.seal()
    return batch.attempt(
        replaced(envelope, "_use_nonce", lambda state, received: None),
        harm=lambda run: not is_noted(run, nonce),
    )


@violation(
    rule="transition.md#6-envelopes",
    result="another statement",
    why="The set follows from the nonce, so a nonce in another set is another state.",
)
def nonce_noted_in_another_set(chain: Chain) -> str:
    """Note an order's nonce where nobody looks for it, to apply it again later."""
    batch = chain.batch()
    nonce = batch.now_ms + 1
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.seal()

    def use(state: State, received: envelope.Envelope) -> None:
        state.nonce_sets.edit(nonce_set_index(TAKER, 0, nonce + 1)).use(received.nonce)

    return batch.attempt(
        replaced(envelope, "_use_nonce", use), harm=lambda run: not is_noted(run, nonce)
    )
