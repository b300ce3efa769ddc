"""The atomic liquidation with real proofs: L1 takes both chains' facts from the verifier."""

import pytest

from offchain.scenario.atomic_liquidation import PLEDGE_TOKENS, AtomicLiquidation
from offchain.scenario.linked_chains import (
    ACCOUNTS,
    HOLDER_ID,
    KEEPER_ID,
    UNITS,
    WSTETH,
    open_linked_chains,
)
from offchain.settlement.chain_lists import arguments_of
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.local_chain import LocalChain
from offchain.spec.kinds import EventKind
from tests.e2e.two_chains import MARK_PAUSE_S, ledgers, roots

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
WHOLE = PLEDGE_TOKENS * UNITS


def test_both_chains_settle_with_proofs(tmp_path):
    chains = open_linked_chains(LocalChain(account_count=ACCOUNTS), proofs=tmp_path)
    story = AtomicLiquidation(chains)
    story.fund()
    story.pledge()
    assert [len(each) for each in chains.bundler.settle_all()] == [1, 1]
    assert chains.pledged(WSTETH) == WHOLE
    story.open_position()
    chains.l1.advance_time(MARK_PAUSE_S)
    story.jump()
    (exchanged,) = story.of_kind(EventKind.EXCHANGED)
    claimed = int(exchanged["v"][1])
    assert chains.relay.seize() == 1
    assert len(chains.bundler.settle(chains.bundler.next_batches())) == 1
    batches = chains.bundler.next_batches()
    assert {chain_id: len(own) for chain_id, own in batches.items()} == {KEEPER_ID: 1, HOLDER_ID: 1}
    _one_proof_is_missing(chains, batches)
    chains.bundler.settle(batches)
    assert roots(chains) == [chain.sequencer.open_batch_root for chain in chains.chains]
    assert chains.pledged(WSTETH) == chains.balance(chains.keeper, WSTETH) == WHOLE - claimed
    assert chains.balance(chains.holder, WSTETH) == claimed
    proofs = sorted(path.name for path in tmp_path.glob("*/*.proof"))
    assert len(proofs) == 5


def _one_proof_is_missing(chains, batches):
    """The keeper is proven, the holder is not: nothing moves."""
    before = ledgers(chains), roots(chains)
    keeper, holder = (chain.service for chain in chains.chains)
    settlements = keeper.prepare(batches[KEEPER_ID]), holder.prepare(batches[HOLDER_ID])
    keeper.establish(settlements[0])
    arguments = arguments_of(each.part for each in settlements).to_arguments()
    gateway = chains.keeper.deployment.gateway
    with pytest.raises(ContractRevertedError, match="E05"):
        chains.l1.transact("Gateway", gateway, "settle", *arguments)
    assert (ledgers(chains), roots(chains)) == before
