# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title FeeTokenMock: a token that burns a part of every transfer
@license Apache-2.0
@notice For tests only.
"""

FEE_PPM: constant(uint256) = 10_000
PPM: constant(uint256) = 1_000_000

decimals: public(constant(uint8)) = 18
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
    @notice Send tokens; 1 % of them burns.
    @param receiver Address that gets the rest.
    @param amount Amount in base units.
    @return True.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Send tokens of another address; 1 % of them burns.
    @param sender Address that pays.
    @param receiver Address that gets the rest.
    @param amount Amount in base units.
    @return True.
    """
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount)
    return True


@internal
def _move(sender: address, receiver: address, amount: uint256):
    self.balanceOf[sender] -= amount
    # The fee is rounded down; what burns reaches nobody.
    self.balanceOf[receiver] += amount - amount * FEE_PPM // PPM
