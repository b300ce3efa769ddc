"""Proofs and claims that L1 refuses: of other records, another order, another chain."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from offchain.settlement.messages import fact_of
from offchain.settlement.model.refusals import Refused
from offchain.settlement.model.registry import ROLLUP
from offchain.settlement.priority import FORCE_EXPIRY_S
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from offchain.spec import op as ops
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import EventKind, Subtree
from offchain.spec.priority import PriorityRecord
from offchain.witness.format import DaMode
from tests.strategies import owner_of
from tests.violations.lies import without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import ACCEPTED, CHAIN_ID, L1, PLACES, STATEMENT, Batch, Chain, Run
from tests.violations.world import (
    BEST_ASK,
    GOVERNOR_UNITS,
    OTHER,
    QUOTE,
    QUOTE_UNITS,
    RICH,
    TAKER,
    buy,
)
from tests.witness.batches import with_opening

UNITS = 1_000_000


def trading(chain: Chain) -> Batch:
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    return batch.seal()


def settled(batch: Batch, output=None) -> str:
    """Hand in what the batch states, or another output, with the honest flows."""
    return batch.l1.settle(output or batch.proven(), batch.replay().flows)


def record_of(batch: Batch, **fields: int) -> bytes:
    """Return the next record of the queue as a sequencer would like to have it."""
    queued = PriorityRecord.from_bytes(batch.l1.deposit(owner_of(TAKER), QUOTE, UNITS))
    return replace(queued, **fields).to_bytes()


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: PRIORITY_OUT_OF_ORDER",
    why="The index of the next record is in the header; L1 compares the accumulator besides (E13).",
)
def priority_record_skipped(chain: Chain) -> str:
    """Leave a record of L1 out and consume the one behind it."""
    batch = chain.batch()
    batch.l1.deposit(owner_of(TAKER), QUOTE, UNITS)
    batch.deposit(owner_of(RICH), QUOTE, UNITS)
    batch.seal()

    def rich_first(run: Run) -> bool:
        return run.quote_of(RICH) > chain.state.account(RICH).free[0]

    lie = without(ErrorCode.PRIORITY_OUT_OF_ORDER)
    return batch.attempt(lie, harm=rich_first, l1_code="E13")


@violation(
    rule="transition.md#6-envelopes",
    result="no proof: PRIORITY_OUT_OF_ORDER",
    why="Records are consumed once: the index rises with each.",
)
def priority_record_consumed_twice(chain: Chain) -> str:
    """Credit one deposit twice."""
    batch = chain.batch()
    batch.envelopes += 2 * [batch.deposit(owner_of(TAKER), QUOTE, UNITS)]
    batch.envelopes.pop()
    batch.seal()

    def twice(run: Run) -> bool:
        return len(run.of(EventKind.DEPOSITED)) == 2

    lie = without(ErrorCode.PRIORITY_OUT_OF_ORDER)
    return batch.attempt(lie, harm=twice, l1_code="E29")


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E13",
    why="The batch has a proof, but of records with another accumulator than L1's queue.",
)
def priority_record_altered(chain: Chain) -> str:
    """Consume a deposit as if it were of one unit more."""
    batch = chain.batch()
    batch.priority(record_of(batch, amount=UNITS + 1))
    return f"L1 refuses: {settled(batch.seal())}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E13",
    why="Kind, account and data are words of the record as well.",
)
def forced_operation_made_void(chain: Chain) -> str:
    """Consume a record as one of a kind that does nothing."""
    batch = chain.batch()
    batch.priority(record_of(batch, kind=99))
    return f"L1 refuses: {settled(batch.seal())}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E29",
    why="No more records are consumed than L1 has queued.",
)
def priority_record_invented(chain: Chain) -> str:
    """Consume a deposit that nobody made."""
    batch = chain.batch()
    index = chain.state.header.next_priority_index
    invented = PriorityRecord(
        index=index, kind=1, sender=int.from_bytes(owner_of(RICH), "big"), account=5, amount=UNITS
    )
    batch.priority(invented.to_bytes())
    return f"L1 refuses: {settled(batch.seal())}"


@violation(
    rule="settlement.md#6-freeze-upgrade-exit",
    result="L1 refuses: E14",
    why="No batch settles past a record that has waited three days; anyone may freeze the chain.",
)
def priority_record_withheld(chain: Chain) -> str:
    """Settle batch after batch and never consume a client's record."""
    batch = trading(chain)
    batch.l1.deposit(owner_of(TAKER), QUOTE, UNITS)
    batch.l1.model.state.now_s += FORCE_EXPIRY_S
    code = settled(batch)
    batch.l1.model.freeze_overdue(CHAIN_ID)
    return f"L1 refuses: {code}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E06",
    why="Each batch number settles once.",
)
def settled_batch_replayed(chain: Chain) -> str:
    """Settle a batch, and its withdrawals, a second time."""
    batch = chain.batch()
    batch.user(TAKER, ops.Withdraw(account=TAKER, asset=QUOTE, amount=UNITS))
    batch.seal()
    assert settled(batch) == ACCEPTED
    return f"L1 refuses: {settled(batch)}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E04",
    why="The next batch begins where the settled ones end.",
)
def batch_left_out(chain: Chain) -> str:
    """Settle a batch without the one before it."""
    batch = trading(chain)
    batch.l1 = deepcopy(chain.earlier_l1)
    return f"L1 refuses: {settled(batch)}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E03",
    why="A proof from a forged state has that state's root as its old root.",
)
def old_root_forged(chain: Chain) -> str:
    """Prove a batch from a state in which a friend is richer."""
    batch = chain.batch()
    batch.user(TAKER, ops.Withdraw(account=TAKER, asset=QUOTE, amount=UNITS))
    witness = batch.seal().witness()
    leaves = witness.openings[Subtree.ACCOUNTS].leaves
    (number, data), *rest = leaves
    richer = data[:41] + bytes([data[41] ^ 1]) + data[42:]
    forged = with_opening(witness, Subtree.ACCOUNTS, leaves=((number, richer), *rest))
    return f"L1 refuses: {settled(batch, batch.proven(forged))}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E03",
    why="Only the root that L1 holds has a next batch.",
)
def fork_of_the_past(chain: Chain) -> str:
    """Settle one batch and then another one on the root before it."""
    first, second = trading(chain), chain.batch()
    second.user(OTHER, buy(OTHER, BEST_ASK, 2))
    second.seal()
    assert settled(first) == ACCEPTED
    number = first.proven().last_batch + 1
    output = replace(second.proven(), first_batch=number, last_batch=number)
    first.l1.prove(output)
    return f"L1 refuses: {first.l1.settle(output, [])}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E07",
    why="The hash of the chain's constants is in the CONFIG leaf and in the registry.",
)
def other_constants(chain: Chain) -> str:
    """Run the batch for a chain with other constants."""
    batch = trading(chain)
    witness = batch.witness()
    ((number, data),) = witness.openings[Subtree.CONFIG].leaves
    other = bytes([data[0] ^ 1]) + data[1:]
    forged = with_opening(witness, Subtree.CONFIG, leaves=((number, other),))
    return f"L1 refuses: {settled(batch, batch.proven(forged))}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E32",
    why="The gateway's address is a word of the statement.",
)
def proof_for_another_gateway(chain: Chain) -> str:
    """Hand in a proof that was made for another deployment."""
    batch = trading(chain)
    elsewhere = batch.witness(replace(STATEMENT, gateway=PLACES.vault))
    return f"L1 refuses: {settled(batch, batch.proven(elsewhere))}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E31",
    why="The id of L1 is a word of the statement: a proof for a test network is none here.",
)
def proof_for_another_l1(chain: Chain) -> str:
    """Hand in a proof that was made for a copy of L1."""
    batch = trading(chain)
    elsewhere = batch.witness(replace(STATEMENT, l1_chain_id=31337))
    return f"L1 refuses: {settled(batch, batch.proven(elsewhere))}"


