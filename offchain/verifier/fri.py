"""FRI: the opened entries of every layer are folds of the layer before, down to a polynomial."""

from collections.abc import Mapping, Sequence
from typing import Final

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import Element, domain_point, horner, reversed_bits, root_of_unity
from offchain.verifier.merkle import read_rows
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected

_HALF: Final = (P + 1) // 2


def fold(entries: Sequence[Element], point: int, challenge: Element) -> Element:
    """Fold the values of f at the A points with one A-th power into a value of the next layer.

    f(x) = sum of x^j f_j(x^A) becomes sum of challenge^j f_j(x^A). This is done by halves, with
    the challenge, its square and so on: f(x) = e(x^2) + x o(x^2) becomes e + challenge * o. Entry
    j is the value at point * w^r for the A-th root of unity w, where r is j with its bits reversed;
    A is a power of two. So neighbours are the values at x and -x.
    """
    values = list(entries)
    inverse_point = pow(point, -1, P)
    while len(values) > 1:
        log_pairs = len(values).bit_length() - 2
        inverse_root, folded = pow(root_of_unity(log_pairs + 1), -1, P), []
        for pair, (left, right) in enumerate(zip(values[::2], values[1::2], strict=True)):
            twiddle = pow(inverse_root, reversed_bits(pair, log_pairs), P)
            odd = (left - right) * (inverse_point * twiddle * _HALF % P)
            folded.append((left + right) * _HALF + challenge * odd)
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
        The first codeword's domain is shift * <w> of 2^log_size points.
    values
        What the first codeword must be, by place.
    """
    for number, (layer_root, challenge, fold_log) in enumerate(layers):
        point_log = log_size
        log_size -= fold_log
        widths, detail = {log_size: 3 << fold_log}, f"layer {number}"
        opened = {place >> fold_log for place in values}
        rows = read_rows(reader, layer_root, widths, 0, opened, Reason.MERKLE_FRI_LAYER, detail)
        leaves = {k: list(map(Element, *[iter(row)] * 3)) for k, row in rows[log_size].items()}
        for place, value in values.items():
            if leaves[place >> fold_log][place % (1 << fold_log)] != value:
                reason = Reason.FRI_MISMATCH if number else Reason.DEEP_MISMATCH
                raise Rejected(reason, f"{detail}, entry {place}")
        values = {
            leaf: fold(entries, domain_point(leaf << fold_log, point_log, shift), challenge)
            for leaf, entries in leaves.items()
        }
        shift = pow(shift, 1 << fold_log, P)
    for place, value in values.items():
        if horner(final, domain_point(place, log_size, shift)) != value:
            raise Rejected(Reason.FINAL_POLYNOMIAL_MISMATCH, f"entry {place}")
