# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title RateMock: a rate in the three shapes that are in use
@license Apache-2.0
@notice For tests and local networks only. Anyone may set the rate.
"""

E18: constant(uint256) = 10**18

rate: public(uint256)
# The reserve that has this rate.
reserve: public(address)


@deploy
def __init__(rate: uint256, reserve: address):
    """
    @notice Create a rate.
    @param rate Rate in its own decimals.
    @param reserve Reserve that has this rate.
    """
    self.rate = rate
    self.reserve = reserve


@external
def set_rate(rate: uint256):
    """
    @notice Change the rate.
    @param rate Rate in its own decimals.
    """
    self.rate = rate


@external
@view
def stEthPerToken() -> uint256:
    """
    @notice The rate, as wstETH has it.
    @return The rate.
    """
    return self.rate


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice What shares redeem for, as an ERC-4626 vault has it.
    @param shares Number of shares.
    @return Assets, rounded down.
    """
    return shares * self.rate // E18


@external
@view
def getReserveNormalizedIncome(asset: address) -> uint256:
    """
    @notice The income index, as a lending pool has it.
    @param asset Reserve.
    @return The rate of the one reserve that has one; 0 of others.
    """
    return self.rate if asset == self.reserve else 0
