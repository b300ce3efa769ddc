# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Gateway: settlement of execution chains on L1
@license Apache-2.0
@notice Numbers accounts, queues deposits and admin operations, advances a
        chain by one public output at a time, and checks withdrawals for the
        vault.
@dev In this version a chain's mode of trust is ATTESTED: the operator's
     signature stands where the validity proof will stand. Whoever holds the
     operator's key can settle any root, and so take what was deposited to
     that chain, but nothing of another chain.
@custom:kill None. The owner registers chains and can neither change nor
        stop a registered one.
@custom:invariant Every chain consumes its priority records in order, each
        once; every withdrawal is consumed at most once.
"""

from contracts.common import ownable_2step
from contracts.gateway import attestation
from contracts.gateway import chain_registry
from contracts.gateway import priority_queue
from contracts.gateway import public_output
from contracts.gateway import withdrawals
from interfaces import IGateway

implements: IGateway

initializes: ownable_2step
initializes: chain_registry[ownable_2step := ownable_2step]
initializes: priority_queue
initializes: withdrawals

exports: (
    # roles
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    # chains
    chain_registry.register_chain,
    chain_registry.chain_state,
    chain_registry.trust_mode_name,
    # priority queue
    priority_queue.queue_length,
    priority_queue.accumulator_after,
    priority_queue.account_of,
    priority_queue.account_count,
    priority_queue.enqueued_at_s,
    # withdrawals
    withdrawals.withdrawals_root,
    withdrawals.is_consumed,
)

VAULT: immutable(address)


@deploy
def __init__(owner: address, vault: address):
    """
    @notice Create a gateway without chains.
    @param owner Registers chains.
    @param vault Vault whose deposits and claims it serves, for good.
    """
    ownable_2step.__init__(owner)
    assert vault.is_contract, "E46: vault is not a contract"
    VAULT = vault


@external
@view
def vault() -> address:
    """
    @notice The vault whose deposits and claims this gateway serves.
    @return Address of the vault.
    """
    return VAULT


@external
@nonreentrant
def enqueue_deposit(
    chain_id: uint256, depositor: address, asset_id: uint16, amount_units: uint256
) -> uint256:
    """
    @notice Append a deposit record, and number the depositor's account on
            the first one; for the vault only.
    @param chain_id Registered chain.
    @param depositor Address that is credited.
    @param asset_id Asset that the vault received.
    @param amount_units Credit in engine units.
    @return Index of the record.
    """
    assert msg.sender == VAULT, "E40: caller is not the vault"
    chain_registry._check_registered(chain_id)
    account_id: uint256 = priority_queue._account_of_depositor(chain_id, depositor)
    return priority_queue._append(
        chain_id,
        priority_queue.KIND_DEPOSIT,
        depositor,
        account_id,
        convert(asset_id, uint256),
        amount_units,
        empty(bytes32),
        empty(bytes32),
    )


@external
@nonreentrant
def enqueue_admin(chain_id: uint256, data0: bytes32, data1: bytes32) -> uint256:
    """
    @notice Append an admin record; for the chain's governance only.
    @param chain_id Registered chain.
    @param data0 First half of a 64-byte engine operation, opaque here.
    @param data1 Second half.
    @return Index of the record.
    """
    settled: chain_registry.Chain = chain_registry._registered(chain_id)
    assert msg.sender == settled.governance, "E41: caller is not the chain's governance"
    return priority_queue._append(
        chain_id, priority_queue.KIND_ADMIN, msg.sender, 0, 0, 0, data0, data1
    )


@external
@nonreentrant
def settle(chain_id: uint256, output: IGateway.PublicOutput, signature: Bytes[65]):
    """
    @notice Advance one chain. Anyone may submit; the signature decides.
    @param chain_id Registered chain.
    @param output The 28 words that the operator signed.
    @param signature Operator's r || s || v, see attestation.
    """
    settled: chain_registry.Chain = chain_registry._registered(chain_id)
    public_output._check_identity(chain_id, settled.config_hash, output)
    public_output._check_progress(settled, output)
    public_output._check_unused_words(output)
    priority_queue._check_range(chain_id, settled.priority_consumed, output)
    digest: bytes32 = public_output._digest(output)
    attestation._check_signature(settled.operator, digest, signature)
    chain_registry._advance(chain_id, output)
    withdrawals.withdrawals_root[chain_id][output.last_batch] = output.withdrawals_root
    log IGateway.Settled(
        chain_id=chain_id,
        last_batch=output.last_batch,
        first_batch=output.first_batch,
        old_root=output.old_root,
        new_root=output.new_root,
        withdrawals_root=output.withdrawals_root,
        priority_next=output.priority_next,
        public_output_hash=digest,
        trust_mode=chain_registry._mode_name(settled.trust_mode),
    )


@external
@nonreentrant
def consume_withdrawal(
    chain_id: uint256,
    batch: uint256,
    index: uint256,
    owner: address,
    asset_id: uint16,
    amount_units: uint256,
    path: DynArray[bytes32, 20],
):
    """
    @notice Check a withdrawal against its settlement and mark it as paid;
            for the vault only.
    @param chain_id Chain that withdrew.
    @param batch Last batch of the settlement that carries the withdrawal.
    @param index Position of the withdrawal in that settlement.
    @param owner Address that the vault pays.
    @param asset_id Asset.
    @param amount_units Amount in engine units.
    @param path Sibling hashes from the leaf up to the root.
    """
    assert msg.sender == VAULT, "E47: claims go through the vault"
    withdrawals._consume(chain_id, batch, index, owner, asset_id, amount_units, path)
    log IGateway.WithdrawalConsumed(
        chain_id=chain_id,
        batch=batch,
        index=index,
        owner=owner,
        asset_id=convert(asset_id, uint256),
        amount_units=amount_units,
    )
