"""What the builder refuses, and that it follows the chain."""

import pytest

from offchain.core.binding import Core
from offchain.spec.constants import LISTING_LEAF, ORACLE_LEAF
from offchain.spec.kinds import Subtree
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement, WitnessError, WitnessFault, sibling_count
from tests.strategies import CONFIG_HASH, GOVERNANCE
from tests.witness.batches import STATEMENT, finish, random_batches, seal


def builder() -> WitnessBuilder:
    return WitnessBuilder.at_genesis(CONFIG_HASH, GOVERNANCE)


@pytest.mark.parametrize(
    "statement",
    [
        Statement(l1_chain_id=2**256, chain_id=1, gateway=bytes(20)),
        Statement(l1_chain_id=1, chain_id=-1, gateway=bytes(20)),
        Statement(l1_chain_id=1, chain_id=1, gateway=bytes(21)),
    ],
)
def test_statement_out_of_range(statement: Statement) -> None:
    with pytest.raises(WitnessError) as refused:
        builder().build(statement, [seal(1)])
    assert refused.value.fault == WitnessFault.STATEMENT


def test_refused_envelope() -> None:
    with pytest.raises(WitnessError, match="envelope 1 is refused with ENVELOPE_TRUNCATED") as none:
        builder().build(STATEMENT, [finish(1), b"", seal(1)])
    assert none.value.fault == WitnessFault.NO_RUN


def test_empty_batch_opens_what_every_batch_reads() -> None:
    witness = builder().build(STATEMENT, [seal(1)])
    opened = [(s, number) for s in Subtree for number, _ in witness.openings[s].leaves]
    own = [(Subtree.HEADER, 0), (Subtree.CONFIG, 0)]
    assert opened == [*own, (Subtree.RISK, LISTING_LEAF), (Subtree.RISK, ORACLE_LEAF)]


def test_siblings_are_as_many_as_the_paths_need() -> None:
    for batch in random_batches(seed=1, length=60, batch_envelopes=10):
        for subtree in Subtree:
            opening = batch.witness.openings[subtree]
            numbers = [number for number, _ in opening.leaves]
            if numbers:
                assert len(opening.siblings) == sibling_count(subtree, numbers)


def test_begins_wherever_two_cores_stand() -> None:
    batches = random_batches(seed=4, length=60, batch_envelopes=15)
    cores = [Core(CONFIG_HASH, GOVERNANCE) for _ in range(2)]
    for core in cores:
        for batch in batches[:2]:
            for envelope in batch.sealed.envelopes:
                core.apply_envelope(envelope)
    later = WitnessBuilder(*cores)
    for batch in batches[2:]:
        assert later.build(STATEMENT, batch.sealed.envelopes) == batch.witness
