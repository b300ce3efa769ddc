# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title PairMock: the arithmetic of a Uniswap V2 pair, without its tokens
@license Apache-2.0
@notice For tests and local networks only. Balances are numbers, so that
        swaps, donations and sync() can be tried without tokens.
"""

FEE_PER_MILLE: constant(uint256) = 3
PER_MILLE: constant(uint256) = 1_000
RESERVE_MAX: constant(uint256) = 2**112 - 1

totalSupply: public(uint256)
balances: public(uint256[2])
reserves: uint256[2]
updated_at_s: uint256


@deploy
def __init__(reserve_0: uint256, reserve_1: uint256, supply: uint256):
    """
    @notice Create a pair that holds tokens already.
    @param reserve_0 Amount of token 0.
    @param reserve_1 Amount of token 1.
    @param supply Number of shares.
    """
    self.balances = [reserve_0, reserve_1]
    self.totalSupply = supply
    self._update()


@external
@view
def getReserves() -> (uint112, uint112, uint32):
    """
    @notice Reserves as of the last update.
    @return Reserve of token 0.
    @return Reserve of token 1.
    @return Time of the update, modulo 2^32.
    """
    return (
        convert(self.reserves[0], uint112),
        convert(self.reserves[1], uint112),
        convert(self.updated_at_s % 2**32, uint32),
    )


@external
def swap(token_in: uint256, amount_in: uint256) -> uint256:
    """
    @notice Sell one token for the other at the pair's price, less 0.3 %.
    @param token_in 0 or 1.
    @param amount_in Amount that is sold.
    @return Amount that is bought, rounded down.
    """
    paid: uint256 = amount_in * (PER_MILLE - FEE_PER_MILLE)
    bought: uint256 = (
        paid
        * self.reserves[1 - token_in]
        // (self.reserves[token_in] * PER_MILLE + paid)
    )
    self.balances[token_in] += amount_in
    self.balances[1 - token_in] -= bought
    self._update()
    return bought


@external
def donate(token: uint256, amount: uint256):
    """
    @notice Send tokens to the pair; sync() makes them reserves.
    @param token 0 or 1.
    @param amount Amount.
    """
    self.balances[token] += amount


@external
def sync():
    """
    @notice Make the balances the reserves.
    """
    self._update()


@external
def mint(shares: uint256):
    """
    @notice Add tokens in the proportion of the reserves, rounded up.
    @param shares Number of new shares.
    """
    for token: uint256 in range(2):
        product: uint256 = self.reserves[token] * shares
        self.balances[token] += (product + self.totalSupply - 1) // self.totalSupply
    self.totalSupply += shares
    self._update()


@external
def burn(shares: uint256):
    """
    @notice Redeem shares for their part of the reserves, rounded down.
    @param shares Number of shares.
    """
    for token: uint256 in range(2):
        self.balances[token] -= self.reserves[token] * shares // self.totalSupply
    self.totalSupply -= shares
    self._update()


@internal
def _update():
    assert max(self.balances[0], self.balances[1]) <= RESERVE_MAX, "pair: overflow"
    self.reserves = self.balances
    self.updated_at_s = block.timestamp
