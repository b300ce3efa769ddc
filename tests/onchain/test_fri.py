"""FRI: the contract's verdict is that of the Python verifier, also on changed layers."""

from dataclasses import dataclass, replace
from functools import cache
from random import Random
from unittest.mock import patch

import pytest
from eth_abi import encode

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier import fri, verify
from offchain.verifier.field import Element, domain_shift, reversed_bits, root_of_unity
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.transcript import element_bytes
from tests.onchain.evm import Evm, Reverted
from tests.prover import proofs
from tests.verifier.toy_prover import at, build_tree, leaves, open_tree

PADDING = bytes(2_176)
FINAL_LOG = 6
TOY_LOG_BLOWUP = 1
# Folds by 2, 4, 8, 16; by 16 and then by 2.
TOY_LOG_N = (7, 8, 9, 10, 11)


@dataclass(frozen=True)
class Case:
    """What both verifiers get to see of FRI."""

    log_n: int
    log_blowup: int
    layers: list[tuple[bytes, Element, int]]
    final: list[Element]
    values: dict[int, Element]
    data: bytes
    ends: tuple[int, ...]  # of the layers in data


@pytest.fixture(scope="module")
def verifier():
    return Evm().deploy("FriVerifier")


def packed(element):
    return element[0] | element[1] << 85 | element[2] << 170


def python_verdict(case):
    """Name of the reason, None if accepted."""
    reader = Reader(case.data)
    log_size, shift = case.log_n + case.log_blowup, domain_shift(case.log_n)
    try:
        fri.verify_layers(reader, case.layers, case.final, log_size, shift, case.values)
    except Rejected as rejected:
        return rejected.reason.name
    return Reason.TRAILING_BYTES.name if reader.left else None


def arguments(case, first=0, indices=None, values=None, data=None, final=None):
    indices = sorted(case.values) if indices is None else indices
    return (
        case.log_n,
        case.log_blowup,
        first,
        [root for root, _, _ in case.layers],
        [packed(challenge) for _, challenge, _ in case.layers],
        indices,
        [packed(case.values[i]) for i in indices] if values is None else values,
        element_bytes(case.final) if final is None else final,
        case.data if data is None else data,
        PADDING,
    )


def fold(verifier, *of_fold):
    """Call with the two arguments that are not declared."""
    *declared, _data, _padding = of_fold
    types = ["uint256"] * 3 + ["bytes32[]"] + ["uint256[]"] * 3 + ["bytes"] * 3
    selector = verifier.calldata("fold", *declared)[:4]
    return verifier.send("fold", selector + encode(types, of_fold))


def contract_verdict(verifier, case):
    try:
        outcome = fold(verifier, *arguments(case))
    except Reverted as reverted:
        return reverted.reason
    assert outcome.values == (len(case.layers), (), ())
    return None


def verdict(verifier, case):
    """Of both, which must be one."""
    expected = python_verdict(case)
    assert contract_verdict(verifier, case) == expected
    return expected


def evaluate(coefficients, shift, log_size):
    """Values on shift * <omega>, by halves."""
    if log_size == 0:
        return [coefficients[0]]
    if len(coefficients) == 1:
        return coefficients * (1 << log_size)
    square = shift * shift % P
    even = evaluate(coefficients[0::2], square, log_size - 1)
    odd = evaluate(coefficients[1::2], square, log_size - 1)
    root, point, low, high = root_of_unity(log_size), shift, [], []
    for e, o in zip(even, odd, strict=True):
        low.append(e + o * point)
        high.append(e - o * point)
        point = point * root % P
    return low + high


def random_elements(rng, count):
    return [Element(*(rng.randrange(P) for _ in range(3))) for _ in range(count)]


