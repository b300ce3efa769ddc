"""Why a call is refused: one code per check, as in the contract's error strings."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Code of a check, as the contract's error string begins.

    The rules are those of `docs/spec/settlement.md`; the sentence of each stands in the contract.
    """

    # Chains.
    FROZEN = "E01"
    UNREGISTERED = "E29"
    CHAIN_ID = "E30"
    REGISTERED = "E31"
    OPERATOR_ZERO = "E32"
    GOVERNANCE_ZERO = "E33"
    GENESIS_ZERO = "E34"
    DA_MODE = "E25"
    OPERATIONS_PER_BLOCK = "E35"
    NEW_OPERATOR_ZERO = "E36"
    NEW_GOVERNANCE_ZERO = "E37"
    NO_UPGRADE = "E38"
    NONE_TO_ACTIVATE = "E39"
    NOTICE = "E06"
    NOT_FROZEN = "E40"
    NOT_GOVERNANCE = "E41"
    VERIFIER = "E42"
    PROGRAM_ZERO = "E43"
    PARAMETERS_ZERO = "E44"
    CONFIG_ZERO = "E45"
    NOT_OWNER = "O03"
    # Public output.
    NO_OUTPUTS = "E28"
    UNSORTED_CHAINS = "E02"
    DOMAIN = "E55"
    L1_CHAIN = "E56"
    GATEWAY = "E57"
    CONFIG = "E07"
    REPLAY = "E58"
    BATCH_GAP = "E04"
    BATCH_ORDER = "E59"
    OLD_ROOT = "E03"
    NEW_ROOT_ZERO = "E27"
    TIME_FELL = "E08"
    TIME_ORDER = "E09"
    TIME_AHEAD = "E10"
    TIME_OLD = "E11"
    SLOTS = "E22"
    PRIORITY_START = "E12"
    PRIORITY_RANGE = "E54"
    PRIORITY_ACCUMULATOR = "E13"
    PRIORITY_EXPIRED = "E14"
    ORACLE_START = "E60"
    ORACLE_ORDER = "E61"
    NO_ORACLE = "E62"
    ORACLE_END = "E63"
    ORACLE_ACCUMULATOR = "E15"
    ORACLE_OLD = "E64"
    DATA_MODE = "E67"
    DATA_COMMITMENT = "E26"
    FACT_MISSING = "E05"
    # Lists of a settlement.
    LIST_LENGTH = ""  # refused while the call is decoded, without a reason
    FLOWS_ORDER = "E84"
    FLOWS_ROOT = "E23"
    CHANNELS_ORDER = "E16"
    CHANNELS_ROOT = "E86"
    OWN_CHANNEL = "E85"
    PLEDGES_ORDER = "E88"
    PLEDGES_ROOT = "E89"
    OWN_PLEDGE = "E87"
    FOREIGN_ENTRY = "N13"
    FOREIGN_SENT = "N17"
    FOREIGN_RECEIVED = "N18"
    # Envelopes.
    RECEIVED_FELL = "E68"
    ENVELOPE_INDEX = "E69"
    ENVELOPE_FLAGS = "E70"
    ENVELOPE_SLOT = "E71"
    ENVELOPE_EXPIRY = "E72"
    ENVELOPE_SUMS = "E20"
    ENVELOPE_PADDING = "E83"
    ATOMIC = "E19"
    READ_AT_ONCE = "E82"
    SENT_COUNT = "E73"
    SENT_ACCUMULATOR = "E18"
    IN_FLIGHT_FULL = "E74"
    RECEIVED_BEYOND_COUNT = "E75"
    RECEIVED_ACCUMULATOR = "E76"
    RECEIVED_MISSING = "E77"
    RECEIVED_INDEX = "E78"
    NOT_IN_FLIGHT = "E79"
    RECEIVED_BEYOND_SENT = "E17"
    # Ledgers.
    DEPOSITS_EXCEEDED = "E46"
    BALANCE = "E21"
    CLAIMABLE = "E47"
    PLEDGES_EXCEED_BALANCE = "E48"
    PLEDGE_EXCEEDED = "E24"
    NO_CREDIT = "E49"
    # Queue.
    NOT_VAULT = "N07"
    BLOCK_FULL = "E50"
    DEPOSITS_FULL = "E51"
    NOT_FORCED_KIND = "N08"
    NOT_ACCOUNT_OWNER = "N09"
    FEE = "N10"
    NO_FEES = "N11"
    # Data.
    CHUNK_EMPTY = "E65"
    CHUNK_PREVIOUS = "E66"
    # Freeze and exit.
    RECORD_NOT_OVERDUE = "E90"
    NOT_OLDEST = "E80"
    UNDELIVERED_UNKNOWN = "E81"
    ENVELOPE_NOT_OVERDUE = "E91"
    ALARM_INPUTS = "E92"
    ALARM_SAME = "E93"
    ALARM_FIRST = "E94"
    ALARM_SECOND = "E95"
    NOT_A_DEPOSIT = "E96"
    DEPOSIT_CONSUMED = "E97"
    NO_RECORD = "E52"
    RECORD = "E53"
    ALREADY_REFUNDED = "E98"
    NEITHER_FROZEN = "E99"
    NO_PLEDGE = "N01"
    NOT_HATCH = "N16"
    # Claims.
    CLAIM_NOT_VAULT = "N14"
    CREDIT_NOT_VAULT = "N15"
    NO_WITHDRAWALS = "N19"
    PATH_INDEX = "N20"
    ALREADY_CLAIMED = "N21"
    PATH = "N22"


class Refused(Exception):  # noqa: N818  # an outcome, and the name that the callers read
    """A call was refused and changed nothing.

    Attributes
    ----------
    code : Code
        The first check, in the order of the specification, that failed.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(f"{code.value}: {code.name.lower().replace('_', ' ')}")
        self.code = code


def require(condition: bool, code: Code) -> None:
    """Refuse with `code` unless the condition holds.

    Raises
    ------
    Refused
        If it does not.
    """
    if not condition:
        raise Refused(code)
