# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title GatewayStub: what the vault sees of a gateway
@license Apache-2.0
@notice For tests of the vault alone. It takes any withdrawal once, and
        credits and freezes are as anyone sets them.
"""

VAULT: immutable(address)

# @notice Number of deposits of a chain.
# @param arg0 Chain.
deposit_count: public(HashMap[uint256, uint256])
# @notice Whether a chain is frozen.
# @param arg0 Chain.
is_frozen: public(HashMap[uint256, bool])
# @notice What claim_credit pays, by chain, owner and asset.
# @param arg0 Chain.
# @param arg1 Owner.
# @param arg2 Asset.
credit_units: public(HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]])
_is_consumed: HashMap[uint256, HashMap[uint256, HashMap[uint256, bool]]]
_is_refusing: bool
_hook: address

# @notice A deposit record.
# @param chain_id Chain.
# @param index Index of the record.
# @param depositor Who is credited.
# @param asset_id Asset.
# @param amount_units Amount.
event DepositQueued:
    chain_id: indexed(uint256)
    index: uint256
    depositor: indexed(address)
    asset_id: indexed(uint256)
    amount_units: uint256


@deploy
def __init__(vault: address):
    """
    @notice Serve one vault.
    @param vault The vault.
    """
    VAULT = vault


@external
@view
def vault() -> address:
    """
    @notice The vault.
    @return Its address.
    """
    return VAULT


@external
def set_refusing(is_refusing: bool):
    """
    @notice Refuse deposits, withdrawals and credits, or take them again.
    @param is_refusing Whether they are refused.
    """
    self._is_refusing = is_refusing


@external
def set_hook(hook: address):
    """
    @notice Call an address whenever the vault calls.
    @param hook Address; zero: none.
    """
    self._hook = hook


@external
def set_frozen(chain_id: uint256, is_frozen: bool):
    """
    @notice Freeze a chain, or revive it.
    @param chain_id Chain.
    @param is_frozen Whether it is frozen.
    """
    self.is_frozen[chain_id] = is_frozen


@external
def set_credit(chain_id: uint256, owner: address, asset_id: uint256, units: uint256):
    """
    @notice Set a credit.
    @param chain_id Chain.
    @param owner Owner.
    @param asset_id Asset.
    @param units Amount.
    """
    self.credit_units[chain_id][owner][asset_id] = units


@external
def enqueue_deposit(
    chain_id: uint256, depositor: address, asset_id: uint256, amount_units: uint256
) -> uint256:
    """
    @notice Number a deposit.
    @param chain_id Chain.
    @param depositor Who is credited.
    @param asset_id Asset.
    @param amount_units Amount.
    @return Index of the record.
    """
    self._enter()
    index: uint256 = self.deposit_count[chain_id]
    self.deposit_count[chain_id] = index + 1
    log DepositQueued(
        chain_id=chain_id,
        index=index,
        depositor=depositor,
        asset_id=asset_id,
        amount_units=amount_units,
    )
    return index


@external
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
    @notice Take a withdrawal, whatever its path says, once.
    @param chain_id Chain.
    @param batch Batch.
    @param index Index.
    @param owner Owner.
    @param asset_id Asset.
    @param amount_units Amount.
    @param path Not looked at.
    """
    self._enter()
    assert not self._is_consumed[chain_id][batch][index], "gateway: consumed"
    self._is_consumed[chain_id][batch][index] = True


@external
def consume_credit(chain_id: uint256, owner: address, asset_id: uint256) -> uint256:
    """
    @notice Take a credit, whole.
    @param chain_id Chain.
    @param owner Owner.
    @param asset_id Asset.
    @return Its units.
    """
    self._enter()
    units: uint256 = self.credit_units[chain_id][owner][asset_id]
    assert units > 0, "gateway: no credit"
    self.credit_units[chain_id][owner][asset_id] = 0
    return units


@internal
def _enter():
    assert msg.sender == VAULT, "gateway: not the vault"
    assert not self._is_refusing, "gateway: refused"
    if self._hook != empty(address):
        raw_call(self._hook, b"")
