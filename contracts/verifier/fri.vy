# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title FRI
@notice The opened entries of every layer are folds of the layer before, down
        to a polynomial; docs/spec/proof-system.md, offchain/verifier/fri.py.
@dev Points of domains appear as their inverses only: folding divides by them,
     and the final polynomial is checked after division by x^63.
"""

from contracts.verifier import field
from contracts.verifier import fri_leaf
from contracts.verifier import machine
from contracts.verifier import merkle
from contracts.verifier import proof_format

P: constant(uint256) = field.P
MAX_QUERIES: constant(uint256) = merkle.MAX_QUERIES
MAX_LOG_SIZE: constant(uint256) = merkle.MAX_LOG_SIZE
MAX_LAYERS: constant(uint256) = machine.MAX_FRI_LAYERS
FOLD_LOG: constant(uint256) = fri_leaf.MAX_FOLD_LOG
FINAL_LOG: constant(uint256) = machine.FINAL_LOG
FINAL_BYTES: constant(uint256) = proof_format.FINAL_BYTES
LIMB: constant(uint256) = fri_leaf.LIMB

# The domain of 2^log_n points at rate 1 is shifted by 7^(2^(32 - log_n)).
MAX_LOG_ORDER: constant(uint256) = 32
# 1/7: its powers are the inverses of those of the generator.
GENERATOR_INVERSE: constant(uint256) = 2635249152773512046
HALF: constant(uint256) = (P + 1) // 2
# omega_16 is 2^156, the order of 2 is 192.
LOG_ROOT_16: constant(uint256) = 156
ORDER_OF_2: constant(uint256) = 192
# Powers of a root are products of entries of a table, four bits each.
DIGIT_BITS: constant(uint256) = 4
DIGITS: constant(uint256) = 7


@internal
@pure
def _inverse_points(
    indices: DynArray[uint256, MAX_QUERIES], log_size: uint256, log_shift: uint256
) -> uint256[MAX_QUERIES]:
    """
    @notice Find the inverses of points of a codeword's domain,
            7^(2^log_shift) * omega^i for i < 2^log_size.
    @param indices Below 2^log_size.
    @param log_size Logarithm of the size of the domain.
    @param log_shift Logarithm of the exponent of its shift.
    @return Inverse points, below p, in the order of the indices.
    """
    table: uint256[2**DIGIT_BITS][DIGITS] = empty(uint256[2**DIGIT_BITS][DIGITS])
    base: uint256 = field._base_power(GENERATOR_INVERSE, (P - 1) >> log_size)
    for digit: uint256 in range((log_size + DIGIT_BITS - 1) // DIGIT_BITS, bound=DIGITS):
        power: uint256 = 1
        powers: uint256[2**DIGIT_BITS] = empty(uint256[2**DIGIT_BITS])
        for k: uint256 in range(2**DIGIT_BITS):
            powers[k] = power
            power = unsafe_mul(power, base) % P
        table[digit] = powers
        base = power
    inverse_shift: uint256 = field._base_power(GENERATOR_INVERSE, 1 << log_shift)
    points: uint256[MAX_QUERIES] = empty(uint256[MAX_QUERIES])
    for slot: uint256 in range(len(indices), bound=MAX_QUERIES):
        rest: uint256 = indices[slot]
        point: uint256 = inverse_shift
        for digit: uint256 in range(DIGITS):
            if rest == 0:
                break
            point = unsafe_mul(point, table[digit][rest & (2**DIGIT_BITS - 1)]) % P
            rest >>= DIGIT_BITS
        points[slot] = point
    return points


@internal
@pure
def _check_final(
    final: Bytes[FINAL_BYTES],
    count: uint256,
    values: uint256[MAX_QUERIES],
    inverse_points: uint256[MAX_QUERIES],
):
    """
    @notice Check that the last codeword is the final polynomial at its points.
    @dev f(x) / x^63 is the polynomial in y = 1/x whose coefficients are those
         of f from the highest power on. Three steps of Horner's rule stay
         below p^4 < 2^256. Limbs are the three coefficients of F in turn.
    @param final Coefficients, 24 bytes each, constant first.
    @param count Number of slots.
    @param values By slot.
    @param inverse_points By slot.
    """
    assert len(final) == FINAL_BYTES, "FINAL_POLYNOMIAL_MISMATCH"
    words: uint256[6][8] = abi_decode(final, uint256[6][8])
    limbs: uint256[24][8] = empty(uint256[24][8])
    for k: uint256 in range(8):
        for i: uint256 in range(6):
            limbs[k][4 * i] = words[k][i] >> 192
            limbs[k][4 * i + 1] = words[k][i] >> 128 & LIMB
            limbs[k][4 * i + 2] = words[k][i] >> 64 & LIMB
            limbs[k][4 * i + 3] = words[k][i] & LIMB
    for slot: uint256 in range(count, bound=MAX_QUERIES):
        y: uint256 = inverse_points[slot]
        f0: uint256 = 0
        f1: uint256 = 0
        f2: uint256 = 0
        for k: uint256 in range(8):
            c: uint256[24] = limbs[k]
            f0 = (
                unsafe_add(
                    unsafe_mul(
                        unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f0, y), c[0]), y), c[3]), y
                    ),
                    c[6],
                )
                % P
            )
            f0 = (
                unsafe_add(
                    unsafe_mul(
                        unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f0, y), c[9]), y), c[12]), y
                    ),
                    c[15],
                )
                % P
            )
            f0 = unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f0, y), c[18]), y), c[21]) % P
            f1 = (
                unsafe_add(
                    unsafe_mul(
                        unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f1, y), c[1]), y), c[4]), y
                    ),
                    c[7],
                )
                % P
            )
            f1 = (
                unsafe_add(
                    unsafe_mul(
                        unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f1, y), c[10]), y), c[13]), y
                    ),
                    c[16],
                )
                % P
            )
            f1 = unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f1, y), c[19]), y), c[22]) % P
            f2 = (
                unsafe_add(
                    unsafe_mul(
                        unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f2, y), c[2]), y), c[5]), y
                    ),
                    c[8],
                )
                % P
            )
            f2 = (
                unsafe_add(
                    unsafe_mul(
                        unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f2, y), c[11]), y), c[14]), y
                    ),
                    c[17],
                )
                % P
            )
            f2 = unsafe_add(unsafe_mul(unsafe_add(unsafe_mul(f2, y), c[20]), y), c[23]) % P
        assert f0 | f1 << 85 | f2 << 170 == field._scale(
            values[slot], field._base_power(y, 2**FINAL_LOG - 1)
        ), "FINAL_POLYNOMIAL_MISMATCH"


@internal
@view
def _fold_layers(
    log_n: uint256,
    log_blowup: uint256,
    next_layer: uint256,
    roots: DynArray[bytes32, MAX_LAYERS],
    challenges: DynArray[uint256, MAX_LAYERS],
    indices: DynArray[uint256, MAX_QUERIES],
    codeword: DynArray[uint256, MAX_QUERIES],
    final: Bytes[FINAL_BYTES],
    position: uint256,
    end: uint256,
) -> (uint256, DynArray[uint256, MAX_QUERIES], DynArray[uint256, MAX_QUERIES]):
    """
    @notice Check layers; after the last one the final polynomial, and that
            nothing follows.
    @param log_n Logarithm of the largest table's height.
    @param log_blowup Of the parameter set.
    @param next_layer Number of the first layer that is read.
    @param roots Of all layers.
    @param challenges Of all layers.
    @param indices Positions in the codeword that the first layer commits to,
           distinct, ascending.
    @param codeword What must be there, lanes below p.
    @param final Final polynomial; not read before the last layer.
    @param position Of the first layer in msg.data.
    @param end Of the layers in msg.data.
    @return Number of the next layer, and indices and values of the codeword
            that it commits to.
    """
    count: uint256 = len(indices)
    layer: uint256 = next_layer
    log_size: uint256 = log_n + log_blowup - FOLD_LOG * layer
    inverse_points: uint256[MAX_QUERIES] = self._inverse_points(
        indices, log_size, MAX_LOG_ORDER - log_n + FOLD_LOG * layer
    )
    values: uint256[MAX_QUERIES] = empty(uint256[MAX_QUERIES])
    for slot: uint256 in range(count, bound=MAX_QUERIES):
        values[slot] = codeword[slot]
    # By layer, from this one on; the last ones are at no layer's height.
    keys: uint256[MAX_QUERIES + 1][MAX_LAYERS + 1] = empty(
        uint256[MAX_QUERIES + 1][MAX_LAYERS + 1]
    )
    shapes: uint256[MAX_LOG_SIZE] = empty(uint256[MAX_LOG_SIZE])
    keys, shapes = self._queried_rows(indices, log_size, log_blowup + FINAL_LOG)
    layer_count: uint256 = (log_n - FINAL_LOG + FOLD_LOG - 1) // FOLD_LOG
    at: uint256 = position
    for number: uint256 in range(MAX_LAYERS):
        fold_log: uint256 = min(FOLD_LOG, log_size - log_blowup - FINAL_LOG)
        log_size -= fold_log
        values, inverse_points, at = self._read_layer(
            keys[number],
            shapes,
            indices,
            values,
            inverse_points,
            log_size,
            fold_log,
            challenges[layer],
            roots[layer],
            layer == 0,
            at,
            end,
        )
        layer += 1
        if layer == layer_count or at == end:
            break
    if layer == layer_count:
        self._check_final(final, count, values, inverse_points)
        assert at == end, "TRAILING_BYTES"
        return layer, [], []
    next_indices: DynArray[uint256, MAX_QUERIES] = []
    next_values: DynArray[uint256, MAX_QUERIES] = []
    for key: uint256 in keys[layer - 1 - next_layer]:
        if key == merkle.LIST_END:
            break
        row: uint256 = key >> merkle.SLOT_BITS
        if len(next_indices) == 0 or next_indices[len(next_indices) - 1] != row:
            next_indices.append(row)
            next_values.append(values[key & merkle.SLOT_MASK])
    return layer, next_indices, next_values


@internal
@pure
def _queried_rows(
    indices: DynArray[uint256, MAX_QUERIES], log_first: uint256, log_last: uint256
) -> (uint256[MAX_QUERIES + 1][MAX_LAYERS + 1], uint256[MAX_LOG_SIZE]):
    """
    @notice Find which rows and nodes of the layers' trees the queries need.
    @param indices Positions in the codeword that the first layer commits to.
    @param log_first Logarithm of that codeword's length.
    @param log_last Logarithm of the length of the last codeword.
    @return Keys at the height of every layer's tree; shapes of all steps.
    """
    layer_keys: uint256[MAX_QUERIES + 1][MAX_LAYERS + 1] = empty(
        uint256[MAX_QUERIES + 1][MAX_LAYERS + 1]
    )
    shapes: uint256[MAX_LOG_SIZE] = empty(uint256[MAX_LOG_SIZE])
    keys: uint256[MAX_QUERIES + 1] = merkle._keys(indices)
    log_rows: uint256 = log_first
    for number: uint256 in range(MAX_LAYERS + 1):
        # All steps from the last tree's leaves to its root belong together.
        step_count: uint256 = log_rows
        if log_rows > log_last:
            step_count = min(FOLD_LOG, log_rows - log_last)
        for _: uint256 in range(step_count, bound=MAX_LOG_SIZE):
            log_rows -= 1
            keys, shapes[log_rows] = merkle._halve(keys, len(indices), log_rows)
        layer_keys[number] = keys
    return layer_keys, shapes


@internal
@view
def _read_layer(
    keys: uint256[MAX_QUERIES + 1],
    shapes: uint256[MAX_LOG_SIZE],
    indices: DynArray[uint256, MAX_QUERIES],
    codeword: uint256[MAX_QUERIES],
    points: uint256[MAX_QUERIES],
    log_leaves: uint256,
    fold_log: uint256,
    challenge: uint256,
    layer_root: bytes32,
    is_first: bool,
    position: uint256,
    end: uint256,
) -> (uint256[MAX_QUERIES], uint256[MAX_QUERIES], uint256):
    """
    @notice Read the leaves and siblings of one layer and fold the leaves.
    @dev Leaf k holds the entries k + j * 2^log_leaves. The entries are
         compared when they are read, but Python's order of checks is kept:
         the root comes first.
    @param keys Leaves by query.
    @param shapes Of the trees' steps.
    @param indices By slot, of the codeword or one before it.
    @param codeword By slot, what the entries must be.
    @param points By slot, inverses of the points of the codeword's domain.
    @param log_leaves Logarithm of the number of leaves.
    @param fold_log Logarithm of the number of entries of a leaf.
    @param challenge Of the fold.
    @param layer_root Root of the tree.
    @param is_first Whether the codeword is the combination of opened rows.
    @param position Of the layer in msg.data.
    @param end Of the layers in msg.data.
    @return By slot, values and inverse points of the next codeword; the
            position behind the layer.
    """
    values: uint256[MAX_QUERIES] = codeword
    inverse_points: uint256[MAX_QUERIES] = points
    digests: DynArray[bytes32, MAX_QUERIES] = []
    entry_count: uint256 = 1 << fold_log
    inverse_size: uint256 = field._base_power(HALF, fold_log)
    powers: uint256[FOLD_LOG] = empty(uint256[FOLD_LOG])
    powers[0] = challenge
    for k: uint256 in range(1, FOLD_LOG):
        powers[k] = field._mul(powers[k - 1], powers[k - 1])
    entries: uint256[4][4] = empty(uint256[4][4])
    digest: bytes32 = empty(bytes32)
    difference: uint256 = 0
    folded: uint256 = 0
    folded_point: uint256 = 0
    last: uint256 = merkle.LIST_END
    at: uint256 = position
    for k: uint256 in range(len(indices), bound=MAX_QUERIES):
        slot: uint256 = keys[k] & merkle.SLOT_MASK
        number: uint256 = indices[slot] >> log_leaves & (entry_count - 1)
        if keys[k] >> merkle.SLOT_BITS != last:
            last = keys[k] >> merkle.SLOT_BITS
            length: uint256 = fri_leaf.ELEMENT_BYTES * entry_count
            assert at + length <= end, "TRUNCATED"
            entries, digest = fri_leaf._read_leaf(at, fold_log)
            digests.append(digest)
            at += length
            # Entry j stands at omega_A^j times the leaf's point.
            root_log: uint256 = LOG_ROOT_16 * (number << FOLD_LOG - fold_log)
            point: uint256 = inverse_points[slot] * ((1 << root_log % ORDER_OF_2) % P) % P
            folded, folded_point = fri_leaf._fold_leaf(
                entries, fold_log, powers, inverse_size, point
            )
        difference |= entries[number >> 2][number & 3] ^ values[slot]
        values[slot] = folded
        inverse_points[slot] = folded_point
    root: bytes32 = empty(bytes32)
    root, at = merkle._root(
        log_leaves, len(digests), shapes, [log_leaves], digests, at, end
    )
    assert root == layer_root, "MERKLE_FRI_LAYER"
    if is_first:
        assert difference == 0, "DEEP_MISMATCH"
    assert difference == 0, "FRI_MISMATCH"
    return values, inverse_points, at
