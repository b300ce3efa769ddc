# pragma version ==0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: Apache-2.0
"""
@title Custody of an asset, by its kind
@notice What the vault holds, takes and sends, in native units: wei, token
        base units, shares of stETH, scaled balance of an aToken. What arrived
        is measured, never believed.
@dev Shares and scaled balances do not change by themselves. What stETH or an
     aToken earns or loses is in their price, never in the vault's ledger.
"""

from ethereum.ercs import IERC20

from contracts.vault import asset_registry

# The part of Lido's stETH that moves shares.
interface IStEth:
    def sharesOf(account: address) -> uint256: view
    def transferShares(receiver: address, shares: uint256) -> uint256: nonpayable
    def transferSharesFrom(
        sender: address, receiver: address, shares: uint256
    ) -> uint256: nonpayable

# The part of Aave's aTokens that is not ERC-20.
interface IAToken:
    def scaledBalanceOf(account: address) -> uint256: view


@internal
@view
def _holdings(asset: asset_registry.Custody) -> uint256:
    """
    @dev In native units.
    """
    if asset.kind == asset_registry.KIND_ETHER:
        return self.balance
    if asset.kind == asset_registry.KIND_STETH:
        return staticcall IStEth(asset.token).sharesOf(self)
    if asset.kind == asset_registry.KIND_ATOKEN:
        return staticcall IAToken(asset.token).scaledBalanceOf(self)
    return staticcall IERC20(asset.token).balanceOf(self)


@internal
@payable
def _receive(
    asset: asset_registry.Custody, sender: address, amount: uint256
) -> (uint256, uint256):
    """
    @dev Returns what the vault held before and what arrived, both in native
         units. What arrived is never more than was asked for: what else
         comes during the call, by a rebase or a gift, is surplus. The amount
         is in native units but for an aToken, which is asked for by its
         balance. A scaled unit is worth at least one of the balance, so the
         amount bounds what arrives there too, but a fee check has nothing to
         compare it with.
    """
    if asset.kind == asset_registry.KIND_ETHER:
        assert msg.value == amount, "V11: ether sent differs from the amount"
        return self.balance - amount, amount
    assert msg.value == 0, "V12: ether sent with a token deposit"
    held_before: uint256 = self._holdings(asset)
    if asset.kind == asset_registry.KIND_STETH:
        extcall IStEth(asset.token).transferSharesFrom(sender, self, amount)
    else:
        # A token that returns nothing counts as true; one without code reverts.
        is_sent: bool = extcall IERC20(asset.token).transferFrom(
            sender, self, amount, default_return_value=True
        )
        assert is_sent, "V13: token refused the deposit"
    received: uint256 = self._holdings(asset) - held_before
    assert (
        received >= amount or asset.may_take_fee or asset.kind == asset_registry.KIND_ATOKEN
    ), "V14: less arrived than was sent"
    return held_before, min(received, amount)


@internal
def _send(asset: asset_registry.Custody, receiver: address, amount_native: uint256):
    """
    @dev Ether goes out with all remaining gas, because a stipend would lock
         out contract wallets. The callers hold the re-entrancy lock and have
         written their state, and no return data is copied, so that a
         receiver can only make its own payout fail.
    """
    if asset.kind == asset_registry.KIND_ETHER:
        is_paid: bool = raw_call(
            receiver, b"", value=amount_native, revert_on_failure=False
        )
        assert is_paid, "V15: receiver refused the ether"
    elif asset.kind == asset_registry.KIND_STETH:
        extcall IStEth(asset.token).transferShares(receiver, amount_native)
    else:
        amount: uint256 = amount_native
        if asset.kind == asset_registry.KIND_ATOKEN:
            amount = self._atoken_amount(asset, amount_native)
        is_sent: bool = extcall IERC20(asset.token).transfer(
            receiver, amount, default_return_value=True
        )
        assert is_sent, "V16: token refused the payout"


@internal
@view
def _atoken_amount(asset: asset_registry.Custody, scaled: uint256) -> uint256:
    """
    @dev What to send so that the scaled balance falls by at most `scaled`, in
         every version of Aave V3. With index i >= 1 and the vault's scaled
         balance T, balance b = T i up to rounding and a = floor(b scaled / T):
         - until 3.4, b <= T i + 1/2, and a transfer takes a / i rounded half
           up. If scaled < T, a / i + 1/2 < scaled + 1, whose floor is scaled.
           If scaled = T, a = b, and Aave's own rounding gives T back.
         - from 3.5 on, b <= T i, and a transfer takes a / i rounded up:
           a <= scaled i, so at most scaled.
         The receiver loses less than two base units, the vault none.
    """
    balance: uint256 = staticcall IERC20(asset.token).balanceOf(self)
    return balance * scaled // staticcall IAToken(asset.token).scaledBalanceOf(self)
