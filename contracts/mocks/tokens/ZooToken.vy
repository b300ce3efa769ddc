# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title ZooToken: a token with any of the odd behaviours of real ones
@license Apache-2.0
@notice For tests only. Behaviours are bits, and can be changed at any time,
        as those of an upgradable token can.
@dev Balances are shares times an index, so that it can rebase up and down.
"""

FEE: constant(uint256) = 1                  # burns 1 % of every transfer
HOOKS: constant(uint256) = 2                # calls an address on every transfer
NO_RETURN: constant(uint256) = 4            # transfers return nothing
RETURNS_FALSE: constant(uint256) = 8        # transfers succeed and return false
NO_REVERT: constant(uint256) = 16           # failures return false
PAUSED: constant(uint256) = 32              # nothing moves
REVERT_ZERO: constant(uint256) = 64         # refuses transfers of zero
REVERT_TO_ZERO: constant(uint256) = 128     # refuses the zero address
UINT96: constant(uint256) = 256             # refuses 2^96 and more
APPROVAL_TO_ZERO: constant(uint256) = 512   # refuses to approve the zero address
APPROVAL_OF_ZERO: constant(uint256) = 1_024 # refuses to approve zero
FROM_SELF: constant(uint256) = 2_048        # its own holder needs no allowance
TAKES_EXTRA: constant(uint256) = 4_096      # sender pays 1 % on top

INDEX_ONE: constant(uint256) = 10**18
FEE_PPM: constant(uint256) = 10_000
PPM: constant(uint256) = 1_000_000

# @notice Ticker, in the old form.
symbol: public(bytes32)
# @notice Number of decimals.
decimals: public(uint8)
# @notice Allowances.
# @param arg0 Owner.
# @param arg1 Spender.
allowance: public(HashMap[address, HashMap[address, uint256]])
# @notice Addresses that can neither send nor receive.
# @param arg0 Address.
is_blocked: public(HashMap[address, bool])
_behaviour: uint256
_hook: address
_index: uint256
_shares: HashMap[address, uint256]


@deploy
def __init__(decimals: uint8, behaviour: uint256):
    """
    @notice Create a token without supply.
    @param decimals Number of decimals.
    @param behaviour Bits of behaviour.
    """
    self.symbol = convert(b"ZOO", bytes32)
    self.decimals = decimals
    self._behaviour = behaviour
    self._index = INDEX_ONE


@external
def set_behaviour(behaviour: uint256):
    """
    @notice Behave differently from now on.
    @param behaviour Bits of behaviour.
    """
    self._behaviour = behaviour


@external
def set_hook(hook: address):
    """
    @notice Choose what is called on transfers.
    @param hook Address.
    """
    self._hook = hook


@external
def set_blocked(account: address, is_blocked: bool):
    """
    @notice Block an address, or release it.
    @param account Address.
    @param is_blocked Whether it is blocked.
    """
    self.is_blocked[account] = is_blocked


@external
def rebase(index_e18: uint256):
    """
    @notice Change all balances at once.
    @param index_e18 Balance of one share.
    """
    self._index = index_e18


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    """
    self._shares[receiver] += self._to_shares(amount)


@external
@view
def balanceOf(account: address) -> uint256:
    """
    @notice Balance of an address.
    @param account Address.
    @return Amount in base units.
    """
    return self._shares[account] * self._index // INDEX_ONE


@external
def permit(
    holder: address,
    spender: address,
    nonce: uint256,
    expiry: uint256,
    is_allowed: bool,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Allow all or nothing, with the signature that Dai's permit has.
    @dev Nothing is checked: no contract here may depend on permits.
    @param holder Owner.
    @param spender Spender.
    @param nonce Not looked at.
    @param expiry Not looked at.
    @param is_allowed All or nothing.
    @param v Not looked at.
    @param r Not looked at.
    @param s Not looked at.
    """
    self.allowance[holder][spender] = max_value(uint256) if is_allowed else 0


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow a spender.
    @param spender Address that may transfer.
    @param amount Amount in base units.
    @return True.
    """
    if spender == empty(address):
        assert not self._is(APPROVAL_TO_ZERO), "zoo: approval to zero"
    if amount == 0:
        assert not self._is(APPROVAL_OF_ZERO), "zoo: approval of zero"
    self.allowance[msg.sender][spender] = amount
    return True


@external
@raw_return
def transfer(receiver: address, amount: uint256) -> Bytes[32]:
    """
    @notice Send tokens.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    @return True, false or nothing, as the behaviour is.
    """
    return self._answer(self._move(msg.sender, receiver, amount))


@external
@raw_return
def transferFrom(sender: address, receiver: address, amount: uint256) -> Bytes[32]:
    """
    @notice Send tokens of another address within its allowance.
    @param sender Address that pays.
    @param receiver Address that gets them.
    @param amount Amount in base units.
    @return True, false or nothing, as the behaviour is.
    """
    if not (self._is(FROM_SELF) and sender == msg.sender):
        if self.allowance[sender][msg.sender] < amount and self._is(NO_REVERT):
            return self._answer(False)
        self.allowance[sender][msg.sender] -= amount
    return self._answer(self._move(sender, receiver, amount))


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    is_possible: bool = self._is_possible(sender, receiver, amount)
    if not is_possible and self._is(NO_REVERT):
        return False
    assert is_possible, "zoo: transfer refused"
    if self._is(HOOKS):
        raw_call(self._hook, b"")
    fee: uint256 = amount * FEE_PPM // PPM
    taken: uint256 = amount + fee if self._is(TAKES_EXTRA) else amount
    given: uint256 = amount - fee if self._is(FEE) else amount
    self._shares[sender] -= self._to_shares(taken)
    self._shares[receiver] += self._to_shares(given)
    if self._is(HOOKS):
        raw_call(self._hook, b"")
    return True


@internal
@view
def _is_possible(sender: address, receiver: address, amount: uint256) -> bool:
    if self._is(PAUSED) or self.is_blocked[sender] or self.is_blocked[receiver]:
        return False
    if self._is(REVERT_ZERO) and amount == 0:
        return False
    if self._is(REVERT_TO_ZERO) and receiver == empty(address):
        return False
    if self._is(UINT96) and amount >= 2**96:
        return False
    return self._to_shares(amount) <= self._shares[sender]


@internal
@view
def _answer(is_done: bool) -> Bytes[32]:
    if is_done and self._is(NO_RETURN):
        return b""
    if is_done and not self._is(RETURNS_FALSE):
        return abi_encode(True)
    return abi_encode(False)


@internal
@view
def _is(behaviour: uint256) -> bool:
    return self._behaviour & behaviour != 0


@internal
@view
def _to_shares(amount: uint256) -> uint256:
    return amount * INDEX_ONE // self._index
