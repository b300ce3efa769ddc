# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# SPDX-License-Identifier: Apache-2.0
"""
@title Gateway: settlement of execution chains on L1
@license Apache-2.0
@notice Numbers accounts, queues operations that chains must consume,
        advances up to eight chains at once or none of them, moves value
        between them, and keeps what each of them has.
@dev A chain's state moves only by public outputs that its verifier holds as
     proven. What moves and when: docs/spec/settlement.md.
     A settlement calls nothing but views of verifiers and of the oracle hub.
@custom:kill None. It has no owner. Chains freeze one by one, by rules that
        anyone can invoke; nobody can stop claims or refunds.
@custom:invariant Per asset: balances, unassigned deposits, claimable sums and
        credits of all chains, and what is in flight, add up to the vault's
        ledger. Per chain and asset: pledges are at most the balance. Every
        chain consumes its priority records in order, each once; every
        withdrawal and credit is paid at most once.
"""

from contracts.gateway import channels
from contracts.gateway import entries
from contracts.gateway import exits
from contracts.gateway import ledger
from contracts.gateway import neighbours
from contracts.gateway import positions
from contracts.gateway import public_output
from contracts.gateway import statements
from contracts.gateway import withdrawals
from interfaces import IChainRegistry
from interfaces import IGateway
from interfaces import IPriorityQueue

implements: IGateway

initializes: neighbours
initializes: positions[neighbours := neighbours]
initializes: ledger
initializes: channels[ledger := ledger, neighbours := neighbours]
initializes: public_output[neighbours := neighbours]
initializes: withdrawals
initializes: exits[
    channels := channels, ledger := ledger, neighbours := neighbours, positions := positions
]

exports: (
    # neighbours
    neighbours.vault,
    neighbours.registry,
    neighbours.priority_queue,
    neighbours.oracle_hub,
    neighbours.data_availability,
    neighbours.escape_hatch,
    neighbours.is_frozen,
    # positions and ledgers
    positions.position,
    ledger.balance_units,
    ledger.unassigned_units,
    ledger.claimable_units,
    ledger.pledged_units,
    ledger.pledged_total_units,
    ledger.in_flight_units,
    ledger.credit_units,
    # channels
    channels.channel,
    channels.in_flight_accumulator,
    channels.is_oldest_in_flight,
    # withdrawals
    withdrawals.withdrawals_root,
    withdrawals.is_consumed,
    # exits
    exits.refund_deposit,
    exits.refund_envelope,
    exits.move_pledges,
)

CHAINS_MAX: constant(uint256) = channels.CHAINS_MAX
ENTRIES_MAX: constant(uint256) = channels.ENTRIES_MAX


@deploy
def __init__(
    vault: address,
    registry: address,
    queue: address,
    oracle_hub: address,
    data: address,
    escape_hatch: address,
):
    """
    @notice Create a gateway, for good with these contracts.
    @param vault Vault whose deposits and claims it serves.
    @param registry Registry of the chains.
    @param queue Priority queues of the chains.
    @param oracle_hub Hub whose snapshots chains consume.
    @param data Where state diffs are published.
    @param escape_hatch Contract that credits the owners of a frozen chain;
           it may be created later.
    """
    neighbours.__init__(vault, registry, queue, oracle_hub, data, escape_hatch)


@external
@nonreentrant
def enqueue_deposit(
    chain_id: uint256, depositor: address, asset_id: uint256, amount_units: uint256
) -> uint256:
    """
    @notice Queue a deposit of a chain; for the vault only.
    @param chain_id Chain that is not frozen.
    @param depositor Address that is credited.
    @param asset_id Asset that the vault received.
    @param amount_units Credit in engine units.
    @return Index of the record.
    """
    assert msg.sender == neighbours.VAULT, "N20: caller is not the vault"
    ledger.unassigned_units[chain_id][asset_id] += amount_units
    return extcall IPriorityQueue(neighbours.QUEUE).enqueue_deposit(
        chain_id, depositor, asset_id, amount_units
    )


