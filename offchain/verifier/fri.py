"""FRI: the opened entries of every layer are folds of the layer before, down to a polynomial."""

from collections.abc import Mapping, Sequence
from typing import Final

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import Element, horner, root_of_unity
from offchain.verifier.merkle import read_rows
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected

_HALF: Final = (P + 1) // 2


def fold(entries: Sequence[Element], point: int, challenge: Element) -> Element:
    """Fold the values of f at the A points with one A-th power into a value of the next layer.

    f(x) = sum of x^j f_j(x^A) becomes sum of challenge^j f_j(x^A). This is done by halves, with
    the challenge, its square and so on: f(x) = e(x^2) + x o(x^2) becomes e + challenge * o. Entry
    j is the value at point * w^j for the A-th root of unity w; A is a power of two.
    """
    values = list(entries)
    inverse_point = pow(point, -1, P)
    while len(values) > 1:
        half = len(values) // 2
        step = pow(root_of_unity(half.bit_length()), -1, P)
        factor, folded = inverse_point * _HALF % P, []
        for left, right in zip(values[:half], values[half:], strict=True):
            folded.append((left + right) * _HALF + challenge * ((left - right) * factor))
            factor = factor * step % P
        values = folded
        inverse_point = inverse_point * inverse_point % P
        challenge *= challenge
    return values[0]


def verify_layers(
    reader: Reader,
    layers: Sequence[tuple[bytes, Element, int]],
    final: Sequence[Element],
    log_size: int,
    shift: int,
    values: Mapping[int, Element],
) -> None:
    """Check every layer at the queried positions.

    Parameters
    ----------
    reader
        Stands at the openings of the first layer.
    layers
        Root, challenge and log2 of the folding factor of each layer.
    final
        Coefficients of the final polynomial, constant first.
    log_size, shift
        The first codeword's domain is shift * w^i for i < 2^log_size.
    values
        What the first codeword must be, by index.
    """
    for number, (layer_root, challenge, fold_log) in enumerate(layers):
        root = root_of_unity(log_size)
        log_size -= fold_log
        widths, detail = {log_size: 3 << fold_log}, f"layer {number}"
        rows = read_rows(reader, layer_root, widths, 0, values, Reason.MERKLE_FRI_LAYER, detail)
        leaves = {k: list(map(Element, *[iter(row)] * 3)) for k, row in rows[log_size].items()}
        for index, value in values.items():
            if leaves[index % (1 << log_size)][index >> log_size] != value:
                reason = Reason.FRI_MISMATCH if number else Reason.DEEP_MISMATCH
                raise Rejected(reason, f"{detail}, entry {index}")
        values = {
            leaf: fold(entries, shift * pow(root, leaf, P) % P, challenge)
            for leaf, entries in leaves.items()
        }
        shift = pow(shift, 1 << fold_log, P)
    root = root_of_unity(log_size)
    for index, value in values.items():
        if horner(final, shift * pow(root, index, P) % P) != value:
            raise Rejected(Reason.FINAL_POLYNOMIAL_MISMATCH, f"entry {index}")