@cache
def toy_case(log_n, tamper_layer=None):
    """A random polynomial's layers at random queries; one entry of a layer may be wrong."""
    rng = Random(log_n)
    log_size, shift = log_n + TOY_LOG_BLOWUP, domain_shift(log_n)
    count = min(52, 1 << log_size - 1)
    places = sorted(rng.sample(range(1 << log_size), count))
    coefficients = random_elements(rng, 1 << log_n)
    layers, data, ends, values = [], b"", [], {}
    while len(coefficients) > 1 << FINAL_LOG:
        fold_log = min(4, len(coefficients).bit_length() - 1 - FINAL_LOG)
        codeword = evaluate(coefficients, shift, log_size)
        if len(layers) == tamper_layer:
            codeword[reversed_bits(places[0], log_size)] += Element(1)
        values = values or {i: codeword[reversed_bits(i, log_size)] for i in places}
        log_size -= fold_log
        classes = {1 << log_size: leaves(codeword, fold_log)}
        tree = build_tree(classes)
        places = [place >> fold_log for place in places]
        data += open_tree(classes, tree, places)
        ends.append(len(data))
        (challenge,) = random_elements(rng, 1)
        layers.append((tree[-1][0], challenge, fold_log))
        shift = pow(shift, 1 << fold_log, P)
        coefficients = [
            at(coefficients[k : k + (1 << fold_log)], challenge)
            for k in range(0, len(coefficients), 1 << fold_log)
        ]
    return Case(log_n, TOY_LOG_BLOWUP, layers, coefficients, values, data, tuple(ends))


@cache
def proof_case(profile):
    """The layers of a small proof."""
    proof = proofs.proof("fibonacci", profile)
    parsed = verify.decode(proof.data)
    key = proofs.run("fibonacci", parsed.parameters).key
    found, ends = [], []
    read_rows = fri.read_rows

    def rows_recorded(reader, *arguments):
        rows = read_rows(reader, *arguments)
        ends.append(reader.left)
        return rows

    def recorded(reader, layers, final, log_size, shift, values):
        start = len(proof.data) - reader.left
        data = proof.data[start:]
        log_blowup = parsed.parameters.log_blowup
        with patch.object(fri, "read_rows", rows_recorded):
            fri.verify_layers(reader, layers, final, log_size, shift, values)
        found.append(
            Case(
                log_n=parsed.log_n,
                log_blowup=log_blowup,
                layers=layers,
                final=list(final),
                values=dict(values),
                data=data,
                ends=tuple(len(data) - left for left in ends),
            )
        )

    with patch.object(verify, "verify_layers", recorded):
        verify.verify(proof.data, key.program_id)
    return found[0]


CASES = [
    *(pytest.param(lambda log_n=n: toy_case(log_n), id=f"toy 2^{n}") for n in TOY_LOG_N),
    pytest.param(lambda: proof_case("settle"), id="settle"),
    pytest.param(lambda: proof_case("settle-compact"), id="settle-compact"),
]


@pytest.fixture(params=CASES)
def case(request):
    return request.param()


def changed_data(rng, case):
    data = bytearray(case.data)
    position = rng.randrange(len(data))
    data[position] ^= 1 << rng.randrange(8)
    return replace(case, data=bytes(data))