@external
@nonreentrant
def settle(
    outputs: DynArray[IGateway.PublicOutput, CHAINS_MAX],
    flows: DynArray[IGateway.Flow, ENTRIES_MAX],
    entered: DynArray[IGateway.ChannelEntry, ENTRIES_MAX],
    sent: DynArray[IGateway.Envelope, ENTRIES_MAX],
    received: DynArray[IGateway.Envelope, ENTRIES_MAX],
    pledges: DynArray[IGateway.Pledge, ENTRIES_MAX],
):
    """
    @notice Advance up to eight chains, all or none. Anyone may submit; the
            proofs decide.
    @param outputs Public outputs, by ascending chain id.
    @param flows Sums of consumed deposits and of withdrawals, in the order
           of the outputs and of the assets.
    @param entered Totals of channels that changed, in the order of the
           outputs and of the peers.
    @param sent New envelopes, in the order of their channels.
    @param received Envelopes of earlier settlements, in the order of the
           receivers' channels.
    @param pledges New pledges and releases, in the order of the outputs, of
           the peers and of the assets.
    """
    assert len(outputs) != 0, "E28: no public output"
    last_chain: uint256 = 0
    flow: uint256 = 0
    entry: uint256 = 0
    pledge: uint256 = 0
    for output: IGateway.PublicOutput in outputs:
        assert output.chain_id > last_chain, "E02: chains do not ascend"
        last_chain = output.chain_id
        self._advance(output)
        flow = entries._check_flows(output, flows, flow)
        entry = entries._check_channels(output, entered, entry)
        pledge = entries._check_pledges(output, pledges, pledge)
    assert (
        flow == len(flows) and entry == len(entered) and pledge == len(pledges)
    ), "E61: entry out of order"
    for item: IGateway.Flow in flows:
        if item.deposited_units != 0:
            ledger._assign(item.chain_id, item.asset_id, item.deposited_units)
    channels._move(outputs, entered, sent, received)
    self._move_pledges(pledges)
    for item: IGateway.Flow in flows:
        if item.withdrawn_units != 0:
            ledger._make_claimable(item.chain_id, item.asset_id, item.withdrawn_units)


@external
@nonreentrant
def consume_withdrawal(
    chain_id: uint256,
    batch: uint256,
    index: uint256,
    owner: address,
    asset_id: uint256,
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
    assert msg.sender == neighbours.VAULT, "N21: claims go by the vault"
    withdrawals._consume(chain_id, batch, index, owner, asset_id, amount_units, path)
    ledger._consume_claimable(chain_id, asset_id, amount_units)
    log IGateway.WithdrawalConsumed(
        chain_id=chain_id,
        batch=batch,
        index=index,
        owner=owner,
        asset_id=asset_id,
        amount_units=amount_units,
    )


@external
@nonreentrant
def consume_credit(chain_id: uint256, owner: address, asset_id: uint256) -> uint256:
    """
    @notice Take an owner's credit of a frozen chain, whole; for the vault
            only.
    @param chain_id Frozen chain.
    @param owner Owner that the vault pays.
    @param asset_id Asset.
    @return Engine units of the credit.
    """
    assert msg.sender == neighbours.VAULT, "N22: credits go by the vault"
    return ledger._consume_credit(chain_id, owner, asset_id)


@external
@nonreentrant
def credit_escape(chain_id: uint256, owner: address, asset_id: uint256, units: uint256):
    """
    @notice Credit an owner out of a frozen chain's balance; for the escape
            hatch only.
    @param chain_id Frozen chain.
    @param owner Owner of an account of the chain.
    @param asset_id Asset.
    @param units Engine units.
    """
    assert msg.sender == neighbours.ESCAPE_HATCH, "N23: caller is not the hatch"
    neighbours._check_frozen(chain_id)
    ledger._debit(chain_id, asset_id, units)
    ledger._add_credit(chain_id, owner, asset_id, units, ledger.NO_PRIORITY_INDEX)


@internal
def _advance(output: IGateway.PublicOutput):
    """
    @notice Check the words of a public output and move its chain.
    """
    terms: IChainRegistry.SettlementTerms = staticcall IChainRegistry(
        neighbours.REGISTRY
    ).live_settlement_terms(output.chain_id)
    settled: IGateway.Position = positions._position(output.chain_id)
    public_output._check_identity(terms.version.config_hash, output)
    public_output._check_progress(settled, output)
    public_output._check_priority(settled.priority_consumed, output)
    public_output._check_oracle(terms.feed_set_id, settled.oracle_consumed, output)
    public_output._check_data(terms.da_mode, output)
    digest: bytes32 = statements._digest(output)
    assert statements._is_fact(terms.version, digest), "E05: output is not proven"
    positions._advance(output)
    if output.withdrawals_root != empty(bytes32):
        withdrawals.withdrawals_root[output.chain_id][output.last_batch] = (
            output.withdrawals_root
        )
    log IGateway.Settled(
        chain_id=output.chain_id,
        last_batch=output.last_batch,
        first_batch=output.first_batch,
        old_root=output.old_root,
        new_root=output.new_root,
        withdrawals_root=output.withdrawals_root,
        priority_next=output.priority_next,
        valuation_hash=output.valuation_hash,
        da_commitment=output.da_commitment,
        public_output_hash=digest,
    )


@internal
def _move_pledges(pledges: DynArray[IGateway.Pledge, ENTRIES_MAX]):
    """
    @notice Pledges first: a release of a pledge of the same settlement counts.
            Backing last: what is released may be pledged again.
    """
    for pledge: IGateway.Pledge in pledges:
        if pledge.pledged_units != 0:
            neighbours._check_registered(pledge.peer)
            ledger._pledge(
                pledge.chain_id, pledge.peer, pledge.asset_id, pledge.pledged_units
            )
    for pledge: IGateway.Pledge in pledges:
        if pledge.released_units != 0:
            ledger._unpledge(
                pledge.peer, pledge.chain_id, pledge.asset_id, pledge.released_units
            )
    for pledge: IGateway.Pledge in pledges:
        ledger._check_backing(pledge.chain_id, pledge.asset_id)
