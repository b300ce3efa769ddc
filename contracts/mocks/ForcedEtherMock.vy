# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title ForcedEtherMock: ether that its receiver cannot refuse
@license Apache-2.0
@notice For tests only.
"""


@external
@payable
def force(receiver: address):
    """
    @notice Destroy this contract in favour of an address.
    @param receiver Gets all ether of this contract.
    """
    selfdestruct(receiver)
