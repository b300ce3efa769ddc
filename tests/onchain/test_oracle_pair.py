"""Fair price of a pair: against exact arithmetic, and under attack."""

from fractions import Fraction
from math import isqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.settlement.oracle_feeds import Status, fair_price
from tests.onchain.oracle_scene import E8, E18, START_S, Scene, chainlink, pair

FEE_BOUND = Fraction(1_000, 997)  # what one swap makes of the product of reserves, at most
ETHER_PRICE_E8 = 3_000 * E8
RESERVES = (3_000_000 * 10**6, 1_000 * E18)  # balanced at the price
SUPPLY = isqrt(RESERVES[0] * RESERVES[1])
TOKENS_DECIMALS = 24


def exact_square(worth_0, worth_1, decimals, supply):
    """Square of the exact price."""
    return Fraction(4 * 10**36 * worth_0 * worth_1, 10**decimals * supply**2)


@given(
    reserves=st.tuples(*[st.integers(1, 2**112 - 1) | st.integers(1, 10**6)] * 2),
    prices=st.tuples(*[st.integers(1, 2**64) | st.integers(1, 2**128 - 1)] * 2),
    decimals=st.integers(0, 36),
    supply=st.integers(1, 2**128 - 1) | st.integers(1, 10**6),
)
@settings(max_examples=500, deadline=None)
def test_price_is_exact_but_for_rounding_down(reserves, prices, decimals, supply):
    worths = [r * p for r, p in zip(reserves, prices, strict=True)]
    found = fair_price(*worths, decimals, supply)
    square = exact_square(*worths, decimals, supply)
    if found.status is Status.OUT_OF_RANGE:
        # Refused for its worth, in 10^-8 USD, or for its price.
        assert worths[0] * worths[1] >= 1 << 386 or square >= 1 << 255
    else:
        assert found.value**2 <= square < (found.value * (1 + Fraction(1, 2**124)) + 1) ** 2
        assert (found.status is Status.NON_POSITIVE) == (found.value == 0)


def test_contract_rounds_as_its_twin():
    """Any decimals, numbers of any size; the scene compares each reading with the twin's."""
    scene, rng = Scene(), Random(1)
    sources = [scene.source() for _ in range(3)]
    prices = [chainlink(source, min_answer=0, max_answer=2**128 - 1) for source in sources[:2]]
    scene.register(*prices, *[pair(sources[2], decimals) for decimals in range(30)])
    significant_bits = set()
    for _ in range(60):
        for source in sources[:2]:
            source.price(1 << rng.randrange(10, 126) | rng.getrandbits(100), scene.now_s)
        reserves = [rng.getrandbits(rng.randint(1, 112)) | 1 for _ in range(2)]
        sources[2].pair(*reserves, rng.getrandbits(rng.randint(1, 128)) | 1)
        readings = scene.readings()
        significant_bits |= {reading.value.bit_length() for reading in readings[2:]}
    # Down to zero, and up to all bits that a value has: the last bits of the root count.
    assert {0, 127, 128} <= significant_bits
    # Nearly the highest worth, 2^194; an odd number of decimals (the last) makes it too high.
    for source in sources[:2]:
        source.price(1 << 82, scene.now_s)
    sources[2].pair(2**112 - 1, 2**112 - 1, 2**127)
    statuses = [reading.status for reading in scene.readings()[-2:]]
    assert statuses == [Status.OK, Status.OUT_OF_RANGE]


