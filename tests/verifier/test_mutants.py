"""Thousands of mutants of a real proof: each is rejected with a named reason.

The verifier in Python and the contracts judge every one of them, with the same reason.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from itertools import compress, islice, pairwise, zip_longest
from multiprocessing import get_context
from random import Random
from typing import ClassVar, NamedTuple
from unittest.mock import patch

import pytest
from eth_utils import keccak

from offchain.air.machine import TABLES
from offchain.air.table import Table
from offchain.security.parameters import L1_PROFILES, PROFILES, max_log_height
from offchain.settlement.verifier_client import output_bytes
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier import constraints, merkle
from offchain.verifier import verify as verifier
from offchain.verifier.proof_format import decode
from offchain.verifier.rejection import Reason, Rejected
from tests.onchain.deployed import Example, Judge, stated_output_hash
from tests.prover.proofs import openings, proof, run, words
from tests.verifier.encoding import encode

pytestmark = pytest.mark.slow

GUEST, PROFILE = "fibonacci", "settle-compact"  # the profile with the shortest proofs
ACCEPTED = [profile.name for profile in L1_PROFILES]
SEED = 20_261_122
OPENED_WORDS = 700  # of the openings; all words before them are flipped
PLAIN_STEP = 100  # every so many mutants are verified without memory, too
MAX_L1_WORDS = 2_048  # of an output
WORD_BYTES, ELEMENT_BYTES, DIGEST_BYTES = 8, 24, 32

NOT_REACHED = {
    Reason.INSECURE_PARAMETERS: "every profile keeps its bits at every height; test_prove",
    Reason.ZERO_DENOMINATOR: "a challenge would have to hit a pole; test_verify",
    Reason.OUT_OF_DOMAIN_POINT: "zeta would have to lie in the base field; test_verify",
    Reason.DEEP_MISMATCH: "rows are bound by roots, so only a prover can do it; test_verify",
    Reason.FRI_MISMATCH: "layers are bound by roots, so only a prover can do it; test_fri",
    Reason.FINAL_POLYNOMIAL_MISMATCH: "as above; a changed one spoils the proof-of-work; test_fri",
}
"""Reasons that no mutant of an honest proof meets, why, and which test meets them.

