# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Challenges
@notice Draws every challenge of a proof from its head, in the order of the
        protocol (docs/spec/proof-system.md, "Transcript"). All that the
        prover says before a challenge is absorbed before it is drawn.
"""

from contracts.verifier import machine
from contracts.verifier import proof_format
from contracts.verifier import transcript
from interfaces import IStarkVerifier

# Labels: ASCII, padded with zero bytes on the right.
PROTOCOL: constant(bytes8) = 0x70726f746f636f6c
OUTPUT: constant(bytes8) = 0x6f75747075740000
HEIGHTS: constant(bytes8) = 0x6865696768747300
MAIN: constant(bytes8) = 0x6d61696e00000000
GAMMA: constant(bytes8) = 0x67616d6d61000000
BETA: constant(bytes8) = 0x6265746100000000
AUX: constant(bytes8) = 0x6175780000000000
ALPHA: constant(bytes8) = 0x616c706861000000
QUOTIENT: constant(bytes8) = 0x71756f7469656e74
ZETA: constant(bytes8) = 0x7a65746100000000
OPENINGS: constant(bytes8) = 0x6f70656e696e6773
BATCH: constant(bytes8) = 0x6c616d6264610000  # "lambda"
FRI: constant(bytes8) = 0x6672690000000000
FOLD: constant(bytes8) = 0x666f6c6400000000
FINAL: constant(bytes8) = 0x66696e616c000000
NONCE: constant(bytes8) = 0x6e6f6e6365000000
QUERIES: constant(bytes8) = 0x7175657269657300

# Lists into which queries are sorted by their highest bits.
LISTS_LOG: constant(uint256) = 6
LISTS: constant(uint256) = 2**LISTS_LOG

# What is drawn, and two states: before the proof-of-work and after it. The
# second one binds all that the proof says but its openings.
struct Drawn:
    challenges: IStarkVerifier.Challenges
    before_nonce: bytes32
    proof_id: bytes32


@internal
@view
def _draw(
    head: proof_format.Head,
    program_id: bytes32,
    parameters_id: bytes32,
    queries: uint256,
    log_blowup: uint256,
    output: Bytes[proof_format.MAX_OUTPUT_BYTES],
) -> Drawn:
    """
    @notice Absorb the head and draw all challenges.
    @param head The head.
    @param program_id The program that the proof is about.
    @param parameters_id The parameter set.
    @param queries How many places are queried.
    @param log_blowup Base-2 logarithm of the domain's size over the trace's.
    @param output The public output, 4 bytes a word.
    @return Challenges and states.
    """
    drawn: Drawn = empty(Drawn)
    state: bytes32 = transcript._absorb(
        empty(bytes32), PROTOCOL, concat(b"headrace/stark/v1", parameters_id, program_id)
    )
    output_words: bytes8 = convert(convert(head.output_words, uint64), bytes8)
    state = transcript._absorb(state, OUTPUT, concat(output_words, output))
    state = transcript._absorb(state, HEIGHTS, slice(head.log_heights, 0, machine.TABLES))

    state = transcript._absorb(state, MAIN, concat(head.roots[1], b""))
    state, drawn.challenges.gamma = transcript._draw_element(state, GAMMA)
    state, drawn.challenges.beta = transcript._draw_element(state, BETA)
    state = transcript._absorb(state, AUX, concat(head.roots[2], b""))
    state, drawn.challenges.alpha = transcript._draw_element(state, ALPHA)
    state = transcript._absorb(state, QUOTIENT, concat(head.roots[3], b""))
    state, drawn.challenges.zeta = transcript._draw_element(state, ZETA)
    values: Bytes[proof_format.VALUES_BYTES] = slice(
        msg.data, head.values_position, proof_format.VALUES_BYTES
    )
    state = transcript._absorb(state, OPENINGS, values)
    state, drawn.challenges.batch = transcript._draw_element(state, BATCH)

    for root: bytes32 in head.fri_roots:
        fold: uint256 = 0
        state = transcript._absorb(state, FRI, concat(root, b""))
        state, fold = transcript._draw_element(state, FOLD)
        drawn.challenges.folds.append(fold)
    final: Bytes[proof_format.FINAL_BYTES] = slice(
        msg.data, head.final_position, proof_format.FINAL_BYTES
    )
    drawn.before_nonce = transcript._absorb(state, FINAL, final)
    drawn.proof_id = transcript._absorb(drawn.before_nonce, NONCE, concat(head.nonce, b""))
    drawn.challenges.queries = transcript._draw_indices(
        drawn.proof_id, QUERIES, queries, head.log_n + log_blowup
    )
    return drawn


@internal
@pure
def _sorted_distinct(
    queries: DynArray[uint256, machine.MAX_QUERIES], log_size: uint256
) -> DynArray[uint256, machine.MAX_QUERIES]:
    """
    @notice Sort, and drop what occurs twice.
    @dev By the highest bits into lists, whose entries are then inserted list
         by list. Queries are spread evenly, so that lists are short; the
         result does not depend on it.
    @param queries Indices as drawn, below 2^log_size.
    @param log_size Base-2 logarithm of the bound, at least LISTS_LOG.
    @return Ascending, distinct.
    """
    # Of each list one more than the last query's number, and for each query
    # that of the one before it in its list; 0: none.
    last: uint256[LISTS] = empty(uint256[LISTS])
    before: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    low_bits: uint256 = log_size - LISTS_LOG
    number: uint256 = 0
    for query: uint256 in queries:
        highest: uint256 = query >> low_bits
        before[number] = last[highest]
        number = unsafe_add(number, 1)
        last[highest] = number

    sorted: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    count: uint256 = 0
    for entry: uint256 in last:
        number = entry
        for _: uint256 in range(machine.MAX_QUERIES):
            if number == 0:
                break
            number = unsafe_sub(number, 1)
            query: uint256 = queries[number]
            number = before[number]
            place: uint256 = count
            for _step: uint256 in range(machine.MAX_QUERIES):
                if place == 0:
                    break
                below: uint256 = sorted[unsafe_sub(place, 1)]
                if below <= query:
                    break
                sorted[place] = below
                place = unsafe_sub(place, 1)
            sorted[place] = query
            count = unsafe_add(count, 1)

    indices: DynArray[uint256, machine.MAX_QUERIES] = []
    for i: uint256 in range(count, bound=machine.MAX_QUERIES):
        if i == 0 or sorted[i] != sorted[unsafe_sub(i, 1)]:
            indices.append(sorted[i])
    return indices