class Market:
    """A PairMock between a dollar and ether, in a feed set."""

    def __init__(self):
        self.scene = Scene()
        dollar, ether = self.scene.source(), self.scene.source()
        dollar.price(E8, START_S)
        ether.price(ETHER_PRICE_E8, START_S)
        self.pair = self.scene.evm.deploy("PairMock", *RESERVES, SUPPLY)
        self.scene.sources[self.address] = self
        self.scene.register(
            chainlink(dollar), chainlink(ether), pair(self, decimals=TOKENS_DECIMALS)
        )

    @property
    def address(self):
        return bytes.fromhex(self.pair.address[2:])

    def read(self, calldata):
        """Return what the pair answers, for the model."""
        name = {self.pair.calldata(n): n for n in ("getReserves", "totalSupply")}[calldata]
        values = self.pair.call(name).values
        return b"".join(value.to_bytes(32, "big") for value in values)

    def reserves(self):
        return self.pair.call("getReserves").values[:2]

    def worth_e8(self):
        """What all shares redeem for, in 10^-8 USD."""
        dollars, ethers = self.reserves()
        return Fraction(dollars * E8, 10**6) + Fraction(ethers * ETHER_PRICE_E8, E18)

    def supply(self):
        return Fraction(self.pair.call("totalSupply").values[0], E18)

    def price_e8(self):
        reading = self.scene.readings()[2]
        assert reading.status is Status.OK
        return reading.value

    def naive_price_e8(self):
        return self.worth_e8() / self.supply()


@pytest.fixture
def market():
    return Market()


def test_balanced_pair_is_worth_its_reserves(market):
    assert market.worth_e8() == 6_000_000 * E8
    assert 0 <= market.naive_price_e8() - market.price_e8() < 1


@pytest.mark.parametrize("token_in", [0, 1])
@pytest.mark.parametrize("multiple", [1, 10, 1_000])
def test_one_swap_moves_the_price_by_its_fee(market, token_in, multiple):
    before_e8 = market.price_e8()
    market.pair.call("swap", token_in, multiple * RESERVES[token_in])
    after_e8 = market.price_e8()
    assert before_e8 <= after_e8
    assert Fraction(after_e8, before_e8) ** 2 <= FEE_BOUND
    # The naive value is what the attack is about.
    assert market.naive_price_e8() > before_e8 * (1 + Fraction(multiple, 5))


def test_ten_swaps_there_and_back_cost_more_than_they_add(market):
    before_e8, worth_before_e8 = market.price_e8(), market.worth_e8()
    for _ in range(5):
        bought = market.pair.call("swap", 0, 10 * RESERVES[0]).values[0]
        market.pair.call("swap", 1, bought)
    after_e8 = market.price_e8()
    assert Fraction(after_e8, before_e8) ** 2 <= FEE_BOUND**10
    assert (after_e8 - before_e8) * market.supply() <= market.worth_e8() - worth_before_e8


@pytest.mark.parametrize("token", [0, 1])
def test_donation_adds_less_than_it_costs(market, token):
    before_e8, worth_before_e8 = market.price_e8(), market.worth_e8()
    market.pair.call("donate", token, 9 * RESERVES[token])
    assert market.price_e8() == before_e8  # reserves count, not balances
    market.pair.call("sync")
    after_e8 = market.price_e8()
    assert after_e8 == pytest.approx(before_e8 * 10**0.5, rel=1e-9)
    given_e8 = market.worth_e8() - worth_before_e8
    assert (after_e8 - before_e8) * market.supply() <= given_e8 / 2


def test_mint_and_burn_keep_the_price(market):
    before_e8 = market.price_e8()
    market.pair.call("mint", SUPPLY)
    assert market.price_e8() == pytest.approx(before_e8, rel=1e-9)
    market.pair.call("burn", SUPPLY + SUPPLY // 2)
    assert market.price_e8() == pytest.approx(before_e8, rel=1e-9)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["swap", "donate", "sync", "mint", "burn"]),
        st.integers(0, 1),
        st.integers(1, 10**6),
    ),
    min_size=1,
    max_size=6,
)


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_no_sequence_makes_shares_dearer_than_what_they_redeem_for(steps):
    market = Market()
    for name, token, ppm in steps:
        if name in ("swap", "donate"):
            market.pair.call(name, token, 20 * market.reserves()[token] * ppm // 10**6 + 1)
        elif name == "sync":
            market.pair.call("sync")
        else:
            shares = market.supply() * E18 * ppm // (2 * 10**6)
            market.pair.call(name, int(shares) + 1)
        assert market.price_e8() <= market.naive_price_e8()
