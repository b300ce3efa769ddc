# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title FRI
@notice The opened entries of every layer are folds of the layer before, down
        to a polynomial; docs/spec/proof-system.md, offchain/verifier/fri.py.
@dev Points of domains appear as their inverses only: folding divides by them,
     and the final polynomial is checked after division by x^63.
"""

from contracts.verifier import domain
from contracts.verifier import field
from contracts.verifier import fri_fold
from contracts.verifier import machine
from contracts.verifier import merkle
from contracts.verifier import proof_format

P: constant(uint256) = field.P
MAX_QUERIES: constant(uint256) = merkle.MAX_QUERIES
MAX_LAYERS: constant(uint256) = machine.MAX_FRI_LAYERS
FOLD_LOG: constant(uint256) = fri_fold.MAX_FOLD_LOG
FINAL_LOG: constant(uint256) = machine.FINAL_LOG
FINAL_BYTES: constant(uint256) = proof_format.FINAL_BYTES
LIMB: constant(uint256) = fri_fold.LIMB

# The domain of 2^log_n points at rate 1 is shifted by 7^(2^(32 - log_n)).
MAX_LOG_ORDER: constant(uint256) = 32
# 1/7: its powers are the inverses of those of the generator.
GENERATOR_INVERSE: constant(uint256) = 2635249152773512046
HALF: constant(uint256) = (P + 1) // 2
# Entry j of a leaf stands at 2^s times its point, where s is byte j from the
# right: 156 * r mod 192 for j with its bits reversed, r; omega_16 is 2^156.
ENTRY_LOGS: constant(uint256) = 48541248555917051565840900171160903680

# What is known about the present codeword.
struct Codeword:
    # Distinct, ascending.
    places: DynArray[uint256, MAX_QUERIES]
    # What must stand there, lanes below p, and the inverses of the points.
    values: uint256[MAX_QUERIES]
    inverse_points: uint256[MAX_QUERIES]


@internal
@view
def _fold_layers(
    log_n: uint256,
    log_blowup: uint256,
    next_layer: uint256,
    roots: DynArray[bytes32, MAX_LAYERS],
    challenges: DynArray[uint256, MAX_LAYERS],
    places: DynArray[uint256, MAX_QUERIES],
    values: DynArray[uint256, MAX_QUERIES],
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
    @param places In the codeword that the first layer commits to, distinct,
           ascending.
    @param values What must be there, lanes below p.
    @param final Final polynomial; not read before the last layer.
    @param position Of the first layer in msg.data.
    @param end Of the layers in msg.data.
    @return Number of the next layer, and places and values of the codeword
            that it commits to.
    """
    layer: uint256 = next_layer
    log_size: uint256 = log_n + log_blowup - FOLD_LOG * layer
    codeword: Codeword = empty(Codeword)
    codeword.places = places
    for i: uint256 in range(len(places), bound=MAX_QUERIES):
        codeword.values[i] = values[i]
    codeword.inverse_points = domain._inverse_points(
        places, field._squared(GENERATOR_INVERSE, MAX_LOG_ORDER - log_n + FOLD_LOG * layer)
    )
    layer_count: uint256 = (log_n - FINAL_LOG + FOLD_LOG - 1) // FOLD_LOG
    at: uint256 = position
    for _: uint256 in range(MAX_LAYERS):
        fold_log: uint256 = min(FOLD_LOG, log_size - log_blowup - FINAL_LOG)
        log_size -= fold_log
        codeword, at = self._read_layer(
            codeword, log_size, fold_log, challenges[layer], roots[layer], layer == 0, at, end
        )
        layer += 1
        if layer == layer_count or at == end:
            break
    if layer == layer_count:
        self._check_final(final, codeword)
        assert at == end, "TRAILING_BYTES"
        return layer, [], []
    next_values: DynArray[uint256, MAX_QUERIES] = []
    for i: uint256 in range(len(codeword.places), bound=MAX_QUERIES):
        next_values.append(codeword.values[i])
    return layer, codeword.places, next_values


