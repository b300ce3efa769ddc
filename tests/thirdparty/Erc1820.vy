# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Registry of hooks as ERC-1820 describes it, for tests
@notice Stands at the registry's address while ERC-777 tokens are tested.
        Without managers: every account names its own implementers.
"""

# account -> hash of an interface -> implementer
_implementers: HashMap[address, HashMap[bytes32, address]]


@external
@view
def getInterfaceImplementer(account: address, interface_hash: bytes32) -> address:
    """
    @notice Who implements an interface for an account.
    @param account Account.
    @param interface_hash Keccak-256 of the interface's name.
    @return Implementer; zero: nobody.
    """
    return self._implementers[account][interface_hash]


@external
def setInterfaceImplementer(account: address, interface_hash: bytes32, implementer: address):
    """
    @notice Name an implementer; for the account itself.
    @param account Caller.
    @param interface_hash Keccak-256 of the interface's name.
    @param implementer Contract that is called; zero: nobody any more.
    """
    assert msg.sender == account, "ERC-1820: caller is not the account"
    self._implementers[account][interface_hash] = implementer
