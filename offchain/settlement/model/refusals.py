"""Why a call is refused: one code per check, as in the contract's error strings."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Code of a check, as the contract's error string begins.

    The rules are those of `docs/spec/settlement.md`; the sentence of each stands in the contract.
    """

    UNNAMED = ""  # refused by the language: length of a list, overflow
    # Chains.
    FROZEN = "E01"
    UNREGISTERED = "C27"
    CHAIN_ID = "C10"
    REGISTERED = "C11"
    OPERATOR_ZERO = "C12"
    GOVERNANCE_ZERO = "C13"
    GENESIS_ZERO = "C14"
    DA_MODE = "C15"
    FEED_SET_ID = "C30"
    OPERATIONS_PER_BLOCK = "C16"
    NEW_OPERATOR_ZERO = "C18"
    NEW_GOVERNANCE_ZERO = "C19"
    NO_UPGRADE = "C20"
    NONE_TO_ACTIVATE = "C21"
    NOTICE = "C22"
    NOT_FROZEN = "N12"
    NOT_GOVERNANCE = "C17"
    ADMIN_NOT_GOVERNANCE = "Q05"
    VERIFIER = "C23"
    PROGRAM_ZERO = "C24"
    PARAMETERS_ZERO = "C25"
    CONFIG_ZERO = "C26"
    NOT_OWNER = "O03"
    # Public output.
    NO_OUTPUTS = "E28"
    UNSORTED_CHAINS = "E02"
    DOMAIN = "E30"
    L1_CHAIN = "E31"
    GATEWAY = "E32"
    CONFIG = "E07"
    REPLAY = "E06"
    BATCH_GAP = "E04"
    BATCH_ORDER = "E33"
    OLD_ROOT = "E03"
    NEW_ROOT_ZERO = "E27"
    TIME_FELL = "E08"
    TIME_ORDER = "E09"
    TIME_AHEAD = "E10"
    TIME_OLD = "E11"
    SLOTS = "E22"
    PRIORITY_START = "E12"
    PRIORITY_RANGE = "E29"
    PRIORITY_ACCUMULATOR = "E13"
    PRIORITY_EXPIRED = "E14"
    ORACLE_START = "E34"
    ORACLE_ORDER = "E35"
    NO_ORACLE = "E36"
    ORACLE_END = "E37"
    ORACLE_ACCUMULATOR = "E15"
    ORACLE_OLD = "E38"
    DATA_MODE = "E25"
    DATA_COMMITMENT = "E26"
    FACT_MISSING = "E05"
    # Lists of a settlement.
    FLOWS_ORDER = "E55"
    FLOWS_ROOT = "E23"
    CHANNELS_ORDER = "E16"
    CHANNELS_ROOT = "E57"
    PEER = "E62"
    OWN_CHANNEL = "E56"
    PLEDGES_ORDER = "E59"
    PLEDGES_ROOT = "E60"
    OWN_PLEDGE = "E58"
    FOREIGN_ENTRY = "E61"
    FOREIGN_SENT = "E63"
    FOREIGN_RECEIVED = "E24"
    # Envelopes.
    RECEIVED_FELL = "E41"
    ENVELOPE_INDEX = "E42"
    ENVELOPE_FLAGS = "E43"
    ENVELOPE_SLOT = "E44"
    ENVELOPE_EXPIRY = "E45"
    ENVELOPE_SUMS = "E20"
    ENVELOPE_PADDING = "E54"
    ATOMIC = "E19"
    READ_AT_ONCE = "E53"
    SENT_COUNT = "E46"
    SENT_ACCUMULATOR = "E18"
    IN_FLIGHT_FULL = "E47"
    RECEIVED_BEYOND_COUNT = "E48"
    RECEIVED_ACCUMULATOR = "E49"
    RECEIVED_MISSING = "E50"
    RECEIVED_INDEX = "E51"
    NOT_IN_FLIGHT = "E52"
    RECEIVED_BEYOND_SENT = "E17"
    # Ledgers.
    DEPOSITS_EXCEEDED = "E39"
    BALANCE = "E21"
    CLAIMABLE = "N05"
    PLEDGES_EXCEED_BALANCE = "E40"
    NO_CREDIT = "N06"
    # Queue.
    NOT_VAULT = "N20"
    BLOCK_FULL = "Q11"
    DEPOSITS_FULL = "Q12"
    NOT_FORCED_KIND = "Q06"
    NOT_ACCOUNT_OWNER = "Q07"
    FEE = "Q08"
    NO_FEES = "Q09"
    # Data.
    CHUNK_EMPTY = "D01"
    CHUNK_PREVIOUS = "D02"
    # Freeze and exit.
    RECORD_NOT_OVERDUE = "C28"
    NOT_OLDEST = "C29"
    ENVELOPE_NOT_OVERDUE = "C04"
    ALARM_INPUTS = "C05"
    ALARM_SAME = "C06"
    ALARM_FOREIGN = "C07"
    ALARM_FIRST = "C08"
    ALARM_SECOND = "C09"
    NOT_A_DEPOSIT = "N13"
    DEPOSIT_CONSUMED = "N14"
    RECORD = "N15"
    ALREADY_REFUNDED = "N16"
    DEPOSIT_SPENT = "N24"
    NEITHER_FROZEN = "N17"
    NO_PLEDGE = "N18"
    NOT_HATCH = "N23"
    # Claims.
    CLAIM_NOT_VAULT = "N21"
    CREDIT_NOT_VAULT = "N22"
    NO_WITHDRAWALS = "N01"
    PATH_INDEX = "N02"
    ALREADY_CLAIMED = "N03"
    PATH = "N04"


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