The contracts meet those of the constraints and of FRI in tests/onchain.
"""

TREES = {reason for reason in Reason if reason.name.startswith("MERKLE_")}
EXPECTED = {
    "flipped byte": {
        Reason.BAD_MAGIC,
        Reason.UNKNOWN_PROFILE,
        Reason.WRONG_TABLE_COUNT,
        Reason.HEIGHT_OUT_OF_RANGE,
        Reason.TOO_MANY_OUTPUT_WORDS,
        Reason.TRUNCATED,
        Reason.WRONG_PREPROCESSED_HEIGHT,
        Reason.WRONG_PROGRAM,
        Reason.QUOTIENT_MISMATCH,
    },
    "flipped word": {Reason.QUOTIENT_MISMATCH, Reason.GRINDING, *TREES},
    "truncated": {Reason.TRUNCATED},
    "cut out": {Reason.TRUNCATED, *TREES},
    "extended": {Reason.TRAILING_BYTES},
    "begun late": {Reason.BAD_MAGIC},
    "swapped openings": TREES,
    # Of is_zero' and is_hole' in zero_memory, which are neighbours, only the sum counts.
    "swapped values": {Reason.QUOTIENT_MISMATCH, Reason.GRINDING},
    "swapped roots": {Reason.GRINDING},
    "spliced": {Reason.QUOTIENT_MISMATCH, Reason.GRINDING, Reason.TRUNCATED, *TREES},
    "not below p": {Reason.NON_CANONICAL_ELEMENT},
    "other program": {Reason.WRONG_PROGRAM},
    "other output expected": {Reason.WRONG_OUTPUT},
    "other output proven": {Reason.QUOTIENT_MISMATCH},
    "other entry": {Reason.WRONG_PROGRAM},
    "other profile": {Reason.PROFILE_NOT_ACCEPTED, Reason.WRONG_PROGRAM},
    "other height": {
        Reason.HEIGHT_OUT_OF_RANGE,
        Reason.WRONG_PREPROCESSED_HEIGHT,
        Reason.WRONG_PROGRAM,
        Reason.QUOTIENT_MISMATCH,
    },
}
"""With which reasons mutants of a kind may be rejected."""


class Mutant(NamedTuple):
    """A claim that is false or badly encoded, as a change of the original."""

    kind: str
    edits: tuple[tuple[int, int, bytes], ...]  # ascending: start, end, what stands there instead
    program_id: bytes
    output: list[int] | None = None  # expected words; None takes what the proof says

    def data(self) -> bytes:
        """Bytes of the proof."""
        pieces, position = [], 0
        for start, end, new in self.edits:
            pieces += [original().data[position:start], new]
            position = end
        return b"".join([*pieces, original().data[position:]])


class Original:
    """The honest proof, and how its bytes divide."""

    def __init__(self, seed: int) -> None:
        self.data = proof(GUEST, PROFILE, seed).data
        ran = run(GUEST, PROFILES[PROFILE])
        self.program_id, self.output = ran.key.program_id, ran.output
        self.decoded = decode(self.data)
        self.openings_at = len(self.data) - len(self.decoded.openings)
        self.openings = openings(self.data, self.program_id)
        # From the out-of-domain values on, everything is a multiple of 8 bytes long.
        self.values_at = self.data.index(self.decoded.quotient_root) + DIGEST_BYTES
        self.roots_at = self.values_at + ELEMENT_BYTES * len(self.decoded.out_of_domain)
        self.final_at = self.openings_at - WORD_BYTES - ELEMENT_BYTES * len(self.decoded.final)

    def edited(self, kind: str, *edits: tuple[int, int, bytes]) -> Mutant:
        """Other bytes for the same claim, whose output is taken from the proof."""
        return Mutant(kind, edits, self.program_id)

    def replaced(self, kind: str, start: int, new: bytes) -> Mutant:
        """Other bytes from a position on."""
        return self.edited(kind, (start, start + len(new), new))

    def with_word(self, kind: str, start: int, word: int) -> Mutant:
        """Another 8-byte word."""
        return self.replaced(kind, start, word.to_bytes(WORD_BYTES, "big"))

    def with_fields(self, kind: str, **fields) -> Mutant:
        """Other fields before the openings."""
        head = encode(replace(self.decoded, openings=b"", **fields))
        return self.edited(kind, (0, self.openings_at, head))

    def swapped(self, kind: str, *places: range) -> Mutant:
        """Two places exchanged."""
        first, second = sorted(places, key=lambda place: place.start)
        contents = [self.data[place.start : place.stop] for place in (second, first)]
        edits = zip((first.start, second.start), (first.stop, second.stop), contents, strict=True)
        return self.edited(kind, *edits)


@cache
def original() -> Original:
    """Return the proof that all mutants are made from."""
    return Original(seed=0)


def flips(random: Random) -> Iterator[Mutant]:
    """One bit of every byte of the header and roots, and of 8-byte words after them."""
    honest = original()
    for position in range(honest.values_at):
        flipped = honest.data[position] ^ 1 << random.randrange(8)
        yield honest.replaced("flipped byte", position, bytes([flipped]))
    opened = range(honest.openings_at, len(honest.data), WORD_BYTES)
    for position in (
        *range(honest.values_at, honest.openings_at, WORD_BYTES),
        *random.sample(opened, OPENED_WORDS),
    ):
        (word,) = words(honest.data, range(position, position + WORD_BYTES))
        yield honest.with_word("flipped word", position, word ^ 1 << random.randrange(64))


def lengths(random: Random) -> Iterator[Mutant]:
    """Prefixes, proofs without a row or sibling, and proofs that are too long."""
    honest, size = original(), len(original().data)
    cuts = {0, 7, 8, 9, 10, size - 1, size - 8, size - 32, honest.openings_at, honest.values_at}
    cuts |= {tree.place.stop for tree in honest.openings[:-1]}
    cuts |= {row.stop for tree in honest.openings for row in islice(tree.rows.values(), 2)}
    for cut in cuts | {random.randrange(size) for _ in range(60)}:
        yield honest.edited("truncated", (cut, size, b""))
    for tree in honest.openings:
        for place in (next(iter(tree.rows.values())), tree.siblings[0]):
            yield honest.edited("cut out", (place.start, place.stop, b""))
    for tail in (b"\0", bytes(8), bytes(32), honest.data):
        yield honest.edited("extended", (size, size, tail))
    yield honest.edited("begun late", (0, 0, b"\0"))


def swaps(random: Random) -> Iterator[Mutant]:
    """Rows, siblings, out-of-domain values and whole trees in each other's place."""
    honest = original()
    for tree in honest.openings:
        by_length: dict[int, list[range]] = {}
        for place in tree.rows.values():
            by_length.setdefault(len(place), []).append(place)
        for places in (*by_length.values(), tree.siblings):
            for _ in range(8 if len(places) > 1 else 0):
                yield honest.swapped("swapped openings", *random.sample(places, 2))
    for first, second in pairwise(honest.openings):
        yield honest.swapped("swapped openings", first.siblings[0], second.siblings[0])
        yield honest.swapped("swapped openings", first.place, second.place)
    for start in random.sample(range(honest.values_at, honest.roots_at, ELEMENT_BYTES)[:-1], 40):
        middle, end = start + ELEMENT_BYTES, start + 2 * ELEMENT_BYTES
        yield honest.swapped("swapped values", range(start, middle), range(middle, end))
    roots = range(honest.roots_at, honest.final_at + 1, DIGEST_BYTES)
    for first, middle, end in zip(roots, roots[1:], roots[2:], strict=False):
        yield honest.swapped("swapped roots", range(first, middle), range(middle, end))


