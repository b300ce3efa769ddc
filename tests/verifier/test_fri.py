"""FRI on a codeword of 256 entries, folded by 4, 4 and 2 on coefficients."""

from random import Random

import pytest

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import Element, domain_point, horner, reversed_bits, root_of_unity
from offchain.verifier.fri import fold, verify_layers
from offchain.verifier.proof_format import Reader
from offchain.verifier.rejection import Reason, Rejected
from tests.verifier.toy_prover import at, build_tree, leaves, open_tree

LOG_SIZE = 8
SHIFT = 7
FOLD_LOGS = (2, 2, 1)
PLACES = (3, 67, 70, 131, 255)


def random_elements(rng, count):
    return [Element(*(rng.randrange(P) for _ in range(3))) for _ in range(count)]


def commit(coefficients, fold_logs=FOLD_LOGS, tamper=lambda layer, codeword: None):
    """Layers, final coefficients, openings, and the first codeword's values."""
    rng = Random(11)
    layers, openings, first, shift, log_size = [], b"", {}, SHIFT, LOG_SIZE
    places = PLACES
    for number, fold_log in enumerate(fold_logs):
        root, size = root_of_unity(log_size), 1 << log_size
        codeword = [horner(coefficients, shift * pow(root, i, P) % P) for i in range(size)]
        tamper(number, codeword)
        if number == 0:
            first = {place: codeword[reversed_bits(place, LOG_SIZE)] for place in PLACES}
        log_size -= fold_log
        classes = {1 << log_size: leaves(codeword, fold_log)}
        tree = build_tree(classes)
        places = [place >> fold_log for place in places]
        openings += open_tree(classes, tree, places)
        (challenge,) = random_elements(rng, 1)
        layers.append((tree[-1][0], challenge, fold_log))
        shift = pow(shift, 1 << fold_log, P)
        width = 1 << fold_log
        starts = range(0, len(coefficients), width)
        coefficients = [at(coefficients[k : k + width], challenge) for k in starts]
    return layers, coefficients, openings, first


def verify(layers, final, openings, first):
    reader = Reader(openings)
    verify_layers(reader, layers, final, LOG_SIZE, SHIFT, first)
    assert reader.left == 0


@pytest.fixture
def polynomial():
    return random_elements(Random(5), 64)


def rejection(*arguments):
    with pytest.raises(Rejected) as caught:
        verify(*arguments)
    return caught.value.reason


def test_an_honest_codeword_is_accepted(polynomial):
    layers, final, openings, first = commit(polynomial)
    assert len(final) == 2
    verify(layers, final, openings, first)


@pytest.mark.parametrize("factor_log", [1, 2, 3, 4])
def test_folding_a_leaf_is_folding_the_coefficients(polynomial, factor_log):
    factor, point = 1 << factor_log, 7 * pow(root_of_unity(LOG_SIZE), 5, P) % P
    challenge = polynomial[0]
    entries = [horner(polynomial, domain_point(j, factor_log, point)) for j in range(factor)]
    folded = [at(polynomial[k : k + factor], challenge) for k in range(0, 64, factor)]
    assert fold(entries, point, challenge) == horner(folded, pow(point, factor, P))


def test_another_first_codeword_is_refused(polynomial):
    layers, final, openings, first = commit(polynomial)
    assert rejection(layers, final, openings, first | {70: first[3]}) is Reason.DEEP_MISMATCH


def test_a_layer_that_is_no_fold_is_refused(polynomial):
    def tamper(number, codeword):
        if number == 1:
            codeword[0] += Element(1)  # at place 0, above place 3 of the first layer

    assert rejection(*commit(polynomial, tamper=tamper)) is Reason.FRI_MISMATCH


def test_a_wrong_challenge_is_refused(polynomial):
    layers, final, openings, first = commit(polynomial)
    root, challenge, fold_log = layers[-1]
    layers[-1] = (root, challenge + Element(1), fold_log)
    assert rejection(layers, final, openings, first) is Reason.FINAL_POLYNOMIAL_MISMATCH


def test_a_final_polynomial_of_higher_degree_is_refused():
    layers, final, openings, first = commit(random_elements(Random(5), 128))
    reason = rejection(layers, final[:2], openings, first)
    assert reason is Reason.FINAL_POLYNOMIAL_MISMATCH


def test_a_changed_entry_breaks_the_layer_s_root(polynomial):
    layers, final, openings, first = commit(polynomial)
    changed = openings[:7] + bytes([openings[7] ^ 1]) + openings[8:]
    assert rejection(layers, final, changed, first) is Reason.MERKLE_FRI_LAYER
