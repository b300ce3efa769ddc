# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Many operations in one block, for tests
"""

from interfaces import ICollateralVault

interface Queue:
    def enqueue_forced(
        chain_id: uint256,
        kind: uint256,
        account_id: uint256,
        asset_id: uint256,
        amount_units: uint256,
        data0: bytes32,
        data1: bytes32,
    ) -> uint256: payable

SWEEP: constant(uint256) = 7
ETHER_ASSET: constant(uint256) = 1
AMOUNT_WEI: constant(uint256) = 10**12

QUEUE: immutable(Queue)
VAULT: immutable(ICollateralVault)


@deploy
def __init__(queue: address, vault: address):
    """
    @notice Fill blocks of this system.
    @param queue Priority queue.
    @param vault Vault with ether as asset 1.
    """
    QUEUE = Queue(queue)
    VAULT = ICollateralVault(vault)


@external
@payable
def __default__():
    """
    @notice Take ether to spend.
    """
    pass


@external
def deposit(chain_id: uint256, count: uint256):
    """
    @notice Deposit that often.
    @param chain_id Chain.
    @param count How often.
    """
    for _: uint256 in range(count, bound=256):
        extcall VAULT.deposit(chain_id, ETHER_ASSET, AMOUNT_WEI, value=AMOUNT_WEI)


@external
def sweep(chain_id: uint256, count: uint256, fee_wei: uint256):
    """
    @notice Force that many sweeps.
    @param chain_id Chain.
    @param count How often.
    @param fee_wei Fee of one.
    """
    for _: uint256 in range(count, bound=256):
        extcall QUEUE.enqueue_forced(
            chain_id, SWEEP, 1, 0, 0, empty(bytes32), empty(bytes32), value=fee_wei
        )