def splices(_: Random) -> Iterator[Mutant]:
    """The beginning of one proof and the rest of another proof of the same run."""
    honest, other = original(), Original(seed=1)
    cuts = [
        (item.values_at, item.final_at, item.openings_at, *(t.place.start for t in item.openings))
        for item in (honest, other)
    ]
    for here, there in zip(*cuts, strict=True):
        yield honest.edited("spliced", (here, len(honest.data), other.data[there:]))


def encodings(random: Random) -> Iterator[Mutant]:
    """Numbers from p on; the words of a proof are too large for aliases of their own."""
    honest = original()
    rows = [place for tree in honest.openings for place in tree.rows.values()]
    for position in (
        *random.sample(range(honest.values_at, honest.roots_at, WORD_BYTES), 60),
        *random.sample(range(honest.final_at, honest.openings_at - WORD_BYTES, WORD_BYTES), 20),
        *(random.choice(place[::WORD_BYTES]) for place in random.sample(rows, 120)),
    ):
        yield honest.with_word("not below p", position, random.randrange(P, 2**64))
        yield honest.with_word("not below p", position, P)


def claims(random: Random) -> Iterator[Mutant]:
    """Other programs, outputs, entries and profiles than the proof is about."""
    honest = original()
    others = [bytes(32), honest.program_id[::-1], random.randbytes(32)]
    others += [run(guest, PROFILES[PROFILE]).key.program_id for guest in ("sort", "delegations")]
    for other in others:
        yield Mutant("other program", (), other)
    output = honest.output
    outputs = [[*output[:i], word ^ 1, *output[i + 1 :]] for i, word in enumerate(output)]
    outputs += [output[:i] + output[i + 1 :] for i in range(len(output))]
    outputs += [[*output[:i], 0, *output[i:]] for i in range(len(output) + 1)]
    outputs += [[], output[::-1], output * 2]
    for other in outputs:
        yield Mutant("other output expected", (), honest.program_id, other)
        yield honest.with_fields("other output proven", output=tuple(other))
    for entry_pc in (0, honest.decoded.entry_pc + 4, honest.decoded.entry_pc ^ 1 << 31):
        yield honest.with_fields("other entry", entry_pc=entry_pc)
    for profile in PROFILES.values():
        if profile.name != PROFILE:
            yield honest.with_fields("other profile", parameters=profile)


def heights(_: Random) -> Iterator[Mutant]:
    """Other heights, in the header alone and in the program's as well."""
    honest = original()
    log_heights = honest.decoded.log_heights
    has_preprocessed = [bool(table.preprocessed) for table in TABLES]
    for table, log_height in enumerate(log_heights):
        most = max_log_height(TABLES[table].name)
        for other in {0, 255, log_height - 1, log_height + 1, most, most + 1}:
            changed = (*log_heights[:table], other, *log_heights[table + 1 :])
            yield honest.with_fields("other height", log_heights=changed)
            if has_preprocessed[table]:
                yield honest.with_fields(
                    "other height",
                    log_heights=changed,
                    preprocessed_log_heights=tuple(compress(changed, has_preprocessed)),
                )


@cache
def mutants() -> list[Mutant]:
    """All mutants, the same in every run."""
    random = Random(SEED)
    makers = (flips, lengths, swaps, splices, encodings, claims, heights)
    return [mutant for make in makers for mutant in make(random)]


def verdict(mutant: Mutant) -> Reason | str:
    """Verify; anything but a `Rejected` is told as a string."""
    try:
        verifier.verify(mutant.data(), mutant.program_id, mutant.output, ACCEPTED)
    except Rejected as rejected:
        return rejected.reason
    except Exception as error:  # noqa: BLE001  # whatever it is, the test is about it
        return f"raised {error!r}"
    return "accepted"


