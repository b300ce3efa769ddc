"""Keccak-f[1600]: 25 lanes in place, lane (x, y) at x + 5 y.

Source: "The Keccak reference", version 3.0, sections 1.2 and 2.3;
https://keccak.team/files/Keccak-reference-3.0.pdf
"""

from collections.abc import Sequence
from typing import Final

from offchain.zkvm.delegations.interface import Delegation, join_halves, split_halves

LANES: Final = 25
ROUNDS: Final = 24
_LANE_MASK: Final = (1 << 64) - 1


def _round_constants() -> list[int]:
    # Bit 2^j - 1 of constant i is the output of an LFSR over x^8 + x^6 + x^5 + x^4 + 1 at time
    # j + 7 i (section 1.2, iota).
    constants, state = [], 1
    for _ in range(ROUNDS):
        constant = 0
        for j in range(7):
            constant |= (state & 1) << ((1 << j) - 1)
            state <<= 1
            if state >> 8:
                state ^= 0x171
        constants.append(constant)
    return constants


def _rotation_offsets() -> list[int]:
    # Along the walk (x, y) -> (y, 2 x + 3 y) from (1, 0), the t-th lane turns by
    # (t + 1)(t + 2) / 2 (section 1.2, rho).
    offsets = [0] * LANES
    x, y = 1, 0
    for t in range(LANES - 1):
        offsets[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


_CONSTANTS: Final = _round_constants()
_OFFSETS: Final = _rotation_offsets()


def _rotate_left(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _LANE_MASK


def _round(a: Sequence[int], constant: int) -> list[int]:
    parity = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
    change = [parity[(x + 4) % 5] ^ _rotate_left(parity[(x + 1) % 5], 1) for x in range(5)]
    b = [0] * LANES
    for y in range(5):
        for x in range(5):
            turned = _rotate_left(a[x + 5 * y] ^ change[x], _OFFSETS[x + 5 * y])
            b[y + 5 * ((2 * x + 3 * y) % 5)] = turned
    mixed = [
        b[x + 5 * y] ^ (~b[(x + 1) % 5 + 5 * y] & b[(x + 2) % 5 + 5 * y])
        for y in range(5)
        for x in range(5)
    ]
    mixed[0] ^= constant
    return mixed


def permute(lanes: Sequence[int]) -> list[int]:
    """Apply Keccak-f[1600].

    Parameters
    ----------
    lanes
        25 integers in [0, 2^64).

    Returns
    -------
    list[int]
        25 integers in [0, 2^64).
    """
    state = list(lanes)
    for constant in _CONSTANTS:
        state = _round(state, constant)
    return state


def _apply(words: Sequence[int]) -> list[int]:
    return split_halves(permute(join_halves(words)))


KECCAK_F = Delegation(
    "keccak_f", "keccak_f", code=0x111, words=2 * LANES, rows_per_call=1_792, apply=_apply
)
