# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title NoReturnTokenMock: a token whose transfers return nothing
@license Apache-2.0
@notice The shape of old tokens such as USDT; for tests only.
"""

decimals: public(constant(uint8)) = 6
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    """
    self.balanceOf[receiver] += amount


@external
def approve(spender: address, amount: uint256):
    """
    @notice Allow a spender.
    @param spender Address that may transfer.
    @param amount Amount in base units.
    """
    self.allowance[msg.sender][spender] = amount


@external
def transfer(receiver: address, amount: uint256):
    """
    @notice Send tokens.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    """
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount


@external
def transferFrom(sender: address, receiver: address, amount: uint256):
    """
    @notice Send tokens of another address within its allowance.
    @param sender Address that pays.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    """
    self.allowance[sender][msg.sender] -= amount
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