class RememberingConstraints(constraints.TableConstraints):
    """Computes the terms of one table's quotient once for equal arguments.

    All challenges before zeta are drawn from the state that gives zeta, so it stands for them.
    """

    _known: ClassVar[dict] = {}

    def __init__(self, table, log_height, values, challenges, zeta, log_n):
        super().__init__(table, log_height, values, challenges, zeta, log_n)
        self._arguments = (table.name, log_height, repr(values), zeta, log_n)

    def terms(self, blinding_rows):
        if self._arguments not in self._known:
            self._known[self._arguments] = [*super().terms(blinding_rows)]
        return self._known[self._arguments]


def contract_verdict(judge: Judge, mutant: Mutant) -> str:
    """Let the contracts verify; they are always told which output is expected."""
    data, output = mutant.data(), mutant.output
    expected = stated_output_hash(data) if output is None else keccak(output_bytes(output))
    return judge.verdict(data, mutant.program_id, expected)


def verdicts(numbers: range) -> list[tuple[Reason | str, str]]:
    """Verify these mutants twice; what Python computes alike for many of them it computes once."""
    next_columns = {table.name: table.next_columns() for table in TABLES}
    remembering = (
        (Table, "next_columns", lambda table: next_columns[table.name]),
        (constraints, "TableConstraints", RememberingConstraints),
        (constraints, "root_of_unity", cache(constraints.root_of_unity)),
        (merkle, "message_digest", cache(merkle.message_digest)),
        (verifier, "check_security", cache(verifier.check_security)),
    )
    with ExitStack() as stack:
        for module, name, replacement in remembering:
            stack.enter_context(patch.object(module, name, replacement))
        reasons = [verdict(mutants()[number]) for number in numbers]
    judge = Judge(Example(GUEST, PROFILE))
    revert_strings = [contract_verdict(judge, mutants()[number]) for number in numbers]
    return [*zip(reasons, revert_strings, strict=True)]


@pytest.fixture(scope="module")
def both_verdicts() -> list[tuple[Reason | str, str]]:
    count = len(mutants())
    # Forked, so that the mutants are there already.
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        halves = pool.map(verdicts, (range(start, count, 2) for start in range(2)))
        return [item for pair in zip_longest(*halves) for item in pair][:count]


@pytest.fixture(scope="module")
def reasons(both_verdicts) -> list[Reason | str]:
    return [reason for reason, _ in both_verdicts]


def test_the_contracts_give_the_same_reasons(both_verdicts):
    """But for outputs that are too long for one transaction, which Python verifies."""
    different = [
        (mutant, string)
        for mutant, (reason, string) in zip(mutants(), both_verdicts, strict=True)
        if getattr(reason, "name", reason) != string
    ]
    is_too_long = [len(decode(mutant.data()).output) > MAX_L1_WORDS for mutant, _ in different]
    assert all(is_too_long), different
    assert {string for _, string in different} == {"OUTPUT_TOO_LONG"}


def test_the_original_is_accepted():
    honest = original()
    claim = Mutant("none", (), honest.program_id, honest.output)
    assert verdict(claim) == "accepted"
    assert contract_verdict(Judge(Example(GUEST, PROFILE)), claim) == "accepted"
    assert encode(honest.decoded) == honest.data


def test_there_are_thousands_and_none_is_the_original():
    honest = original()
    assert len(mutants()) >= 2_000
    assert not any(
        (mutant.data(), mutant.program_id) == (honest.data, honest.program_id)
        and mutant.output in (None, honest.output)
        for mutant in mutants()
    )


def test_every_mutant_is_rejected_with_a_named_reason(reasons):
    assert {mutant.kind for mutant in mutants()} == {*EXPECTED}
    bad = [(m.kind, r) for m, r in zip(mutants(), reasons, strict=True) if isinstance(r, str)]
    assert bad == []


def test_every_reason_is_met_or_known_to_be_out_of_reach(reasons):
    assert {*reasons} == {*Reason} - {*NOT_REACHED}


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_kind_meets_the_checks_meant_for_it(kind, reasons):
    met = {r for m, r in zip(mutants(), reasons, strict=True) if m.kind == kind}
    assert met
    assert met <= EXPECTED[kind]


def test_verdicts_are_the_same_without_memory(reasons):
    numbers = range(0, len(mutants()), PLAIN_STEP)
    assert [verdict(mutants()[i]) for i in numbers] == [reasons[i] for i in numbers]
