# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title WstEthMock: shares of stETH as a token that does not rebase
@license Apache-2.0
@notice For tests only.
"""

interface IStEth:
    def transferShares(receiver: address, shares: uint256) -> uint256: nonpayable
    def transferSharesFrom(
        sender: address, receiver: address, shares: uint256
    ) -> uint256: nonpayable

decimals: public(constant(uint8)) = 18
STETH: immutable(IStEth)

# @notice Balance of an address.
# @param arg0 Address.
balanceOf: public(HashMap[address, uint256])
# @notice Allowances.
# @param arg0 Owner.
# @param arg1 Spender.
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(steth: address):
    """
    @notice Wrap shares of a stETH.
    @param steth Its contract.
    """
    STETH = IStEth(steth)


@external
def wrap_shares(shares: uint256):
    """
    @notice Turn shares into tokens; needs an allowance.
    @param shares Shares.
    """
    extcall STETH.transferSharesFrom(msg.sender, self, shares)
    self.balanceOf[msg.sender] += shares


@external
def unwrap(amount: uint256):
    """
    @notice Turn tokens into shares.
    @param amount Tokens.
    """
    self.balanceOf[msg.sender] -= amount
    extcall STETH.transferShares(msg.sender, amount)


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow a spender.
    @param spender Address that may transfer.
    @param amount Tokens.
    @return True.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Send tokens.
    @param receiver Address that gets them.
    @param amount Tokens.
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
    @param amount Tokens.
    @return True.
    """
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount)
    return True


@internal
def _move(sender: address, receiver: address, amount: uint256):
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
