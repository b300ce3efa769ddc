"""Growth cap of a redemption rate."""

from math import exp

import pytest

from offchain.settlement.oracle_feeds import YEAR_S, Reading, Status
from tests.onchain.oracle_scene import E18, RATE_CALL, Behaviour, Scene, rate

GROWTH_PPM = 100_000
DAY_S = 86_400


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def source(scene):
    source = scene.source()
    source.rate(E18)
    scene.register(rate(source, growth_ppm=GROWTH_PPM))
    return source


def after(scene, seconds):
    """Reading of a snapshot in some seconds."""
    scene.advance(seconds)
    return scene.snapshot().readings[0]


def test_one_year_in_one_step(scene, source):
    source.rate(2 * E18)
    assert after(scene, YEAR_S) == Reading(11 * E18 // 10, Status.CAPPED)


def test_rate_at_the_cap_is_not_cut(scene, source):
    source.rate(11 * E18 // 10)
    assert after(scene, YEAR_S) == Reading(11 * E18 // 10, Status.OK)


def test_one_year_of_daily_snapshots_compounds_to_less_than_the_exponential(scene, source):
    source.rate(2 * E18)
    for _ in range(365):
        reading = after(scene, DAY_S)
        assert reading.status is Status.CAPPED
    assert 11 * E18 // 10 < reading.value < exp(GROWTH_PPM / 10**6) * E18


def test_drop_is_taken_at_once_and_growth_counts_from_it(scene, source):
    source.rate(E18 // 2)
    assert after(scene, DAY_S) == Reading(E18 // 2, Status.OK)
    source.rate(E18)
    assert after(scene, YEAR_S) == Reading(E18 // 2 * 11 // 10, Status.CAPPED)


@pytest.mark.parametrize("outage", [Behaviour.REVERT, Behaviour.ANSWER, Behaviour.BURN])
def test_growth_goes_on_during_an_outage(scene, source, outage):
    source.tell(RATE_CALL, outage)
    assert after(scene, YEAR_S // 2) == Reading(E18, Status.CALL_FAILED)
    source.rate(0)
    assert after(scene, YEAR_S // 4) == Reading(E18, Status.NON_POSITIVE)
    source.rate(2 * E18)
    assert after(scene, YEAR_S // 4) == Reading(11 * E18 // 10, Status.CAPPED)


def test_no_growth_allowed(scene):
    source = scene.source()
    source.rate(E18 + 1)
    scene.register(rate(source, growth_ppm=0))
    assert after(scene, YEAR_S) == Reading(E18, Status.CAPPED)


def test_sets_do_not_share_what_they_accepted(scene, source):
    source.rate(E18 // 2)
    scene.register(rate(source), set_id=6)
    assert after(scene, DAY_S).value == E18 // 2
    source.rate(E18)
    scene.advance()
    assert scene.snapshot(6).readings == (Reading(E18, Status.OK),)


def test_highest_rate_does_not_overflow(scene):
    source = scene.source()
    source.rate(2**128 - 1)
    scene.register(rate(source, growth_ppm=10**6, reference_e18=2**128 - 1))
    assert after(scene, 100 * YEAR_S) == Reading(2**128 - 1, Status.OK)