@violation(
    rule="settlement.md#2-public-output",
    result="L1 refuses: E05",
    why="A fact names the program; the chain's version names the only one that L1 asks for.",
)
def proof_of_another_program(chain: Chain) -> str:
    """Prove a program without rules, whose output has the same form."""
    batch = trading(chain)
    output = batch.replay().claim
    version = batch.l1.version
    fact = fact_of(bytes(32), version.parameters_id, output)
    batch.l1.facts.recorded.add(fact)
    return f"L1 refuses: {settled(batch, output)}"


def as_rollup(l1: L1) -> None:
    """Make the chain one that publishes its data."""
    chains = l1.model.state.registry._chains
    terms = replace(chains[CHAIN_ID].terms, da_mode=ROLLUP)
    chains[CHAIN_ID] = replace(chains[CHAIN_ID], terms=terms)


@violation(
    rule="state-diff.md",
    result="L1 refuses: E26",
    why="A rollup's statement commits to its state diff, which L1 must have seen.",
)
def data_not_published(chain: Chain) -> str:
    """Settle a rollup's batch and keep its state diff."""
    batch = trading(chain)
    as_rollup(batch.l1)
    rollup = batch.witness(replace(STATEMENT, da_mode=DaMode.ROLLUP))
    return f"L1 refuses: {settled(batch, batch.proven(rollup))}"


