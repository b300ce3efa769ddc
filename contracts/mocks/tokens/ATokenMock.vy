# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title ATokenMock: a scaled balance times an index that grows
@license Apache-2.0
@notice The arithmetic of Aave V3's aTokens, in both roundings that were
        deployed: half up in both directions, or, from 3.5 on, balances down
        and what a transfer takes up. For tests only.
"""

RAY: constant(uint256) = 10**27

# @notice Number of decimals.
decimals: public(uint8)
# @notice Scaled balance of an address.
# @param arg0 Address.
scaledBalanceOf: public(HashMap[address, uint256])
# @notice Allowances, in balance.
# @param arg0 Owner.
# @param arg1 Spender.
allowance: public(HashMap[address, HashMap[address, uint256]])
_index_ray: uint256
_is_directed: bool


@deploy
def __init__(decimals: uint8, is_directed: bool):
    """
    @notice Create a token with index one.
    @param decimals Number of decimals.
    @param is_directed Whether it rounds as from 3.5 on.
    """
    self.decimals = decimals
    self._index_ray = RAY
    self._is_directed = is_directed


@external
def set_index(index_ray: uint256):
    """
    @notice Let interest accrue.
    @param index_ray Balance of one scaled unit, in 10^-27.
    """
    self._index_ray = index_ray


@external
def mint_scaled(receiver: address, scaled: uint256):
    """
    @notice Create scaled units.
    @param receiver Address that gets them.
    @param scaled Scaled units.
    """
    self.scaledBalanceOf[receiver] += scaled


@external
def burn_scaled(account: address, scaled: uint256):
    """
    @notice Destroy scaled units: a loss.
    @param account Address that loses them.
    @param scaled Scaled units.
    """
    self.scaledBalanceOf[account] -= scaled


@external
@view
def balanceOf(account: address) -> uint256:
    """
    @notice Balance of an address.
    @param account Address.
    @return Amount in base units.
    """
    product: uint256 = self.scaledBalanceOf[account] * self._index_ray
    if self._is_directed:
        return product // RAY
    return (product + RAY // 2) // RAY


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow a spender.
    @param spender Address that may transfer.
    @param amount Amount in base units.
    @return True.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Send tokens.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    @return True.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Send tokens of another address within its allowance.
    @param sender Address that pays.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    @return True.
    """
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount)
    return True


@internal
def _move(sender: address, receiver: address, amount: uint256):
    rounding: uint256 = self._index_ray - 1 if self._is_directed else self._index_ray // 2
    scaled: uint256 = (amount * RAY + rounding) // self._index_ray
    self.scaledBalanceOf[sender] -= scaled
    self.scaledBalanceOf[receiver] += scaled
