# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Chain registry of the gateway
@notice Which chains exist, who speaks for them, what stands behind their
        settlements, and how far each is settled.
"""

from contracts.common import ownable_2step
from interfaces import IGateway

uses: ownable_2step

# What stands behind a settlement.
# ATTESTED (1): the operator's signature over the public output, nothing else.
# PROVEN   (2): a validity proof; the name is reserved, no version accepts it
#               yet.
flag TrustMode:
    ATTESTED
    PROVEN


struct Chain:
    trust_mode: TrustMode
    operator: address           # signs public outputs in mode ATTESTED
    governance: address         # enqueues admin operations
    config_hash: bytes32        # keccak256 of the genesis constants
    state_root: bytes32         # root after `last_batch`
    last_batch: uint256         # 0 is the genesis
    last_time_s: uint256
    last_slot: uint256
    priority_consumed: uint256  # priority records [0, this) are consumed


# chain id -> registration and settled position; no operator: unregistered.
_chains: HashMap[uint256, Chain]


@external
@nonreentrant
def register_chain(
    chain_id: uint256,
    trust_mode: TrustMode,
    operator: address,
    governance: address,
    config_hash: bytes32,
    genesis_root: bytes32,
):
    """
    @notice Register a chain, for good; for the owner only.
    @param chain_id Free chain id.
    @param trust_mode ATTESTED (1). PROVEN (2) has no verifier yet.
    @param operator Address whose signature settles the chain.
    @param governance Address that enqueues admin operations.
    @param config_hash Hash of the chain's genesis constants.
    @param genesis_root State root before batch 1.
    """
    ownable_2step._check_owner()
    assert self._chains[chain_id].operator == empty(address), "E33: chain is already registered"
    assert trust_mode != TrustMode.PROVEN, "E34: mode PROVEN has no verifier yet"
    assert trust_mode == TrustMode.ATTESTED, "E35: unknown mode of trust"
    assert operator != empty(address), "E36: operator is the zero address"
    assert governance != empty(address), "E37: governance is the zero address"
    assert config_hash != empty(bytes32), "E38: config hash is zero"
    assert genesis_root != empty(bytes32), "E39: genesis root is zero"
    self._chains[chain_id] = Chain(
        trust_mode=trust_mode,
        operator=operator,
        governance=governance,
        config_hash=config_hash,
        state_root=genesis_root,
        last_batch=0,
        last_time_s=0,
        last_slot=0,
        priority_consumed=0,
    )
    log IGateway.ChainRegistered(
        chain_id=chain_id,
        trust_mode=self._mode_name(trust_mode),
        operator=operator,
        governance=governance,
        config_hash=config_hash,
        genesis_root=genesis_root,
    )


@external
@view
def chain_state(chain_id: uint256) -> Chain:
    """
    @notice Registration and settled position of a chain.
    @param chain_id Registered chain.
    @return Mode of trust (as a number), roles, hashes, batch, time, slot
            and count of consumed priority records.
    """
    return self._registered(chain_id)


@external
@view
def trust_mode_name(chain_id: uint256) -> String[8]:
    """
    @notice Name of what stands behind the chain's settlements.
    @param chain_id Registered chain.
    @return "ATTESTED": the operator's signature, no proof.
    """
    return self._mode_name(self._registered(chain_id).trust_mode)


@internal
@view
def _registered(chain_id: uint256) -> Chain:
    self._check_registered(chain_id)
    return self._chains[chain_id]


@internal
@view
def _check_registered(chain_id: uint256):
    assert self._chains[chain_id].operator != empty(address), "E01: chain is not registered"


@internal
def _advance(chain_id: uint256, output: IGateway.PublicOutput):
    self._chains[chain_id].state_root = output.new_root
    self._chains[chain_id].last_batch = output.last_batch
    self._chains[chain_id].last_time_s = output.last_time_s
    self._chains[chain_id].last_slot = output.last_slot
    self._chains[chain_id].priority_consumed = output.priority_next


# A view, because vyper 0.4.3 lets no pure function name a member of a flag.
@internal
@view
def _mode_name(trust_mode: TrustMode) -> String[8]:
    if trust_mode == TrustMode.ATTESTED:
        return "ATTESTED"
    return "PROVEN"
