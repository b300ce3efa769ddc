"""An Aave V3 market with wrapped ether and a dollar, priced by Chainlink's mocks."""

from __future__ import annotations

from offchain.settlement.oracle_feeds import RateFeed, selector
from tests.onchain.evm import DEPLOYER, Contract, Evm
from tests.onchain.gateway_twins import bytes_of
from tests.onchain.vault_scene import ETHER_WEI, ZERO_ADDRESS
from tests.thirdparty.artifacts import Artifacts
from tests.thirdparty.system import ALLOWANCE, balance
from tests.thirdparty.uniswap import (
    AAVE,
    DOLLAR_DECIMALS,
    DOLLAR_PRICE_E8,
    DOLLAR_UNIT,
    ETHER_PRICE_E8,
    WETH_DECIMALS,
    deploy_aggregator,
    deploy_dollar,
    deploy_weth,
)

LOGIC = "protocol/libraries/logic"
LIBRARIES = ("Supply", "Borrow", "Liquidation", "EMode", "Bridge", "Pool", "Configurator")
RAY = 10**27
PERCENT = RAY // 100
# Optimal use, base rate and slopes of the variable rate; then the same of the stable rate, which
# nobody takes.
RATES = (80 * PERCENT, 0, 4 * PERCENT, 75 * PERCENT, 0, 0, 0, 0, 20 * PERCENT)
LTV_BPS, THRESHOLD_BPS, BONUS_BPS = 8_000, 8_500, 10_500
VARIABLE = 2
LENDER, BORROWER, LIQUIDATOR = ("0x" + byte * 20 for byte in ("b1", "b2", "b3"))
SUPPLIED_WEI, SUPPLIED_DOLLARS = 1_000 * ETHER_WEI, 3_000_000 * DOLLAR_UNIT
RATE_CALL = selector("getReserveNormalizedIncome(address)")
RATE_DECIMALS = 27
NO_REFERRAL = 0
YEAR_S = 365 * 86_400


