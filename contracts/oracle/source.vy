# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Source: reading of foreign contracts that may misbehave
@notice A read fails or succeeds, but never reverts the snapshot, costs a
        bounded amount of gas and copies a bounded number of bytes.
@dev The callee always has exactly READ_GAS, whatever the caller of the
     snapshot sent, so that nobody can make a good feed fail by sending too
     little: EIP-150 withholds 1/64 of what is left, and a snapshot with less
     than READ_GAS_NEEDED before a read reverts as a whole. The same check
     makes the limit of 1,024 nested calls unreachable. At most two reads
     per feed and 32 feeds cost 64 * 200,000 = 12.8 M gas, which leaves room
     below the 2^24 of a transaction (EIP-7825).
"""

# What became of a read. Only OK and CAPPED carry a value to rely on.
STATUS_OK: constant(uint256) = 1
# The rate grew faster than its cap allows; the value is the cap.
STATUS_CAPPED: constant(uint256) = 2
# The call reverted, ran out of gas or returned too little.
STATUS_CALL_FAILED: constant(uint256) = 3
STATUS_DECIMALS_CHANGED: constant(uint256) = 4
STATUS_NON_POSITIVE: constant(uint256) = 5
STATUS_FUTURE: constant(uint256) = 6
STATUS_STALE: constant(uint256) = 7
# The answer is at or beyond a bound where the aggregator may hold it.
STATUS_CLAMPED: constant(uint256) = 8
# The value does not fit into VALUE_BITS, or reserves are beyond their type.
STATUS_OUT_OF_RANGE: constant(uint256) = 9
STATUS_NO_SUPPLY: constant(uint256) = 10
STATUS_DEPENDS_ON_BAD_FEED: constant(uint256) = 11

VALUE_BITS: constant(uint256) = 128
# No token or rate has more; powers of ten stay far below 2^256.
DECIMALS_MAX: constant(uint256) = 36

READ_GAS: constant(uint256) = 200_000
# READ_GAS * 64 / 63 = 203,175 must be left at the call itself; before it go
# 2,600 for a cold account and this function's own few hundred. The rest is
# margin, should access to accounts become dearer.
READ_GAS_NEEDED: constant(uint256) = 220_000
# A selector and at most one word.
CALL_BYTES_MAX: constant(uint256) = 36
# latestRoundData returns five words, all else fewer.
OUTPUT_BYTES_MAX: constant(uint256) = 160
WORD_BYTES: constant(uint256) = 32


@internal
@view
def _read(
    source: address, call_data: Bytes[CALL_BYTES_MAX], word_count: uint256
) -> (bool, Bytes[OUTPUT_BYTES_MAX]):
    """
    @dev An address without code succeeds and returns nothing, which is too
         little. More than `word_count` words are accepted, as by any caller.
    @param source Contract to read.
    @param call_data What to call it with.
    @param word_count Number of words that must return.
    @return Whether it succeeded; what returned, at least `word_count` words
            if so.
    """
    assert msg.gas >= READ_GAS_NEEDED, "F15: too little gas is left for a read"
    is_done: bool = False
    output: Bytes[OUTPUT_BYTES_MAX] = b""
    is_done, output = raw_call(
        source,
        call_data,
        max_outsize=OUTPUT_BYTES_MAX,
        gas=READ_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return is_done and len(output) >= word_count * WORD_BYTES, output


@internal
@pure
def _word(output: Bytes[OUTPUT_BYTES_MAX], position: uint256) -> uint256:
    return extract32(output, position * WORD_BYTES, output_type=uint256)


@internal
@pure
def _scaled(
    amount: uint256, decimals: uint256, target_decimals: uint256
) -> (uint256, uint256):
    """
    @dev Change of decimals, rounded down: collateral is worth less, not more.
         At most 18 decimals are added, 60 bits, so the product is exact.
    @return Value below 2^VALUE_BITS and STATUS_OK; or 0 and why not.
    """
    scaled: uint256 = 0
    if decimals > target_decimals:
        scaled = amount // 10 ** (decimals - target_decimals)
    elif amount >> VALUE_BITS != 0:
        return 0, STATUS_OUT_OF_RANGE
    else:
        scaled = amount * 10 ** (target_decimals - decimals)
    if scaled == 0:
        return 0, STATUS_NON_POSITIVE
    if scaled >> VALUE_BITS != 0:
        return 0, STATUS_OUT_OF_RANGE
    return scaled, STATUS_OK
