# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title The head of a proof
@notice Reads what a proof says before its openings, in the order of its
        bytes, and refuses what is malformed.
@dev docs/spec/proof-system.md, "Proof bytes". The bytes stay in the calldata;
     positions are absolute. No length is believed: every read is preceded by
     a check that the data reaches so far. Long pieces, which the transcript
     absorbs whole, are named by their position.
"""

from contracts.verifier import machine

MAGIC: constant(bytes8) = 0x485270726f6f6631  # "HRproof1"
ELEMENT_BYTES: constant(uint256) = 24
VALUES_BYTES: constant(uint256) = ELEMENT_BYTES * machine.VALUES
FINAL_COEFFICIENTS: constant(uint256) = 2**machine.FINAL_LOG
FINAL_BYTES: constant(uint256) = ELEMENT_BYTES * FINAL_COEFFICIENTS
# More public output than this does not fit beside the rest of a first part
# that leaves room for openings; the gateway's has 896 bytes.
MAX_OUTPUT_BYTES: constant(uint256) = 8_192
# Of a part: nodes' mempools refuse transactions above 128 KiB.
MAX_DATA_BYTES: constant(uint256) = 114_688
# Of the first part, which holds them in memory twice.
MAX_BEGIN_BYTES: constant(uint256) = 98_304
WORD: constant(uint256) = 2**64 - 1

# Where the second and the third lane of an element stand.
LANE_1: constant(uint256) = WORD << 85
LANE_2: constant(uint256) = WORD << 170
# v >= p = 2^64 - 2^32 + 1 just if v + 2^32 - 1 carries out of 64 bits. Every
# second number of a word at a time leaves room for the carries.
EVEN_NUMBERS: constant(uint256) = WORD * (1 + 2**128)
TO_CARRY: constant(uint256) = (2**32 - 1) * (1 + 2**128)
CARRIES: constant(uint256) = 2**64 * (1 + 2**128)

# What is said before the openings.
struct Head:
    profile: uint256
    # Byte t, from the left, is log2 of the height of table t.
    log_heights: bytes32
    log_n: uint256
    output_position: uint256
    output_words: uint256
    entry_pc: uint256
    # Byte t, from the left, for the t-th table with preprocessed columns.
    preprocessed_log_heights: bytes32
    # Of the preprocessed, main, aux and quotient tree.
    roots: bytes32[4]
    values_position: uint256
    fri_roots: DynArray[bytes32, 4]
    final_position: uint256
    nonce: bytes8
    # Where the openings begin.
    openings: uint256


@internal
@view
def _decode(start: uint256, end: uint256) -> (Head, uint256[machine.VALUES]):
    """
    @notice Read the head of a proof.
    @param start Position of its first byte in the calldata.
    @param end Position after the last byte that is there.
    @return The head; its elements are canonical, its heights in range.
    @return The values outside the domain. Apart, as memory is copied at calls.
    """
    head: Head = empty(Head)
    at: uint256 = self._take(start, 8, end)
    assert convert(slice(msg.data, start, 8), bytes8) == MAGIC, "BAD_MAGIC"
    at = self._take(at, 1, end)
    head.profile = convert(slice(msg.data, at - 1, 1), uint256)
    assert head.profile in machine.PROFILES, "UNKNOWN_PROFILE"
    assert head.profile in machine.ACCEPTED, "PROFILE_NOT_ACCEPTED"
    at = self._take(at, 1, end)
    assert convert(slice(msg.data, at - 1, 1), uint256) == machine.TABLES, "WRONG_TABLE_COUNT"

    at = self._take(at, machine.TABLES, end)
    heights: Bytes[machine.TABLES] = slice(msg.data, at - machine.TABLES, machine.TABLES)
    head.log_heights = self._left_aligned(heights)
    head.log_n = self._checked_log_n(head.log_heights)

    at = self._take(at, 4, end)
    head.output_words = convert(slice(msg.data, at - 4, 4), uint256)
    assert head.output_words <= machine.MAX_OUTPUT_WORDS, "TOO_MANY_OUTPUT_WORDS"
    head.output_position = at
    at = self._take(at, 4 * head.output_words, end)
    at = self._take(at, 4, end)
    head.entry_pc = convert(slice(msg.data, at - 4, 4), uint256)

    head.roots[0], at = self._digest(at, end)
    at = self._take(at, machine.PREPROCESSED_TABLES, end)
    program_heights: Bytes[machine.PREPROCESSED_TABLES] = slice(
        msg.data, at - machine.PREPROCESSED_TABLES, machine.PREPROCESSED_TABLES
    )
    head.preprocessed_log_heights = self._left_aligned(program_heights)
    for tree: uint256 in range(1, 4):
        head.roots[tree], at = self._digest(at, end)

    head.values_position = at
    at = self._take(at, VALUES_BYTES, end)
    values: uint256[machine.VALUES] = self._elements(head.values_position, machine.VALUES)
    for _: uint256 in range(machine.MAX_FRI_LAYERS):
        if len(head.fri_roots) == self._fri_layers(head.log_n):
            break
        root: bytes32 = empty(bytes32)
        root, at = self._digest(at, end)
        head.fri_roots.append(root)
    head.final_position = at
    at = self._take(at, FINAL_BYTES, end)
    self._elements(head.final_position, FINAL_COEFFICIENTS)
    head.openings = self._take(at, 8, end)
    head.nonce = convert(slice(msg.data, at, 8), bytes8)
    return head, values


@internal
@view
def _output(head: Head) -> Bytes[MAX_OUTPUT_BYTES]:
    """
    @notice The public output, if it is not too long for one transaction.
    @param head The head.
    @return Its words, 4 bytes each.
    """
    assert 4 * head.output_words <= MAX_OUTPUT_BYTES, "OUTPUT_TOO_LONG"
    # The values that follow in the head are longer than this window: 8,712 bytes.
    window: Bytes[MAX_OUTPUT_BYTES] = slice(
        msg.data, head.output_position, MAX_OUTPUT_BYTES
    )
    return slice(window, 0, 4 * head.output_words)


@internal
@view
def _final_hash(head: Head) -> bytes32:
    """
    @notice The hash of the final polynomial.
    @param head The head.
    @return keccak256 of its coefficients' bytes.
    """
    return keccak256(slice(msg.data, head.final_position, FINAL_BYTES))


@internal
@pure
def _take(at: uint256, length: uint256, end: uint256) -> uint256:
    """
    @notice Step over bytes that must be there.
    @param at Position of the first.
    @param length How many.
    @param end Position after the last byte that is there.
    @return Position after them.
    """
    assert length <= end - at, "TRUNCATED"
    return at + length


@internal
@view
def _digest(at: uint256, end: uint256) -> (bytes32, uint256):
    """
    @notice Read a digest.
    @param at Its position.
    @param end Position after the last byte that is there.
    @return The digest, and the position after it.
    """
    after: uint256 = self._take(at, 32, end)
    return convert(slice(msg.data, at, 32), bytes32), after


@internal
@view
def _elements(at: uint256, count: uint256) -> uint256[machine.VALUES]:
    """
    @notice Read elements of F, which must be there.
    @param at Their position.
    @param count How many, from 4 to VALUES.
    @return The elements, lanes below p, and zeros.
    """
    elements: uint256[machine.VALUES] = empty(uint256[machine.VALUES])
    # In memory, as code of 33 bytes for each use of a constant is too much.
    even: uint256 = EVEN_NUMBERS
    to_carry: uint256 = TO_CARRY
    lane_1: uint256 = LANE_1
    lane_2: uint256 = LANE_2
    carries: uint256 = 0
    place: uint256 = 0
    for _: uint256 in range(unsafe_add(count, 3) // 4, bound=(machine.VALUES + 3) // 4):
        # The last group of four may have elements of the one before.
        place = min(place, unsafe_sub(count, 4))
        position: uint256 = unsafe_add(at, unsafe_mul(ELEMENT_BYTES, place))
        a: uint256 = convert(slice(msg.data, position, 32), uint256)
        b: uint256 = convert(slice(msg.data, unsafe_add(position, 32), 32), uint256)
        c: uint256 = convert(slice(msg.data, unsafe_add(position, 64), 32), uint256)
        carries |= (
            unsafe_add(a & even, to_carry)
            | unsafe_add((a >> 64) & even, to_carry)
            | unsafe_add(b & even, to_carry)
            | unsafe_add((b >> 64) & even, to_carry)
            | unsafe_add(c & even, to_carry)
            | unsafe_add((c >> 64) & even, to_carry)
        )
        # Twelve numbers of 64 bits, three for each element.
        elements[place] = a >> 192 | (a >> 43) & lane_1 | (a << 106) & lane_2
        elements[unsafe_add(place, 1)] = a & WORD | (b >> 107) & lane_1 | (b << 42) & lane_2
        elements[unsafe_add(place, 2)] = (
            (b >> 64) & WORD | (b << 85) & lane_1 | (c >> 22) & lane_2
        )
        elements[unsafe_add(place, 3)] = (
            (c >> 128) & WORD | (c << 21) & lane_1 | (c << 170) & lane_2
        )
        place = unsafe_add(place, 4)
    assert carries & CARRIES == 0, "NON_CANONICAL_ELEMENT"
    return elements


@internal
@pure
def _left_aligned(data: Bytes[machine.TABLES]) -> bytes32:
    """
    @notice A few bytes as a word with zero bytes after them.
    @param data The bytes.
    @return The word.
    """
    return convert(convert(data, uint256) << (256 - 8 * len(data)), bytes32)


@internal
@pure
def _checked_log_n(log_heights: bytes32) -> uint256:
    """
    @notice The largest of the tables' heights; refuses one that is out of
            range. That of the cpu table, the first one, is bounded apart:
            timestamps count its rows.
    @param log_heights Byte t, from the left, for table t.
    @return Its base-2 logarithm.
    """
    log_n: uint256 = 0
    bound: uint256 = machine.MAX_LOG_CYCLES
    for table: uint256 in range(machine.TABLES):
        log_height: uint256 = machine._byte(log_heights, table)
        assert log_height >= machine.MIN_LOG_HEIGHT, "HEIGHT_OUT_OF_RANGE"
        assert log_height <= bound, "HEIGHT_OUT_OF_RANGE"
        bound = machine.MAX_LOG_HEIGHT
        log_n = max(log_n, log_height)
    return log_n


@internal
@pure
def _fri_layers(log_n: uint256) -> uint256:
    """
    @notice How many times FRI folds.
    @param log_n Base-2 logarithm of the degree bound, above that of the final
           polynomial.
    @return Number of layers; the last one may fold by less than the others.
    """
    return (log_n - machine.FINAL_LOG + machine.FOLD_LOG - 1) // machine.FOLD_LOG
