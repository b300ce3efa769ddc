# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title StEthMock: shares of a pool of ether, as Lido's stETH keeps them
@license Apache-2.0
@notice For tests only. Balances are shares times the pool's ether over all
        shares, rounded down, so that transfers by balance lose a wei or two.
"""

decimals: public(constant(uint8)) = 18

# @notice Shares of an address.
# @param arg0 Address.
sharesOf: public(HashMap[address, uint256])
# @notice Allowances, in balance.
# @param arg0 Owner.
# @param arg1 Spender.
allowance: public(HashMap[address, HashMap[address, uint256]])
_total_shares: uint256
_pooled_wei: uint256


@external
def mint_shares(receiver: address, shares: uint256):
    """
    @notice Create shares at the present price; at the first time it is one.
    @param receiver Address that gets them.
    @param shares Shares.
    """
    self._pooled_wei += shares if self._total_shares == 0 else self._to_balance(shares)
    self._total_shares += shares
    self.sharesOf[receiver] += shares


@external
def rebase(pooled_wei: uint256):
    """
    @notice Report rewards or a slashing.
    @param pooled_wei Ether of the pool from now on.
    """
    self._pooled_wei = pooled_wei


@external
@view
def balanceOf(account: address) -> uint256:
    """
    @notice Balance of an address.
    @param account Address.
    @return Amount in wei.
    """
    return self._to_balance(self.sharesOf[account])


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow a spender.
    @param spender Address that may transfer.
    @param amount Amount in wei.
    @return True.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Send by balance, which rounds.
    @param receiver Address that gets it.
    @param amount Amount in wei.
    @return True.
    """
    self._move(msg.sender, receiver, amount * self._total_shares // self._pooled_wei)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Send of another address by balance, which rounds.
    @param sender Address that pays.
    @param receiver Address that gets it.
    @param amount Amount in wei.
    @return True.
    """
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount * self._total_shares // self._pooled_wei)
    return True


@external
def transferShares(receiver: address, shares: uint256) -> uint256:
    """
    @notice Send shares.
    @param receiver Address that gets them.
    @param shares Shares.
    @return Their balance.
    """
    self._move(msg.sender, receiver, shares)
    return self._to_balance(shares)


@external
def transferSharesFrom(sender: address, receiver: address, shares: uint256) -> uint256:
    """
    @notice Send shares of another address within its allowance.
    @param sender Address that pays.
    @param receiver Address that gets them.
    @param shares Shares.
    @return Their balance.
    """
    balance: uint256 = self._to_balance(shares)
    self.allowance[sender][msg.sender] -= balance
    self._move(sender, receiver, shares)
    return balance


@internal
def _move(sender: address, receiver: address, shares: uint256):
    self.sharesOf[sender] -= shares
    self.sharesOf[receiver] += shares


@internal
@view
def _to_balance(shares: uint256) -> uint256:
    return shares * self._pooled_wei // self._total_shares