@violation(
    rule="settlement.md#2-public-output",
    result="L1 refuses: E25",
    why="The mode is a word of the statement and fixed at the chain's registration.",
)
def rollup_settled_as_validium(chain: Chain) -> str:
    """Settle a rollup's batch in the mode that publishes nothing."""
    batch = trading(chain)
    as_rollup(batch.l1)
    return f"L1 refuses: {settled(batch)}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E10",
    why="A batch's time is at most a quarter of an hour ahead of L1.",
    status="bounded",
)
def clock_ahead(chain: Chain) -> str:
    """Let the chain's clock run, to collect interest and funding of the future."""
    batch = chain.batch()
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 901), ops.RunDuties())
    return f"L1 refuses: {settled(batch.seal())}"


@violation(
    rule="settlement.md#2-public-output",
    result="L1 refuses: E23",
    why="Flows are a word of the statement: L1 moves what the program counted.",
)
def flows_altered(chain: Chain) -> str:
    """Hand in flows with more withdrawn than the batch pays out."""
    batch = chain.batch()
    batch.user(TAKER, ops.Withdraw(account=TAKER, asset=QUOTE, amount=UNITS))
    output = batch.seal().proven()
    (flow,) = batch.replay().flows
    more = replace(flow, withdrawn_units=flow.withdrawn_units + 1)
    return f"L1 refuses: {batch.l1.settle(output, [more])}"


def claimed(chain: Chain, units: int, times: int = 1) -> str:
    """Settle a withdrawal and claim so many units of it."""
    batch = chain.batch()
    batch.user(TAKER, ops.Withdraw(account=TAKER, asset=QUOTE, amount=UNITS))
    output = batch.seal().proven()
    assert settled(batch, output) == ACCEPTED
    paid = Withdrawal(owner_of(TAKER), QUOTE, UNITS)
    path = WithdrawalTree(CHAIN_ID, output.last_batch, [paid]).path(0)
    leaf = replace(paid, amount_units=units)
    try:
        for _ in range(times):
            batch.l1.model.consume_withdrawal(
                PLACES.vault, CHAIN_ID, output.last_batch, 0, leaf, path
            )
    except Refused as refused:
        return f"L1 refuses: {refused.code.value}"
    return ACCEPTED


@violation(
    rule="settlement.md#7-functions",
    result="L1 refuses: N03",
    why="L1 marks each withdrawal that it has paid.",
)
def withdrawal_claimed_twice(chain: Chain) -> str:
    """Claim one settled withdrawal two times."""
    assert claimed(chain, UNITS) == ACCEPTED
    return claimed(chain, UNITS, times=2)


@violation(
    rule="settlement.md#7-functions",
    result="L1 refuses: N04",
    why="Owner, asset and amount are hashed into the leaf of the withdrawals' tree.",
)
def larger_withdrawal_claimed(chain: Chain) -> str:
    """Claim more than the settled withdrawal is of."""
    return claimed(chain, UNITS + 1)


@violation(
    rule="settlement.md#1-ledgers",
    result="L1 refuses: E21",
    why="L1 keeps the books of each chain: a false proof takes no more than the chain's own money.",
)
def more_withdrawn_than_the_chain_holds(chain: Chain) -> str:
    """With a proof system that accepts everything, withdraw the money of other chains."""
    batch = chain.batch()
    batch.user(TAKER, ops.Withdraw(account=TAKER, asset=QUOTE, amount=QUOTE_UNITS))
    batch.seal()

    def all_of_it(withdrawal, log, *, amount, **fields):
        withdrawal(log, amount=GOVERNOR_UNITS + 10 * amount, **fields)

    with wrapped(EventLog, "withdrawal", all_of_it):
        dishonest = batch.replay()
    batch.l1.prove(dishonest.claim)
    return f"L1 refuses: {batch.l1.settle(dishonest.claim, dishonest.flows)}"


@violation(
    rule="settlement.md#6-freeze-upgrade-exit",
    result="L1 refuses: E01",
    why="Two facts about the same inputs contradict each other; anyone may freeze the chain.",
)
def two_truths(chain: Chain) -> str:
    """With a broken proof system, prove a second outcome of the same inputs."""
    batch = trading(chain)
    honest = batch.proven()
    other = replace(honest, new_root=bytes(31) + b"\x01")
    batch.l1.prove(other)
    batch.l1.model.raise_alarm(honest, other)
    return f"L1 refuses: {settled(batch, other)}"