class AaveMarket:
    """The market; lender, borrower and liquidator have both tokens, and have approved the pool."""

    def __init__(self, artifacts: Artifacts, evm: Evm) -> None:
        self._artifacts, self._evm = artifacts, evm
        self._libraries: dict[str, str] = {}
        self.weth, self.dollar = deploy_weth(artifacts, evm), deploy_dollar(artifacts, evm)
        self.ether_price = deploy_aggregator(artifacts, evm, ETHER_PRICE_E8)
        self._dollar_price = deploy_aggregator(artifacts, evm, DOLLAR_PRICE_E8)
        self._deploy_market()
        self._list_reserves()
        self.aweth = self.atoken(self.weth)
        for account in (LENDER, BORROWER, LIQUIDATOR):
            evm.fund(account, 100 * SUPPLIED_WEI)
            self.weth.call("deposit", sender=account, value_wei=10 * SUPPLIED_WEI)
            self.dollar.call("mint", 10 * SUPPLIED_DOLLARS, sender=account)
            for token in (self.weth, self.dollar):
                token.call("approve", self.pool.address, ALLOWANCE, sender=account)

    def _deploy(self, path: str, *arguments: object) -> Contract:
        name = path.rpartition("/")[2]
        full_path = f"artifacts/contracts/{path}.sol/{name}.json"
        return self._artifacts.deploy(
            self._evm, AAVE, full_path, *arguments, libraries=self._libraries
        )

    def _at(self, path: str, address: str) -> Contract:
        name = path.rpartition("/")[2]
        full_path = f"artifacts/contracts/{path}.sol/{name}.json"
        return self._artifacts.at(self._evm, AAVE, full_path, address)

    def _deploy_market(self) -> None:
        for name in (*LIBRARIES, "FlashLoan"):  # the last is linked with one of the others
            library = f"{name}Logic"
            self._libraries[library] = self._deploy(f"{LOGIC}/{library}").address
        configuration = "protocol/configuration"
        provider = self._deploy(f"{configuration}/PoolAddressesProvider", "test", DEPLOYER)
        provider.call("setACLAdmin", DEPLOYER)
        roles = self._deploy(f"{configuration}/ACLManager", provider.address)
        provider.call("setACLManager", roles.address)
        roles.call("addPoolAdmin", DEPLOYER)
        provider.call("setPoolImpl", self._deploy("protocol/pool/Pool", provider.address).address)
        configurator = self._deploy("protocol/pool/PoolConfigurator")
        provider.call("setPoolConfiguratorImpl", configurator.address)
        oracle = self._deploy(
            "misc/AaveOracle",
            provider.address,
            [self.weth.address, self.dollar.address],
            [self.ether_price.address, self._dollar_price.address],
            ZERO_ADDRESS,
            ZERO_ADDRESS,
            DOLLAR_PRICE_E8,
        )
        provider.call("setPriceOracle", oracle.address)
        self.provider = provider
        self.pool = self._at("protocol/pool/Pool", provider.call("getPool").values[0])
        address = provider.call("getPoolConfigurator").values[0]
        self.configurator = self._at("protocol/pool/PoolConfigurator", address)

    def _list_reserves(self) -> None:
        tokens = "protocol/tokenization"
        kinds = ("AToken", "StableDebtToken", "VariableDebtToken")
        codes = [self._deploy(f"{tokens}/{kind}", self.pool.address).address for kind in kinds]
        strategy = "protocol/pool/DefaultReserveInterestRateStrategy"
        rates = self._deploy(strategy, self.provider.address, *RATES).address
        for token, decimals, symbol in (
            (self.weth, WETH_DECIMALS, "WETH"),
            (self.dollar, DOLLAR_DECIMALS, "USD"),
        ):
            names = [f"{prefix}{symbol}" for prefix in ("a", "v", "s") for _ in range(2)]
            others = (DEPLOYER, ZERO_ADDRESS)  # treasury, and no incentives
            listing = (*codes, decimals, rates, token.address, *others, *names, b"")
            self.configurator.call("initReserves", [listing])
            limits = (LTV_BPS, THRESHOLD_BPS, BONUS_BPS)
            self.configurator.call("configureReserveAsCollateral", token.address, *limits)
            self.configurator.call("setReserveBorrowing", token.address, True)

    def atoken(self, token: Contract) -> Contract:
        """Return the aToken of a reserve."""
        (reserve,) = self.pool.call("getReserveData", token.address).values
        return self._at("protocol/tokenization/AToken", reserve[8])

    def supply(self, token: Contract, amount: int, account: str) -> None:
        """Supply for aTokens."""
        arguments = (token.address, amount, account, NO_REFERRAL)
        self.pool.call("supply", *arguments, sender=account)

    def borrow(self, token: Contract, amount: int, account: str) -> None:
        """Borrow at the variable rate."""
        arguments = (token.address, amount, VARIABLE, NO_REFERRAL, account)
        self.pool.call("borrow", *arguments, sender=account)

    def liquidate(
        self, collateral: Contract, debt: Contract, user: str, amount: int, *, as_atoken: bool
    ) -> None:
        """Have the liquidator repay a part of a debt and take collateral for it."""
        arguments = (collateral.address, debt.address, user, amount, as_atoken)
        self.pool.call("liquidationCall", *arguments, sender=LIQUIDATOR)

    def health_e18(self, account: str) -> int:
        """Health factor of an account; it can be liquidated below 10^18."""
        return int(self.pool.call("getUserAccountData", account).values[5])

    def index(self, token: Contract) -> int:
        """Price of a scaled unit, times 10^27."""
        return int(self.pool.call("getReserveNormalizedIncome", token.address).values[0])

    def scaled(self, account: str) -> int:
        """Scaled balance of an account in aWETH."""
        return int(self.aweth.call("scaledBalanceOf", account).values[0])

    def held_wei(self, account: str) -> int:
        """Balance of an account in aWETH."""
        return balance(self.aweth, account)

    def rate_feed(self, growth_ppm: int) -> RateFeed:
        """Feed of the price of a scaled unit of aWETH."""
        source, argument = bytes_of(self.pool.address), bytes_of(self.weth.address).rjust(32, b"\0")
        reference_e18 = self.index(self.weth) // 10**9
        return RateFeed(source, RATE_DECIMALS, RATE_CALL, argument, growth_ppm, reference_e18)