def not_canonical(rng, case):
    data = bytearray(case.data)
    row_bytes = 24 << case.layers[0][2]
    position = 8 * rng.randrange(row_bytes // 8 * len(case.values) // 2)
    data[position : position + 8] = rng.randrange(P, 1 << 64).to_bytes(8, "big")
    return replace(case, data=bytes(data))


def truncated(rng, case):
    return replace(case, data=case.data[: rng.randrange(len(case.data))])


def extended(rng, case):
    return replace(case, data=case.data + rng.randbytes(rng.randint(1, 400)))


def changed_value(rng, case):
    index = rng.choice(sorted(case.values))
    value = list(case.values[index])
    limb = rng.randrange(3)
    value[limb] = (value[limb] + rng.randrange(1, P)) % P
    return replace(case, values=case.values | {index: Element(*value)})


def changed_index(rng, case):
    size = 1 << case.log_n + case.log_blowup
    values = dict(case.values)
    index = rng.choice(sorted(values))
    moved = rng.choice([index ^ 1 << rng.randrange(size.bit_length() - 1), rng.randrange(size)])
    values[moved] = values.pop(index)
    return replace(case, values=values)


def dropped_index(rng, case):
    values = dict(case.values)
    del values[rng.choice(sorted(values))]
    return replace(case, values=values)


def changed_final(rng, case):
    final = list(case.final)
    final[rng.randrange(len(final))] = random_elements(rng, 1)[0]
    return replace(case, final=final)


def changed_layer(rng, case):
    layers = list(case.layers)
    number = rng.randrange(len(layers))
    root, challenge, fold_log = layers[number]
    if rng.randrange(2):
        layers[number] = (rng.randbytes(32), challenge, fold_log)
    else:
        layers[number] = (root, random_elements(rng, 1)[0], fold_log)
    return replace(case, layers=layers)


MUTATIONS = {
    changed_data: {"NON_CANONICAL_ELEMENT", "MERKLE_FRI_LAYER"},
    not_canonical: {"NON_CANONICAL_ELEMENT"},
    truncated: {"TRUNCATED"},
    extended: {"TRAILING_BYTES"},
    changed_value: {"DEEP_MISMATCH"},
    changed_index: {
        *("DEEP_MISMATCH", "NON_CANONICAL_ELEMENT", "MERKLE_FRI_LAYER", "TRUNCATED"),
    },
    dropped_index: {
        *("NON_CANONICAL_ELEMENT", "MERKLE_FRI_LAYER", "TRUNCATED", "TRAILING_BYTES", None),
    },
    changed_final: {"FINAL_POLYNOMIAL_MISMATCH"},
    changed_layer: {"MERKLE_FRI_LAYER", "FRI_MISMATCH", "FINAL_POLYNOMIAL_MISMATCH"},
}


def test_honest_layers_are_accepted(verifier, case):
    assert verdict(verifier, case) is None


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_verdicts_on_changed_layers_are_equal(verifier, case, mutation):
    rng = Random(case.log_n)
    for _ in range(8):
        assert verdict(verifier, mutation(rng, case)) in MUTATIONS[mutation]


def test_a_layer_that_is_no_fold_is_refused(verifier):
    assert verdict(verifier, toy_case(11, tamper_layer=1)) == "FRI_MISMATCH"


def test_layers_may_come_in_several_calls(verifier, case):
    indices = values = None
    number, start = 0, 0
    for end in case.ends:
        is_last = end == case.ends[-1]
        part = case.data[start:end]
        final = None if is_last else b""
        outcome = fold(verifier, *arguments(case, number, indices, values, part, final))
        number, indices, values = outcome.values
        start = end
    assert (number, indices, values) == (len(case.layers), (), ())


def test_a_wrong_value_between_calls_is_refused(verifier):
    case = toy_case(11)
    first = case.data[: case.ends[0]]
    number, indices, values = fold(verifier, *arguments(case, data=first)).values
    assert number == 1
    rest = case.data[case.ends[0] :]
    wrong = [values[0] ^ 1, *values[1:]]
    with pytest.raises(Reverted) as reverted:
        fold(verifier, *arguments(case, 1, indices, wrong, rest))
    assert reverted.value.reason == "FRI_MISMATCH"


@pytest.mark.parametrize("length", [0, 1, 383, 384])
def test_a_part_is_whole_layers(verifier, length):
    case = toy_case(11)
    for part in (case.data[:length], case.data[: case.ends[0] + length]):
        if len(part) != case.ends[0]:
            with pytest.raises(Reverted) as reverted:
                fold(verifier, *arguments(case, data=part))
            assert reverted.value.reason == "TRUNCATED"


def test_a_final_polynomial_of_another_length_is_refused(verifier):
    case = toy_case(7)
    for final in (b"", element_bytes(case.final[:-1])):
        with pytest.raises(Reverted) as reverted:
            fold(verifier, *arguments(case, final=final))
        assert reverted.value.reason == "FINAL_POLYNOMIAL_MISMATCH"


def test_padding_is_as_long_as_reads_need(verifier):
    # Its length, and zeros up to whole words, count as well.
    short = (*arguments(toy_case(7))[:-1], PADDING[64:])
    with pytest.raises(Reverted) as reverted:
        fold(verifier, *short)
    assert reverted.value.reason == "WRONG_PADDING"
