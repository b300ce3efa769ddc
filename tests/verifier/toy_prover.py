"""A slow prover for four small tables, written from docs/spec/proof-system.md.

It works on polynomials, and shares with the verifier the field, the transcript and the evaluation
of constraint terms. What it computes in another way: quotient (interpolated, and its degree
checked), DEEP combination (column by column), folds (on coefficients), trees (built whole).
"""

import operator
from dataclasses import dataclass
from random import Random

from offchain.air.buses import FIRST_PC_TIMESTAMP, KECCAK_BITS, LINK, MEMORY, PC_ADDRESS, RANGE16
from offchain.air.expression import BetaPeriodic, Periodic
from offchain.air.table import Table, Where
from offchain.security.parameters import Parameters, program_id
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier import field
from offchain.verifier.constraints import (
    BusChallenges,
    TableValues,
    public_fractions,
    quotient_at,
)
from offchain.verifier.field import Element
from offchain.verifier.proof_format import Proof
from offchain.verifier.transcript import Transcript, element_bytes, message_digest
from tests.verifier.encoding import encode_opening

TOY = Parameters(
    number=200,
    name="toy",
    log_blowup=2,
    queries=3,
    grinding_bits=4,
    fold_log=2,
    final_log=2,
    blinding_rows=4,
    hash_suite=0,
    min_bits=0,
)
ENTRY_PC = 0x1000
OUTPUT = (11, 5, 11)
LOG_HEIGHTS = (5, 3, 4, 4)
SINK = 2
MASK_COEFFICIENTS = TOY.queries + 2


def toy_tables():
    """One that sends the output and range-checks it, one that answers, and two with themselves.

    There are three heights, and two tables of one height.
    """
    source = Table("source", "Sends the output.")
    is_on = source.add_flag("is_on", "Row in use.")
    index = source.add("index", "Index of the word.")
    word = source.add("word", "The word.")
    parity = source.add("parity", "Equal to a periodic column.")
    source.constrain("index starts at 0", index, Where.FIRST)
    source.constrain("index counts", is_on.next * (index.next - index - 1))
    source.constrain("parity is periodic", parity - Periodic("alternating", (0, 1, 3, 7)))
    source.constrain("ends unused", is_on, Where.TERMINAL)
    source.send("output word", LINK, [0, 0, 0, index, word], is_on)
    source.send("word in range", RANGE16, [word], is_on)
    weight = BetaPeriodic("weights", (9, None))
    source.send("weighted", KECCAK_BITS, [0, 1], weight * is_on)
    sink = Table("sink", "Answers.")
    value = sink.add_preprocessed("value", "Allowed words.")
    is_first = sink.add_preprocessed("is_first", "1 on the first row.")
    count = sink.add("count", "How often.")
    even = sink.add("even", "Number of rows in use with an even index.")
    sink.receive("word in range", RANGE16, [value], count)
    sink.receive("first pc", MEMORY, [PC_ADDRESS, FIRST_PC_TIMESTAMP, ENTRY_PC], is_first)
    sink.receive("weighted", KECCAK_BITS, [0, 1], BetaPeriodic("power", (9,)) * even)
    return source, talker("lowest"), sink, talker("other")


def talker(name):
    """A table that sends and receives its bits."""
    table = Table(name, "Talks to itself.")
    double = table.add("double", "Twice the bit.")
    bit = table.add_flag("bit", "A bit.")
    table.constrain("double is twice the bit", double - 2 * bit)
    table.constrain("the next one is a bit", bit.next * bit.next - bit.next)
    table.send("bit", KECCAK_BITS, [2, bit], bit)
    table.receive("bit", KECCAK_BITS, [2, bit * bit], bit)
    return table


@dataclass
class Trace:
    """Rows by table: ``preprocessed[table][column][row]`` and the same for main columns."""

    preprocessed: list
    main: list


