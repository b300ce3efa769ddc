"""Why a proof is rejected: one named reason per check."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """What is wrong with a proof; the value is the sentence that a user reads."""

    BAD_MAGIC = "This is not a proof file of this format: look for the right file."
    UNKNOWN_PROFILE = "The profile number is unknown: verify with the version that made the proof."
    PROFILE_NOT_ACCEPTED = "The profile is not among those accepted here: prove with another one."
    INSECURE_PARAMETERS = "The profile has too few provable bits at this size: use a stronger one."
    WRONG_TABLE_COUNT = "The number of tables is not that of this machine: the proof is not for it."
    HEIGHT_OUT_OF_RANGE = "A table is too low to be blinded or higher than the machine allows."
    TOO_MANY_OUTPUT_WORDS = "There are more public words than a program can write."
    TRUNCATED = "The proof ends too early: fetch it again."
    TRAILING_BYTES = "Bytes follow the end of the proof: remove them."
    NON_CANONICAL_ELEMENT = "A field element is not below p: only one encoding is valid."
    WRONG_PREPROCESSED_HEIGHT = "The program's table heights differ from those of the proof."
    WRONG_PROGRAM = "The proof is about another program, or under other parameters."
    WRONG_OUTPUT = "The proof is about another public output than the one expected."
    ZERO_DENOMINATOR = "A public fraction has denominator 0, a one in 2^160 event: prove again."
    OUT_OF_DOMAIN_POINT = "The out-of-domain point lies in F_p, a one in 2^128 event: prove again."
    QUOTIENT_MISMATCH = "The opened values violate the constraints: the claim is not proven."
    GRINDING = "The proof-of-work before the queries is missing."
    MERKLE_PREPROCESSED = "Opened rows do not belong to the preprocessed root."
    MERKLE_MAIN = "Opened rows do not belong to the main root."
    MERKLE_AUX = "Opened rows do not belong to the root of the extension columns."
    MERKLE_QUOTIENT = "Opened rows do not belong to the quotient's root."
    MERKLE_FRI_LAYER = "Opened rows do not belong to the root of this FRI layer."
    DEEP_MISMATCH = "The first FRI layer differs from the combination of the opened rows."
    FRI_MISMATCH = "A FRI layer is not the fold of the layer before it."
    FINAL_POLYNOMIAL_MISMATCH = "The final polynomial is not the fold of the last FRI layer."


class Rejected(Exception):  # noqa: N818  # a verdict, not a defect of the program
    """The proof is not accepted.

    Attributes
    ----------
    reason : Reason
        Which check failed.
    detail : str
        Where, for a reader who looks for the cause.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.name}: {reason.value}" + (f" ({detail})" if detail else ""))
        self.reason = reason
        self.detail = detail
