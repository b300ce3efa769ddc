"""WETH9 and a Uniswap V2 market: factory, router, and a pair of a dollar and wrapped ether."""

from __future__ import annotations

from fractions import Fraction

from offchain.settlement.oracle_feeds import ChainlinkFeed, LpFeed
from tests.onchain.evm import Contract, Evm
from tests.onchain.gateway_twins import bytes_of
from tests.onchain.vault_scene import ETHER_WEI, STRANGER
from tests.thirdparty.artifacts import Artifacts
from tests.thirdparty.system import ALLOWANCE, balance

WETH_PACKAGE = "canonical-weth@1.4.0"
CORE, PERIPHERY = "@uniswap/v2-core@1.0.1", "@uniswap/v2-periphery@1.1.0-beta.0"
AAVE, CHAINLINK = "@aave/core-v3@1.19.3", "@chainlink/contracts@0.0.12"
DOLLAR = "artifacts/contracts/mocks/tokens/MintableERC20.sol/MintableERC20.json"
DOLLAR_UNIT = 10**6
DOLLAR_DECIMALS, WETH_DECIMALS, PRICE_DECIMALS = 6, 18, 8
DOLLAR_PRICE_E8, ETHER_PRICE_E8 = 10**8, 3_000 * 10**8
HEARTBEAT_S = 3_600
MIN_ANSWER, MAX_ANSWER = 1, 10**15
RESERVE_WEI, RESERVE_DOLLARS = 1_000 * ETHER_WEI, 3_000_000 * DOLLAR_UNIT
DEADLINE_S = 2**255


def deploy_weth(artifacts: Artifacts, evm: Evm) -> Contract:
    """Deploy WETH9."""
    return artifacts.deploy(evm, WETH_PACKAGE, "build/contracts/WETH9.json")


def deploy_dollar(artifacts: Artifacts, evm: Evm) -> Contract:
    """Deploy a token with the decimals of a dollar; anyone mints for itself."""
    return artifacts.deploy(evm, AAVE, DOLLAR, "Dollar", "USD", DOLLAR_DECIMALS)


def deploy_aggregator(artifacts: Artifacts, evm: Evm, price_e8: int) -> Contract:
    """Deploy Chainlink's mock of an aggregator."""
    path = "truffle/v0.6/MockV3Aggregator.js"
    return artifacts.deploy(evm, CHAINLINK, path, PRICE_DECIMALS, price_e8)


def price_feed(aggregator: Contract) -> ChainlinkFeed:
    """Feed of an aggregator."""
    source = bytes_of(aggregator.address)
    return ChainlinkFeed(source, PRICE_DECIMALS, HEARTBEAT_S, MIN_ANSWER, MAX_ANSWER)


class Market:
    """A balanced pair; the stranger provides its liquidity and trades."""

    def __init__(self, artifacts: Artifacts, evm: Evm) -> None:
        self.weth, self.dollar = deploy_weth(artifacts, evm), deploy_dollar(artifacts, evm)
        self.weth.call("deposit", sender=STRANGER, value_wei=100 * RESERVE_WEI)
        self.dollar.call("mint", 100 * RESERVE_DOLLARS, sender=STRANGER)
        factory = artifacts.deploy(evm, CORE, "build/UniswapV2Factory.json", STRANGER)
        path = "build/UniswapV2Router02.json"
        self.router = artifacts.deploy(evm, PERIPHERY, path, factory.address, self.weth.address)
        for token in (self.weth, self.dollar):
            token.call("approve", self.router.address, ALLOWANCE, sender=STRANGER)
        self.router.call(
            "addLiquidity",
            self.dollar.address,
            self.weth.address,
            RESERVE_DOLLARS,
            RESERVE_WEI,
            0,
            0,
            STRANGER,
            DEADLINE_S,
            sender=STRANGER,
        )
        (pair,) = factory.call("getPair", self.dollar.address, self.weth.address).values
        self.pair = artifacts.at(evm, CORE, "build/UniswapV2Pair.json", pair)
        self.tokens = sorted((self.weth, self.dollar), key=lambda token: token.address.lower())
        self.is_dollar_first = self.tokens[0] is self.dollar

    def reserves(self) -> tuple[int, int]:
        """Dollars and wei that the pair has noted."""
        first, second, _ = self.pair.call("getReserves").values
        return (first, second) if self.is_dollar_first else (second, first)

    def swap(self, token_in: Contract, amount: int) -> int:
        """Sell an amount of a token; return what it brought."""
        other = self.dollar if token_in is self.weth else self.weth
        path = [token_in.address, other.address]
        arguments = (amount, 0, path, STRANGER, DEADLINE_S)
        outcome = self.router.call("swapExactTokensForTokens", *arguments, sender=STRANGER)
        return int(outcome.values[0][-1])

    def worth_e8(self) -> Fraction:
        """What all shares redeem for, in 10^-8 USD at the oracle's prices."""
        dollars, wei = self.reserves()
        in_dollars = Fraction(dollars * DOLLAR_PRICE_E8, DOLLAR_UNIT)
        return in_dollars + Fraction(wei * ETHER_PRICE_E8, ETHER_WEI)

    def supply(self) -> Fraction:
        """Shares, in 10^18."""
        return Fraction(self.pair.call("totalSupply").values[0], ETHER_WEI)

    def naive_price_e8(self) -> Fraction:
        """Price of 10^18 shares as it should not be taken."""
        return self.worth_e8() / self.supply()

    def lp_feed(self, dollar_feed: int, ether_feed: int) -> LpFeed:
        """Feed of the shares."""
        feeds = (dollar_feed, ether_feed) if self.is_dollar_first else (ether_feed, dollar_feed)
        decimals = DOLLAR_DECIMALS + WETH_DECIMALS
        return LpFeed(bytes_of(self.pair.address), decimals, *feeds)

    def shares(self, account: str) -> int:
        """Shares of an account."""
        return balance(self.pair, account)
