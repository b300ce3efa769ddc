# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title EscapeHatch: the way out of a frozen chain
@license Apache-2.0
@notice Pays the owners of a frozen chain's accounts out of its balance, by
        proof of their records in its last settled state and at the prices
        of its valuation table. Anyone may do it for anyone.
@dev Rules, formulas and roundings: docs/spec/escape.md.
@custom:kill None. It has no owner, and works only for frozen chains.
@custom:invariant Per chain and asset: credits are at most the chain's free
        balance. No account gets more than its equity, none is paid twice.
"""

from contracts.escape import baskets
from contracts.escape import equity
from contracts.escape import valuation
from interfaces import IEscapeHatch
from interfaces import IGateway
from interfaces import IStateProofs

implements: IEscapeHatch

initializes: baskets
initializes: valuation
initializes: equity[valuation := valuation]

exports: (
    baskets.gateway,
    baskets.asset_ledger,
)

CLAIM_WINDOW_S: constant(uint256) = 30 * 86_400
# After the claim window: while owners alone may claim their remainders.
OWNER_WINDOW_S: constant(uint256) = 30 * 86_400
QUOTE_ASSET: constant(uint256) = 0
ACCOUNT_EXISTS: constant(uint256) = 1
ACCOUNT_OWES: constant(uint256) = 16
# Eight balances, and the margin of an account without a balance of quote.
BASKET_MAX: constant(uint256) = 9

struct Holding:
    asset_id: uint256
    asset: uint256          # word of the table
    backed_units: uint256

STATE_PROOFS: immutable(address)

_openings: HashMap[uint256, IEscapeHatch.Opening]
# chain id -> account index // 256 -> one bit per claimed account.
_claimed_bits: HashMap[uint256, HashMap[uint256, uint256]]
_remainders: HashMap[uint256, HashMap[uint256, IEscapeHatch.Remainder]]
# @notice Sum of all remainders of a chain, paid ones included.
# @param arg0 Chain id.
remainders_total_units: public(HashMap[uint256, uint256])


@deploy
def __init__(gateway: address, state_proofs: address):
    """
    @notice Create the hatch, for good with these contracts.
    @param gateway Gateway that takes credits from this address.
    @param state_proofs Contract that proves records of a state.
    """
    baskets.__init__(gateway)
    assert state_proofs.is_contract, "X02: state proofs have no code"
    STATE_PROOFS = state_proofs


@external
@view
def state_proofs() -> address:
    """
    @notice The contract that proves records of a state.
    @return Address of the contract.
    """
    return STATE_PROOFS


@external
@view
def opening(chain_id: uint256) -> IEscapeHatch.Opening:
    """
    @notice State and window of an opened chain.
    @param chain_id Chain.
    @return Zeros if it is not open.
    """
    return self._openings[chain_id]


@external
@view
def remainder(chain_id: uint256, account_index: uint256) -> IEscapeHatch.Remainder:
    """
    @notice What an account is still owed out of the pot.
    @param chain_id Chain.
    @param account_index Number of the account's leaf.
    @return Owner and value; zeros if nothing is owed.
    """
    return self._remainders[chain_id][account_index]


@external
@view
def is_claimed(chain_id: uint256, account_index: uint256) -> bool:
    """
    @notice Whether an account was claimed for.
    @param chain_id Chain.
    @param account_index Number of the account's leaf.
    @return True if it was.
    """
    return self._claimed_bits[chain_id][account_index // 256] >> account_index % 256 & 1 != 0


@external
@nonreentrant
def open(chain_id: uint256, table: Bytes[valuation.TABLE_BYTES]):
    """
    @notice Fix state and prices of a frozen chain and begin the claim
            window. Anyone may call, once per chain; first move its pledges
            and refund its envelopes.
    @param chain_id Frozen chain.
    @param table Valuation table of the last settlement; empty if it has
           none.
    """
    source: IGateway = IGateway(baskets.GATEWAY)
    assert staticcall source.is_frozen(chain_id), "X03: chain still runs"
    assert self._openings[chain_id].window_ends_s == 0, "X04: chain is open already"
    position: IGateway.Position = staticcall source.position(chain_id)
    assert valuation._hash(table) == position.valuation_hash, "X05: table is not the settled"
    is_priced: bool = position.valuation_hash != empty(bytes32)
    window_ends_s: uint256 = block.timestamp + CLAIM_WINDOW_S
    self._openings[chain_id] = IEscapeHatch.Opening(
        state_root=position.state_root, window_ends_s=window_ends_s, is_priced=is_priced
    )
    log IEscapeHatch.ChainOpened(
        chain_id=chain_id,
        state_root=position.state_root,
        valuation_hash=position.valuation_hash,
        window_ends_s=window_ends_s,
    )
    if is_priced:
        valuation._store(chain_id, table)
        listed: uint256 = valuation._listed_assets[chain_id]
        for asset_id: uint256 in range(valuation.ASSET_IDS):
            if (listed >> asset_id) & 1 != 0:
                asset: uint256 = valuation._asset_word(chain_id, asset_id)
                baskets._assign(chain_id, asset_id, valuation._supply(asset))


@external
@nonreentrant
def claim(
    chain_id: uint256,
    account_index: uint256,
    record: Bytes[256],
    path: DynArray[bytes32, 26],
    slots: uint256,
    position_records: Bytes[1024],
    position_path: DynArray[bytes32, 26],
):
    """
    @notice Pay an account out of its basket, and note what it is owed
            beyond. Anyone may call, once per account.
    @param chain_id Opened chain.
    @param account_index Number of the account's leaf.
    @param record The 256 bytes of the leaf.
    @param path Siblings of the leaf.
    @param slots Bit k: the account's position k is in use. This and the
           rest is not read for an account without positions.
    @param position_records The 64 bytes of each position in use.
    @param position_path Siblings of the account's positions.
    """
    opening: IEscapeHatch.Opening = self._opened(chain_id)
    bits: uint256 = self._claimed_bits[chain_id][account_index // 256]
    bit: uint256 = 1 << account_index % 256
    assert bits & bit == 0, "X11: account is claimed already"
    self._claimed_bits[chain_id][account_index // 256] = bits | bit
    proofs: IStateProofs = IStateProofs(STATE_PROOFS)
    account: IStateProofs.Account = extcall proofs.verify_account(
        opening.state_root, account_index, record, path
    )
    assert account.flags & ACCOUNT_EXISTS != 0, "X12: account does not exist"
    positions: DynArray[IStateProofs.Position, 16] = []
    if account.positions_used != 0:
        positions = extcall proofs.verify_positions(
            opening.state_root, account_index, slots, position_records, position_path
        )
    if not opening.is_priced:
        self._claim_whole(chain_id, account_index, account, positions)
        return
    quote_index: uint256 = equity._quote_index(record)
    worth: int256 = 0
    basket: DynArray[Holding, BASKET_MAX] = []
    worth, basket = self._valued(chain_id, account, positions, quote_index)
    is_late: bool = block.timestamp >= opening.window_ends_s
    self._claim_valued(chain_id, account_index, account.owner, worth, basket, is_late)


@external
@nonreentrant
def claim_remainder(chain_id: uint256, account_index: uint256):
    """
    @notice Pay what an account is owed beyond its basket, out of the pot,
            once per account. In the first 30 days after the claim window
            its owner alone may call, after them anyone.
    @dev The sum of remainders is final, and the pot only grows: payments of
         any order add up to at most the pot. Who is paid later is paid no
         less, so the time is the owner's choice while it may matter.
    @param chain_id Opened chain.
    @param account_index Number of the account's leaf.
    """
    opening: IEscapeHatch.Opening = self._opened(chain_id)
    assert block.timestamp >= opening.window_ends_s, "X17: claim window is not over"
    remainder: IEscapeHatch.Remainder = self._remainders[chain_id][account_index]
    assert remainder.value_units != 0, "X18: no remainder is owed"
    if msg.sender != remainder.owner:
        strangers_from_s: uint256 = opening.window_ends_s + OWNER_WINDOW_S
        assert block.timestamp >= strangers_from_s, "X21: only the owner may call yet"
    self._remainders[chain_id][account_index] = empty(IEscapeHatch.Remainder)
    divisor: uint256 = max(self.remainders_total_units[chain_id], self._pot_value(chain_id))
    listed: uint256 = valuation._listed_assets[chain_id]
    for asset_id: uint256 in range(valuation.ASSET_IDS):
        if (listed >> asset_id) & 1 != 0:
            units: uint256 = (
                baskets._pot(chain_id, asset_id) * remainder.value_units // divisor
            )
            baskets._settle(chain_id, remainder.owner, asset_id, units, 0)
    log IEscapeHatch.RemainderPaid(
        chain_id=chain_id,
        account_index=account_index,
        owner=remainder.owner,
        remainder_units=remainder.value_units,
    )


@external
@nonreentrant
def collect(chain_id: uint256, asset_id: uint256):
    """
    @notice Put what reached the chain's balance since its opening into the
            pot: released pledges, late refunds. Anyone may call.
    @param chain_id Opened chain with a valuation table.
    @param asset_id Asset of the table.
    """
    valuation._asset_word(chain_id, asset_id)
    baskets._collect(chain_id, asset_id)


@internal
@view
def _opened(chain_id: uint256) -> IEscapeHatch.Opening:
    opening: IEscapeHatch.Opening = self._openings[chain_id]
    assert opening.window_ends_s != 0, "X10: chain is not open"
    return opening


@internal
def _claim_whole(
    chain_id: uint256,
    account_index: uint256,
    account: IStateProofs.Account,
    positions: DynArray[IStateProofs.Position, 16],
):
    """
    @dev Without prices: only what needs none.
    """
    is_plain: bool = True
    for position: IStateProofs.Position in positions:
        if (
            position.size_lots != 0
            or position.cost_units != 0
            or position.isolated_margin_units > 0
        ):
            is_plain = False
    for balance: IStateProofs.Balance in account.balances:
        if balance.free_units + convert(balance.locked_units, int256) < 0:
            is_plain = False
    assert is_plain, "X13: account needs a table"
    log IEscapeHatch.AccountClaimed(
        chain_id=chain_id,
        account_index=account_index,
        owner=account.owner,
        equity_units=0,
        basket_units=0,
        remainder_units=0,
    )
    if account.owner == empty(address):
        return
    for balance: IStateProofs.Balance in account.balances:
        units: int256 = balance.free_units + convert(balance.locked_units, int256)
        baskets._credit(
            chain_id, account.owner, balance.asset_id, convert(units, uint256)
        )


@internal
def _valued(
    chain_id: uint256,
    account: IStateProofs.Account,
    positions: DynArray[IStateProofs.Position, 16],
    quote_index: uint256,
) -> (int256, DynArray[Holding, BASKET_MAX]):
    """
    @dev Equity, and the backed part of the basket.
    """
    margin: uint256 = 0
    worth: int256 = 0
    for position: IStateProofs.Position in positions:
        margin += convert(max(position.isolated_margin_units, 0), uint256)
        worth += equity._worth(chain_id, position)
    worth += convert(margin, int256)
    basket: DynArray[Holding, BASKET_MAX] = []
    for balance: IStateProofs.Balance in account.balances:
        units: int256 = balance.free_units + convert(balance.locked_units, int256)
        in_basket: uint256 = 0
        if balance.asset_id == QUOTE_ASSET:
            owes: bool = account.flags & ACCOUNT_OWES != 0
            units = equity._with_interest(chain_id, units, quote_index, owes)
            in_basket = margin
            margin = 0
        in_basket += convert(max(units, 0), uint256)
        asset: uint256 = valuation._asset_word(chain_id, balance.asset_id)
        worth += equity._value(asset, units)
        basket.append(self._holding(chain_id, balance.asset_id, asset, in_basket))
    if margin != 0:
        asset: uint256 = valuation._asset_word(chain_id, QUOTE_ASSET)
        basket.append(self._holding(chain_id, QUOTE_ASSET, asset, margin))
    return worth, basket


@internal
def _holding(chain_id: uint256, asset_id: uint256, asset: uint256, units: uint256) -> Holding:
    return Holding(
        asset_id=asset_id,
        asset=asset,
        backed_units=baskets._take(chain_id, asset_id, valuation._supply(asset), units),
    )


@internal
def _claim_valued(
    chain_id: uint256,
    account_index: uint256,
    owner: address,
    worth: int256,
    basket: DynArray[Holding, BASKET_MAX],
    is_late: bool,
):
    """
    @dev Pays out of the basket, and notes what is owed beyond. An account
         without owner is a fund: nothing is owed to it.
    """
    entitled: uint256 = 0
    if owner != empty(address):
        entitled = convert(max(worth, 0), uint256)
    value: uint256 = 0
    for holding: Holding in basket:
        value += valuation._value_floor(holding.asset, holding.backed_units)
    remainder: uint256 = 0
    if entitled > value and not is_late:
        remainder = entitled - value
        self.remainders_total_units[chain_id] += remainder
        self._remainders[chain_id][account_index] = IEscapeHatch.Remainder(
            owner=owner, value_units=remainder
        )
    log IEscapeHatch.AccountClaimed(
        chain_id=chain_id,
        account_index=account_index,
        owner=owner,
        equity_units=worth,
        basket_units=value,
        remainder_units=remainder,
    )
    for holding: Holding in basket:
        paid: uint256 = 0
        if entitled != 0:
            paid = holding.backed_units
            if entitled < value:
                paid = holding.backed_units * entitled // value
        baskets._settle(
            chain_id, owner, holding.asset_id, paid, holding.backed_units - paid
        )


@internal
@view
def _pot_value(chain_id: uint256) -> uint256:
    """
    @dev Rounded up, so that shares of it are worth no more than remainders.
    """
    value: uint256 = 0
    listed: uint256 = valuation._listed_assets[chain_id]
    for asset_id: uint256 in range(valuation.ASSET_IDS):
        if (listed >> asset_id) & 1 != 0:
            asset: uint256 = valuation._asset_word(chain_id, asset_id)
            value += valuation._value_ceil(asset, baskets._pot(chain_id, asset_id))
    return value
