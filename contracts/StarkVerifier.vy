# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Verifier of proofs that a program ran
@notice Accepts a proof that the program of a given id halted with exit code
        0 and exactly a given public output, and records that as a fact. No
        one is trusted, no one is asked: anyone may verify.
@dev A proof of this size needs several transactions. `begin` reads what fixes
     every challenge, `open` and `fold` read openings only. A run is keyed by
     its sender and the proof; storage holds the hash of what one part hands
     to the next. Proof bytes are the same in all parts together as in the
     file, in the same order, and the reasons of a refusal are those of the
     Python verifier. docs/audit/verifier.md maps the steps to the protocol.
"""

from contracts.verifier import fiat_shamir
from contracts.verifier import machine
from contracts.verifier import merkle
from contracts.verifier import proof_format
from contracts.verifier import transcript
from interfaces import IStarkVerifier

implements: IStarkVerifier

interface ConstraintEvaluator:
    def check_quotient(
        log_heights: bytes32,
        blinding_rows: uint256,
        quotient_overlap: uint256,
        gamma: uint256,
        beta: uint256,
        alpha: uint256,
        zeta: uint256,
        entry_pc: uint256,
        output: Bytes[proof_format.MAX_OUTPUT_BYTES],
        values: uint256[machine.VALUES],
    ) -> bool: view

interface OpeningsVerifier:
    def opened_sums(
        log_heights: bytes32, batch: uint256, values: uint256[machine.VALUES]
    ) -> DynArray[uint256, 13]: view

RUN_LIFETIME_S: constant(uint256) = 24 * 60 * 60
TREES: constant(uint256) = 4
# FriVerifier.fold, which takes two arguments more than it declares; and the
# bound on the encoding of what it returns.
FOLD_LAYERS: constant(bytes4) = 0x4a036eda
MAX_FOLDED_BYTES: constant(uint256) = 32 * 109
# Selector of OpeningsVerifier.read; the longest ABI encoding of a run, which it
# returns, and its longest calldata.
READ_OPENINGS: constant(bytes4) = 0x4838682b
MAX_RUN_BYTES: constant(uint256) = 32 * 775
# The same before any row is read.
MAX_BEGUN_RUN_BYTES: constant(uint256) = 32 * 152
WORD_BYTES: constant(uint256) = 32
# Of `deadline_s` in it: the first field, behind the run's offset.
DEADLINE_POSITION: constant(uint256) = 32
MAX_READING_BYTES: constant(uint256) = (
    4 + MAX_RUN_BYTES + proof_format.MAX_DATA_BYTES + merkle.PADDING_BYTES
)
# keccak256 of the signature of the event RunAdvanced.
RUN_ADVANCED: constant(bytes32) = (
    0xae1bed3f0c4683b64ab4f117000556cc221539181cae7e2489c6ffb75db4c758
)
FACT_TAG: constant(Bytes[8]) = b"HRfact01"
# Positions of `data` among the arguments, of `begin` and `draw_challenges`.
BEGIN_DATA: constant(uint256) = 4 + 2 * 32
DRAW_DATA: constant(uint256) = 4 + 32

# @notice Checks the constraints outside the domain.
CONSTRAINT_EVALUATOR: public(immutable(address))
# @notice Checks the rows of the four trees.
OPENINGS_VERIFIER: public(immutable(address))
# @notice Checks the FRI layers.
FRI_VERIFIER: public(immutable(address))
# @notice keccak256 of the constraint evaluator's code, checked at every call.
CONSTRAINT_EVALUATOR_CODE_HASH: public(immutable(bytes32))
# @notice keccak256 of the openings verifier's code, checked at every call.
OPENINGS_VERIFIER_CODE_HASH: public(immutable(bytes32))
# @notice keccak256 of the FRI verifier's code, checked at every call.
FRI_VERIFIER_CODE_HASH: public(immutable(bytes32))

# @notice Whether a fact is proven.
# @param arg0 The fact.
is_fact: public(HashMap[bytes32, bool])
# @notice Hash of what the next part of a run begins with; zero: no run.
# @param arg0 Who sends the parts.
# @param arg1 The proof's id.
run_hash: public(HashMap[address, HashMap[bytes32, bytes32]])


@deploy
def __init__(
    constraint_evaluator: address,
    openings_verifier: address,
    fri_verifier: address,
    code_hashes: bytes32[3],
):
    """
    @notice Fix the helpers.
    @param constraint_evaluator Checks the constraints outside the domain.
    @param openings_verifier Checks the rows of the four trees.
    @param fri_verifier Checks the FRI layers.
    @param code_hashes Expected keccak256 of their code, in this order.
    """
    # An account without code has the hash zero.
    assert empty(bytes32) not in code_hashes, "HELPER_CODE_MISMATCH"
    CONSTRAINT_EVALUATOR = constraint_evaluator
    OPENINGS_VERIFIER = openings_verifier
    FRI_VERIFIER = fri_verifier
    CONSTRAINT_EVALUATOR_CODE_HASH = code_hashes[0]
    OPENINGS_VERIFIER_CODE_HASH = code_hashes[1]
    FRI_VERIFIER_CODE_HASH = code_hashes[2]
    self._check_code(constraint_evaluator, code_hashes[0])
    self._check_code(openings_verifier, code_hashes[1])
    self._check_code(fri_verifier, code_hashes[2])


@external
@view
def parameters_id(profile: uint256) -> bytes32:
    """
    @notice The id of an accepted parameter set.
    @param profile Number of the set, as proofs have it.
    @return Its id; zero if the set is not accepted.
    """
    return self._parameters_id(profile)


@external
@view
def fact(program_id: bytes32, parameters: bytes32, output_hash: bytes32) -> bytes32:
    """
    @notice The name of a fact: that the program halts with exit code 0 and
            this public output, as proven under these parameters.
    @param program_id The program's id.
    @param parameters The parameter set's id.
    @param output_hash keccak256 of the output, 4 bytes a word.
    @return The fact.
    """
    return self._fact(program_id, parameters, output_hash)


@external
@view
def draw_challenges(
    program_id: bytes32, data: Bytes[proof_format.MAX_DATA_BYTES]
) -> IStarkVerifier.Challenges:
    """
    @notice The challenges of a proof, to compare them with those of another
            implementation. Says nothing about the proof being valid.
    @param program_id The program's id.
    @param data The head of the proof, and as much more as one likes.
    @return All challenges.
    """
    start: uint256 = 4 + convert(slice(msg.data, DRAW_DATA, 32), uint256) + 32
    head: proof_format.Head = empty(proof_format.Head)
    values: uint256[machine.VALUES] = empty(uint256[machine.VALUES])
    head, values = proof_format._decode(start, start + len(data))
    output: Bytes[proof_format.MAX_OUTPUT_BYTES] = proof_format._output(head)
    return fiat_shamir._draw(
        head,
        program_id,
        self._parameters_id(head.profile),
        self._queries(head.profile),
        self._log_blowup(head.profile),
        output,
    ).challenges


@external
def begin(
    program_id: bytes32, output_hash: bytes32, data: Bytes[proof_format.MAX_BEGIN_BYTES]
) -> bytes32:
    """
    @notice Begin to verify a proof: draw every challenge, check the claim,
            the constraints and the proof-of-work, and read openings as far as
            the data reaches. A run of the same proof by the same sender is
            begun anew.
    @param program_id The program that the proof is to be about.
    @param output_hash keccak256 of the public output that it is to have.
    @param data The proof up to the end of any row or tree; at least its head.
    @return The proof's id, which names the run together with the sender.
    """
    # Checked sums: the compiler's own decoding of `data` lets an offset wrap.
    start: uint256 = 4 + convert(slice(msg.data, BEGIN_DATA, 32), uint256) + 32
    end: uint256 = start + len(data)
    head: proof_format.Head = empty(proof_format.Head)
    values: uint256[machine.VALUES] = empty(uint256[machine.VALUES])
    head, values = proof_format._decode(start, end)
    output: Bytes[proof_format.MAX_OUTPUT_BYTES] = proof_format._output(head)
    assert keccak256(output) == output_hash, "WRONG_OUTPUT"
    self._check_program(head, program_id)
    drawn: fiat_shamir.Drawn = fiat_shamir._draw(
        head,
        program_id,
        self._parameters_id(head.profile),
        self._queries(head.profile),
        self._log_blowup(head.profile),
        output,
    )
    # F_p is where the domain lies.
    assert drawn.challenges.zeta >> 85 != 0, "OUT_OF_DOMAIN_POINT"
    self._check_quotient(head, drawn.challenges, output, values)
    assert transcript._is_ground(drawn.before_nonce, head.nonce), "GRINDING"

    deadline_s: uint256 = block.timestamp + RUN_LIFETIME_S
    run: Bytes[MAX_BEGUN_RUN_BYTES] = self._begun_run(
        deadline_s, program_id, output_hash, head, drawn.challenges, values
    )
    if head.openings < end:
        self._save(
            drawn.proof_id,
            deadline_s,
            raw_call(
                OPENINGS_VERIFIER,
                concat(READ_OPENINGS, run, data, self._padding(head.openings - start)),
                max_outsize=MAX_RUN_BYTES,
                is_static_call=True,
            ),
        )
    else:
        self._save(drawn.proof_id, deadline_s, run)
    return drawn.proof_id


@external
def open(proof_id: bytes32, run_bytes: uint256, reading: Bytes[MAX_READING_BYTES]):
    """
    @notice Go on with rows and siblings of the trees.
    @dev Arguments are copied to memory, whose price grows with the square of
         its size: so the openings verifier's calldata comes ready made. Of it
         the hash of the run is checked, which fixes every byte before the
         proof's.
    @param proof_id The proof's id.
    @param run_bytes Length of the run's ABI encoding.
    @param reading Calldata of OpeningsVerifier.read: selector, ABI encoding of
           what the part before has published, what follows in the proof, up to
           the end of any row or tree, and padding.
    """
    assert convert(slice(reading, 0, 4), bytes4) == READ_OPENINGS, "WRONG_SELECTOR"
    self._check_hash(msg.sender, proof_id, keccak256(slice(reading, 4, run_bytes)))
    deadline_s: uint256 = extract32(reading, 4 + DEADLINE_POSITION, output_type=uint256)
    assert block.timestamp <= deadline_s, "RUN_EXPIRED"
    self._check_code(OPENINGS_VERIFIER, OPENINGS_VERIFIER_CODE_HASH)
    self._save(
        proof_id,
        deadline_s,
        raw_call(
            OPENINGS_VERIFIER, reading, max_outsize=MAX_RUN_BYTES, is_static_call=True
        ),
    )


@external
def fold(
    proof_id: bytes32,
    run: IStarkVerifier.Run,
    final: Bytes[proof_format.FINAL_BYTES],
    data: Bytes[proof_format.MAX_DATA_BYTES],
):
    """
    @notice Go on with FRI layers; after the last one the proof is verified.
    @param proof_id The proof's id.
    @param run What the part before has published.
    @param final The final polynomial's coefficients as in the proof.
    @param data What follows in the proof, whole layers.
    """
    self._check_run(proof_id, run.deadline_s, keccak256(abi_encode(run)))
    assert run.step >= TREES, "WRONG_STAGE"
    assert keccak256(final) == run.final_hash, "WRONG_FINAL_POLYNOMIAL"
    self._check_code(FRI_VERIFIER, FRI_VERIFIER_CODE_HASH)
    layer: uint256 = 0
    indices: DynArray[uint256, machine.MAX_QUERIES] = []
    values: DynArray[uint256, machine.MAX_QUERIES] = []
    layer, indices, values = abi_decode(
        raw_call(
            FRI_VERIFIER,
            abi_encode(
                self._log_n(run.log_heights),
                self._log_blowup(run.profile),
                run.step - TREES,
                run.fri_roots,
                run.folds,
                run.indices,
                run.values,
                final,
                data,
                self._padding(0),
                method_id=FOLD_LAYERS,
            ),
            max_outsize=MAX_FOLDED_BYTES,
            is_static_call=True,
        ),
        (
            uint256,
            DynArray[uint256, machine.MAX_QUERIES],
            DynArray[uint256, machine.MAX_QUERIES],
        ),
    )
    if layer < len(run.fri_roots):
        next_run: IStarkVerifier.Run = run
        next_run.indices = indices
        next_run.values = values
        next_run.step = TREES + layer
        self.run_hash[msg.sender][proof_id] = keccak256(abi_encode(next_run))
        log IStarkVerifier.RunAdvanced(owner=msg.sender, proof_id=proof_id, run=next_run)
        return
    self.run_hash[msg.sender][proof_id] = empty(bytes32)
    parameters: bytes32 = self._parameters_id(run.profile)
    proven: bytes32 = self._fact(run.program_id, parameters, run.output_hash)
    self.is_fact[proven] = True
    log IStarkVerifier.ProofVerified(
        fact=proven,
        program_id=run.program_id,
        proof_id=proof_id,
        parameters_id=parameters,
        output_hash=run.output_hash,
    )


@external
def discard(owner: address, proof_id: bytes32, run: IStarkVerifier.Run):
    """
    @notice Delete a run: its owner at any time, anyone after its deadline.
    @param owner Who began it.
    @param proof_id The proof's id.
    @param run What its last part has published.
    """
    self._check_hash(owner, proof_id, keccak256(abi_encode(run)))
    if msg.sender != owner:
        assert block.timestamp > run.deadline_s, "RUN_NOT_EXPIRED"
    self.run_hash[owner][proof_id] = empty(bytes32)
    log IStarkVerifier.RunDiscarded(owner=owner, proof_id=proof_id)


@internal
@view
def _check_quotient(
    head: proof_format.Head,
    challenges: IStarkVerifier.Challenges,
    output: Bytes[proof_format.MAX_OUTPUT_BYTES],
    values: uint256[machine.VALUES],
):
    """
    @notice Refuse values outside the domain that do not satisfy the
            constraints.
    @dev Functions of their own share memory; see `_begun_run`, too.
    @param head The proof's head.
    @param challenges All challenges.
    @param output The public output, 4 bytes a word.
    @param values The values, lanes below p.
    """
    self._check_code(CONSTRAINT_EVALUATOR, CONSTRAINT_EVALUATOR_CODE_HASH)
    is_satisfied: bool = staticcall ConstraintEvaluator(CONSTRAINT_EVALUATOR).check_quotient(
        head.log_heights,
        machine.BLINDING_ROWS,
        # The parts overlap by the masking coefficients: one for each query,
        # one for zeta, and one more.
        self._queries(head.profile) + 2,
        challenges.gamma,
        challenges.beta,
        challenges.alpha,
        challenges.zeta,
        head.entry_pc,
        output,
        values,
    )
    assert is_satisfied, "QUOTIENT_MISMATCH"


@internal
@view
def _begun_run(
    deadline_s: uint256,
    program_id: bytes32,
    output_hash: bytes32,
    head: proof_format.Head,
    challenges: IStarkVerifier.Challenges,
    values: uint256[machine.VALUES],
) -> Bytes[MAX_BEGUN_RUN_BYTES]:
    """
    @notice The run of a proof of which no rows are read.
    @dev Encoded field by field: as a struct it would take five times the memory, for
         digests that are not there.
    @param deadline_s After this time only `discard` takes the run.
    @param program_id The program's id.
    @param output_hash keccak256 of the output.
    @param head The proof's head.
    @param challenges All challenges.
    @param values The values outside the domain, lanes below p.
    @return ABI encoding of the run.
    """
    self._check_code(OPENINGS_VERIFIER, OPENINGS_VERIFIER_CODE_HASH)
    opened: DynArray[uint256, 13] = staticcall OpeningsVerifier(OPENINGS_VERIFIER).opened_sums(
        head.log_heights, challenges.batch, values
    )
    indices: DynArray[uint256, machine.MAX_QUERIES] = fiat_shamir._sorted_distinct(
        challenges.queries, head.log_n + self._log_blowup(head.profile)
    )
    sums: DynArray[uint256, machine.MAX_QUERIES] = []
    for _: uint256 in range(len(indices), bound=machine.MAX_QUERIES):
        sums.append(0)
    return concat(
        # Where the struct begins.
        convert(WORD_BYTES, bytes32),
        abi_encode(
            deadline_s,
            program_id,
            output_hash,
            head.profile,
            head.log_heights,
            head.roots,
            challenges.zeta,
            challenges.batch,
            opened,
            head.fri_roots,
            challenges.folds,
            proof_format._final_hash(head),
            indices,
            sums,
            # Step, and digests.
            empty(uint256),
            empty(DynArray[bytes32, 1]),
        ),
    )


@internal
def _save(proof_id: bytes32, deadline_s: uint256, encoded_run: Bytes[MAX_RUN_BYTES]):
    """
    @notice Publish what the next part needs, and keep its hash.
    @dev The event is RunAdvanced; its data is the run's ABI encoding as it
         is, which would have to be decoded and encoded anew.
    @param proof_id The proof's id.
    @param deadline_s The run's; a helper that returns another one, or nothing
           at all, is not the right one.
    @param encoded_run The state's ABI encoding.
    """
    saved_s: uint256 = extract32(encoded_run, DEADLINE_POSITION, output_type=uint256)
    assert saved_s == deadline_s, "HELPER_CODE_MISMATCH"
    self.run_hash[msg.sender][proof_id] = keccak256(encoded_run)
    raw_log([RUN_ADVANCED, convert(msg.sender, bytes32), proof_id], encoded_run)


@internal
@view
def _check_run(proof_id: bytes32, deadline_s: uint256, hash: bytes32):
    """
    @notice Refuse a state that is not that of the sender's run, or too old.
    @param proof_id The proof's id.
    @param deadline_s The state's.
    @param hash keccak256 of the state's ABI encoding.
    """
    self._check_hash(msg.sender, proof_id, hash)
    assert block.timestamp <= deadline_s, "RUN_EXPIRED"


@internal
@view
def _check_hash(owner: address, proof_id: bytes32, hash: bytes32):
    """
    @notice Refuse a state that is not that of a run.
    @param owner Who began it.
    @param proof_id The proof's id.
    @param hash keccak256 of the state's ABI encoding.
    """
    saved: bytes32 = self.run_hash[owner][proof_id]
    assert saved != empty(bytes32), "RUN_UNKNOWN"
    assert saved == hash, "RUN_STATE_MISMATCH"


@internal
@view
def _check_code(helper: address, code_hash: bytes32):
    """
    @notice Refuse a helper that is not the expected code.
    @param helper Its address.
    @param code_hash keccak256 of its code.
    """
    assert helper.codehash == code_hash, "HELPER_CODE_MISMATCH"


@internal
@pure
def _check_program(head: proof_format.Head, program_id: bytes32):
    """
    @notice Refuse a proof that is about another program, or under other
            parameters.
    @param head The proof's head.
    @param program_id The program's id.
    """
    heights: uint256[machine.PREPROCESSED_TABLES] = empty(uint256[machine.PREPROCESSED_TABLES])
    number: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        if machine._byte(machine.PREPROCESSED_WIDTHS, table) != 0:
            heights[number] = machine._byte(head.log_heights, table)
            assert (
                heights[number] == machine._byte(head.preprocessed_log_heights, number)
            ), "WRONG_PREPROCESSED_HEIGHT"
            number += 1
    # 8 bytes a number.
    numbers: uint256 = (
        heights[0] << 192 | heights[1] << 128 | heights[2] << 64 | head.entry_pc
    )
    message: Bytes[104] = concat(
        b"HRprogrm",
        self._parameters_id(head.profile),
        head.roots[0],
        convert(numbers, bytes32),
    )
    assert keccak256(message) == program_id, "WRONG_PROGRAM"


@internal
@pure
def _fact(program_id: bytes32, parameters: bytes32, output_hash: bytes32) -> bytes32:
    """
    @notice The name of a fact.
    @param program_id The program's id.
    @param parameters The parameter set's id.
    @param output_hash keccak256 of the output.
    @return The fact.
    """
    return keccak256(concat(FACT_TAG, program_id, parameters, output_hash))


@internal
@pure
def _parameters_id(profile: uint256) -> bytes32:
    """
    @notice The id of an accepted parameter set.
    @param profile Its number.
    @return Its id; zero if the set is not accepted.
    """
    if profile == machine.SETTLE:
        return machine.SETTLE_ID
    if profile == machine.SETTLE_COMPACT:
        return machine.SETTLE_COMPACT_ID
    return empty(bytes32)


@internal
@pure
def _queries(profile: uint256) -> uint256:
    """
    @notice How many places a parameter set queries.
    @param profile Number of an accepted set.
    @return Number of queries.
    """
    if profile == machine.SETTLE:
        return machine.SETTLE_QUERIES
    return machine.SETTLE_COMPACT_QUERIES


@internal
@pure
def _log_blowup(profile: uint256) -> uint256:
    """
    @notice The size of the evaluation domain over the trace's.
    @param profile Number of an accepted set.
    @return Its base-2 logarithm.
    """
    if profile == machine.SETTLE:
        return machine.SETTLE_LOG_BLOWUP
    return machine.SETTLE_COMPACT_LOG_BLOWUP


@internal
@pure
def _log_n(log_heights: bytes32) -> uint256:
    """
    @notice The largest height.
    @param log_heights Byte t, from the left, for table t.
    @return Its base-2 logarithm.
    """
    log_n: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        log_n = max(log_n, machine._byte(log_heights, table))
    return log_n


@internal
@pure
def _padding(skipped: uint256) -> Bytes[merkle.PADDING_BYTES]:
    """
    @notice Bytes that follow the data in a helper's calldata, so that reads of
            a fixed length stay there.
    @param skipped How many bytes of the data the openings verifier is to skip.
    @return Zero bytes, and the number in the last word.
    """
    return abi_encode(empty(uint256[merkle.PADDING_BYTES // 32 - 1]), skipped)