def toy_trace(rng):
    """The honest trace, its last h - 1 rows random."""
    n, low = 1 << LOG_HEIGHTS[0], 1 << LOG_HEIGHTS[SINK]
    used = len(OUTPUT)
    is_on = [int(row < used) for row in range(n)]
    index = [min(row, used - 1) for row in range(n)]
    word = [OUTPUT[row] if row < used else 0 for row in range(n)]
    parity = [(0, 1, 3, 7)[row % 4] for row in range(n)]
    value = list(range(low))
    count = [OUTPUT.count(row) if row < low - TOY.blinding_rows else 0 for row in range(low)]
    even = [int(row == 0) * ((used + 1) // 2) for row in range(low)]
    trace = Trace(
        [[], [], [value, [1] + [0] * (low - 1)], []],
        [[is_on, index, word, parity], talk(3, rng), [count, even], talk(4, rng)],
    )
    for columns in trace.main:
        for column in columns:
            for row in range(len(column) - TOY.blinding_rows + 1, len(column)):
                column[row] = rng.randrange(P)
    return trace


def talk(log_height, rng):
    """Columns of a `talker`."""
    bits = [rng.randrange(2) for _ in range(1 << log_height)]
    return [[2 * bit for bit in bits], bits]


def interpolate(values, shift=1):
    """Coefficients over F of the polynomial with these values on shift * <omega>, naively."""
    size = len(values)
    root = pow(field.root_of_unity(size.bit_length() - 1), -1, P)
    coefficients = []
    for k in range(size):
        step, factor, limbs = pow(root, k, P), 1, [0, 0, 0]
        for value in values:
            for limb in range(3):
                limbs[limb] += value[limb] * factor
            factor = factor * step % P
        scaling = pow(size * pow(shift, k, P), -1, P)
        coefficients.append(Element(*(limb * scaling % P for limb in limbs)))
    return coefficients


def at(coefficients, point):
    """Value of a polynomial over F at a point of F."""
    result = field.ZERO
    for coefficient in reversed(coefficients):
        result = result * point + coefficient
    return result


def lift(values):
    """Elements of F_p as elements of F."""
    return [Element(value) for value in values]


def build_tree(classes, suite=0):
    """Layers of a mixed tree; `classes` maps a row count to rows of words, salt first."""
    size = max(classes)
    digests = {
        count: [
            message_digest(suite, b"HRleaf01" + b"".join(w.to_bytes(8, "big") for w in row))
            for row in rows
        ]
        for count, rows in classes.items()
    }
    layers = [digests[size]]
    while len(layers[-1]) > 1:
        below, half = layers[-1], len(layers[-1]) // 2
        entering = digests.get(half, [b""] * half)
        tag = b"HRinje01" if half in digests else b"HRnode01"
        tag += b"" if suite else bytes(24)
        layers.append(
            [
                message_digest(suite, tag + below[k] + below[k + half] + entering[k])
                for k in range(half)
            ]
        )
    return layers


def open_tree(classes, layers, places):
    """Bytes of an opening at places of leaves."""
    log_size = len(layers) - 1
    rows = []
    for count in sorted(classes, reverse=True):
        log_rows = count.bit_length() - 1
        opened = sorted({place >> log_size - log_rows for place in places})
        rows += [classes[count][field.reversed_bits(place, log_rows)] for place in opened]
    siblings = []

    def visit(level, place):
        """List what is missing below a node, then what is missing to hash it."""
        missing = []
        for child in (2 * place, 2 * place + 1) if level else ():
            if child in {place >> level - 1 for place in places}:
                visit(level - 1, child)
            else:
                index = field.reversed_bits(child, log_size - level + 1)
                missing.append(layers[level - 1][index])
        siblings.extend(missing)

    visit(log_size, 0)
    return encode_opening(rows, siblings)


def leaves(codeword, fold_log):
    """Rows of a FRI layer by index; the entries of one stand by place."""
    count = len(codeword) >> fold_log
    order = [field.reversed_bits(entry, fold_log) for entry in range(1 << fold_log)]
    return [[limb for j in order for limb in codeword[k + j * count]] for k in range(count)]


class ToyProver:
    """Proves the toy statement; a cheating one goes on where the trace violates it."""

    def __init__(self, tables, trace, seed=1, parameters=TOY, is_cheating=False):
        self.tables, self.trace, self.parameters = tables, trace, parameters
        self.is_cheating = is_cheating
        self.rng = Random(seed)
        self.log_n = max(LOG_HEIGHTS)
        self.n = 1 << self.log_n
        self.size = self.n << parameters.log_blowup
        root = field.root_of_unity(self.size.bit_length() - 1)
        shift = field.domain_shift(self.log_n)
        self.domain = [shift * pow(root, i, P) % P for i in range(self.size)]
        self.preprocessed = [[interpolate(lift(c)) for c in cs] for cs in trace.preprocessed]
        self.main = [[interpolate(lift(c)) for c in cs] for cs in trace.main]

    def random_element(self):
        return Element(*(self.rng.randrange(P) for _ in range(3)))

    def commit(self, polynomials, limbs, is_salted, later=((), (), (), ())):
        """Tree over columns by table; `limbs` of each value are committed.

        Of a class first come the columns at the indices `later`, which are opened one row later.
        """
        first = [[table[i] for i in found] for table, found in zip(polynomials, later, strict=True)]
        others = [
            [column for i, column in enumerate(table) if i not in found]
            for table, found in zip(polynomials, later, strict=True)
        ]
        classes = {}
        for log_height, columns in zip(LOG_HEIGHTS * 2, first + others, strict=True):
            if not columns:
                continue
            count = (1 << log_height) << self.parameters.log_blowup
            rows = classes.setdefault(
                count,
                [[self.rng.randrange(P) for _ in range(2 * is_salted)] for _ in range(count)],
            )
            for i, row in enumerate(rows):
                point = Element(pow(self.domain[i], self.n >> log_height, P))
                row += [limb for column in columns for limb in at(column, point)[:limbs]]
        return classes, build_tree(classes, self.parameters.hash_suite)

    def extension_columns(self, buses):
        """Sums of each group and the running sum, by table, from the rows."""
        result = []
        for t, table in enumerate(self.tables):
            height = 1 << LOG_HEIGHTS[t]
            groups = table.fraction_groups()
            sums = [[self.random_element() for _ in range(height)] for _ in groups]
            sums[-1][height - self.parameters.blinding_rows] = field.ZERO
            for row in reversed(range(height - self.parameters.blinding_rows)):
                parts = [self.group_sum(group, t, row, buses) for group in groups]
                for column, part in zip(sums, parts[:-1], strict=False):
                    column[row] = part
                sums[-1][row] = sum(parts, sums[-1][row + 1])
            result.append(sums)
        return result

    def group_sum(self, group, t, row, buses):
        """Sum of a group's fractions on one row, by direct substitution."""

        def value(expression):
            if isinstance(expression, BetaPeriodic):
                exponent = expression.exponents[row % len(expression.exponents)]
                return field.ZERO if exponent is None else buses.beta_power(exponent)
            if hasattr(expression, "left"):
                operation = {"+": operator.add, "-": operator.sub, "*": operator.mul}
                return operation[expression.symbol](value(expression.left), value(expression.right))
            if hasattr(expression, "value"):
                return Element(expression.value % P)
            source = self.trace.preprocessed if expression.preprocessed else self.trace.main
            return Element(source[t][expression.index][row])

        fractions = (
            value(item.numerator)
            / buses.denominator(item.bus, [value(entry) for entry in item.values])
            for item in group
        )
        return sum(fractions, field.ZERO)

    def opened(self, aux, point):
        """Values of all tables' columns for a challenge (or coset) point of the largest domain."""
        next_point = point * field.root_of_unity(self.log_n)
        result = []
        for t, table in enumerate(self.tables):
            s = self.n >> LOG_HEIGHTS[t]
            y, next_y = point**s, next_point**s
            result.append(
                TableValues(
                    tuple(at(c, y) for c in self.preprocessed[t]),
                    tuple(at(c, y) for c in self.main[t]),
                    tuple(at(c, y) for c in aux[t]),
                    {i: at(self.main[t][i], next_y) for i in table.next_columns()},
                    at(aux[t][-1], next_y),
                )
            )
        return result

    def quotient(self, aux, buses, public_sum, alpha):
        """Masked parts of the quotient, and the random polynomial of the batch."""
        size = 4 * self.n
        root = field.root_of_unity(size.bit_length() - 1)
        values = []
        for i in range(size):
            point = Element(7 * pow(root, i, P) % P)
            values.append(
                quotient_at(
                    self.tables,
                    LOG_HEIGHTS,
                    self.parameters.blinding_rows,
                    self.opened(aux, point),
                    buses,
                    public_sum,
                    alpha,
                    point,
                )
            )
        coefficients = interpolate(values, 7)
        m = self.n - self.parameters.queries - 2
        assert self.is_cheating or not any(map(any, coefficients[3 * m :])), "a wrong trace"
        masks = [[self.random_element() for _ in range(MASK_COEFFICIENTS)] for _ in range(2)]
        zeros = [field.ZERO] * MASK_COEFFICIENTS
        parts = []
        for k in range(3):
            part = coefficients[k * m : (k + 1) * m] + (masks[k] if k < 2 else zeros)
            for i, mask in enumerate(masks[k - 1] if k else zeros):
                part[i] -= mask
            parts.append(part)
        return [*parts, [self.random_element() for _ in range(self.n)]]

    def deep_codeword(self, aux, parts, zeta, batch):
        """G on the whole domain, term by term."""
        next_zeta = zeta * field.root_of_unity(self.log_n)
        columns = []
        for group in (self.preprocessed, self.main, aux):
            columns += [(t, column) for t in range(len(self.tables)) for column in group[t]]
        columns += [(0, part) for part in parts[:3]]
        later = {
            id(self.main[t][i]) for t, table in enumerate(self.tables) for i in table.next_columns()
        }
        later |= {id(table[-1]) for table in aux}
        block = 1 + len(columns)
        values = []
        for x in self.domain:
            point = Element(x)
            value = at(parts[3], point)

            def add_term(column, t, pole, exponent, point=point):
                s = self.n >> LOG_HEIGHTS[t]
                here, opened = (at(column, p**s) for p in (point, pole))
                return batch**exponent * (here - opened) / (point - pole)

            for i, (t, column) in enumerate(columns, 1):
                value += add_term(column, t, zeta, i)
                s = self.n >> LOG_HEIGHTS[t]
                if s > 1:
                    pole = zeta * field.root_of_unity(s.bit_length() - 1)
                    value += add_term(column, t, pole, block + i)
                if id(column) in later:
                    value += add_term(column, t, next_zeta, 2 * block + i)
            values.append(value)
        return values

    def prove(self):
        """Make a proof object and the program id."""
        parameters = self.parameters
        pre_classes, pre_tree = self.commit(self.preprocessed, 1, is_salted=False)
        main_later = [table.next_columns() for table in self.tables]
        main_classes, main_tree = self.commit(self.main, 1, is_salted=True, later=main_later)
        log_preprocessed = (LOG_HEIGHTS[SINK],)
        name = program_id(parameters, pre_tree[-1][0], log_preprocessed, ENTRY_PC)
        transcript = Transcript(parameters.hash_suite)
        transcript.absorb("protocol", b"headrace/stark/v1" + parameters.parameters_id + name)
        words = b"".join(word.to_bytes(4, "big") for word in OUTPUT)
        transcript.absorb("output", len(OUTPUT).to_bytes(8, "big") + words)
        transcript.absorb("heights", bytes(LOG_HEIGHTS))
        transcript.absorb("main", main_tree[-1][0])
        gamma, beta = transcript.draw_element("gamma"), transcript.draw_element("beta")
        buses = BusChallenges(gamma, beta)
        aux = [[interpolate(c) for c in columns] for columns in self.extension_columns(buses)]
        aux_later = [[len(columns) - 1] for columns in aux]
        aux_classes, aux_tree = self.commit(aux, 3, is_salted=True, later=aux_later)
        transcript.absorb("aux", aux_tree[-1][0])
        alpha = transcript.draw_element("alpha")
        parts = self.quotient(aux, buses, public_fractions(buses, ENTRY_PC, OUTPUT), alpha)
        quotient_classes, quotient_tree = self.commit([parts, [], [], []], 3, is_salted=True)
        transcript.absorb("quotient", quotient_tree[-1][0])
        zeta = transcript.draw_element("zeta")
        opened = self.opened(aux, zeta)
        values = [
            v for kind in ("preprocessed", "main", "aux") for o in opened for v in getattr(o, kind)
        ]
        values += [at(part, zeta) for part in parts[:3]]
        for item in opened:
            values += [*item.next_main.values(), item.next_sum]
        transcript.absorb("openings", element_bytes(values))
        codeword = self.deep_codeword(aux, parts, zeta, transcript.draw_element("lambda"))
        fri_trees, fri_roots, final = self.fold_all(transcript, codeword)
        transcript.absorb("final", element_bytes(final))
        nonce = next(i for i in range(10**6) if transcript.is_ground(i, parameters.grinding_bits))
        transcript.absorb("nonce", nonce.to_bytes(8, "big"))
        places = sorted(set(transcript.draw_indices("queries", parameters.queries, self.size)))
        openings = b"".join(
            open_tree(classes, tree, [place * max(classes) // self.size for place in places])
            for classes, tree in (
                (pre_classes, pre_tree),
                (main_classes, main_tree),
                (aux_classes, aux_tree),
                (quotient_classes, quotient_tree),
                *fri_trees,
            )
        )
        proof = Proof(
            parameters=parameters,
            log_heights=LOG_HEIGHTS,
            output=OUTPUT,
            entry_pc=ENTRY_PC,
            preprocessed_root=pre_tree[-1][0],
            preprocessed_log_heights=log_preprocessed,
            main_root=main_tree[-1][0],
            aux_root=aux_tree[-1][0],
            quotient_root=quotient_tree[-1][0],
            out_of_domain=tuple(values),
            fri_roots=tuple(fri_roots),
            final=tuple(final),
            nonce=nonce,
            openings=openings,
        )
        return proof, name, tuple(transcript.challenges)

    def fold_all(self, transcript, codeword):
        """Commit to every layer; folds are made on coefficients."""
        trees, roots, shift = [], [], field.domain_shift(self.log_n)
        coefficients = interpolate(codeword, shift)
        assert not any(map(any, coefficients[self.n :])), "G is no codeword"
        coefficients = coefficients[: self.n]
        size = self.size
        for fold_log in self.parameters.fold_logs(self.log_n):
            factor = 1 << fold_log
            root = field.root_of_unity(size.bit_length() - 1)
            codeword = [
                field.horner(coefficients, shift * pow(root, i, P) % P) for i in range(size)
            ]
            classes = {size // factor: leaves(codeword, fold_log)}
            tree = build_tree(classes, self.parameters.hash_suite)
            transcript.absorb("fri", tree[-1][0])
            challenge = transcript.draw_element("fold")
            roots.append(tree[-1][0])
            trees.append((classes, tree))
            coefficients = [
                at(coefficients[k : k + factor], challenge)
                for k in range(0, len(coefficients), factor)
            ]
            shift, size = pow(shift, factor, P), size // factor
        return trees, roots, coefficients
