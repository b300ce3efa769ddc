# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title SourceMock: answers any call with any bytes, or misbehaves
@license Apache-2.0
@notice For tests only. Behaves as it was told for exactly this calldata, and
        reverts for any other.
"""

SELECTOR_BYTES: constant(uint256) = 4
CALL_BYTES_MAX: constant(uint256) = 36
OUTPUT_BYTES_MAX: constant(uint256) = 256
# As many words as one read can afford: three copies of them in memory.
BOMB_WORDS: constant(uint256) = 2_000
# Nearly all that a read has; the rest is enough to return.
WASTED_GAS: constant(uint256) = 193_000
# What a read has left after this contract has looked up what to do.
GUARDED_GAS: constant(uint256) = 197_000
WASTE_ROUNDS_MAX: constant(uint256) = 1_000_000

# REVERT:      revert without data.
# ANSWER:      return the bytes.
# BURN:        use up all gas.
# WASTE:       use up WASTED_GAS, then return the bytes.
# RETURN_BOMB: return 64,000 bytes.
# REVERT_BOMB: revert with 64,000 bytes.
# WRITE:       change the state, which a static call forbids.
# GUARD:       return the bytes if nearly all gas of a read is there, and
#              revert at once if not.
BEHAVIOUR_REVERT: constant(uint256) = 0
BEHAVIOUR_ANSWER: constant(uint256) = 1
BEHAVIOUR_BURN: constant(uint256) = 2
BEHAVIOUR_WASTE: constant(uint256) = 3
BEHAVIOUR_RETURN_BOMB: constant(uint256) = 4
BEHAVIOUR_REVERT_BOMB: constant(uint256) = 5
BEHAVIOUR_WRITE: constant(uint256) = 6
BEHAVIOUR_GUARD: constant(uint256) = 7

# keccak256 of the calldata -> what to do, and what to return.
behaviours: public(HashMap[bytes32, uint256])
outputs: HashMap[bytes32, Bytes[OUTPUT_BYTES_MAX]]
writes: public(uint256)


@external
def set_behaviour(
    call_data: Bytes[CALL_BYTES_MAX], behaviour: uint256, output: Bytes[OUTPUT_BYTES_MAX]
):
    """
    @notice Set what one calldata leads to.
    @param call_data Calldata.
    @param behaviour What to do, see above.
    @param output What to return.
    """
    call_hash: bytes32 = keccak256(call_data)
    self.behaviours[call_hash] = behaviour
    self.outputs[call_hash] = output


@external
@raw_return
def __default__() -> Bytes[BOMB_WORDS * 32]:
    """
    @notice Behave as set.
    @return The bytes that were set, or a lot of them.
    """
    call_hash: bytes32 = keccak256(slice(msg.data, 0, SELECTOR_BYTES))
    if len(msg.data) == CALL_BYTES_MAX:
        call_hash = keccak256(slice(msg.data, 0, CALL_BYTES_MAX))
    behaviour: uint256 = self.behaviours[call_hash]
    assert behaviour != BEHAVIOUR_REVERT
    assert behaviour != BEHAVIOUR_GUARD or msg.gas >= GUARDED_GAS
    if behaviour == BEHAVIOUR_BURN:
        raise UNREACHABLE
    if behaviour == BEHAVIOUR_WRITE:
        self.writes += 1
    if behaviour == BEHAVIOUR_RETURN_BOMB:
        return abi_encode(empty(uint256[BOMB_WORDS]))
    if behaviour == BEHAVIOUR_REVERT_BOMB:
        raw_revert(abi_encode(empty(uint256[BOMB_WORDS])))
    if behaviour == BEHAVIOUR_WASTE:
        gas_at_start: uint256 = msg.gas
        for i: uint256 in range(WASTE_ROUNDS_MAX):
            if gas_at_start - msg.gas >= WASTED_GAS:
                break
    return self.outputs[call_hash]
