"""Verify a proof, step by step as docs/spec/proof-system.md has it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offchain.air.machine import TABLES
from offchain.air.table import Table
from offchain.security import parameters as profiles
from offchain.security.calculator import InsecureParametersError, check_security
from offchain.verifier.constraints import BusChallenges, public_fractions, quotient_at, split_values
from offchain.verifier.deep import DeepCombination
from offchain.verifier.fiat_shamir import Challenges, draw_challenges
from offchain.verifier.field import domain_shift
from offchain.verifier.fri import verify_layers
from offchain.verifier.merkle import SALT_WORDS, Rows, read_rows
from offchain.verifier.proof_format import Proof, Reader, decode
from offchain.verifier.rejection import Reason, Rejected


@dataclass(frozen=True)
class VerifiedProof:
    """What an accepted proof says: the program halted with code 0 and exactly this output."""

    profile: str
    output: tuple[int, ...]  # words below 2^32
    program_id: bytes
    entry_pc: int
    heights: dict[str, int]  # rows by table
    bits: float  # provable bits of security at this size
    challenges: Challenges  # in order, for comparison with another implementation


def verify(
    proof: bytes,
    program_id: bytes,
    output: Sequence[int] | None = None,
    accepted: Iterable[str] = tuple(profiles.PROFILES),
) -> VerifiedProof:
    """Verify that a program halted with exit code 0 and exactly this public output.

    Parameters
    ----------
    proof
        The bytes of the proof file.
    program_id
        32 bytes, see :func:`offchain.security.parameters.program_id`.
    output
        The expected words; None accepts any output, which the result then tells.
    accepted
        Names of the profiles that are good enough here.

    Raises
    ------
    Rejected
        With the reason, if the proof does not convince.
    """
    parsed = decode(proof, accepted={*accepted})
    profile = parsed.parameters.name
    try:
        bits = check_security(parsed.parameters, parsed.log_n)
    except InsecureParametersError as error:
        raise Rejected(Reason.INSECURE_PARAMETERS, str(error)) from error
    if output is not None and tuple(output) != parsed.output:
        raise Rejected(Reason.WRONG_OUTPUT)
    challenges = verify_claim(parsed, program_id, TABLES)
    heights = {t.name: 1 << log for t, log in zip(TABLES, parsed.log_heights, strict=True)}
    return VerifiedProof(
        profile, parsed.output, program_id, parsed.entry_pc, heights, bits, challenges
    )


def verify_claim(proof: Proof, program_id: bytes, tables: Sequence[Table]) -> Challenges:
    """Check a decoded proof against the constraints of `tables`; returns the challenges."""
    parameters, log_n, log_heights = proof.parameters, proof.log_n, proof.log_heights
    _check_program(proof, program_id, tables)
    _check_final_degree(proof)
    drawn = draw_challenges(proof, program_id)
    zeta = drawn.zeta
    if zeta[1:] == (0, 0):
        raise Rejected(Reason.OUT_OF_DOMAIN_POINT)

    values, (q_0, q_1, q_2) = split_values(tables, proof.out_of_domain)
    buses = BusChallenges(drawn.gamma, drawn.beta)
    public_sum = public_fractions(buses, proof.entry_pc, proof.output)
    blinding_rows = parameters.blinding_rows
    claimed = quotient_at(
        tables, log_heights, blinding_rows, values, buses, public_sum, drawn.alpha, zeta
    )
    # The parts overlap by as many masking coefficients as they are opened, and one.
    step = zeta ** ((1 << log_n) - parameters.queries - 2)
    if claimed != q_0 + step * (q_1 + step * q_2):
        raise Rejected(Reason.QUOTIENT_MISMATCH)

    if not drawn.is_ground:
        raise Rejected(Reason.GRINDING)

    reader = Reader(proof.openings, parameters.hash_suite)
    rows = _read_trees(reader, proof, tables, drawn.places)
    deep = DeepCombination(log_heights, values, (q_0, q_1, q_2), zeta, drawn.batch)
    codeword = deep.at(drawn.places, rows, parameters.log_blowup)
    layers = [*zip(proof.fri_roots, drawn.folds, parameters.fold_logs(log_n), strict=True)]
    log_size = log_n + parameters.log_blowup
    verify_layers(reader, layers, proof.final, log_size, domain_shift(log_n), codeword)
    if reader.left:
        raise Rejected(Reason.TRAILING_BYTES, f"{reader.left} bytes")
    return drawn.labelled


def _check_program(proof: Proof, program_id: bytes, tables: Sequence[Table]) -> None:
    heights = zip(tables, proof.log_heights, strict=True)
    log_heights = tuple(log_height for table, log_height in heights if table.preprocessed)
    if log_heights != proof.preprocessed_log_heights:
        raise Rejected(Reason.WRONG_PREPROCESSED_HEIGHT)
    root = proof.preprocessed_root
    proven = profiles.program_id(proof.parameters, root, log_heights, proof.entry_pc)
    if proven != program_id:
        raise Rejected(Reason.WRONG_PROGRAM, f"it is about {proven.hex()}")


def _check_final_degree(proof: Proof) -> None:
    # With more coefficients than the degree bound, every word would be a codeword.
    if len(proof.final) != 1 << proof.parameters.final_log:
        raise Rejected(Reason.FINAL_POLYNOMIAL_MISMATCH, f"{len(proof.final)} coefficients")


def class_widths(proof: Proof, tables: Sequence[Table]) -> dict[str, dict[int, int]]:
    """Words of a row without salt, by tree and by log2 of the class's row count."""
    blowup = proof.parameters.log_blowup
    widths: dict[str, dict[int, int]] = {"preprocessed": {}, "main": {}, "aux": {}}
    for table, log_height in zip(tables, proof.log_heights, strict=True):
        counts = (len(table.preprocessed), len(table.main), 3 * len(table.fraction_groups()))
        for classes, width in zip(widths.values(), counts, strict=True):
            if width:
                log_rows = log_height + blowup
                classes[log_rows] = classes.get(log_rows, 0) + width
    # The last three words of a quotient row are the random polynomial of the batch.
    widths["quotient"] = {proof.log_n + blowup: 3 * (profiles.QUOTIENT_PARTS + 1)}
    return widths


def _read_trees(
    reader: Reader, proof: Proof, tables: Sequence[Table], places: Sequence[int]
) -> dict[str, Rows]:
    """Read the rows of the four trees at the queried positions and check their roots."""
    widths = class_widths(proof, tables)
    trees = (
        ("preprocessed", proof.preprocessed_root, 0, Reason.MERKLE_PREPROCESSED),
        ("main", proof.main_root, SALT_WORDS, Reason.MERKLE_MAIN),
        ("aux", proof.aux_root, SALT_WORDS, Reason.MERKLE_AUX),
        ("quotient", proof.quotient_root, SALT_WORDS, Reason.MERKLE_QUOTIENT),
    )
    log_size, rows = proof.log_n + proof.parameters.log_blowup, {}
    for tree, root, salt, reason in trees:
        # The preprocessed tree may be lower than the domain.
        leaves = [place >> log_size - max(widths[tree]) for place in places]
        rows[tree] = read_rows(reader, root, widths[tree], salt, leaves, reason)
    return rows
