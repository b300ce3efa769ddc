# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Points of evaluation domains
@notice The point at a place of a domain; docs/spec/proof-system.md,
        "Notation".
@dev A place is an index with its bits in reverse order, so that bit b of it
     is worth a root of unity of order 2^(b + 1), however large the domain is.
"""

from contracts.verifier import field
from contracts.verifier import machine

P: constant(uint256) = field.P
# 7^((p - 1) / 2^28), and its inverse.
ROOT_28: constant(uint256) = 6414415596519834757
INVERSE_ROOT_28: constant(uint256) = 4514835231089717636
# Powers are products of entries of a table, four bits of a place each.
DIGITS: constant(uint256) = 7


@internal
@pure
def _points(
    places: DynArray[uint256, machine.MAX_QUERIES], start: uint256
) -> uint256[machine.MAX_QUERIES]:
    """
    @notice The points at places of a domain.
    @param places Below 2^28.
    @param start Point at place 0, below p.
    @return Points, below p.
    """
    return self._products(places, start, ROOT_28)


@internal
@pure
def _inverse_points(
    places: DynArray[uint256, machine.MAX_QUERIES], inverse_start: uint256
) -> uint256[machine.MAX_QUERIES]:
    """
    @notice The inverses of the points at places of a domain.
    @param places Below 2^28.
    @param inverse_start Inverse of the point at place 0, below p.
    @return Inverses, below p.
    """
    return self._products(places, inverse_start, INVERSE_ROOT_28)


@internal
@pure
def _products(
    places: DynArray[uint256, machine.MAX_QUERIES], start: uint256, root: uint256
) -> uint256[machine.MAX_QUERIES]:
    """
    @notice Multiply for each place the powers that its bits are worth.
    @param places Below 2^28.
    @param start Factor of all products, below p.
    @param root What bit 27 is worth; the bit below, its square.
    @return Products, below p.
    """
    tables: uint256[16][DIGITS] = empty(uint256[16][DIGITS])
    power: uint256 = root
    for i: uint256 in range(DIGITS):
        t: uint256[16] = empty(uint256[16])
        t[0] = 1
        t[8] = power
        t[4] = unsafe_mul(t[8], t[8]) % P
        t[2] = unsafe_mul(t[4], t[4]) % P
        t[1] = unsafe_mul(t[2], t[2]) % P
        t[3] = unsafe_mul(t[2], t[1]) % P
        t[5] = unsafe_mul(t[4], t[1]) % P
        t[6] = unsafe_mul(t[4], t[2]) % P
        t[7] = unsafe_mul(t[4], t[3]) % P
        t[9] = unsafe_mul(t[8], t[1]) % P
        t[10] = unsafe_mul(t[8], t[2]) % P
        t[11] = unsafe_mul(t[8], t[3]) % P
        t[12] = unsafe_mul(t[8], t[4]) % P
        t[13] = unsafe_mul(t[8], t[5]) % P
        t[14] = unsafe_mul(t[8], t[6]) % P
        t[15] = unsafe_mul(t[8], t[7]) % P
        tables[DIGITS - 1 - i] = t
        power = unsafe_mul(t[1], t[1]) % P
    points: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    for i: uint256 in range(len(places), bound=machine.MAX_QUERIES):
        place: uint256 = places[i]
        # Four factors below p make less than 2^256.
        low: uint256 = unsafe_mul(
            unsafe_mul(start, tables[0][place & 15]),
            unsafe_mul(tables[1][place >> 4 & 15], tables[2][place >> 8 & 15]),
        ) % P
        high: uint256 = unsafe_mul(
            unsafe_mul(tables[3][place >> 12 & 15], tables[4][place >> 16 & 15]),
            unsafe_mul(tables[5][place >> 20 & 15], tables[6][place >> 24]),
        ) % P
        points[i] = unsafe_mul(low, high) % P
    return points