@internal
@view
def _read_layer(
    codeword: Codeword,
    log_leaves: uint256,
    fold_log: uint256,
    challenge: uint256,
    layer_root: bytes32,
    is_first: bool,
    position: uint256,
    end: uint256,
) -> (Codeword, uint256):
    """
    @notice Read the leaves and siblings of one layer and fold the leaves.
    @dev Leaf k holds the entries at the places from k * 2^fold_log on. They
         are compared when they are read, but Python's order of checks is
         kept: the root comes first.
    @param codeword What the layer commits to.
    @param log_leaves Logarithm of the number of leaves.
    @param fold_log Logarithm of the number of entries of a leaf.
    @param challenge Of the fold.
    @param layer_root Root of the tree.
    @param is_first Whether the codeword is the combination of opened rows.
    @param position Of the layer in msg.data.
    @param end Of the layers in msg.data.
    @return The next codeword, and the position behind the layer.
    """
    folded: Codeword = empty(Codeword)
    digests: DynArray[bytes32, MAX_QUERIES] = []
    powers: uint256[FOLD_LOG] = fri_fold._powers(challenge, fold_log)
    inverse_size: uint256 = field._base_power(HALF, fold_log)
    length: uint256 = proof_format.ELEMENT_BYTES << fold_log
    entry_mask: uint256 = (1 << fold_log) - 1
    difference: uint256 = 0
    count: uint256 = 0
    last: uint256 = max_value(uint256)
    at: uint256 = position
    for i: uint256 in range(len(codeword.places), bound=MAX_QUERIES):
        place: uint256 = codeword.places[i]
        number: uint256 = place & entry_mask
        entry: uint256 = 0
        if place >> fold_log == last:
            entry = self._entry(unsafe_sub(at, length), number)
        else:
            last = place >> fold_log
            assert unsafe_add(at, length) <= end, "TRUNCATED"
            folded.places.append(last)
            digest: bytes32 = empty(bytes32)
            root_log: uint256 = ENTRY_LOGS >> unsafe_mul(8, number) & 255
            digest, entry, folded.values[count], folded.inverse_points[count] = fri_fold._fold(
                at,
                fold_log,
                number,
                powers,
                inverse_size,
                unsafe_mul(codeword.inverse_points[i], (1 << root_log) % P) % P,
            )
            digests.append(digest)
            count = unsafe_add(count, 1)
            at = unsafe_add(at, length)
        difference |= entry ^ codeword.values[i]
    root: bytes32 = empty(bytes32)
    root, at = merkle._root(folded.places, 0, [log_leaves], [count], digests, at, end)
    assert root == layer_root, "MERKLE_FRI_LAYER"
    if is_first:
        assert difference == 0, "DEEP_MISMATCH"
    assert difference == 0, "FRI_MISMATCH"
    return folded, at


@internal
@view
def _entry(position: uint256, number: uint256) -> uint256:
    """
    @notice Read an entry of a leaf.
    @param position Of the leaf in msg.data.
    @param number Of the entry.
    @return The entry.
    """
    at: uint256 = position + proof_format.ELEMENT_BYTES * number
    word: uint256 = convert(slice(msg.data, at, proof_format.ELEMENT_BYTES), uint256)
    return word >> 128 | (word >> 64 & LIMB) << 85 | (word & LIMB) << 170


@internal
@pure
def _check_final(final: Bytes[FINAL_BYTES], codeword: Codeword):
    """
    @notice Check that the last codeword is the final polynomial at its points.
    @param final Coefficients, 24 bytes each, constant first.
    @param codeword The last one.
    """
    assert len(final) == FINAL_BYTES, "FINAL_POLYNOMIAL_MISMATCH"
    words: uint256[48] = abi_decode(final, uint256[48])
    # The first, second and third coefficients in F_p of those of f.
    limbs: uint256[64][3] = empty(uint256[64][3])
    for i: uint256 in range(16):
        a: uint256 = words[3 * i]
        b: uint256 = words[3 * i + 1]
        c: uint256 = words[3 * i + 2]
        limbs[0][63 - 4 * i] = a >> 192
        limbs[1][63 - 4 * i] = a >> 128 & LIMB
        limbs[2][63 - 4 * i] = a >> 64 & LIMB
        limbs[0][62 - 4 * i] = a & LIMB
        limbs[1][62 - 4 * i] = b >> 192
        limbs[2][62 - 4 * i] = b >> 128 & LIMB
        limbs[0][61 - 4 * i] = b >> 64 & LIMB
        limbs[1][61 - 4 * i] = b & LIMB
        limbs[2][61 - 4 * i] = c >> 192
        limbs[0][60 - 4 * i] = c >> 128 & LIMB
        limbs[1][60 - 4 * i] = c >> 64 & LIMB
        limbs[2][60 - 4 * i] = c & LIMB
    assert (
        fri_fold._final_difference(
            limbs, codeword.values, codeword.inverse_points, len(codeword.places)
        )
        == 0
    ), "FINAL_POLYNOMIAL_MISMATCH"
