# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title ChainRegistry: execution chains and what they must be proven for
@license Apache-2.0
@notice Which chains exist, what their settlements must be proven for, who
        speaks for them, and which are frozen.
@dev Terms never change, but for the two roles and, with notice, the version.
@custom:kill None. A chain freezes for good, by rules that anyone can invoke.
@custom:invariant A frozen chain stays frozen, with the version it had.
"""

from contracts.common import ownable_2step
from contracts.gateway import kinds
from contracts.gateway import statements
from interfaces import IChainRegistry
from interfaces import IGateway
from interfaces import IPriorityQueue

implements: IChainRegistry

initializes: ownable_2step

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

DA_VALIDIUM: constant(uint256) = 0
DA_ROLLUP: constant(uint256) = 1
# Deposits may take half of a block's operations, so one is not enough.
OPERATIONS_PER_BLOCK_MIN: constant(uint256) = 2
OPERATIONS_PER_BLOCK_MAX: constant(uint256) = 255
# Users see an upgrade two weeks ahead; a forced exit takes three days.
UPGRADE_NOTICE_S: constant(uint256) = 14 * 86_400
CHAIN_ID_MAX: constant(uint256) = 2**64 - 1
FEED_SET_ID_MAX: constant(uint256) = 2**64 - 1
# Of the packed terms, from the lowest bit: verifier, data availability,
# whether the chain is frozen, operations per block, feed set.
VERIFIER: constant(uint256) = 2**160 - 1
DA_POSITION: constant(uint256) = 160
FROZEN: constant(uint256) = 2**161
OPERATIONS_POSITION: constant(uint256) = 168
OPERATIONS: constant(uint256) = 255
FEED_SET_POSITION: constant(uint256) = 192

struct Upgrade:
    version: IGateway.Version
    active_from_s: uint256  # 0: none is scheduled

# What a verifier must hold as proven.
struct Statement:
    program_id: bytes32
    parameters_id: bytes32
    config_hash: bytes32

# Terms that neither a settlement nor a deposit asks for.
struct Roles:
    operator: address
    governance: address
    genesis_root: bytes32
    forced_fee_wei: uint256

# chain id -> terms in one word, see above; zero: not registered.
_packed_terms: HashMap[uint256, uint256]
_statements: HashMap[uint256, Statement]
_roles: HashMap[uint256, Roles]
_upgrades: HashMap[uint256, Upgrade]
# @notice Gateway that settles the chains; zero: not set yet.
gateway: public(address)


@deploy
def __init__(owner: address):
    """
    @notice Create a registry without chains.
    @param owner Registers chains and, once, sets the gateway.
    """
    ownable_2step.__init__(owner)


@external
@nonreentrant
def set_gateway(gateway: address):
    """
    @notice Bind the registry to its gateway, once and for good; owner only.
    @param gateway Gateway that was created for this registry.
    """
    ownable_2step._check_owner()
    assert self.gateway == empty(address), "C01: registry has its gateway already"
    assert gateway.is_contract, "C02: no contract at the gateway's address"
    assert (
        staticcall IGateway(gateway).registry() == self
    ), "C03: gateway uses another registry"
    self.gateway = gateway
    log IGateway.GatewaySet(gateway=gateway)


@external
@nonreentrant
def register_chain(chain_id: uint256, terms: IGateway.ChainTerms):
    """
    @notice Register a chain, for good; for the owner only.
    @param chain_id Free chain id, not zero and below 2^64.
    @param terms Version, roles and limits.
    """
    ownable_2step._check_owner()
    assert chain_id != 0 and chain_id <= CHAIN_ID_MAX, "C10: chain id is zero or 2^64 or more"
    assert not self._is_registered(chain_id), "C11: chain is already registered"
    self._check_version(terms.version)
    assert terms.operator != empty(address), "C12: chain's operator is the zero address"
    assert terms.governance != empty(address), "C13: governance is the zero address"
    assert terms.genesis_root != empty(bytes32), "C14: genesis root is zero"
    assert terms.da_mode <= DA_ROLLUP, "C15: data availability is neither validium nor rollup"
    assert terms.feed_set_id <= FEED_SET_ID_MAX, "C30: feed set id is 2^64 or more"
    assert (
        terms.operations_per_block >= OPERATIONS_PER_BLOCK_MIN
        and terms.operations_per_block <= OPERATIONS_PER_BLOCK_MAX
    ), "C16: operations per block are not between 2 and 255"
    self._packed_terms[chain_id] = (
        terms.da_mode << DA_POSITION
        | terms.operations_per_block << OPERATIONS_POSITION
        | terms.feed_set_id << FEED_SET_POSITION
    )
    self._set_version(chain_id, terms.version)
    self._roles[chain_id] = Roles(
        operator=terms.operator,
        governance=terms.governance,
        genesis_root=terms.genesis_root,
        forced_fee_wei=terms.forced_fee_wei,
    )
    log IGateway.ChainRegistered(
        chain_id=chain_id,
        operator=terms.operator,
        governance=terms.governance,
        genesis_root=terms.genesis_root,
        da_mode=terms.da_mode,
        feed_set_id=terms.feed_set_id,
        forced_fee_wei=terms.forced_fee_wei,
        operations_per_block=terms.operations_per_block,
    )
    self._log_version(chain_id, terms.version)


@external
@nonreentrant
def set_roles(chain_id: uint256, operator: address, governance: address):
    """
    @notice Replace a chain's operator and governance; for its governance
            only.
    @param chain_id Registered chain.
    @param operator Collects the fees of forced operations from now on.
    @param governance Governance from now on.
    """
    self._check_governance(chain_id)
    assert operator != empty(address), "C18: new operator is the zero address"
    assert governance != empty(address), "C19: new governance is the zero address"
    self._roles[chain_id].operator = operator
    self._roles[chain_id].governance = governance
    log IGateway.RolesSet(chain_id=chain_id, operator=operator, governance=governance)


@external
@nonreentrant
def schedule_upgrade(chain_id: uint256, version: IGateway.Version):
    """
    @notice Announce another version, in the place of one announced before;
            for the chain's governance only.
    @param chain_id Chain that is not frozen.
    @param version What settlements must be proven for after the notice.
    """
    self._check_governance(chain_id)
    self._check_live(chain_id)
    self._check_version(version)
    active_from_s: uint256 = block.timestamp + UPGRADE_NOTICE_S
    self._upgrades[chain_id] = Upgrade(version=version, active_from_s=active_from_s)
    log IGateway.UpgradeScheduled(
        chain_id=chain_id,
        verifier=version.verifier,
        program_id=version.program_id,
        parameters_id=version.parameters_id,
        config_hash=version.config_hash,
        active_from_s=active_from_s,
    )


@external
@nonreentrant
def cancel_upgrade(chain_id: uint256):
    """
    @notice Withdraw an announced upgrade; for the chain's governance only.
    @param chain_id Chain.
    """
    self._check_governance(chain_id)
    assert self._upgrades[chain_id].active_from_s != 0, "C20: no upgrade is scheduled"
    self._upgrades[chain_id] = empty(Upgrade)
    log IGateway.UpgradeCancelled(chain_id=chain_id)


@external
@nonreentrant
def activate_upgrade(chain_id: uint256):
    """
    @notice Make an announced version the chain's, after its notice. Anyone
            may call.
    @param chain_id Chain that is not frozen.
    """
    self._check_live(chain_id)
    upgrade: Upgrade = self._upgrades[chain_id]
    assert upgrade.active_from_s != 0, "C21: no upgrade to activate"
    assert block.timestamp >= upgrade.active_from_s, "C22: notice of the upgrade has not run out"
    self._set_version(chain_id, upgrade.version)
    self._upgrades[chain_id] = empty(Upgrade)
    self._log_version(chain_id, upgrade.version)


@external
@view
def terms(chain_id: uint256) -> IGateway.ChainTerms:
    """
    @notice Version, roles and limits of a chain.
    @param chain_id Registered chain.
    @return The terms.
    """
    self._check_registered(chain_id)
    return self._terms(chain_id)


@external
@view
def scheduled_upgrade(chain_id: uint256) -> Upgrade:
    """
    @notice Announced upgrade of a chain.
    @param chain_id Chain.
    @return Version, and when anyone may activate it; zero: none.
    """
    return self._upgrades[chain_id]


@external
@view
def live_terms(chain_id: uint256) -> IGateway.ChainTerms:
    """
    @notice Terms of a chain that is not frozen; an error otherwise.
    @param chain_id Registered chain.
    @return The terms.
    """
    self._check_live(chain_id)
    return self._terms(chain_id)


@external
@view
def live_operations_per_block(chain_id: uint256) -> uint256:
    """
    @notice One of the terms of a chain that is not frozen, for those who pay
            for each word that is read; an error otherwise.
    @param chain_id Registered chain.
    @return Most priority records of users in a block.
    """
    return self._operations_per_block(self._live_packed_terms(chain_id))


@external
@view
def live_settlement_terms(chain_id: uint256) -> IChainRegistry.SettlementTerms:
    """
    @notice The terms that a settlement asks for, of a chain that is not
            frozen; an error otherwise.
    @param chain_id Registered chain.
    @return The terms, read from four words.
    """
    packed: uint256 = self._live_packed_terms(chain_id)
    return IChainRegistry.SettlementTerms(
        version=self._version(chain_id, packed),
        da_mode=self._da_mode(packed),
        feed_set_id=packed >> FEED_SET_POSITION,
    )


@external
@view
def genesis_root(chain_id: uint256) -> bytes32:
    """
    @notice State root of a chain before its first batch.
    @param chain_id Registered chain.
    @return The root.
    """
    self._check_registered(chain_id)
    return self._roles[chain_id].genesis_root


@external
@view
def is_frozen(chain_id: uint256) -> bool:
    """
    @notice Whether a chain is frozen, for good.
    @param chain_id Chain.
    @return True if it is.
    """
    return self._packed_terms[chain_id] & FROZEN != 0


@external
@view
def is_registered(chain_id: uint256) -> bool:
    """
    @notice Whether a chain exists.
    @param chain_id Chain.
    @return True if it does, frozen or not.
    """
    return self._is_registered(chain_id)


@external
@nonreentrant
def freeze_overdue(chain_id: uint256):
    """
    @notice Freeze a chain that has left a priority record for 3 days.
            Anyone may call.
    @param chain_id Chain that is not frozen.
    """
    self._check_live(chain_id)
    gateway: IGateway = IGateway(self.gateway)
    position: IGateway.Position = staticcall gateway.position(chain_id)
    queue: IPriorityQueue = IPriorityQueue(staticcall gateway.priority_queue())
    assert staticcall queue.is_overdue(
        chain_id, position.priority_consumed
    ), "C28: no priority record is overdue"
    self._freeze(chain_id, statements.FREEZE_OVERDUE_RECORD)


@external
@nonreentrant
def freeze_undelivered(envelope: IGateway.Envelope):
    """
    @notice Freeze a chain that has left an envelope for 3 days after its
            expiry. Anyone may call.
    @param envelope Oldest envelope in flight on its channel.
    """
    self._check_live(envelope.to_chain)
    assert staticcall IGateway(self.gateway).is_oldest_in_flight(
        envelope
    ), "C29: envelope is not the oldest in flight"
    assert (
        block.timestamp >= envelope.expires_at_s + kinds.FORCE_EXPIRY_S
    ), "C04: envelope is not overdue"
    self._freeze(envelope.to_chain, statements.FREEZE_OVERDUE_ENVELOPE)


@external
@nonreentrant
def raise_alarm(first: IGateway.PublicOutput, second: IGateway.PublicOutput):
    """
    @notice Freeze a chain whose verifier holds two contradicting public
            outputs as proven. Anyone may call.
    @dev The inputs commitment covers all that may influence an output, so a
         sound proof system has one output for it.
    @param first Public output of the chain, under its present version.
    @param second Another one with the same old root and inputs commitment.
    """
    chain_id: uint256 = first.chain_id
    self._check_live(chain_id)
    version: IGateway.Version = self._version(chain_id, self._packed_terms[chain_id])
    assert (
        second.chain_id == chain_id
        and first.old_root == second.old_root
        and first.inputs_commitment == second.inputs_commitment
    ), "C05: public outputs are of different inputs"
    # How a state diff is cut into chunks may be the prover's choice.
    with_same_data: IGateway.PublicOutput = second
    with_same_data.da_commitment = first.da_commitment
    first_digest: bytes32 = statements._digest(first)
    assert (
        first_digest != statements._digest(with_same_data)
    ), "C06: public outputs do not differ"
    # Of this deployment: a verifier may serve others, too.
    assert (
        statements._is_of(self.gateway, version.config_hash, first)
        and statements._is_of(self.gateway, version.config_hash, second)
    ), "C07: a public output is of another deployment or configuration"
    assert statements._is_fact(version, first_digest), "C08: first output is not proven"
    assert statements._is_fact(
        version, statements._digest(second)
    ), "C09: second output is not proven"
    self._freeze(chain_id, statements.FREEZE_ALARM)


@internal
def _freeze(chain_id: uint256, cause: uint256):
    """
    @dev The queue keeps how many operations it may take for a live chain.
    """
    self._packed_terms[chain_id] |= FROZEN
    queue: IPriorityQueue = IPriorityQueue(staticcall IGateway(self.gateway).priority_queue())
    extcall queue.forget_limit(chain_id)
    log IGateway.ChainFrozen(chain_id=chain_id, cause=cause)


@internal
def _set_version(chain_id: uint256, version: IGateway.Version):
    self._packed_terms[chain_id] = (
        self._packed_terms[chain_id] & ~VERIFIER | convert(version.verifier, uint256)
    )
    self._statements[chain_id] = Statement(
        program_id=version.program_id,
        parameters_id=version.parameters_id,
        config_hash=version.config_hash,
    )


@internal
@view
def _version(chain_id: uint256, packed: uint256) -> IGateway.Version:
    statement: Statement = self._statements[chain_id]
    return IGateway.Version(
        verifier=convert(convert(packed & VERIFIER, uint160), address),
        program_id=statement.program_id,
        parameters_id=statement.parameters_id,
        config_hash=statement.config_hash,
    )


@internal
@view
def _terms(chain_id: uint256) -> IGateway.ChainTerms:
    packed: uint256 = self._packed_terms[chain_id]
    roles: Roles = self._roles[chain_id]
    return IGateway.ChainTerms(
        version=self._version(chain_id, packed),
        operator=roles.operator,
        governance=roles.governance,
        genesis_root=roles.genesis_root,
        da_mode=self._da_mode(packed),
        feed_set_id=packed >> FEED_SET_POSITION,
        forced_fee_wei=roles.forced_fee_wei,
        operations_per_block=self._operations_per_block(packed),
    )


@internal
@pure
def _da_mode(packed: uint256) -> uint256:
    return (packed >> DA_POSITION) & 1


@internal
@pure
def _operations_per_block(packed: uint256) -> uint256:
    return (packed >> OPERATIONS_POSITION) & OPERATIONS


@internal
@view
def _is_registered(chain_id: uint256) -> bool:
    return self._packed_terms[chain_id] != 0


@internal
@view
def _check_registered(chain_id: uint256):
    assert self._is_registered(chain_id), "C27: chain is not registered"


@internal
@view
def _check_live(chain_id: uint256):
    self._live_packed_terms(chain_id)


@internal
@view
def _live_packed_terms(chain_id: uint256) -> uint256:
    self._check_registered(chain_id)
    packed: uint256 = self._packed_terms[chain_id]
    assert packed & FROZEN == 0, "E01: chain is frozen"
    return packed


@internal
@view
def _check_governance(chain_id: uint256):
    assert (
        msg.sender == self._roles[chain_id].governance
    ), "C17: only the chain's governance may"


@internal
@view
def _check_version(version: IGateway.Version):
    assert version.verifier.is_contract, "C23: verifier is not a contract"
    assert version.program_id != empty(bytes32), "C24: program id is zero"
    assert version.parameters_id != empty(bytes32), "C25: parameters id is zero"
    assert version.config_hash != empty(bytes32), "C26: config hash is zero"


@internal
def _log_version(chain_id: uint256, version: IGateway.Version):
    log IGateway.VersionActivated(
        chain_id=chain_id,
        verifier=version.verifier,
        program_id=version.program_id,
        parameters_id=version.parameters_id,
        config_hash=version.config_hash,
    )
