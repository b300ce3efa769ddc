"""Atomic liquidation over two chains on the real contracts; every way of doing half of it fails."""

from dataclasses import replace

import pytest

from offchain.scenario.atomic_liquidation import PLEDGE_TOKENS
from offchain.scenario.linked_chains import HOLDER_ID, KEEPER_ID, UNITS, WSTETH
from offchain.settlement.chain_lists import arguments_of
from offchain.settlement.devnet import QUOTE_ASSET
from offchain.settlement.messages import AssetSum, EnvelopeFlag, pad_sums
from offchain.settlement.public_output import PublicOutput
from offchain.spec.constants import INSURANCE_ACCOUNT
from offchain.spec.kinds import EventKind
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement
from offchain.witness.native import run_witness
from tests.e2e.two_chains import (
    Hostile,
    ledgers,
    roots,
    seized_story,
    sent_accumulator,
    with_sent,
    with_taken,
)


@pytest.fixture(scope="module")
def story():
    return seized_story()


@pytest.fixture
def hostile(story):
    """The operators before they settle; afterwards nothing may have moved."""
    before = ledgers(story.chains), roots(story.chains)
    yield Hostile(story)
    assert (ledgers(story.chains), roots(story.chains)) == before


# --- half of it, or something else: refused, nothing moves -------------------------------


def test_keeper_left_out(hostile):
    holder = hostile.parts[HOLDER_ID]
    assert hostile.settle(holder) == "E52"
    assert hostile.settle(holder, received=()) == "E19"


def test_holder_left_out(hostile):
    keeper = hostile.parts[KEEPER_ID]
    assert hostile.settle(keeper) == "E52"
    assert hostile.settle(keeper, received=()) == "E19"


def test_proof_of_one_chain_missing(hostile):
    keeper, holder = hostile.parts[KEEPER_ID], hostile.parts[HOLDER_ID]
    hostile.attest(keeper)
    unproven = replace(holder, output=replace(holder.output, receipts_head=b"\x01" * 32))
    assert hostile.call(arguments_of([keeper, unproven])) == "E05"


def test_keeper_answers_something_else(hostile):
    """The keeper's proof says another answer than the one that the holder has read."""
    keeper, holder = hostile.parts[KEEPER_ID], hostile.parts[HOLDER_ID]
    before = sent_accumulator(hostile.chains, KEEPER_ID, HOLDER_ID)
    (answer,) = keeper.lists.sent
    (seized,) = answer.used_sums
    more = pad_sums([AssetSum(WSTETH, seized.units + 1)])
    for change in ({"sums": more}, {"payload_hash": b"\x02" * 32}, {"slot": answer.slot + 1}):
        other = with_sent(keeper, before, [replace(answer, **change)])
        last_slot = max(other.output.last_slot, answer.slot + 1)
        other = replace(other, output=replace(other.output, last_slot=last_slot))
        assert hostile.settle(other, holder) == "E53"


def test_both_say_more_than_the_keeper_has(hostile):
    """Two broken proofs that agree: the keeper's balance is the bound."""
    keeper, holder = hostile.parts[KEEPER_ID], hostile.parts[HOLDER_ID]
    before = sent_accumulator(hostile.chains, KEEPER_ID, HOLDER_ID)
    balance = hostile.chains.balance(hostile.chains.keeper, WSTETH)
    (answer,) = keeper.lists.sent
    greedy = replace(answer, sums=pad_sums([AssetSum(WSTETH, balance + 1)]))
    parts = with_sent(keeper, before, [greedy]), with_taken(holder, before, [greedy])
    assert hostile.settle(*parts) == "E21"


def test_answer_withheld_or_out_of_order(hostile):
    keeper, holder = hostile.parts[KEEPER_ID], hostile.parts[HOLDER_ID]
    both = keeper.lists.sent + holder.lists.sent
    assert hostile.settle(keeper, holder, sent=holder.lists.sent) == "E46"
    assert hostile.settle(keeper, holder, sent=both[::-1]) == "E46"
    assert hostile.settle(keeper, holder, sent=(both[0], *both)) == "E42"


def test_answer_without_the_atomic_flag(hostile):
    """Both change the flag: the request is still ATOMIC and its receiver must be there."""
    keeper, holder = hostile.parts[KEEPER_ID], hostile.parts[HOLDER_ID]
    before = sent_accumulator(hostile.chains, KEEPER_ID, HOLDER_ID)
    (answer,) = keeper.lists.sent
    plain = replace(answer, flags=EnvelopeFlag.SEIZURE)
    assert hostile.settle(with_taken(holder, before, [plain]), received=()) == "E19"


# --- both together: settles, once --------------------------------------------------------


def test_outputs_are_those_of_the_batch_program(story):
    """What the operator states is what a proof would state, word for word, for every batch."""
    for chain in story.chains.chains:
        genesis, domain = chain.genesis, chain.domain
        builder = WitnessBuilder.at_genesis(genesis.config_hash(), genesis.governance)
        statement = Statement(genesis.l1_chain_id, genesis.chain_id, domain.gateway)
        for batch in chain.sequencer.sealed:
            run = run_witness(builder.build(statement, batch.envelopes).to_bytes())
            stated = chain.service.prepare([batch]).output
            assert PublicOutput.from_bytes(run.output) == stated


def test_both_chains_settle_at_once_and_once(story):
    chains = story.chains
    before, old_roots = ledgers(chains), roots(chains)
    (exchanged,) = story.of_kind(EventKind.EXCHANGED)
    claimed = int(exchanged["v"][1])
    assert 0 < claimed < PLEDGE_TOKENS * UNITS
    batches = chains.bundler.next_batches()
    parts = [each.part for each in chains.bundler.settle(batches)]
    assert chains.l1.gas_used["settle"][-1] < 1_500_000
    assert all(new != old for new, old in zip(roots(chains), old_roots, strict=True))
    assert roots(chains) == [chain.sequencer.open_batch_root for chain in chains.chains]
    moved = {
        (KEEPER_ID, WSTETH, "balance"): -claimed,
        (HOLDER_ID, WSTETH, "balance"): claimed,
        (KEEPER_ID, WSTETH, "pledged_total"): -claimed,
        "pledged": -claimed,
    }
    after = ledgers(chains)
    assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == moved
    insurance = chains.holder.sequencer.state.account(INSURANCE_ACCOUNT)
    assert insurance.free[insurance.asset_ids.index(WSTETH + 1)] == claimed
    alice = chains.holder.account_of(3)
    (record, *_) = chains.holder.sequencer.state.reservations(alice)
    assert (record.units, record.claimed_units, record.asked_units) == (
        *(PLEDGE_TOKENS * UNITS - claimed, 0, 0),
    )
    hostile = Hostile.__new__(Hostile)
    hostile.chains = chains
    assert hostile.call(arguments_of(parts)) == "E06"
    assert ledgers(chains) == after
    assert chains.bundler.next_batches() == {}


def test_units_of_the_engine_are_those_of_l1(story):
    """Runs after the settlement: each chain's books are L1's."""
    chains = story.chains
    for chain in chains.chains:
        for asset in (QUOTE_ASSET, WSTETH):
            records = [
                record
                for who in (3, 4)
                if chain.account_of(who)
                for record in chain.sequencer.state.reservations(chain.account_of(who))
                if record.role == 1 and record.asset == asset
            ]
            given = sum(record.units for record in records)
            held = chain.sequencer.state.asset(asset).total_units + given
            assert held == chains.balance(chain, asset)
