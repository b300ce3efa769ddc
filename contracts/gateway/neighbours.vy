# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Contracts that the gateway works with, for good
"""

from interfaces import IChainRegistry

VAULT: immutable(address)
REGISTRY: immutable(address)
QUEUE: immutable(address)
ORACLE_HUB: immutable(address)
DATA: immutable(address)
ESCAPE_HATCH: immutable(address)


@deploy
def __init__(
    vault_: address,
    registry_: address,
    queue_: address,
    oracle_hub_: address,
    data_: address,
    escape_hatch_: address,
):
    assert vault_.is_contract, "N07: vault is not a contract"
    assert registry_.is_contract, "N08: registry is not a contract"
    assert queue_.is_contract, "N09: queue is not a contract"
    assert oracle_hub_.is_contract, "N10: oracle hub is no contract"
    assert data_.is_contract, "N11: DA is not a contract"
    assert escape_hatch_ != empty(address), "N19: hatch is the zero address"
    VAULT = vault_
    REGISTRY = registry_
    QUEUE = queue_
    ORACLE_HUB = oracle_hub_
    DATA = data_
    ESCAPE_HATCH = escape_hatch_


@external
@view
def vault() -> address:
    """
    @notice The vault whose deposits and claims the gateway serves.
    @return Address of the vault.
    """
    return VAULT


@external
@view
def registry() -> address:
    """
    @notice The registry of the chains that the gateway settles.
    @return Address of the registry.
    """
    return REGISTRY


@external
@view
def priority_queue() -> address:
    """
    @notice The queues whose records chains consume.
    @return Address of the priority queue.
    """
    return QUEUE


@external
@view
def oracle_hub() -> address:
    """
    @notice The hub whose snapshots chains consume.
    @return Address of the hub.
    """
    return ORACLE_HUB


@external
@view
def data_availability() -> address:
    """
    @notice Where state diffs are published.
    @return Address of the contract.
    """
    return DATA


@external
@view
def escape_hatch() -> address:
    """
    @notice Contract that credits the owners of a frozen chain.
    @return Address of the escape hatch.
    """
    return ESCAPE_HATCH


@external
@view
def is_frozen(chain_id: uint256) -> bool:
    """
    @notice Whether a chain is frozen, for good.
    @param chain_id Chain.
    @return True if it is.
    """
    return self._is_frozen(chain_id)


@internal
@view
def _is_frozen(chain_id: uint256) -> bool:
    return staticcall IChainRegistry(REGISTRY).is_frozen(chain_id)


@internal
@view
def _check_frozen(chain_id: uint256):
    assert self._is_frozen(chain_id), "N12: chain is not frozen"


@internal
@view
def _check_registered(chain_id: uint256):
    assert staticcall IChainRegistry(REGISTRY).is_registered(chain_id), "E62: peer is not registered"
