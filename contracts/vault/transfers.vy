# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Transfers into and out of custody
@notice Ether and ERC-20 tokens, including those that return nothing or take
        a fee. What arrived is measured, never believed.
"""

from ethereum.ercs import IERC20

from contracts.vault import asset_registry


@internal
@payable
def _receive(token: address, sender: address, amount_native: uint256) -> uint256:
    """
    @dev Returns what arrived, in native units.
    """
    if token == asset_registry.NATIVE_ETHER:
        assert msg.value == amount_native, "V08: ether sent differs from the amount"
        return amount_native
    assert msg.value == 0, "V09: ether sent with a token deposit"
    balance_before: uint256 = staticcall IERC20(token).balanceOf(self)
    # A token that returns nothing counts as true; one without code reverts.
    is_sent: bool = extcall IERC20(token).transferFrom(
        sender, self, amount_native, default_return_value=True
    )
    assert is_sent, "V10: token refused the deposit"
    return staticcall IERC20(token).balanceOf(self) - balance_before


@internal
def _send(token: address, receiver: address, amount_native: uint256):
    """
    @dev Ether goes out with all remaining gas, because a stipend would lock
         out contract wallets. The callers hold the re-entrancy lock and have
         written their state, and no return data is copied, so that a
         receiver can only make its own claim fail.
    """
    if token == asset_registry.NATIVE_ETHER:
        is_paid: bool = raw_call(
            receiver, b"", value=amount_native, revert_on_failure=False
        )
        assert is_paid, "V11: receiver refused the ether"
        return
    is_sent: bool = extcall IERC20(token).transfer(
        receiver, amount_native, default_return_value=True
    )
    assert is_sent, "V12: token refused the claim"
