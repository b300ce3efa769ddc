# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title TokenMock: an ERC-20 token for tests and local networks
@license Apache-2.0
@notice Anyone may mint. The number of decimals is chosen at deployment.
@dev Nothing but ERC-20, so that a transfer costs what a plain token's costs:
     odd behaviours are in ZooToken.
"""

from ethereum.ercs import IERC20

implements: IERC20

symbol: public(String[8])
decimals: public(uint8)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(symbol: String[8], decimals: uint8):
    """
    @notice Create a token without supply.
    @param symbol Ticker.
    @param decimals Number of decimals.
    """
    self.symbol = symbol
    self.decimals = decimals


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    """
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow a spender.
    @param spender Address that may transfer.
    @param amount Amount in base units.
    @return True.
    """
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
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
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=sender, receiver=receiver, value=amount)
