"""Every challenge of a proof: drawn alike by prover, Python verifier and contract."""

from itertools import chain

import pytest

from offchain.security.parameters import L1_PROFILES
from offchain.verifier.verify import verify
from tests.onchain.deployed import Example, Verifier
from tests.prover.proofs import proof

LANE_BITS = 85


@pytest.fixture(scope="module")
def verifier():
    return Verifier()


def coefficients(element):
    return tuple(element >> LANE_BITS * i & (1 << LANE_BITS) - 1 for i in range(3))


def labelled(challenges):
    """List what the contract has drawn as the Python verifier lists it."""
    *elements, folds, queries = challenges
    named = zip(("gamma", "beta", "alpha", "zeta", "lambda"), elements, strict=True)
    drawn = chain(named, (("fold", fold) for fold in folds))
    return (*((name, coefficients(element)) for name, element in drawn), ("queries", queries))


@pytest.mark.parametrize("profile", [profile.name for profile in L1_PROFILES])
@pytest.mark.parametrize("guest", ["factors", "fibonacci", "sha256"])
def test_three_implementations_draw_the_same_challenges(verifier, guest, profile):
    example = Example(guest, profile)
    program_id, head = example.claim.program_id, example.data[: example.head_bytes]
    (drawn,) = verifier.entry.call("draw_challenges", program_id, head).values
    assert labelled(drawn) == tuple(proof(guest, profile).challenges)
    assert labelled(drawn) == verify(example.data, program_id).challenges


def test_another_claim_draws_other_challenges(verifier):
    example = Example("fibonacci", "settle-compact")
    head = example.data[: example.head_bytes]
    drawn = [
        labelled(verifier.entry.call("draw_challenges", program_id, head).values[0])
        for program_id in (example.claim.program_id, example.claim.program_id[::-1])
    ]
    assert not {*drawn[0]} & {*drawn[1]}
