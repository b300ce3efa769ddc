"""Provers of the toy statement that do not follow the protocol."""

import pytest

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.constraints import TableValues, quotient_at
from offchain.verifier.field import ONE, ZERO, Element, domain_shift, horner, root_of_unity
from offchain.verifier.rejection import Rejected
from offchain.verifier.verify import verify_claim
from tests.verifier.toy_prover import (
    LOG_HEIGHTS,
    ToyProver,
    at,
    build_tree,
    interpolate,
    leaves,
    toy_tables,
)

SOURCE, LOWEST, SINK, OTHER = range(4)
PARITY = 3
"""Column of SOURCE that a constraint reads linearly."""


TABLES = toy_tables()


def proof_of(prover):
    """Proof, program id and challenges by label."""
    proof, name, challenges = prover.prove()
    return proof, name, dict(challenges)


def is_accepted(proof, name, tables=TABLES):
    """Tell whether the verifier, as it is patched, accepts."""
    try:
        verify_claim(proof, name, tables)
    except Rejected:
        return False
    return True


def reason_of(proof, name, tables=TABLES):
    """Reason of the rejection."""
    with pytest.raises(Rejected) as caught:
        verify_claim(proof, name, tables)
    return caught.value.reason


class Anything:
    """Equal to everything: a comparison with it is a check that is not made."""

    __hash__ = None

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


class Liar(ToyProver):
    """Misstates one value outside the domain, so that any trace satisfies the identity at zeta.

    The combination G then has a pole, so that its word is no codeword. The first `lying_layers` of
    FRI nevertheless are it and its folds; the others, and the final polynomial, are the folds of
    the honest G. `has_long_final` sends all coefficients that the lie has in the end.
    """

    def __init__(self, tables, trace, lying_layers, has_long_final=False):
        super().__init__(tables, trace, is_cheating=True)
        self.lying_layers, self.has_long_final = lying_layers, has_long_final
        self.parts = None

    def quotient(self, aux, buses, public_sum, alpha):
        self.challenges = buses, public_sum, alpha
        self.parts = super().quotient(aux, buses, public_sum, alpha)
        return self.parts

    def opened(self, aux, point):
        values = super().opened(aux, point)
        if self.parts is None:
            return values
        step = point ** (self.n - self.parameters.queries - 2)
        q_0, q_1, q_2 = (at(part, point) for part in self.parts[:3])
        claimed = self.claimed(values, point)
        slope = self.claimed(misstated(values, ONE), point) - claimed
        self.error = (q_0 + step * (q_1 + step * q_2) - claimed) / slope
        return misstated(values, self.error)

    def claimed(self, values, point):
        """Value of the quotient at a point, by the constraints."""
        blinding_rows = self.parameters.blinding_rows
        return quotient_at(self.tables, LOG_HEIGHTS, blinding_rows, values, *self.challenges, point)

    def deep_codeword(self, aux, parts, zeta, batch):
        honest = super().deep_codeword(aux, parts, zeta, batch)
        error = batch ** (1 + sum(map(len, self.preprocessed)) + PARITY) * self.error
        self.lie = [
            value - error / (Element(x) - zeta)
            for value, x in zip(honest, self.domain, strict=True)
        ]
        return honest

    def fold_all(self, transcript, codeword):
        shift, size, trees, roots = domain_shift(self.log_n), self.size, [], []
        honest, lie = (interpolate(word, shift) for word in (codeword, self.lie))
        for number, fold_log in enumerate(self.parameters.fold_logs(self.log_n)):
            committed = lie if number < self.lying_layers else honest
            root, factor = root_of_unity(size.bit_length() - 1), 1 << fold_log
            word = [horner(committed, shift * pow(root, i, P) % P) for i in range(size)]
            size //= factor
            classes = {size: leaves(word, fold_log)}
            tree = build_tree(classes)
            transcript.absorb("fri", tree[-1][0])
            challenge = transcript.draw_element("fold")
            roots.append(tree[-1][0])
            trees.append((classes, tree))
            honest, lie = (
                [at(f[k : k + factor], challenge) for k in range(0, len(f), factor)]
                for f in (honest, lie)
            )
            shift = pow(shift, factor, P)
        return (
            trees,
            roots,
            lie if self.has_long_final else honest[: 1 << self.parameters.final_log],
        )


def misstated(values, error):
    """Values of all tables, with one changed."""
    source = values[SOURCE]
    main = [*source.main]
    main[PARITY] += error
    changed = TableValues(
        source.preprocessed, tuple(main), source.aux, source.next_main, source.next_sum
    )
    return [changed, *values[1:]]


class Unlifted(ToyProver):
    """Commits, for column `MARK` of a table half as high, near a polynomial f(X) that is no g(X^2).

    Row k of the table is right for point k of the evaluation domain and wrong for the other point
    that reads it; so the prover grinds on until all queries fall on the first half.
    """

    MARK = 2

    def __init__(self, tables, trace, f):
        super().__init__(tables, trace)
        self.f = f
        self.main[OTHER][self.MARK] = [ZERO]

    def commit(self, polynomials, limbs, is_salted, later=((), (), (), ())):
        classes, tree = super().commit(polynomials, limbs, is_salted, later)
        if polynomials is not self.main:
            return classes, tree
        count = (1 << LOG_HEIGHTS[OTHER]) << self.parameters.log_blowup
        # Behind the salt stand what is opened one row later, the other columns of SINK, which is as
        # high, and those before MARK, which is opened at zeta alone.
        sooner = [i for i in range(self.MARK) if i not in later[OTHER]]
        position = 2 + len(later[OTHER]) + len(self.main[SINK]) + len(sooner)
        for k, row in enumerate(classes[count]):
            row[position] = at(self.f, Element(self.domain[k])).c0
        return classes, build_tree(classes)

    def opened(self, aux, point):
        values = super().opened(aux, point)
        other = values[OTHER]
        main = [*other.main]
        main[self.MARK] = at(self.f, point)
        values[OTHER] = TableValues(
            other.preprocessed, tuple(main), other.aux, other.next_main, other.next_sum
        )
        return values

    def deep_codeword(self, aux, parts, zeta, batch):
        columns = [c for kind in (self.preprocessed, self.main, aux) for t in kind for c in t]
        position = next(i for i, c in enumerate(columns, 1) if c is self.main[OTHER][self.MARK])
        block = 1 + len(columns) + 3
        eta_zeta = zeta * root_of_unity(1)
        opened = at(self.f, zeta), at(self.f, eta_zeta)
        word = super().deep_codeword(aux, parts, zeta, batch)
        for i, x in enumerate(map(Element, self.domain)):
            value = at(self.f, x)
            word[i] += batch**position * (value - opened[0]) / (x - zeta)
            # With the value that f has there; the verifier reckons with that at zeta.
            word[i] += batch ** (block + position) * (value - opened[1]) / (x - eta_zeta)
        return word
